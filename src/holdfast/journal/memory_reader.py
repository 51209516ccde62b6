"""Questions to the journal in memory."""

from __future__ import annotations

from itertools import islice

from holdfast.journal.memory_rows import Rows, TaskRow
from holdfast.journal.terms import unknown_tasks
from holdfast.model.attempt import Attempt
from holdfast.model.event import Event
from holdfast.model.query import EventQuery, TaskQuery, WorkflowQuery
from holdfast.model.task import Task
from holdfast.model.workflow import Workflow


class MemoryReader:
    """The reading half of the journal."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def close(self) -> None:
        """Nothing to release."""

    async def task(self, task_id: str) -> Task | None:
        """One task, or None."""
        row = self._rows.find(task_id)
        return None if row is None else row.record

    async def tasks(self, query: TaskQuery) -> tuple[Task, ...]:
        """Tasks that match, newest first. Raises UnknownTask where `before` names none."""
        end = None if query.before is None else self._row(query.before).seq - 1
        found = (
            row.record
            for row in reversed(self._rows.tasks[:end])
            if (not query.states or row.record.state in query.states)
            and query.workflow_id in (None, row.record.workflow_id)
        )
        return tuple(islice(found, query.limit))

    async def attempts(self, task_id: str) -> tuple[Attempt, ...]:
        """All attempts of a task, in order."""
        row = self._rows.find(task_id)
        return () if row is None else tuple(row.attempts)

    async def workflows(self, query: WorkflowQuery) -> tuple[Workflow, ...]:
        """Workflows that match, newest first, each with the number of its tasks by state."""
        found = (
            row.read()
            for row in reversed(self._rows.workflows.values())
            if query.id in (None, row.record.id)
            and query.digest in (None, row.record.digest)
            and query.ended in (None, row.record.ended_at is not None)
        )
        return tuple(islice(found, query.limit))

    async def events(self, query: EventQuery) -> tuple[Event, ...]:
        """Events after a cursor, in order."""
        found = (
            event
            for event in self._rows.events[max(query.after, 0) :]
            if query.task_id in (None, event.task_id) and query.workflow_id in (None, event.workflow_id)
        )
        return tuple(islice(found, query.limit))

    def _row(self, task_id: str) -> TaskRow:
        row = self._rows.find(task_id)
        if row is None:
            raise unknown_tasks([task_id])
        return row
