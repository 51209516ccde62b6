"""Tells those who wait: each move, after its commit, to every watcher."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from holdfast.model.errors import EngineFault
from holdfast.model.event import Event
from holdfast.model.task import TaskState

BACKLOG: Final = 10_000
"""So many events may a slow watcher fall behind; then the oldest are dropped for it (the journal keeps them all)."""

_FINAL: Final = frozenset(state.value for state in TaskState if state.final)


class Delivery:
    """The waiters and watchers of one engine. Slow ones hold nothing up."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._watchers: set[Watcher] = set()
        self._fault: EngineFault | None = None

    def publish(self, events: Sequence[Event]) -> None:
        """Hand committed events to the watchers, and wake those who wait for an end."""
        for event in events:
            if event.state in _FINAL:
                for waiter in self._waiting.pop(event.task_id, ()):
                    if not waiter.done():
                        waiter.set_result(None)
            for watcher in self._watchers:
                watcher.push(event)

    def waiter(self, task_id: str) -> asyncio.Future[None]:
        """A future that is done once the task has ended. Ask for it before looking at the task, so that no end is missed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._fault is not None:
            future.set_exception(self._fault)
        else:
            self._waiting.setdefault(task_id, []).append(future)
        return future

    def fail(self, fault: EngineFault) -> None:
        """The engine cannot go on: everybody who waits, now or later, gets the fault."""
        self._fault = fault
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(fault)
        self._waiting.clear()
        for watcher in tuple(self._watchers):
            watcher.close()

    def dismiss(self, task_id: str, future: asyncio.Future[None]) -> None:
        """Nobody waits on this future any more."""
        waiting = self._waiting.get(task_id)
        if waiting and future in waiting:
            waiting.remove(future)
            if not waiting:
                del self._waiting[task_id]

    def watch(self) -> Watcher:
        """A watcher of every move from now on; close it in the end."""
        watcher = Watcher(self._watchers.discard)
        self._watchers.add(watcher)
        return watcher


class Watcher:
    """An async iterator over events as they are committed."""

    def __init__(self, forget: Callable[[Watcher], None]) -> None:
        self._forget = forget
        self._events: deque[Event] = deque(maxlen=BACKLOG)
        self._wake = asyncio.Event()
        self._closed = False

    def push(self, event: Event) -> None:
        """One more event; the oldest goes where the watcher is too far behind."""
        self._events.append(event)
        self._wake.set()

    def close(self) -> None:
        """Stop watching; the iteration ends once what has arrived is read."""
        self._closed = True
        self._wake.set()
        self._forget(self)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._events:
                yield self._events.popleft()
            if self._closed:
                return
            self._wake.clear()
            await self._wake.wait()
