"""Connections to the file, set up the one way that keeps what it acknowledges."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

FILE: Final = "journal.db"

STATEMENTS: Final = 200
"""So many prepared statements are kept, by their text: more than there are."""

BUSY_MS: Final = 2_000
"""So long a connection waits for another that has just opened the file and sorts out what a killed engine left."""

CACHE_KIB: Final = 8 * 1024

WAL_BYTES: Final = 32 * 1024 * 1024
"""A longer write-ahead log is cut back to this once its pages are in the main file."""


def connect_writing(path: Path) -> apsw.Connection:
    """The writing connection; makes the file, for its owner alone, where there is none. Raises apsw.Error, OSError."""
    # Only a file that is new is opened by us: closing a descriptor drops every lock that this process has on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = apsw.Connection(str(path), apsw.SQLITE_OPEN_READWRITE, statementcachesize=STATEMENTS)
    try:
        _guard(connection)
        for pragma in (
            "foreign_keys = ON",
            "synchronous = FULL",
            "fullfsync = ON",
            f"journal_size_limit = {WAL_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def use_wal(connection: apsw.Connection) -> None:
    """Switch the file to a write-ahead log, once it is known to be ours. Raises apsw.Error where it cannot be."""
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != ("wal",):
        raise apsw.CantOpenError(f"this file system keeps no write-ahead log: {mode}")


def connect_reading(path: Path) -> apsw.Connection:
    """A connection that cannot write. Raises apsw.Error."""
    connection = apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY, statementcachesize=STATEMENTS)
    try:
        _guard(connection)
        connection.execute("PRAGMA query_only = ON")
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _guard(connection: apsw.Connection) -> None:
    """Nothing in the file can run code, what is damaged is noticed, and a statement is planned once."""
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.set_busy_timeout(BUSY_MS)
    # Without this, statements near a partial index are planned anew for each value bound: 20 us instead of 3.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", f"cache_size = -{CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
