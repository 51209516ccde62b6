"""Kinds of doers: each turns a context into a program, and what the program left into a value."""
