"""The engine for code that is not async: a thin layer over a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import copy
import os
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import CancelledError, Future, wait
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from holdfast.app.calls import TaskOptions, refuse_while_loading
from holdfast.app.engine import AsyncEngine
from holdfast.app.handles import Handle
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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    @property
    def store(self) -> str:
        """The folder of the store, or `:memory:`."""
        return self._engine.store

    def __enter__(self) -> Self:
        if self._loop is not None:
            raise EngineFault("the engine is open already")
        refuse_while_loading()
        self._pid = os.getpid()
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
        view._engine = self._engine.with_options(options)
        return view

    def run(self, work: Work, /, *args: object, **kwargs: object) -> Any:
        """Run to the end and return the value: a function's result, a task's, or a workflow's results by name.

        Raises TaskFailed (TaskCancelled) with the outcome on it, Refused where the work is not admitted. If the waiting
        is interrupted, the work is cancelled.
        """
        return self._call(self._engine.run(work, *args, **kwargs))

    def submit(self, work: Work, /, *args: object, **kwargs: object) -> Handle:
        """Record the work durably and return at once."""
        return Handle(self._call(self._engine.submit(work, *args, **kwargs)), self._call)

    def attach(self, some_id: str) -> Handle:
        """The handle of a task or workflow that the store holds; what has not ended is driven on by this engine.

        Raises UnknownTask.
        """
        return Handle(self._call(self._engine.attach(some_id)), self._call)

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
        if self._pid != os.getpid():
            coroutine.close()
            raise EngineFault("the engine was opened by the process that this one was forked from: open one here")
        call: _Call[T] = _Call(self._loop, coroutine)
        try:
            return call.result()
        except KeyboardInterrupt:
            call.cancel()
            raise

    def _stop(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


class _Call(Generic[T]):
    """A coroutine that runs in the engine's thread, waited for in another."""

    def __init__(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> None:
        self._loop = loop
        self._done: Future[T] = Future()
        self._task: asyncio.Task[T] | None = None
        loop.call_soon_threadsafe(self._start, coroutine)

    def result(self) -> T:
        """Wait for the end; returns or raises what the coroutine did."""
        return self._done.result()

    def cancel(self) -> None:
        """Cancel it, and wait until it has cleaned up after itself. A second Ctrl-C stops this waiting too."""
        self._loop.call_soon_threadsafe(self._cancel)
        wait([self._done])

    def _start(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._task = self._loop.create_task(coroutine)
        self._task.add_done_callback(self._ended)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self._done.set_exception(CancelledError())
        elif (error := task.exception()) is not None:
            self._done.set_exception(error)
        else:
            self._done.set_result(task.result())
