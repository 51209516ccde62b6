"""What the move of one task does to others: those that need it start, or never will."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from holdfast.journal.sqlite import statements as sql
from holdfast.journal.sqlite.codec import Row
from holdfast.journal.sqlite.tables import STRIDE, Log, Steps, Tables, TaskKey
from holdfast.journal.terms import cancelled_outcome, encode, unknown_tasks
from holdfast.model.event import EventKind
from holdfast.model.query import Moved
from holdfast.model.task import TaskState
from holdfast.rules.lifecycle import Move, may_cancel, step
from holdfast.rules.schedule import blocked_by


def make_ready(tables: Tables, log: Log, task: TaskKey, now: float) -> None:
    """A waiting task joins the line."""
    after = step(TaskState.WAITING, Move.DUE)
    tables.execute(sql.MAKE_READY, (after, now, task.seq))
    log.add(EventKind.DUE, task, after)


def meet(tables: Tables, log: Log, done: TaskKey, now: float) -> Steps[None]:
    """A task succeeded: those that waited for nothing else are ready, if their time has come."""
    for index, row in enumerate(tables.rows(sql.DEPENDANTS, done.seq), 1):
        open_needs, due_at = row[5], row[6]
        if open_needs > 1 or (due_at is not None and due_at > now):
            tables.execute(sql.MEET_NEED, (row[0],))
        else:
            make_ready(tables, log, TaskKey(*row[:5]), now)
        if index % STRIDE == 0:
            yield


def block(tables: Tables, log: Log, ended: Iterable[tuple[TaskKey, TaskState]], now: float) -> Steps[None]:
    """Tasks ended without success: all that need them, however far away, are cancelled and say why."""
    line = deque(ended)
    count = 0
    while line:
        blocker, state = line.popleft()
        reason = blocked_by(blocker.name or blocker.id, state)
        for row in tables.rows(sql.DEPENDANTS, blocker.seq):
            task = TaskKey(*row[:5])
            line.append((task, _cancel_now(tables, log, task, TaskState.WAITING, reason, now)))
            count += 1
            if count % STRIDE == 0:
                yield


def cancel(tables: Tables, task_ids: Sequence[str], reason: str, now: float) -> Steps[Moved]:
    """Cancel tasks: those with a live attempt are flagged, the others end at once, their dependants with them."""
    log = Log(tables, now)
    cancelled = []
    for index, row in enumerate(_named(tables, task_ids), 1):
        task, state = TaskKey(*row[:5]), TaskState(row[5])
        if state is TaskState.RUNNING:
            _ask(tables, log, task, row[6], row[7], reason)
        elif may_cancel(state):
            cancelled.append((task, _cancel_now(tables, log, task, state, reason, now)))
        if index % STRIDE == 0:
            yield
    yield from block(tables, log, cancelled, now)
    return Moved(events=(yield from log.write()))


def _named(tables: Tables, task_ids: Sequence[str]) -> Iterator[Row]:
    unknown = []
    for task_id in dict.fromkeys(task_ids):
        row = tables.row(sql.CANCELLABLE, task_id)
        if row is None:
            unknown.append(task_id)
        elif not unknown:
            yield row
    if unknown:
        raise unknown_tasks(unknown)


def _ask(tables: Tables, log: Log, task: TaskKey, asked: str | None, attempt: int, reason: str) -> None:
    if asked is not None:  # the first reason stands
        return
    after = step(TaskState.RUNNING, Move.CANCEL)
    tables.execute(sql.ASK_CANCEL, (reason, task.seq))
    log.add(EventKind.CANCEL_ASKED, task, after, attempt=attempt, data={"reason": reason})


def _cancel_now(tables: Tables, log: Log, task: TaskKey, before: TaskState, reason: str, now: float) -> TaskState:
    after = step(before, Move.CANCEL)
    tables.execute(sql.CANCEL_TASK, (after, reason, encode(cancelled_outcome(reason)), now, task.seq))
    log.add(EventKind.CANCELLED, task, after, data={"reason": reason})
    return after
