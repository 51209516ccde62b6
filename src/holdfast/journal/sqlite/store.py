"""The SQLite journal: a folder with one file, one engine that writes it, and any number of readers."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import apsw

from holdfast.journal.sqlite import moves
from holdfast.journal.sqlite import statements as sql
from holdfast.journal.sqlite.connection import FILE, connect_reading, connect_writing
from holdfast.journal.sqlite.dependants import cancel
from holdfast.journal.sqlite.faults import unusable
from holdfast.journal.sqlite.lock import EngineLock
from holdfast.journal.sqlite.migrations import bring_up, check, missing, sync
from holdfast.journal.sqlite.reader import SqliteReader
from holdfast.journal.sqlite.submit import submit
from holdfast.journal.sqlite.tables import Tables
from holdfast.journal.sqlite.writer import Writer
from holdfast.model.attempt import AttemptRef, AttemptState, Claim, Ending
from holdfast.model.limits import Capacity
from holdfast.model.query import Moved, Submission, Submitted


class SqliteJournal(SqliteReader):
    """The journal of one engine. All its methods are called on one event loop at a time."""

    def __init__(
        self, lock: EngineLock, writing: apsw.Connection, reading: apsw.Connection, now: Callable[[], float]
    ) -> None:
        super().__init__(reading)
        self._lock = lock
        self._writing = writing
        self._now = now
        self._tables = Tables(writing, _raised_epoch(writing))
        self._writer = Writer(writing, self._tables)

    @classmethod
    async def open(cls, directory: str | os.PathLike[str], now: Callable[[], float] = time.time) -> Self:
        """Open the store in this folder for writing, making it where there is none.

        `now` gives the time of submission, in Unix seconds. Raises StoreUnusable: `store.locked` where another engine
        has it, `store.newer`, `store.damaged`, `store.foreign`, `store.unreachable`.
        """
        folder = Path(directory)
        path = folder / FILE
        with ExitStack() as undo:
            try:
                _make(folder)
                lock = EngineLock(folder)
                undo.callback(lock.release)
                writing = connect_writing(path)
                undo.callback(writing.close)
                bring_up(writing, path)
                reading = connect_reading(path)
                undo.callback(reading.close)
                journal = cls(lock, writing, reading, now)
            except (apsw.Error, OSError) as error:
                raise unusable(path, error) from error
            undo.pop_all()
        return journal

    async def close(self) -> None:
        """Finish what was asked for, move the log into the main file, and let another engine have the store."""
        await self._writer.close()
        await super().close()
        await asyncio.to_thread(_release, self._writing)
        self._lock.release()

    async def submit(self, submission: Submission) -> Submitted:
        """Store new tasks; one whose id is known with the same digest is left as it is, but for its session."""
        now = self._now()
        return await self._writer.do(lambda: submit(self._tables, submission, now))

    async def claim(self, total: Capacity, now: float, session: str | None = None) -> tuple[Claim, ...]:
        """Take the ready tasks that fit beside those running; each gets its next attempt, counted."""
        return await self._writer.do(lambda: moves.claim(self._tables, total, now, session))

    def advance(self, ref: AttemptRef, state: AttemptState, now: float) -> Awaitable[Moved]:
        """Move an attempt forward to running or verifying. It rides on the next commit."""
        return self._writer.ride(lambda: moves.advance(self._tables, ref, state, now))

    async def finish(self, ending: Ending) -> Moved:
        """End an attempt, move its task, and start or cancel its dependants."""
        return await self._writer.do(lambda: moves.finish(self._tables, ending))

    async def cancel(self, task_ids: Sequence[str], reason: str, now: float) -> Moved:
        """Cancel tasks and what needs them; those that run are flagged. Raises UnknownTask and changes nothing."""
        return await self._writer.do(lambda: cancel(self._tables, task_ids, reason, now))

    async def wake(self, now: float) -> tuple[Moved, float | None]:
        """Move waiting tasks that are due to ready; say when the next one is due."""
        return await self._writer.do(lambda: moves.wake(self._tables, now))

    async def orphans(self) -> tuple[Claim, ...]:
        """Attempts not ended of earlier engines; they carry this engine's epoch from now on."""
        return await self._writer.do(lambda: moves.orphans(self._tables))


def open_reader(directory: str | os.PathLike[str]) -> SqliteReader:
    """Open the store in this folder for reading only, whether an engine is running or not. It is never written.

    Raises StoreUnusable: `store.missing`, `store.newer`, `store.older`, `store.damaged`, `store.foreign`,
    `store.unreachable`.
    """
    path = Path(directory) / FILE
    try:
        if not path.exists():
            raise missing(path)
        connection = connect_reading(path)
        try:
            check(connection, path)
        except BaseException:
            connection.close()
            raise
    except (apsw.Error, OSError) as error:
        raise unusable(path, error) from error
    return SqliteReader(connection)


def _make(folder: Path) -> None:
    """The folder, for its owner alone, on disk."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        sync(folder.parent)


def _raised_epoch(writing: apsw.Connection) -> int:
    row = writing.execute(sql.RAISE_EPOCH).fetchone()
    if row is None:
        raise apsw.CorruptError("the epoch is gone")
    return int(row[0])


def _release(writing: apsw.Connection) -> None:
    with suppress(apsw.Error):  # a reader may hold the log; the next opening moves it
        writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    writing.close()
