"""Placeholder."""
from holdfast.journal.sqlite.store import SqliteJournal as MemoryJournal
