"""Another attempt: when it is due, what is counted, and what stays on record."""

from __future__ import annotations

import pytest

from contract.journal.world import Bench, new, told
from holdfast.model.attempt import AttemptState
from holdfast.model.event import EventKind
from holdfast.model.task import TaskState


def test_a_task_to_be_tried_again_waits_until_it_is_due(bench: Bench) -> None:
    bench.submit(new("a"))
    moved = bench.end("a", "errored", at=50.0, retry_at=57.5)
    task = bench.task("a")
    assert told(moved.events) == [(EventKind.ENDED, "a", "waiting")]
    assert moved.events[0].data == {"outcome": "errored", "message": "it errored", "retry_at": 57.5}
    assert (task.state, task.due_at, task.outcome, task.ended_at) == (TaskState.WAITING, 57.5, None, None)
    assert bench.wake(now=57.0) == (type(moved)(), 57.5)
    assert bench.claim() == ()
    moved, next_due = bench.wake(now=57.5)
    assert told(moved.events) == [(EventKind.DUE, "a", "ready")]
    assert next_due is None


def test_a_retry_that_is_due_at_once_still_goes_through_the_line(bench: Bench) -> None:
    bench.submit(new("a"))
    bench.end("a", "errored", at=50.0, retry_at=50.0)
    assert bench.state("a") is TaskState.WAITING
    assert bench.wake(now=50.0)[0].events != ()


def test_the_second_attempt_knows_what_the_first_cost(bench: Bench) -> None:
    bench.submit(new("a"))
    spent = []
    for number, kind in enumerate(["errored", "lost", "sandbox_failed", "crashed", "succeeded"], 1):
        claim = bench.claim_one("a")
        assert claim.ref.number == number
        spent.append((claim.spent, claim.engine_faults))
        bench.finish(claim, kind, retry_at=None if kind == "succeeded" else 51.0)
        bench.wake(now=51.0)
    assert spent == [(0, 0), (1, 0), (1, 1), (1, 2), (2, 2)]
    task = bench.task("a")
    assert (task.state, task.attempts, task.engine_faults) == (TaskState.SUCCEEDED, 5, 2)


def test_every_attempt_stays_on_record_with_its_own_outcome(bench: Bench) -> None:
    bench.submit(new("a"))
    bench.end("a", "crashed", retry_at=51.0)
    bench.wake(now=51.0)
    bench.end("a", "timed_out", retry_at=52.0)
    bench.wake(now=52.0)
    bench.claim()
    attempts = bench.attempts("a")
    assert [attempt.number for attempt in attempts] == [1, 2, 3]
    assert [attempt.outcome and str(attempt.outcome.kind) for attempt in attempts] == ["crashed", "timed_out", None]
    assert [attempt.state for attempt in attempts] == [AttemptState.ENDED, AttemptState.ENDED, AttemptState.CLAIMED]


def test_the_first_start_of_a_task_stays(bench: Bench) -> None:
    bench.submit(new("a"))
    first = bench.claim_one("a")
    bench.advance(first, now=31.0)
    bench.finish(first, "errored", retry_at=51.0)
    bench.wake(now=51.0)
    second = bench.claim_one("a")
    bench.advance(second, now=52.0)
    bench.finish(second)
    assert bench.task("a").started_at == 31.0
    assert [attempt.started_at for attempt in bench.attempts("a")] == [31.0, 52.0]


def test_due_tasks_are_woken_earliest_first_and_the_next_is_named(bench: Bench) -> None:
    bench.submit(*(new(f"t{at}", not_before=float(at)) for at in (90, 70, 80, 60, 75)), new("ready"))
    moved, next_due = bench.wake(now=75.0)
    assert [event.task_id for event in moved.events] == ["t60", "t70", "t75"]
    assert {event.at for event in moved.events} == {75.0}
    assert next_due == 80.0
    assert [claim.ref.task_id for claim in bench.claim()] == ["ready", "t70", "t60", "t75"]


def test_waking_when_nothing_waits_changes_nothing(bench: Bench) -> None:
    bench.submit(new("a"))
    moved, next_due = bench.wake(now=1e9)
    assert (moved.events, next_due) == ((), None)


def test_a_cancelled_retry_never_becomes_due(bench: Bench) -> None:
    bench.submit(new("a"))
    bench.end("a", "errored", retry_at=70.0)
    bench.cancel("a")
    assert bench.wake(now=100.0) == (type(bench.cancel())(), None)


@pytest.mark.parametrize("count", [600])
def test_many_due_at_the_same_time_are_woken_in_the_order_of_submission(bench: Bench, count: int) -> None:
    names = [f"t{n}" for n in range(count)]
    bench.submit(*(new(name, not_before=70.0) for name in names))
    moved, _ = bench.wake(now=70.0)
    assert [event.task_id for event in moved.events] == names
