"""Bringing a file to the schema of this version, and refusing those that are not ours to touch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw

from holdfast.journal.sqlite.connection import use_wal
from holdfast.journal.sqlite.faults import damaged
from holdfast.journal.sqlite.schema import APPLICATION_ID, FIRST
from holdfast.model.errors import StoreUnusable

STEPS: Final[tuple[str, ...]] = (FIRST,)
"""`STEPS[n]` takes a file from version n to n + 1. A step that has been released never changes."""


def bring_up(connection: apsw.Connection, path: Path, steps: Sequence[str] = STEPS) -> None:
    """Make or migrate the tables, each step in a transaction of its own, after a copy of the file was made.

    Raises StoreUnusable where the file is another program's, newer or damaged.
    """
    version = _version(connection, path, len(steps))
    use_wal(connection)
    if 0 < version < len(steps):
        _keep_copy(connection, path, version)
    for number in range(version, len(steps)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(steps[number])
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except apsw.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def check(connection: apsw.Connection, path: Path, steps: Sequence[str] = STEPS) -> None:
    """Refuse, for reading, what is not a store of exactly this version. Raises StoreUnusable."""
    version = _version(connection, path, len(steps))
    if version == 0:
        raise missing(path)
    if version < len(steps):
        raise StoreUnusable(
            "store.older",
            f"the store {path.parent} was written by an older version of Holdfast",
            "Open it once with `holdfast run`, which brings it up to date and keeps a copy.",
        )


def missing(path: Path) -> StoreUnusable:
    """The refusal to read where nothing was written."""
    return StoreUnusable(
        "store.missing", f"there is no store at {path.parent}", "Run something first, or name it with --store."
    )


def _version(connection: apsw.Connection, path: Path, known: int) -> int:
    """The schema version; 0 for a file that is empty. Reading it reads the header and the schema."""
    (mark,) = connection.execute("PRAGMA application_id").fetchone() or (0,)
    (version,) = connection.execute("PRAGMA user_version").fetchone() or (0,)
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() or (0,)
    if mark != APPLICATION_ID and (mark or version or tables):
        raise StoreUnusable(
            "store.foreign",
            f"{path} is a database of another program",
            "Choose another folder with --store.",
        )
    if version > known:
        raise StoreUnusable(
            "store.newer",
            f"the store {path.parent} was written by a newer version of Holdfast (schema {version}, known: {known})",
            "Use that version, or choose another store with --store.",
        )
    if mark == APPLICATION_ID and (version == 0 or tables == 0):
        raise damaged(path, "its tables are gone")
    return int(version)


def _keep_copy(connection: apsw.Connection, path: Path, version: int) -> None:
    """A copy of the file as it was, whole and on disk before anything changes."""
    unfinished = path.with_name(f"{path.name}.copying")
    unfinished.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(unfinished),))
    sync(unfinished)
    os.replace(unfinished, path.with_name(f"{path.name}.v{version}"))
    sync(path.parent)


def sync(path: Path) -> None:
    """Get a file or a folder's entries onto the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
