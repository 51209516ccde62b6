"""Where every task of an order stands, kept up to date from the engine's events. Nothing here reads a clock."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.model.event import Event, EventKind
from holdfast.model.task import Task, TaskState

RECENT: Final = 100
"""So many of the last ends are remembered in order."""


@dataclass(slots=True, kw_only=True)
class Row:
    """One task as it is shown. Times are Unix seconds; `since` is the start of the attempt that runs now.

    `spent_s` is what ended attempts took; `outcome` and `message` are those of the last one that ended; `seq` is the
    last event that was followed: events of different tasks need not come in order.
    """

    id: str
    name: str
    state: TaskState
    max_attempts: int
    attempt: int = 0
    since: float | None = None
    spent_s: float = 0.0
    memory_bytes: int | None = None
    outcome: str = ""
    message: str = ""
    retry_at: float | None = None
    cancelling: bool = False
    seq: int = 0

    def elapsed_s(self, now: float) -> float | None:
        """Time in attempts so far, None before the first."""
        running = 0.0 if self.since is None else max(0.0, now - self.since)
        return self.spent_s + running if self.attempt else None


class Track:
    """The rows of an order, by task id."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.rows: dict[str, Row] = {}
        self.running: dict[str, Row] = {}
        self.counts: Counter[TaskState] = Counter()
        self.recent: deque[Row] = deque(maxlen=RECENT)
        self.ran = 0
        self.ran_s = 0.0
        self.first_start: float | None = None
        for task in tasks:
            row = self.rows[task.id] = _row(task)
            self.counts[row.state] += 1
            self._moved(row, row.state)

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def ended(self) -> int:
        return sum(number for state, number in self.counts.items() if state.final)

    def settle(self, tasks: Iterable[Task]) -> None:
        """Take the ends that the store has, where so many came at once that events may have been dropped."""
        for task in tasks:
            row = self.rows[task.id]
            if task.state.final and not row.state.final:
                self._moved(row, task.state)
                row.since, row.cancelling = None, False
                row.outcome, row.message = _end(task)

    def apply(self, event: Event) -> Row | None:
        """Follow one event; the row that it moved, None where it is about no task of ours, or too old to matter."""
        row = self.rows.get(event.task_id)
        if row is None or event.seq <= row.seq:
            return None
        row.seq = event.seq
        self._moved(row, TaskState(event.state))
        if event.kind in (EventKind.CLAIMED, EventKind.STARTED):
            self._begun(row, event.attempt or row.attempt, event.at)
        elif event.kind is EventKind.CANCEL_ASKED:
            row.cancelling = True
        elif event.kind in _ENDS:
            self._ended(row, event)
        return row

    def seen_running(self, task_id: str, attempt: int, now: float) -> None:
        """An attempt was seen at work, perhaps before the event that tells of its start."""
        row = self.rows.get(task_id)
        if row is not None and row.state is not TaskState.RUNNING and row.attempt < attempt:
            self._moved(row, TaskState.RUNNING)
            self._begun(row, attempt, now)

    def _moved(self, row: Row, state: TaskState) -> None:
        if row.state is state:
            if state is TaskState.RUNNING:
                self.running.setdefault(row.id, row)
            return
        self.counts[row.state] -= 1
        self.counts[state] += 1
        row.state = state
        if state is TaskState.RUNNING:
            self.running[row.id] = row
        else:
            self.running.pop(row.id, None)

    def _begun(self, row: Row, attempt: int, at: float) -> None:
        row.attempt = attempt
        row.retry_at = None
        row.since = at
        if self.first_start is None or at < self.first_start:
            self.first_start = at

    def _ended(self, row: Row, event: Event) -> None:
        if row.since is not None:
            row.spent_s += max(0.0, event.at - row.since)
            row.since = None
        row.outcome = _text(event.data, "outcome") or (TaskState.CANCELLED.value if not row.attempt else row.outcome)
        row.message = _text(event.data, "message") or _text(event.data, "reason") or row.message
        retry_at = event.data.get("retry_at")
        row.retry_at = float(retry_at) if isinstance(retry_at, int | float) else None
        if row.state.final:
            row.cancelling = False
            self.recent.append(row)
            if row.attempt:
                self.ran += 1
                self.ran_s += row.spent_s


_ENDS: Final = frozenset({EventKind.ENDED, EventKind.CANCELLED, EventKind.EXPIRED, EventKind.HELD})


def _row(task: Task) -> Row:
    ended = task.started_at is not None and task.ended_at is not None
    outcome, message = _end(task)
    return Row(
        id=task.id,
        name=task.name or task.id,
        state=task.state,
        max_attempts=task.spec.retry.max_attempts,
        attempt=task.attempts,
        since=task.started_at if task.state is TaskState.RUNNING else None,
        spent_s=max(0.0, (task.ended_at or 0.0) - (task.started_at or 0.0)) if ended else 0.0,
        outcome=outcome,
        message=message,
    )


def _end(task: Task) -> tuple[str, str]:
    return ("", "") if task.outcome is None else (task.outcome.kind.value, task.outcome.message)


def _text(data: Mapping[str, object], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""
