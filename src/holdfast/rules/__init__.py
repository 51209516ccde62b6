"""Decisions: pure functions over the model. Time and chance come in as arguments."""
