"""Content-addressed bytes: what is too large for a row."""
