"""A document that somebody wants run: admitted whole or refused with every reason, then placed in the store once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from holdfast.app.admission import Admission
from holdfast.app.report import Shelf
from holdfast.model.ids import new_id
from holdfast.model.query import NewWorkflow, Submission, WorkflowQuery
from holdfast.model.task import NewTask, TaskSpec
from holdfast.model.workflow import WorkflowSpec
from holdfast.ports import Clock, Journal
from holdfast.rules.admit import counted
from holdfast.rules.seal import canonical, digest
from holdfast.wire.envelope import Envelope
from holdfast.wire.parse import Parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was placed: a workflow, or tasks by id.

    `known` are those that the store held already; `continued` says that an interrupted run of the same workflow is
    taken up again.
    """

    task_ids: tuple[str, ...] = ()
    workflow_id: str | None = None
    workflow_name: str | None = None
    known: frozenset[str] = frozenset()
    continued: bool = False
    single: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One task asked for; without an id it gets a new one."""

    spec: TaskSpec
    task_id: str | None = None
    path: str = "execution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where orders are placed: who admits, who numbers, and whose session drives them.

    `placed` are the ids of the workflows that this session has placed or taken up: those are not interrupted.
    """

    journal: Journal
    admission: Admission
    clock: Clock
    session: str
    placed: set[str] = dataclasses.field(default_factory=set)

    def new_id(self) -> str:
        """An id that no other task has."""
        return new_id(int(self.clock.now() * 1000), int(self.clock.chance() * (1 << 50)))

    def new_task(self, task_id: str, spec: TaskSpec, name: str = "", needs: tuple[str, ...] = ()) -> NewTask:
        """The task to submit, counted with what it will hold while it runs."""
        cpus, memory = counted(spec, self.admission.total)
        return NewTask(
            id=task_id,
            spec=spec,
            digest=spec_digest(spec),
            name=name,
            needs=needs,
            cpus=cpus,
            memory_bytes=memory,
        )


def spec_digest(spec: TaskSpec) -> str:
    """What identifies a request: everything but the folder it came from."""
    return digest(canonical(dataclasses.replace(spec, folder="")))


async def place(desk: Desk, parsed: Parsed, folder: str, *, fresh: bool) -> Order:
    """Place a parsed document that came from this folder. Raises Refused with every reason."""
    if isinstance(parsed, WorkflowSpec):
        return await place_workflow(desk, parsed, folder, fresh=fresh)
    if isinstance(parsed, Envelope):
        return await place_tasks(desk, (_request(parsed, folder, "execution"),), fresh=fresh, single=True)
    requests = tuple(_request(item, folder, f"[{n}].execution") for n, item in enumerate(parsed.items))
    return await place_tasks(desk, requests, fresh=fresh, single=False)


def _request(envelope: Envelope, folder: str, path: str) -> Request:
    spec = envelope.spec
    if not spec.folder:
        spec = dataclasses.replace(spec, folder=folder)
    return Request(spec=spec, task_id=envelope.task_id, path=path)


async def place_tasks(desk: Desk, requests: tuple[Request, ...], *, fresh: bool, single: bool) -> Order:
    """Submit tasks in one transaction. One whose id the store holds gives that task; with `fresh` it gets a new id."""
    desk.admission.check((request.path, request.spec) for request in requests)
    tasks = []
    for request in requests:
        task_id = request.task_id or desk.new_id()
        if fresh and request.task_id is not None:
            task_id = await _free_id(desk.journal, task_id)
        tasks.append(desk.new_task(task_id, request.spec))
    submitted = await desk.journal.submit(Submission(tasks=tuple(tasks), session=desk.session))
    return Order(task_ids=tuple(task.id for task in submitted.tasks), known=submitted.known, single=single)


async def place_workflow(desk: Desk, spec: WorkflowSpec, folder: str, *, fresh: bool) -> Order:
    """Submit a workflow, or take up an interrupted run of the same one unless `fresh`."""
    identity = canonical(spec)
    desk.admission.check((f"tasks.{name}", node.spec) for name, node in spec.nodes.items())
    interrupted = None if fresh else await _interrupted(desk, digest(identity))
    if interrupted is not None:
        await desk.journal.submit(Submission(session=desk.session, take_over=interrupted))
        desk.placed.add(interrupted)
        return Order(workflow_id=interrupted, workflow_name=spec.name, continued=True)
    workflow_id = desk.new_id()
    tasks = tuple(
        desk.new_task(
            f"{workflow_id}.{name}",
            dataclasses.replace(node.spec, folder=folder),
            name,
            tuple(f"{workflow_id}.{need}" for need in node.needs),
        )
        for name, node in spec.nodes.items()
    )
    workflow = NewWorkflow(
        id=workflow_id, name=spec.name, digest=digest(identity), document=identity, inputs=canonical(spec.inputs)
    )
    await desk.journal.submit(Submission(tasks=tasks, workflow=workflow, session=desk.session))
    desk.placed.add(workflow_id)
    return Order(workflow_id=workflow_id, workflow_name=spec.name)


async def _interrupted(desk: Desk, identity: str) -> str | None:
    """The newest run of the same workflow that has not ended, and that nobody in this session drives."""
    for run in await desk.journal.workflows(WorkflowQuery(digest=identity, ended=False)):
        if run.id not in desk.placed:
            return run.id
    return None


async def _free_id(journal: Journal, task_id: str) -> str:
    """The id itself where the store does not hold it, else the first free one of `ID~2`, `ID~3`, …"""
    number, candidate = 1, task_id
    while await journal.task(candidate) is not None:
        number += 1
        candidate = f"{task_id}~{number}"
    return candidate


async def take_up(desk: Desk, shelf: Shelf, some_id: str) -> Order:
    """A task or workflow that the store holds, to be driven on in this session. Raises UnknownTask."""
    task = await desk.journal.task(some_id)
    if task is None:
        workflow = await shelf.workflow(some_id)
        await desk.journal.submit(Submission(session=desk.session, take_over=some_id))
        desk.placed.add(some_id)
        return Order(workflow_id=some_id, workflow_name=workflow.name, continued=workflow.ended_at is None)
    known = dataclasses.replace(desk.new_task(task.id, task.spec), digest=task.digest)
    submitted = await desk.journal.submit(Submission(tasks=(known,), session=desk.session))
    return Order(task_ids=(some_id,), known=submitted.known, single=True)
