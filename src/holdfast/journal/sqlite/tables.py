"""The tables under the writing connection, the next free key of each, and the events of one move."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Final, NamedTuple, TypeAlias, TypeVar

import apsw

from holdfast.journal.sqlite import statements as sql
from holdfast.journal.sqlite.codec import Row
from holdfast.journal.terms import encode
from holdfast.model.event import Event, EventKind
from holdfast.model.json import Json
from holdfast.model.task import TaskState

T = TypeVar("T")
Steps: TypeAlias = Generator[None, None, T]
"""A move in steps: each `yield` is a place where the event loop may do something else."""

STRIDE: Final = 256
"""So many rows are read or written in one step."""


class TaskKey(NamedTuple):
    """A task as its moves name it: by its own keys and those of its workflow."""

    seq: int
    id: str
    name: str
    workflow: int | None
    workflow_id: str | None


class Tables:
    """The tables of an open store. Keys are given out here, so that a failed move can give them back."""

    def __init__(self, connection: apsw.Connection, epoch: int) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.epoch = epoch
        self.task = self._highest("task", "seq")
        self.workflow = self._highest("workflow", "seq")
        self.attempt = self._highest("attempt", "id")
        self.event = self._highest("event", "seq")

    def _highest(self, table: str, key: str) -> int:
        for (highest,) in self.execute(sql.HIGHEST.format(table=table, key=key)):
            return int(highest)
        return 0

    def keys(self) -> tuple[int, int, int, int]:
        """The last keys given out: task, workflow, attempt, event."""
        return self.task, self.workflow, self.attempt, self.event

    def take_back(self, keys: tuple[int, int, int, int]) -> None:
        """Forget the keys given out since: what they were for is rolled back."""
        self.task, self.workflow, self.attempt, self.event = keys

    def row(self, statement: str, *values: int | float | str | bytes | None) -> Row | None:
        """The one row of a question, None where there is none."""
        return self.execute(statement, values).fetchone()

    def rows(self, statement: str, *values: int | float | str | bytes | None) -> list[Row]:
        """All rows of a question."""
        return self.execute(statement, values).fetchall()

    def changed(self) -> bool:
        """Whether the last statement changed a row."""
        return self.connection.changes() > 0


class Log:
    """The events of one move, in order: written at its end, and the tasks that ended counted off their workflows."""

    def __init__(self, tables: Tables, at: float) -> None:
        self._tables = tables
        self._at = at
        self._events: list[Event] = []
        self._rows: list[Row] = []
        self._ended: dict[int, int] = {}

    def add(
        self,
        kind: EventKind,
        task: TaskKey,
        state: TaskState,
        *,
        attempt: int | None = None,
        data: Mapping[str, Json] | None = None,
    ) -> None:
        """One more move, that left the task in this state."""
        seq = self._tables.event = self._tables.event + 1
        self._events.append(
            Event(
                seq=seq,
                at=self._at,
                kind=kind,
                task_id=task.id,
                state=str(state),
                workflow_id=task.workflow_id,
                attempt=attempt,
                data=data or {},
            )
        )
        body = encode(data) if data else None
        self._rows.append((seq, self._at, kind, task.seq, task.workflow, state, attempt, body))
        if task.workflow is not None and state.final:
            self._ended[task.workflow] = self._ended.get(task.workflow, 0) + 1

    def flush(self) -> None:
        """Store the events added since the last time."""
        self._tables.executemany(sql.INSERT_EVENT, self._rows)
        self._rows.clear()

    def write(self) -> Steps[tuple[Event, ...]]:
        """Store what is left; give back all events of the move."""
        if len(self._rows) == 1:
            self._tables.execute(sql.INSERT_EVENT, self._rows[0])
        else:
            for start in range(0, len(self._rows), STRIDE):
                self._tables.executemany(sql.INSERT_EVENT, self._rows[start : start + STRIDE])
                yield
        self._rows.clear()
        for workflow, ended in self._ended.items():
            self._tables.execute(sql.CLOSE_TASKS, (ended, self._at, workflow))
        return tuple(self._events)
