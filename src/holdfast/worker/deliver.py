"""Tells those who wait: each move, after its commit, to every watcher."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.model.errors import EngineFault
from holdfast.model.event import Event
from holdfast.model.task import TaskState

BACKLOG: Final = 10_000
"""So many events may a slow watcher fall behind; then the oldest are dropped for it (the journal keeps them all)."""

_FINAL: Final = frozenset(state.value for state in TaskState if state.final)


@dataclass(slots=True)
class _Countdown:
    """A future that is done once so many ends were seen."""

    left: int
    done: asyncio.Future[None]


class Delivery:
    """The waiters and watchers of one engine. Slow ones hold nothing up.

    A countdown is armed before the journal is looked at, so that no end between the look and the wait is missed.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, list[_Countdown]] = {}
        self._workflows: dict[str, list[_Countdown]] = {}
        self._watchers: set[Watcher] = set()
        self._fault: EngineFault | None = None

    def publish(self, events: Sequence[Event]) -> None:
        """Hand committed events to the watchers, and count down for those who wait for an end."""
        for event in events:
            if event.state in _FINAL:
                for countdown in self._tasks.pop(event.task_id, ()):
                    _count(countdown)
                if event.workflow_id is not None:
                    for countdown in self._workflows.get(event.workflow_id, ()):
                        _count(countdown)
            for watcher in self._watchers:
                watcher.push(event)

    def task_ends(self, task_ids: Iterable[str]) -> asyncio.Future[None]:
        """Done once all of these tasks have ended from now on. `discount` those that turn out to have ended before."""
        ids = tuple(task_ids)
        countdown = self._countdown(len(ids))
        for task_id in ids:
            self._tasks.setdefault(task_id, []).append(countdown)
        if not ids and not countdown.done.done():
            countdown.done.set_result(None)
        return countdown.done

    def discount(self, task_id: str, done: asyncio.Future[None]) -> None:
        """The task had ended before the wait began."""
        waiting = self._tasks.get(task_id, [])
        for countdown in [one for one in waiting if one.done is done]:
            waiting.remove(countdown)
            _count(countdown)
        if not waiting:
            self._tasks.pop(task_id, None)

    async def workflow_ends(self, workflow_id: str, open_tasks: Callable[[], Awaitable[int]]) -> None:
        """Return once the workflow has no open task; `open_tasks` counts them in the journal."""
        while True:
            countdown = self._countdown(0)
            waiting = self._workflows.setdefault(workflow_id, [])
            waiting.append(countdown)
            try:
                still_open = await open_tasks()
                if not still_open:
                    return
                countdown.left += still_open
                if countdown.left > 0:  # else ends were told while counting, and maybe not counted: count anew
                    await countdown.done
            finally:
                waiting.remove(countdown)
                if not waiting:
                    self._workflows.pop(workflow_id, None)

    def fail(self, fault: EngineFault) -> None:
        """The engine cannot go on: everybody who waits, now or later, gets the fault."""
        self._fault = fault
        for countdown in [one for waiting in (*self._tasks.values(), *self._workflows.values()) for one in waiting]:
            if not countdown.done.done():
                _fail(countdown.done, fault)
        self._tasks.clear()
        for watcher in tuple(self._watchers):
            watcher.close()

    def watch(self) -> Watcher:
        """A watcher of every move from now on; close it in the end."""
        watcher = Watcher(self._watchers.discard)
        self._watchers.add(watcher)
        if self._fault is not None:
            watcher.close()
        return watcher

    def _countdown(self, left: int) -> _Countdown:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._fault is not None:
            _fail(done, self._fault)
        return _Countdown(left, done)


def _fail(done: asyncio.Future[None], fault: EngineFault) -> None:
    done.set_exception(fault)
    done.exception()  # seen: whoever does not get to wait for it any more is not to be warned about it


def _count(countdown: _Countdown) -> None:
    countdown.left -= 1
    if countdown.left == 0 and not countdown.done.done():
        countdown.done.set_result(None)


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
