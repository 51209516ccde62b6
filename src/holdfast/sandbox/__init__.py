"""Sandboxes: they carry out launches, each at one isolation level, and say truthfully what they enforce."""
