"""What runs now: who is to be told to stop, and what it uses.

The clocks and the kill ladder live beside the task, in its keeper, so that an engine that stalls prolongs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.model.attempt import AttemptRef
from holdfast.model.launch import StopReason
from holdfast.model.query import Moved
from holdfast.ports import Running
from holdfast.worker.deliver import Delivery


@dataclass(frozen=True, slots=True)
class _Watched:
    number: int
    running: Running


class Supervisor:
    """The attempts that run in this engine, by task."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._watched: dict[str, _Watched] = {}
        self._cancelling: dict[str, str] = {}
        self._stopping: tuple[StopReason, bool] | None = None

    def watch(self, ref: AttemptRef, running: Running) -> None:
        """Keep an eye on a started attempt; one whose cancel came meanwhile is stopped at once."""
        self._watched[ref.task_id] = _Watched(ref.number, running)
        if ref.task_id in self._cancelling:
            running.stop(StopReason.CANCELLED)
        elif self._stopping is not None:
            running.stop(*self._stopping)

    def forget(self, task_id: str) -> None:
        """The attempt has ended."""
        self._watched.pop(task_id, None)
        self._cancelling.pop(task_id, None)

    def cancelled(self, task_id: str) -> str | None:
        """Why the task is to be cancelled, where somebody asked for it before its attempt started."""
        return self._cancelling.pop(task_id, None)

    def cancel(self, task_id: str, reason: str, at_once: bool = False) -> None:
        """Stop the task's attempt, now or as soon as it starts."""
        watched = self._watched.get(task_id)
        if watched is None:
            self._cancelling[task_id] = reason
        else:
            watched.running.stop(StopReason.CANCELLED, at_once)

    def stop_all(self, reason: StopReason, at_once: bool = False) -> None:
        """Stop everything that runs, and what was about to start."""
        self._stopping = (reason, at_once)
        for watched in self._watched.values():
            watched.running.stop(reason, at_once)

    def recorded(self, moved: asyncio.Future[Moved]) -> None:
        """The start is on disk: tell the watchers. If it could not be recorded, the end of the attempt will say why."""
        if not moved.cancelled() and moved.exception() is None:
            self._delivery.publish(moved.result().events)

    def running(self) -> Iterator[tuple[str, int, Running]]:
        """What runs now: task, number of the attempt, and its handle."""
        for task_id, watched in self._watched.items():
            yield task_id, watched.number, watched.running
