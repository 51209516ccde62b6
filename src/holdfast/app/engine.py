"""The engine in the colour it is written in: asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from holdfast.app.calls import TaskOptions, typed_result
from holdfast.app.compose import Opened, admission_for, open_engine
from holdfast.app.control import ControlServer
from holdfast.app.orders import Order, place
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


class AsyncEngine:
    """Runs tasks, each in a process of its own, and records them in a store.

    `store` is a folder (default: `HOLDFAST_STORE`, else `.holdfast` here) or `:memory:`. `workers`, `cpus` and `memory`
    bound what runs at once; the host's processors and memory by default. `isolation` is the level of tasks that ask for
    none. `folder` is where the configuration is looked up.

    Entering raises StoreUnusable where another engine has the store open, or where it cannot be used.
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
        self._opened: Opened | None = None
        self._control: ControlServer | None = None

    @property
    def store(self) -> str:
        """The folder of the store, or `:memory:`."""
        return self._settings.store

    async def __aenter__(self) -> Self:
        self._opened = await open_engine(self._settings, self._admission)
        if self.store != MEMORY_STORE:
            self._control = ControlServer(Path(self.store), self._answer)
            await self._control.open()
        await self._opened.worker.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened, self._opened = self._here, None
        if self._control is not None:
            await self._control.close()
        await opened.close()

    async def run(self, work: Work, /, *args: object, **kwargs: object) -> Any:
        """Run to the end and return the value: a function's result, a task's, or a workflow's results by name.

        Raises TaskFailed (TaskCancelled) with the outcome on it, Refused where the work is not admitted. If the waiting
        is cancelled, so is the work.
        """
        return await self.run_with(TaskOptions(), work, *args, **kwargs)

    async def run_with(self, options: TaskOptions, work: Work, /, *args: object, **kwargs: object) -> Any:
        """Like `run`, giving options to a function; they win over those of `@holdfast.task`."""
        order = await self.submit_with(options, work, *args, **kwargs)
        try:
            await self.wait_for(order)
        except asyncio.CancelledError:
            await asyncio.shield(self.cancel_order(order, "the caller stopped waiting"))
            raise
        value = await self.value(order)
        return typed_result(work, value) if callable(work) else value

    async def submit(self, work: Work, /, *args: object, **kwargs: object) -> Order:
        """Record the work durably and return at once."""
        return await self.submit_with(TaskOptions(), work, *args, **kwargs)

    async def submit_with(self, options: TaskOptions, work: Work, /, *args: object, **kwargs: object) -> Order:
        """Like `submit`, giving options to a function."""
        if callable(work):
            spec = call_spec(work, args, kwargs, options)
            return await self.place(Envelope(spec), spec.folder)
        if args or kwargs:
            remedy = "Leave them out, or set them as `inputs` of the workflow."
            raise Refused([Problem("call.arguments", "args", "only a function takes arguments", remedy)])
        document, folder = read_work(work)
        return await self.place(self.read(document), folder)

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
        if self._opened is None:
            raise EngineFault("the engine is not open: use it in a `with` block")
        return self._opened


def failure_of(task: Task) -> TaskFailed:
    """The error that stands for a task which ended without a result."""
    outcome = task.outcome or Outcome(kind=OutcomeKind.LOST, message="its end was not recorded")
    kind = TaskCancelled if task.state is TaskState.CANCELLED else TaskFailed
    return kind(task.id, outcome)


def _listed(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else []
