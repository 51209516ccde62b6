"""What the journal in memory keeps: rows, and the lines in which tasks stand."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from holdfast.model.attempt import Attempt, AttemptState, Ending
from holdfast.model.event import Event, EventKind
from holdfast.model.json import Json
from holdfast.model.task import NewTask, Task, TaskState
from holdfast.model.workflow import Workflow


@dataclass(slots=True, eq=False)
class WorkflowRow:
    """A workflow, its tasks, and how many of them have not ended."""

    record: Workflow
    tasks: list[TaskRow] = field(default_factory=list)
    open_tasks: int = 0

    def read(self) -> Workflow:
        """The record, with its tasks counted."""
        states = [row.record.state for row in self.tasks]
        return replace(self.record, counts={str(state): states.count(state) for state in TaskState if state in states})


@dataclass(slots=True, eq=False)
class TaskRow:
    """A task, and what its record does not show."""

    seq: int
    record: Task
    new: NewTask
    session: str
    open_needs: int
    workflow: WorkflowRow | None
    ready_since: float | None = None
    dependants: list[TaskRow] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    def turn(self) -> float | None:
        """By what a task stands in line: since when it is ready, or when it is due."""
        if self.record.state is TaskState.READY:
            return self.ready_since
        return self.record.due_at if self.record.state is TaskState.WAITING and not self.open_needs else None


class Rows:
    """All rows. They change here only, so that the lines always agree with the records."""

    def __init__(self) -> None:
        self.tasks: list[TaskRow] = []
        self.attempts: list[TaskRow] = []
        self.events: list[Event] = []
        self.workflows: dict[str, WorkflowRow] = {}
        self._by_id: dict[str, TaskRow] = {}
        self._running: dict[int, TaskRow] = {}
        self._lines: dict[TaskState, list[tuple[float, int]]] = {TaskState.READY: [], TaskState.WAITING: []}

    def find(self, task_id: str) -> TaskRow | None:
        """The row of a task, None where there is none."""
        return self._by_id.get(task_id)

    def add(self, row: TaskRow) -> None:
        """One more task."""
        self.tasks.append(row)
        self._by_id[row.record.id] = row
        if row.workflow is not None:
            row.workflow.tasks.append(row)
            row.workflow.open_tasks += 1
            row.workflow.record = replace(row.workflow.record, ended_at=None)
        self._enter(row)

    def change(
        self, row: TaskRow, *, open_needs: int | None = None, ready_since: float | None = None, **changes: Any
    ) -> None:
        """Another record for a task, and its place in line by that."""
        self._leave(row)
        row.open_needs = row.open_needs if open_needs is None else open_needs
        row.ready_since = row.ready_since if ready_since is None else ready_since
        row.record = replace(row.record, **changes)
        self._enter(row)

    def running(self) -> list[TaskRow]:
        """The tasks that run now."""
        return [self._running[seq] for seq in sorted(self._running)]

    def ready(self) -> Iterator[TaskRow]:
        """Ready tasks, those that wait longest first."""
        return (self.tasks[seq - 1] for _, seq in self._lines[TaskState.READY])

    def due(self, now: float) -> tuple[list[TaskRow], float | None]:
        """Waiting tasks whose time has come, the earliest first; and the time of the first that has to wait."""
        line = self._lines[TaskState.WAITING]
        end = bisect_right(line, (now, len(self.tasks)))
        return [self.tasks[seq - 1] for _, seq in line[:end]], line[end][0] if end < len(line) else None

    def note(
        self,
        kind: EventKind,
        row: TaskRow,
        at: float,
        *,
        attempt: int | None = None,
        data: Mapping[str, Json] | None = None,
    ) -> None:
        """One more event, of a move just made; a task that has ended with it is counted off its workflow."""
        record, workflow = row.record, row.workflow
        self.events.append(
            Event(
                seq=len(self.events) + 1,
                at=at,
                kind=kind,
                task_id=record.id,
                state=str(record.state),
                workflow_id=record.workflow_id,
                attempt=attempt,
                data=data or {},
            )
        )
        if workflow is not None and record.state.final:
            workflow.open_tasks -= 1
            if not workflow.open_tasks:
                workflow.record = replace(workflow.record, ended_at=at)

    def _enter(self, row: TaskRow) -> None:
        if row.record.state is TaskState.RUNNING:
            self._running[row.seq] = row
        turn = row.turn()
        if turn is not None:
            insort(self._lines[row.record.state], (turn, row.seq))

    def _leave(self, row: TaskRow) -> None:
        self._running.pop(row.seq, None)
        turn = row.turn()
        if turn is not None:
            line = self._lines[row.record.state]
            del line[bisect_left(line, (turn, row.seq))]


def ended(attempt: Attempt, ending: Ending) -> Attempt:
    """The attempt with its end on record."""
    return replace(
        attempt,
        state=AttemptState.ENDED,
        started_at=attempt.started_at if ending.started_at is None else ending.started_at,
        ended_at=ending.ended_at,
        outcome=ending.outcome,
        verdict=ending.verdict,
        receipt=ending.receipt,
        level=ending.level,
        usage=ending.usage,
        enforcement=ending.enforcement,
        stdout=ending.stdout,
        stderr=ending.stderr,
    )
