"""Storing what is submitted: all of it in one transaction, or nothing and every reason why not."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from holdfast.journal.sqlite import statements as sql
from holdfast.journal.sqlite.codec import Row, task_of
from holdfast.journal.sqlite.dependants import block
from holdfast.journal.sqlite.reader import workflow_at
from holdfast.journal.sqlite.tables import STRIDE, Log, Steps, Tables, TaskKey
from holdfast.journal.terms import (
    conflict,
    cycle,
    distinct,
    encode,
    first_state,
    new_record,
    unknown_need,
    unknown_workflow,
    unstorable,
    workflow_conflict,
)
from holdfast.model.errors import EngineFault, Problem, Refused
from holdfast.model.event import EventKind
from holdfast.model.query import Submission, Submitted
from holdfast.model.task import NewTask, Task, TaskState

_SUCCEEDED: Final = TaskState.SUCCEEDED


class Stored(NamedTuple):
    """A task that the store holds already."""

    seq: int
    state: TaskState
    name: str


@dataclass(slots=True)
class Plan:
    """What a submission comes to: which tasks are new, and what the store holds of those that it names."""

    submission: Submission
    now: float
    new: dict[str, NewTask] = field(default_factory=dict)
    known: dict[str, Stored] = field(default_factory=dict)
    needed: dict[str, Stored] = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=dict)
    made: dict[str, Task] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    workflow: int | None = None

    @property
    def workflow_id(self) -> str | None:
        return None if self.submission.workflow is None else self.submission.workflow.id

    def open_needs(self, task: NewTask) -> int:
        """How many of a new task's needs have not succeeded yet."""
        met = [need for need in set(task.needs) if need in self.needed and self.needed[need].state is _SUCCEEDED]
        return len(set(task.needs)) - len(met)

    def blockers(self) -> list[tuple[TaskKey, TaskState]]:
        """What is needed but has ended without success."""
        return [
            (TaskKey(stored.seq, need, stored.name, None, None), stored.state)
            for need, stored in self.needed.items()
            if stored.state.final and stored.state is not _SUCCEEDED
        ]


def submit(tables: Tables, submission: Submission, now: float) -> Steps[Submitted]:
    """Store new tasks; take over those that are known."""
    plan = Plan(submission, now)
    yield from _sort_out(tables, plan)
    taken = _take_over(tables, plan)
    _place(tables, plan)
    if plan.problems:
        raise Refused(plan.problems)
    log = Log(tables, now)
    yield from _insert(tables, log, plan)
    yield from _connect(tables, plan)
    yield from block(tables, log, plan.blockers(), now)
    events = yield from log.write()
    blocked = {event.task_id for event in events if event.kind is EventKind.CANCELLED}
    tasks = yield from _as_they_stand(tables, plan, blocked)
    workflow = plan.workflow if plan.workflow is not None else taken
    return Submitted(
        tasks=tasks,
        known=frozenset(plan.known),
        workflow=None if workflow is None else workflow_at(tables.connection, workflow),
        events=events,
    )


def _sort_out(tables: Tables, plan: Plan) -> Steps[None]:
    """Tell new tasks from known ones, and look up what they need; every problem is noted."""
    by_id, problems = distinct(plan.submission.tasks)
    plan.problems += problems + cycle(by_id)
    for index, (task_id, task) in enumerate(by_id.items(), 1):
        row = tables.row(sql.FIND_TASK, task_id)
        if row is None:
            plan.new[task_id] = task
        elif row[1] == task.digest:
            plan.known[task_id] = Stored(row[0], TaskState(row[2]), row[3])
        else:
            plan.problems.append(conflict(task_id))
        if index % STRIDE == 0:
            yield
    for task in plan.new.values():
        for need in task.needs:
            if need not in plan.new and need not in plan.needed and not _find_need(tables, plan, need):
                plan.problems.append(unknown_need(task.id, need))


def _find_need(tables: Tables, plan: Plan, need: str) -> bool:
    row = tables.row(sql.FIND_TASK, need)
    if row is not None:
        plan.needed[need] = Stored(row[0], TaskState(row[2]), row[3])
    return row is not None


