"""The journal in one SQLite file: WAL, every acknowledged move synced, one connection that writes."""
