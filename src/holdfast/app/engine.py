"""The engine in the colour it is written in: asyncio."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from holdfast.app.calls import TaskOptions, refuse_while_loading, typed_result
from holdfast.app.compose import Opened, admission_for, open_engine
from holdfast.app.control import ControlServer
from holdfast.app.handles import AsyncHandle
from holdfast.app.orders import Order, place, take_up
from holdfast.app.settings import MEMORY_STORE, EngineOptions, settings_for
from holdfast.app.work import Work, call_spec, read_work
from holdfast.model.errors import EngineFault, Problem, Refused, TaskCancelled, TaskFailed, UnknownTask
from holdfast.model.json import Json
from holdfast.model.limits import Usage
from holdfast.model.outcome import Outcome, OutcomeKind
from holdfast.model.query import Moved, WorkflowQuery
from holdfast.model.task import Task, TaskState
from holdfast.wire.envelope import Envelope
from holdfast.wire.parse import Parsed
from holdfast.worker.collect import read_content
from holdfast.worker.deliver import Watcher

_OPEN = tuple(state for state in TaskState if not state.final)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A running attempt at this moment; `memory_bytes` in `usage` is the current, not the peak."""

    task_id: str
    number: int
    usage: Usage


class _Life:
    """What is there while an engine is open; shared by all its views."""

    def __init__(self) -> None:
        self.opened: Opened | None = None
        self.control: ControlServer | None = None
        self.loop: asyncio.AbstractEventLoop | None = None


