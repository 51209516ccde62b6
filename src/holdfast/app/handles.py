"""Work that was submitted: it goes on while nobody waits, and is found again by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from holdfast.app.orders import Order
from holdfast.model.json import Json
from holdfast.model.task import Task

T = TypeVar("T")

CANCELLED: Final = "cancelled by its submitter"

Call: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]


class Driver(Protocol):
    """What a handle needs of the engine that drives its work."""

    async def tasks_of(self, order: Order) -> tuple[Task, ...]:
        """The tasks of the order."""

    async def wait_for(self, order: Order) -> None:
        """Return once all of them have ended."""

    async def value(self, order: Order) -> Json:
        """What they came to."""

    async def cancel_order(self, order: Order, reason: str) -> None:
        """Cancel what has not ended."""


class AsyncHandle:
    """A submitted task or workflow, for asyncio."""

    def __init__(self, engine: Driver, order: Order, typed: Callable[[Json], Any]) -> None:
        self._engine = engine
        self._order = order
        self._typed = typed

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    @property
    def id(self) -> str:
        """The id of the workflow, or of the (first) task."""
        return self._order.workflow_id or self._order.task_ids[0]

    async def done(self) -> bool:
        """Whether it has ended."""
        return all(task.state.final for task in await self._engine.tasks_of(self._order))

    async def wait(self) -> None:
        """Return once it has ended, whatever the end was. Within `asyncio.timeout` only the waiting ends."""
        await self._engine.wait_for(self._order)

    async def result(self) -> Any:
        """Wait, then give the value. Raises TaskFailed with the outcome on it."""
        await self.wait()
        return self._typed(await self._engine.value(self._order))

    async def cancel(self, reason: str = CANCELLED) -> None:
        """Cancel what has not ended."""
        await self._engine.cancel_order(self._order, reason)


class Handle:
    """A submitted task or workflow. Its methods wait for the engine's own thread."""

    def __init__(self, inner: AsyncHandle, call: Call) -> None:
        self._inner = inner
        self._call = call

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    @property
    def id(self) -> str:
        """The id of the workflow, or of the (first) task."""
        return self._inner.id

    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self._call(self._inner.done()))

    def wait(self, timeout: float | None = None) -> None:
        """Return once it has ended, whatever the end was. Raises TimeoutError after `timeout` seconds; it goes on."""
        self._call(_within(timeout, self._inner.wait()))

    def result(self, timeout: float | None = None) -> Any:
        """Wait, then give the value. Raises TaskFailed with the outcome on it, TimeoutError after `timeout` seconds."""
        return self._call(_within(timeout, self._inner.result()))

    def cancel(self, reason: str = CANCELLED) -> None:
        """Cancel what has not ended."""
        self._call(self._inner.cancel(reason))


async def _within(seconds: float | None, waiting: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(seconds):
        return await waiting
