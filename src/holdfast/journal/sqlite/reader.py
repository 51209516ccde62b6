"""Questions to the store: on a connection that cannot write, each in one short transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import merge
from itertools import islice
from typing import Final

import apsw

from holdfast.journal.sqlite import statements as sql
from holdfast.journal.sqlite.codec import Row, attempt_of, event_of, task_of, workflow_of
from holdfast.journal.sqlite.faults import fault_of
from holdfast.journal.terms import unknown_tasks
from holdfast.model.attempt import Attempt
from holdfast.model.errors import EngineFault
from holdfast.model.event import Event
from holdfast.model.query import EventQuery, TaskQuery, WorkflowQuery
from holdfast.model.task import Task, TaskState
from holdfast.model.workflow import Workflow

PAGE: Final = 500
"""So many rows are read in one transaction; then the event loop gets its turn."""

_NEWEST: Final = (1 << 63) - 1
_SEQ: Final = 18
"""The column of `statements.TASK` that holds the key."""


class SqliteReader:
    """The reading half of the journal. Each question sees one moment; an answer of many pages, one moment per page."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    async def task(self, task_id: str) -> Task | None:
        """One task, or None."""
        with _snapshot(self._connection):
            row = self._connection.execute(sql.TASK, (task_id,)).fetchone()
        return None if row is None else task_of(row)

    async def tasks(self, query: TaskQuery) -> tuple[Task, ...]:
        """Tasks that match, newest first. Raises UnknownTask where `before` names none."""
        before = _NEWEST if query.before is None else self._seq(query.before)
        found: list[Task] = []
        while len(found) < query.limit:
            limit = min(PAGE, query.limit - len(found))
            with _snapshot(self._connection):
                page = _task_page(self._connection, query, before, limit)
            found.extend(map(task_of, page))
            if len(page) < limit:
                break
            before = page[-1][_SEQ]
            await asyncio.sleep(0)
        return tuple(found)

    def _seq(self, task_id: str) -> int:
        with _snapshot(self._connection):
            row = self._connection.execute(sql.SEQ_OF_TASK, (task_id,)).fetchone()
        if row is None:
            raise unknown_tasks([task_id])
        return int(row[0])

    async def attempts(self, task_id: str) -> tuple[Attempt, ...]:
        """All attempts of a task, in order."""
        with _snapshot(self._connection):
            rows = self._connection.execute(sql.ATTEMPTS, (task_id,)).fetchall()
        return tuple(attempt_of(task_id, row) for row in rows)

    async def workflows(self, query: WorkflowQuery) -> tuple[Workflow, ...]:
        """Workflows that match, newest first, each with the number of its tasks by state."""
        statement, values = _which_workflows(query)
        with _snapshot(self._connection):
            seqs = [row[0] for row in self._connection.execute(statement, values)]
            return tuple(workflow_at(self._connection, seq) for seq in seqs)

    async def events(self, query: EventQuery) -> tuple[Event, ...]:
        """Events after a cursor, in order."""
        after = query.after
        found: list[Event] = []
        while len(found) < query.limit:
            limit = min(PAGE, query.limit - len(found))
            with _snapshot(self._connection):
                page = _event_page(self._connection, query, after, limit)
            found.extend(event for event in map(event_of, page) if _belongs(event, query))
            if len(page) < limit:
                break
            after = page[-1][0]
            await asyncio.sleep(0)
        return tuple(found)


@contextmanager
def _snapshot(connection: apsw.Connection) -> Iterator[None]:
    """One read transaction; SQLite's errors come out as ours."""
    try:
        connection.execute("BEGIN")
        try:
            yield
        finally:
            if connection.in_transaction:
                connection.execute("COMMIT")
    except apsw.Error as error:
        raise fault_of(error) from error


def workflow_at(connection: apsw.Connection, seq: int) -> Workflow:
    """The workflow of this key."""
    row = connection.execute(sql.WORKFLOW, (seq,)).fetchone()
    if row is None:
        raise EngineFault("a workflow is gone")
    found: dict[str, int] = dict(_rows(connection, sql.COUNTS, seq))
    return workflow_of(row, {str(state): found[state] for state in TaskState if state in found})


def _rows(connection: apsw.Connection, statement: str, *values: int | str) -> list[Row]:
    return connection.execute(statement, values).fetchall()


def _task_page(connection: apsw.Connection, query: TaskQuery, before: int, limit: int) -> list[Row]:
    states = query.states or tuple(TaskState)
    if query.workflow_id is not None:
        padded = (*dict.fromkeys(states), *[states[0]] * len(TaskState))[: len(TaskState)]
        return _rows(connection, sql.TASKS_OF_WORKFLOW, before, query.workflow_id, *padded, limit)
    if not query.states:
        return _rows(connection, sql.TASKS, before, limit)
    lines = [_rows(connection, sql.TASKS_BY_STATE, before, state, limit) for state in dict.fromkeys(states)]
    return list(islice(merge(*lines, key=lambda row: -int(row[_SEQ])), limit))


def _event_page(connection: apsw.Connection, query: EventQuery, after: int, limit: int) -> list[Row]:
    if query.task_id is not None:
        return _rows(connection, sql.EVENTS_OF_TASK, query.task_id, after, limit)
    if query.workflow_id is not None:
        return _rows(connection, sql.EVENTS_OF_WORKFLOW, query.workflow_id, after, limit)
    return _rows(connection, sql.EVENTS, after, limit)


def _belongs(event: Event, query: EventQuery) -> bool:
    """Whether an event of the task asked for is also one of the workflow asked for."""
    return query.workflow_id is None or event.workflow_id == query.workflow_id


def _which_workflows(query: WorkflowQuery) -> tuple[str, tuple[str | int, ...]]:
    conditions: list[str] = []
    values: list[str | int] = []
    if query.id is not None:
        conditions.append(sql.WORKFLOW_OF_ID)
        values.append(query.id)
    if query.digest is not None:
        conditions.append(sql.WORKFLOW_OF_DIGEST)
        values.append(query.digest)
    if query.ended is not None:
        conditions.append(sql.WORKFLOW_ENDED if query.ended else sql.WORKFLOW_OPEN)
    return "".join((sql.WORKFLOWS, *conditions, sql.NEWEST_WORKFLOWS)), (*values, query.limit)
