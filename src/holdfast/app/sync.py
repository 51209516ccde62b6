"""The engine for code that is not async: a thin layer over a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import copy
import os
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from holdfast.app.calls import TaskOptions
from holdfast.app.engine import AsyncEngine
from holdfast.app.orders import Order
from holdfast.app.work import Work
from holdfast.model.errors import EngineFault
from holdfast.model.json import Json

T = TypeVar("T")


class Engine:
    """Runs tasks, each in a process of its own, and records them in a store. Safe to use from several threads.

    The parameters are those of AsyncEngine.
    """

    def __init__(
        self,
        store: str | os.PathLike[str] | None = None,
        *,
        workers: int | None = None,
        cpus: float | None = None,
        memory: str | int | None = None,
        isolation: str | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self._engine = AsyncEngine(store, workers=workers, cpus=cpus, memory=memory, isolation=isolation, folder=folder)
        self._options = TaskOptions()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def store(self) -> str:
        """The folder of the store, or `:memory:`."""
        return self._engine.store

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="holdfast", daemon=True)
        self._thread.start()
        try:
            self._call(self._engine.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._call(self._engine.__aexit__(kind, error, trace))
        finally:
            self._stop()

    def with_options(
        self,
        *,
        timeout: str | float | None = None,
        memory_limit: str | int | None = None,
        retry: int | Mapping[str, Json] | None = None,
        isolation: str | None = None,
        resources: Mapping[str, Json] | None = None,
    ) -> Engine:
        """The same engine, giving these options to every function that it runs; they win over `@holdfast.task`."""
        options = TaskOptions(
            timeout=timeout, memory_limit=memory_limit, retry=retry, isolation=isolation, resources=resources or {}
        )
        view = copy.copy(self)
        view._options = options.over(self._options)
        return view

    def run(self, work: Work, /, *args: object, **kwargs: object) -> Any:
        """Run to the end and return the value: a function's result, a task's, or a workflow's results by name.

        Raises TaskFailed (TaskCancelled) with the outcome on it, Refused where the work is not admitted. If the waiting
        is interrupted, the work is cancelled.
        """
        return self._call(self._engine.run_with(self._options, work, *args, **kwargs))

    def submit(self, work: Work, /, *args: object, **kwargs: object) -> Handle:
        """Record the work durably and return at once."""
        order = self._call(self._engine.submit_with(self._options, work, *args, **kwargs))
        return Handle(self._engine, self._call, order)

    def execution(self, task_id: str) -> Mapping[str, Json]:
        """The completed envelope of a task as it stands. Raises UnknownTask."""
        return self._call(self._engine.execution(task_id))

    def cancel(self, *task_ids: str, reason: str = "asked for") -> None:
        """Cancel tasks, or all tasks of workflows, by id. Raises UnknownTask."""
        self._call(self._engine.cancel(task_ids, reason))

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            coroutine.close()
            raise EngineFault("the engine is not open: use it in a `with` block")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def _stop(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


class Handle:
    """Work that was submitted; it goes on while nobody waits."""

    def __init__(self, engine: AsyncEngine, call: Callable[[Coroutine[Any, Any, Any]], Any], order: Order) -> None:
        self._engine = engine
        self._call = call
        self._order = order

    @property
    def id(self) -> str:
        """The id of the task, or of the workflow."""
        return self._order.workflow_id or self._order.task_ids[0]

    def wait(self) -> None:
        """Return once it has ended, whatever the end was."""
        self._call(self._engine.wait_for(self._order))

    def result(self) -> Any:
        """Wait, then return the value. Raises TaskFailed with the outcome on it."""
        self.wait()
        return self._call(self._engine.value(self._order))

    def cancel(self, reason: str = "asked for") -> None:
        """Cancel what has not ended."""
        self._call(self._engine.cancel_order(self._order, reason))
