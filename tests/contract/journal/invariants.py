"""The invariants of the design that a journal can be asked about, checked through the port alone."""

from __future__ import annotations

from collections.abc import Sequence

from contract.journal.world import Bench
from holdfast.model.attempt import Attempt, AttemptState
from holdfast.model.event import Event, EventKind
from holdfast.model.outcome import Fault, OutcomeKind
from holdfast.model.task import Task, TaskState
from holdfast.rules.lifecycle import TASK_MOVES, Move

MOVES = {
    EventKind.DUE: {Move.DUE},
    EventKind.CLAIMED: {Move.CLAIM},
    EventKind.ENDED: {Move.SUCCEED, Move.RETRY, Move.FAIL, Move.STOP},
    EventKind.HELD: {Move.HOLD},
    EventKind.CANCEL_ASKED: {Move.CANCEL},
    EventKind.CANCELLED: {Move.CANCEL},
}
"""Which moves of the life cycle an event can stand for. `submitted` begins it; the others leave the state alone."""


def check_records(bench: Bench, limit: int = 10_000) -> None:
    """Everything that can be seen in one look at the store."""
    events = bench.events(limit=limit)
    assert [event.seq for event in events] == sorted({event.seq for event in events})
    by_task: dict[str, list[Event]] = {}
    for event in events:
        by_task.setdefault(event.task_id, []).append(event)
    tasks = bench.tasks(limit=limit)
    for task in tasks:
        attempts = bench.attempts(task.id)
        one_live_attempt_means_running(task, attempts)
        attempts_are_counted(task, attempts)
        at_most_one_result(task, attempts)
        every_move_has_its_event(task, attempts, by_task.pop(task.id))
    assert not by_task, "events of tasks that are not there"
    workflows_agree(bench, tasks)


def one_live_attempt_means_running(task: Task, attempts: Sequence[Attempt]) -> None:
    """Invariant 1."""
    live = [attempt for attempt in attempts if attempt.state is not AttemptState.ENDED]
    assert len(live) == (task.state is TaskState.RUNNING), task
    assert live == list(attempts[len(attempts) - len(live) :]), "only the last attempt can be alive"


def attempts_are_counted(task: Task, attempts: Sequence[Attempt]) -> None:
    """Invariant 2."""
    assert [attempt.number for attempt in attempts] == list(range(1, task.attempts + 1))
    faults = [attempt for attempt in attempts if attempt.outcome and attempt.outcome.fault is Fault.ENGINE]
    assert task.engine_faults == len(faults)
    assert task.attempts - task.engine_faults <= task.spec.retry.max_attempts


def at_most_one_result(task: Task, attempts: Sequence[Attempt]) -> None:
    """Invariants 4 and 8."""
    succeeded = [a for a in attempts if a.outcome is not None and a.outcome.kind is OutcomeKind.SUCCEEDED]
    assert len(succeeded) == (task.state is TaskState.SUCCEEDED)
    for attempt in succeeded:
        assert attempt is attempts[-1]
        assert attempt.verdict is not None
        assert attempt.verdict.passed
        assert attempt.receipt is not None
    assert task.result is None or task.state is TaskState.SUCCEEDED
    assert (task.outcome is not None) == (task.ended_at is not None) == task.state.final
    kinds = {TaskState.SUCCEEDED: OutcomeKind.SUCCEEDED, TaskState.CANCELLED: OutcomeKind.CANCELLED}
    if task.outcome is not None:
        assert kinds.get(task.state, task.outcome.kind) is task.outcome.kind


def every_move_has_its_event(task: Task, attempts: Sequence[Attempt], events: Sequence[Event]) -> None:
    """Invariant 5: the events, read in order, walk the life cycle from its start to where the task stands."""
    first, *rest = events
    assert first.kind is EventKind.SUBMITTED
    state = TaskState(first.state)
    assert state in (TaskState.WAITING, TaskState.READY)
    for event in rest:
        after = TaskState(event.state)
        if event.kind in (EventKind.STARTED, EventKind.VERIFYING):
            assert state is after is TaskState.RUNNING
        else:
            assert after in {TASK_MOVES.get((state, move)) for move in MOVES[event.kind]}, event
        state = after
    assert state is task.state
    ends = sum(event.kind in (EventKind.ENDED, EventKind.HELD) for event in events)
    assert sum(event.kind is EventKind.CLAIMED for event in events) == task.attempts
    assert ends == sum(attempt.state is AttemptState.ENDED for attempt in attempts)


def finals_absorb(before: Sequence[Task], after: Sequence[Task]) -> None:
    """Invariant 3: a task that had ended is to the last field what it was."""
    now = {task.id: task for task in after}
    for task in before:
        assert not task.state.final or now[task.id] == task


def workflows_agree(bench: Bench, tasks: Sequence[Task]) -> None:
    """A workflow counts its tasks, and has ended exactly when they all have."""
    for flow in bench.workflows(limit=10_000):
        own = [task for task in tasks if task.workflow_id == flow.id]
        assert flow.counts == {s.value: n for s in TaskState if (n := sum(task.state is s for task in own))}
        assert (flow.ended_at is not None) == all(task.state.final for task in own)