class AsyncEngine:
    """Runs tasks, each in a process of its own, and records them in a store.

    `store` is a folder (default: `HOLDFAST_STORE`, else `.holdfast` here) or `:memory:`. `workers`, `cpus` and `memory`
    bound what runs at once; the host's processors and memory by default. `isolation` is the level of tasks that ask for
    none. `folder` is where the configuration is looked up.

    Entering raises StoreUnusable where another engine has the store open, or where it cannot be used; Refused where
    the host cannot do the level, with what would help.
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
        self._settings = settings_for(
            EngineOptions(store=store, workers=workers, cpus=cpus, memory=memory, isolation=isolation, folder=folder)
        )
        self._admission = admission_for(self._settings)
        self._options = TaskOptions()
        self._life = _Life()

    @property
    def store(self) -> str:
        """The folder of the store, or `:memory:`."""
        return self._settings.store

    async def __aenter__(self) -> Self:
        if self._life.opened is not None:
            raise EngineFault("the engine is open already")
        refuse_while_loading()
        self._life.loop = asyncio.get_running_loop()
        self._life.opened = opened = await open_engine(self._settings, self._admission)
        if self.store != MEMORY_STORE:
            self._life.control = ControlServer(Path(self.store), self._answer)
            await self._life.control.open()
        await opened.worker.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened = self._here
        if self._life.control is not None:
            await self._life.control.close()
        await opened.close()
        self._life.opened = None

    def with_options(self, options: TaskOptions) -> AsyncEngine:
        """The same engine, giving these options to every function that it runs; they win over `@holdfast.task`."""
        view = copy.copy(self)
        view._options = options.over(self._options)
        return view

    async def run(self, work: Work, /, *args: object, **kwargs: object) -> Any:
        """Run to the end and return the value: a function's result, a task's, or a workflow's results by name.

        Raises TaskFailed (TaskCancelled) with the outcome on it, Refused where the work is not admitted. If the waiting
        is cancelled, so is the work.
        """
        submitting = asyncio.ensure_future(self.submit(work, *args, **kwargs))
        try:
            handle = await asyncio.shield(submitting)
            return await handle.result()
        except asyncio.CancelledError:
            handle = await submitting
            await asyncio.shield(handle.cancel("the caller stopped waiting"))
            raise

    async def submit(self, work: Work, /, *args: object, **kwargs: object) -> AsyncHandle:
        """Record the work durably and return at once. Raises Refused where it is not admitted."""
        if callable(work):
            spec = call_spec(work, args, kwargs, self._options)
            order = await self.place(Envelope(spec), spec.folder)
            return AsyncHandle(self, order, partial(typed_result, work))
        if args or kwargs:
            remedy = "Leave them out, or set them as `inputs` of the workflow."
            raise Refused([Problem("call.arguments", "args", "only a function takes arguments", remedy)])
        document, folder = read_work(work)
        return AsyncHandle(self, await self.place(self.read(document), folder), _as_it_is)

    async def attach(self, some_id: str) -> AsyncHandle:
        """The handle of a task or workflow that the store holds; what has not ended is driven on by this engine.

        Raises UnknownTask.
        """
        order = await take_up(self._here.desk, self._here.shelf, some_id)
        self._here.worker.nudge()
        return AsyncHandle(self, order, _as_it_is)

    def read(self, document: Json) -> Parsed:
        """What a document of plain data asks for; the store is not looked at. Raises Refused with every reason."""
        return self._admission.read(document)

    async def place(self, parsed: Parsed, folder: str, *, fresh: bool = False) -> Order:
        """Place what was read, from this folder; with `fresh` nothing that the store holds is taken up again."""
        self._here.worker.nudge()  # its claim joins the commit of the submit, where nothing has to be read before
        order = await place(self._here.desk, parsed, folder, fresh=fresh)
        self._here.worker.nudge()
        return order

    async def wait_for(self, order: Order) -> None:
        """Return once every task of the order has ended. Raises EngineFault where the engine cannot go on."""
        opened = self._here
        if order.workflow_id is not None:
            workflow_id = order.workflow_id
            await opened.delivery.workflow_ends(workflow_id, lambda: self._open_tasks(workflow_id))
            return
        done = opened.delivery.task_ends(order.task_ids)
        for task_id in order.task_ids:
            if (await self.task(task_id)).state.final:
                opened.delivery.discount(task_id, done)
        if order.task_ids:
            await done

    async def value(self, order: Order) -> Json:
        """What the ended order came to: a task's value, or the values by name. Raises TaskFailed."""
        tasks = await self.tasks_of(order)
        for task in tasks:
            if task.state is not TaskState.SUCCEEDED:
                raise failure_of(task)
        if order.single and order.workflow_id is None:
            return self._value(tasks[0])
        return {task.name or task.id: self._value(task) for task in tasks}

    async def task(self, task_id: str) -> Task:
        """The record of a task. Raises UnknownTask."""
        task = await self._here.rooms.journal.task(task_id)
        if task is None:
            raise UnknownTask(f"the store holds no task {task_id!r}")
        return task

    async def tasks_of(self, order: Order) -> tuple[Task, ...]:
        """The tasks of an order, in the order of submission."""
        if order.workflow_id is None:
            return tuple([await self.task(task_id) for task_id in order.task_ids])
        return await self._here.shelf.workflow_tasks(order.workflow_id)

    async def cancel_order(self, order: Order, reason: str, at_once: bool = False) -> None:
        """Cancel what has not ended of an order; `at_once` leaves out the grace."""
        open_ids = [task.id for task in await self.tasks_of(order) if not task.state.final]
        await self.cancel(open_ids, reason, at_once=at_once)

    async def cancel(self, task_ids: Sequence[str], reason: str, *, at_once: bool = False) -> Moved:
        """Cancel tasks, or all tasks of workflows, by id. Raises UnknownTask.

        What waits ends at once; what runs gets SIGTERM, its grace, then SIGKILL to all that descends from it.
        """
        ids = await self._here.shelf.task_ids(task_ids)
        return await self._here.cancel(ids, reason, at_once=at_once)

    def watch(self) -> Watcher:
        """Every move from now on, as an async iterator; close it in the end."""
        return self._here.delivery.watch()

    def glances(self) -> list[Glance]:
        """What runs now, and what it uses."""
        return [
            Glance(task_id=task_id, number=number, usage=running.usage())
            for task_id, number, running in self._here.supervisor.running()
        ]

    async def execution(self, task_id: str) -> dict[str, Json]:
        """The completed envelope of a task as it stands. Raises UnknownTask."""
        return await self._here.shelf.execution(task_id)

    async def document(self, order: Order) -> Json:
        """What `holdfast run --json` prints: the completed envelope, a list of them, or a workflow with its tasks."""
        shelf = self._here.shelf
        if order.workflow_id is not None:
            return await shelf.workflow_document(order.workflow_id)
        executions = [await shelf.execution(task_id) for task_id in order.task_ids]
        return executions[0] if order.single else executions

    async def _open_tasks(self, workflow_id: str) -> int:
        found = await self._here.rooms.journal.workflows(WorkflowQuery(id=workflow_id))
        counts = found[0].counts if found else {}
        return sum(counts.get(state.value, 0) for state in _OPEN)

    async def _answer(self, request: Mapping[str, Json]) -> Json:
        """What a second command asks for through the control socket."""
        ids = [str(task_id) for task_id in _listed(request.get("ids"))]
        if request.get("do") == "cancel":
            moved = await self.cancel(ids, str(request.get("reason") or "asked for"))
            return [event.task_id for event in moved.events]
        if request.get("do") == "running":
            return {"pid": os.getpid(), "tasks": [glance.task_id for glance in self.glances()]}
        if request.get("do") == "output":
            return self._output(str(request.get("task")))
        raise EngineFault("the engine knows no such request")

    def _output(self, task_id: str) -> Json:
        """The files that the streams of a running attempt are captured into."""
        for running_id, number, running in self._here.supervisor.running():
            if running_id == task_id:
                stdout, stderr = running.output()
                return {"attempt": number, "stdout": stdout, "stderr": stderr}
        return None

    def _value(self, task: Task) -> Json:
        if task.result is None:
            return None
        value: Json = msgspec.json.decode(read_content(self._here.rooms.blobs, task.result))
        return value

    @property
    def _here(self) -> Opened:
        if self._life.opened is None:
            raise EngineFault("the engine is not open: use it in a `with` block")
        if asyncio.get_running_loop() is not self._life.loop:
            raise EngineFault("the engine was opened in another event loop: open one in this loop")
        return self._life.opened


def _as_it_is(value: Json) -> Json:
    return value


def failure_of(task: Task) -> TaskFailed:
    """The error that stands for a task which ended without a result."""
    outcome = task.outcome or Outcome(kind=OutcomeKind.LOST, message="its end was not recorded")
    kind = TaskCancelled if task.state is TaskState.CANCELLED else TaskFailed
    return kind(task.id, outcome)


def _listed(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else []
