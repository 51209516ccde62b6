"""The one writing connection, and how many moves share one commit.

Moves are applied on the event loop, inside an open transaction. All that has arrived by the next turn of the loop
forms one transaction; nobody gets a result before it is on disk. A move that raises before it has written anything
leaves nothing to take back, which is the rule; if one raises later, the transaction is rolled back and applied again,
this time with a savepoint around each move.

`COMMIT` waits for the disk. On a fast disk that is shorter than handing it to a thread and back: a thread has to win
the interpreter lock twice. Where a commit was slow, the next ones wait in a thread while the loop goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, TypeAlias, TypeVar

import apsw

from holdfast.journal.sqlite.faults import fault_of
from holdfast.journal.sqlite.tables import Steps, Tables
from holdfast.model.errors import StoreFault

T = TypeVar("T")

BATCH: Final = 1024
"""So many moves share one commit at most."""

SLOW_S: Final = 0.003
"""A commit that took longer makes the next one wait in the thread."""

RIDE_S: Final = 0.05
"""So long may a move that nobody waits for wait for another one to share its commit with."""

SLICE: Final = 32
"""So many moves are applied before the event loop gets its turn."""

BUSY_MS: Final = 5_000
"""So long a transaction waits for another program that writes the file, which none should."""

LOG_PAGES: Final = 1_000
"""A longer log is moved into the main file, in the thread, after everybody was told of the commit that made it so."""

LEND_AFTER_S: Final = 0.001
LEND_S: Final = 0.0001
"""A loop that never rests starves the thread of the interpreter's lock: it is lent to it for this long, after 1 ms, and
then twice as late each time."""


class Wait(Enum):
    """What the writer may wait for, other than its next turn of the event loop."""

    DISK = "disk"


Work: TypeAlias = Generator[Wait | None, None, None]


@dataclass(slots=True, eq=False)
class Entry:
    """One move, and what became of it."""

    move: Callable[[], Steps[Any]]
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def deliver(self, failure: Exception | None) -> None:
        """Tell the caller; `failure` is that of the whole transaction."""
        error = failure or self.error
        if self.future.done():  # the caller stopped waiting
            return
        if error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(fault_of(error) if isinstance(error, apsw.Error) else error)


class _Spoiled(Exception):
    """A move failed halfway: the transaction has to be applied again, with savepoints."""


class Writer:
    """Carries out moves in the order in which they come, and commits them in groups."""

    def __init__(self, connection: apsw.Connection, tables: Tables) -> None:
        self._connection = connection
        self._tables = tables
        self._waiting: deque[Entry] = deque()
        self._work: Work | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._orders: SimpleQueue[str | None] = SimpleQueue()
        self._failure: Exception | None = None
        self._lending: asyncio.TimerHandle | None = None
        self._riding: asyncio.TimerHandle | None = None
        self._slow = False
        self._took_s = 0.0
        self._log_pages = 0
        connection.set_busy_timeout(0)
        connection.set_wal_hook(self._note_log)
        self._thread = Thread(target=self._obey, name="holdfast-commit", daemon=True)
        self._thread.start()

    async def do(self, move: Callable[[], Steps[T]]) -> T:
        """Carry out a move; returns once it is on disk. Raises what the move raised, or StoreFault."""
        future = self._enter(move)
        self._start()
        return await future

    def ride(self, move: Callable[[], Steps[T]]) -> asyncio.Future[T]:
        """Carry out a move that is in no hurry: with the next one, or after `RIDE_S`."""
        future = self._enter(move)
        if self._work is None and self._riding is None:
            self._riding = future.get_loop().call_later(RIDE_S, self._start)
        return future

    def _enter(self, move: Callable[[], Steps[T]]) -> asyncio.Future[T]:
        if self._closed:
            raise StoreFault("store.closed", "the store is closed", "Open it again.")
        loop = asyncio.get_running_loop()
        if self._loop is not loop and (self._work is not None or self._waiting):
            raise StoreFault("store.fault", "the event loop that wrote this store went away", "Open it again.")
        self._loop = loop
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(Entry(move, future))
        return future

    def _start(self) -> None:
        """See to it that what waits is worked on from the next turn of the loop."""
        if self._riding is not None:
            self._riding.cancel()
            self._riding = None
        if self._work is None and self._loop is not None:
            self._work = self._transactions()
            self._loop.call_soon(self._go_on)

    async def close(self) -> None:
        """Finish what was asked for, then stop."""
        if self._closed:
            return
        if self._loop is asyncio.get_running_loop() or not (self._work or self._waiting):
            await self.do(_nothing)
        self._closed = True
        self._orders.put(None)
        self._thread.join()

    def _go_on(self) -> None:
        """Work until there is something to wait for; whoever is waited for calls this again."""
        if self._work is None or self._loop is None:
            return
        try:
            wait = next(self._work)
        except StopIteration:
            self._work = None
            return
        if wait is None:
            self._loop.call_soon(self._go_on)

    def _transactions(self) -> Work:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            failure: Exception | None = None
            try:
                yield from self._transaction(batch)
            except Exception as error:
                failure = error
            for entry in batch:
                entry.deliver(failure)
            if self._log_pages > LOG_PAGES:
                yield from self._shorten_log()

    def _transaction(self, batch: list[Entry]) -> Work:
        keys = self._tables.keys()
        yield from self._begin()
        before = self._connection.total_changes()
        try:
            yield from self._apply_all(batch, self._apply)
        except _Spoiled:
            self._connection.execute("ROLLBACK")
            self._tables.take_back(keys)
            yield from self._begin()
            yield from self._apply_all(batch, self._apply_alone)
        if self._connection.total_changes() == before:
            self._connection.execute("COMMIT")  # nothing was written: no disk to wait for
        else:
            yield from self._commit()

    def _commit(self) -> Work:
        if self._slow:
            yield from self._in_thread("COMMIT")
        else:
            began = time.perf_counter()
            self._connection.execute("COMMIT")
            self._took_s = time.perf_counter() - began
        self._slow = self._took_s > SLOW_S

    def _shorten_log(self) -> Work:
        self._log_pages = 0
        with suppress(apsw.Error):  # nothing is lost: the log keeps it, and grows until this works
            yield from self._in_thread("PRAGMA wal_checkpoint(PASSIVE)")

    def _apply_all(self, batch: list[Entry], apply: Callable[[Entry], Work]) -> Work:
        for index, entry in enumerate(batch, 1):
            if not entry.future.cancelled():
                yield from apply(entry)
            if index % SLICE == 0:
                yield None

    def _begin(self) -> Work:
        if self._connection.in_transaction:  # the last commit failed; after some errors SQLite has rolled back already
            self._connection.execute("ROLLBACK")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            self._connection.set_busy_timeout(BUSY_MS)
            try:
                yield from self._in_thread("BEGIN IMMEDIATE")
            finally:
                self._connection.set_busy_timeout(0)

    def _apply(self, entry: Entry) -> Work:
        """Apply a move without a savepoint. Raises _Spoiled where it failed after it had written something."""
        before = self._connection.total_changes()
        keys = self._tables.keys()
        try:
            entry.result = yield from entry.move()
        except Exception as error:
            if not self._connection.in_transaction:  # the disk failed: every move of this transaction is lost
                raise
            if self._connection.total_changes() != before:
                raise _Spoiled from error
            self._tables.take_back(keys)
            entry.error = error

    def _apply_alone(self, entry: Entry) -> Work:
        """Apply a move within a savepoint, so that it can be taken back alone."""
        execute = self._connection.execute
        keys = self._tables.keys()
        entry.error = None
        execute("SAVEPOINT move")
        try:
            entry.result = yield from entry.move()
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            execute("ROLLBACK TO move")
            self._tables.take_back(keys)
            entry.error = error
        execute("RELEASE move")

    def _in_thread(self, order: str) -> Work:
        self._orders.put(order)
        self._lending = asyncio.get_running_loop().call_later(LEND_AFTER_S, self._lend, LEND_AFTER_S)
        yield Wait.DISK
        if self._lending is not None:
            self._lending.cancel()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _lend(self, after_s: float) -> None:
        """The thread is still at work: rest, so that it finds the interpreter's lock free."""
        time.sleep(LEND_S)
        self._lending = asyncio.get_running_loop().call_later(2 * after_s, self._lend, 2 * after_s)

    def _obey(self) -> None:
        """The thread: one statement at a time, while the loop keeps its hands off the connection."""
        while (order := self._orders.get()) is not None:
            try:
                # SQLite's own measure: ours would count the wait for the interpreter's lock too, and a busy loop would
                # make every disk look slow for ever.
                self._connection.set_profile(self._note_time)
                self._connection.execute(order).fetchall()
                self._connection.set_profile(None)
            except Exception as error:
                self._failure = error
            if self._loop is not None:
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self._go_on)

    def _note_log(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _note_time(self, _order: str, took_ns: int) -> None:
        self._took_s = took_ns / 1e9


def _nothing() -> Steps[None]:
    yield from ()