def _take_over(tables: Tables, plan: Plan) -> int | None:
    """What is known and has not ended is driven by this session from now on."""
    session, workflow_id = plan.submission.session, plan.submission.take_over
    for stored in plan.known.values():
        tables.execute(sql.TAKE_TASK, (session, stored.seq))
    if workflow_id is None:
        return None
    row = tables.row(sql.FIND_WORKFLOW, workflow_id)
    if row is None:
        raise unknown_workflow(workflow_id)
    tables.execute(sql.TAKE_WORKFLOW, (session, row[0]))
    return int(row[0])


def _place(tables: Tables, plan: Plan) -> None:
    """Find or make the workflow that the new tasks belong to."""
    workflow = plan.submission.workflow
    if workflow is None:
        return
    row = tables.row(sql.FIND_WORKFLOW, workflow.id)
    if row is not None and row[1] != workflow.digest:
        plan.problems.append(workflow_conflict(workflow.id))
    if row is not None:
        plan.workflow = row[0]
        if plan.new:
            tables.execute(sql.MORE_TASKS, (len(plan.new), plan.workflow))
        return
    plan.workflow = tables.workflow = tables.workflow + 1
    ended_at = None if plan.new else plan.now
    values = (plan.workflow, workflow.id, workflow.name, workflow.digest, plan.now, ended_at, len(plan.new))
    tables.execute(sql.INSERT_WORKFLOW, values)
    tables.execute(sql.INSERT_DOCUMENT, (plan.workflow, workflow.document, workflow.inputs))


def _insert(tables: Tables, log: Log, plan: Plan) -> Steps[None]:
    tasks: list[Row] = []
    specs: list[Row] = []
    for task in plan.new.values():
        seq = plan.seqs[task.id] = tables.task = tables.task + 1
        open_needs = plan.open_needs(task) if task.needs else 0
        state = first_state(task, open_needs, plan.now)
        plan.made[task.id] = new_record(task, state, plan.workflow_id, plan.now)
        tasks.append(_task_row(task, plan, seq, state, open_needs))
        specs.append((seq, _body(task, plan)))
        log.add(EventKind.SUBMITTED, TaskKey(seq, task.id, task.name, plan.workflow, plan.workflow_id), state)
        if len(tasks) == STRIDE:
            _write(tables, log, tasks, specs)
            yield
    _write(tables, log, tasks, specs)
    if plan.problems:
        raise Refused(plan.problems)


def _body(task: NewTask, plan: Plan) -> bytes:
    try:
        return encode(task.spec)
    except (TypeError, ValueError, RecursionError) as error:
        plan.problems.append(unstorable(task.id, error))
        return b""


def _task_row(task: NewTask, plan: Plan, seq: int, state: TaskState, open_needs: int) -> Row:
    return (
        seq,
        task.id,
        task.digest,
        task.name,
        plan.workflow,
        plan.submission.session,
        state,
        open_needs,
        task.cpus,
        task.memory_bytes,
        plan.now,
        task.not_before,
        plan.now if state is TaskState.READY else None,
    )


def _write(tables: Tables, log: Log, tasks: list[Row], specs: list[Row]) -> None:
    tables.executemany(sql.INSERT_TASK, tasks)
    tables.executemany(sql.INSERT_SPEC, specs)
    log.flush()
    tasks.clear()
    specs.clear()


def _connect(tables: Tables, plan: Plan) -> Steps[None]:
    """The edges, once every task that they name is there."""
    edges: list[Row] = []
    for task in (task for task in plan.new.values() if task.needs):
        seq = plan.seqs[task.id]
        edges.extend((plan.seqs.get(need) or plan.needed[need].seq, seq) for need in set(task.needs))
        if len(edges) >= STRIDE:
            tables.executemany(sql.INSERT_EDGE, edges)
            edges.clear()
            yield
    tables.executemany(sql.INSERT_EDGE, edges)


def _as_they_stand(tables: Tables, plan: Plan, blocked: Set[str]) -> Steps[tuple[Task, ...]]:
    """The tasks in the order given: those just made as they were made, the others from their rows."""
    found = []
    for index, task in enumerate(plan.submission.tasks, 1):
        if task.id in plan.made and task.id not in blocked:
            found.append(plan.made[task.id])
        else:
            row = tables.row(sql.TASK, task.id)
            if row is None:
                raise EngineFault(f"task {task.id} was not stored")
            found.append(task_of(row))
        if index % STRIDE == 0:
            yield
    return tuple(found)
