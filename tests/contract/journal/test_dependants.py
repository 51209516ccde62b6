"""What the end of a task does to those that need it, near and far."""

from __future__ import annotations

import pytest

from contract.journal.world import Bench, new, told
from holdfast.model.event import EventKind
from holdfast.model.outcome import OutcomeKind
from holdfast.model.task import TaskState

W, R, C = TaskState.WAITING, TaskState.READY, TaskState.CANCELLED


def states(bench: Bench) -> dict[str, TaskState]:
    return {task.id: task.state for task in bench.tasks()}


def test_a_chain_runs_link_by_link(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"), new("c", "b"))
    moved = bench.end("a", at=51.0)
    assert told(moved.events) == [(EventKind.ENDED, "a", "succeeded"), (EventKind.DUE, "b", "ready")]
    assert [event.at for event in moved.events] == [51.0, 51.0]
    assert states(bench) == {"a": TaskState.SUCCEEDED, "b": R, "c": W}
    bench.end("b")
    bench.end("c")
    assert set(states(bench).values()) == {TaskState.SUCCEEDED}


def test_the_point_of_a_diamond_waits_for_both_sides(bench: Bench) -> None:
    bench.submit(new("top"), new("left", "top"), new("right", "top"), new("point", "left", "right"))
    bench.end("top")
    left, right = bench.claim()
    assert told(bench.finish(left).events) == [(EventKind.ENDED, "left", "succeeded")]
    assert bench.state("point") is W
    assert told(bench.finish(right).events)[1:] == [(EventKind.DUE, "point", "ready")]


def test_a_need_named_twice_counts_once(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a", "a"))
    bench.end("a")
    assert bench.state("b") is R


def test_many_that_need_one_are_ready_in_the_order_of_submission(bench: Bench) -> None:
    names = [f"t{n}" for n in range(700)]
    bench.submit(*(new(name, "root") for name in names), new("root"))
    moved = bench.end("root")
    assert [event.task_id for event in moved.events] == ["root", *names]
    assert {event.state for event in moved.events[1:]} == {"ready"}


def test_one_that_needs_many_is_ready_after_the_last(bench: Bench) -> None:
    names = [f"t{n}" for n in range(40)]
    bench.submit(new("join", *names), *map(new, names))
    claims = bench.claim()
    for claim in claims[:-1]:
        assert len(bench.finish(claim).events) == 1
    assert told(bench.finish(claims[-1]).events)[1:] == [(EventKind.DUE, "join", "ready")]


def test_a_task_whose_needs_are_met_still_waits_for_its_time(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a", not_before=100.0), new("c", "a", not_before=50.0))
    moved = bench.end("a", at=50.0)
    assert told(moved.events)[1:] == [(EventKind.DUE, "c", "ready")]
    assert bench.state("b") is W
    moved, next_due = bench.wake(now=99.0)
    assert (moved.events, next_due) == ((), 100.0)
    moved, next_due = bench.wake(now=100.0)
    assert told(moved.events) == [(EventKind.DUE, "b", "ready")]
    assert next_due is None


def test_a_task_whose_time_has_come_still_waits_for_its_needs(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a", not_before=30.0))
    assert bench.wake(now=31.0)[1] is None
    assert bench.state("b") is W
    bench.end("a", at=40.0)
    assert bench.state("b") is R


@pytest.mark.parametrize(("kind", "state"), [("errored", "failed"), ("cancelled", "cancelled"), ("lost", "failed")])
def test_a_failure_cancels_all_that_follow_and_each_says_why(bench: Bench, kind: str, state: str) -> None:
    bench.submit(new("a"), new("b", "a"), new("c", "b"), new("free"))
    claims = {claim.ref.task_id: claim for claim in bench.claim()}
    moved = bench.finish(claims["a"], kind, at=51.0)
    assert told(moved.events) == [
        (EventKind.ENDED, "a", state),
        (EventKind.CANCELLED, "b", "cancelled"),
        (EventKind.CANCELLED, "c", "cancelled"),
    ]
    b, c = bench.task("b"), bench.task("c")
    assert b.cancel_reason == f"needs 'name of a', which ended as {state}"
    assert c.cancel_reason == "needs 'name of b', which ended as cancelled"
    assert moved.events[1].data == {"reason": b.cancel_reason}
    assert (b.ended_at, c.ended_at) == (51.0, 51.0)
    assert b.outcome is not None
    assert (b.outcome.kind, b.outcome.message) == (OutcomeKind.CANCELLED, b.cancel_reason)
    assert bench.state("free") is TaskState.RUNNING


def test_a_task_without_a_name_is_called_by_its_id(bench: Bench) -> None:
    bench.submit(new("a", name=""), new("b", "a"))
    bench.end("a", "errored")
    assert bench.task("b").cancel_reason == "needs 'a', which ended as failed"


def test_one_failed_side_of_a_diamond_is_enough(bench: Bench) -> None:
    bench.submit(new("top"), new("left", "top"), new("right", "top"), new("point", "left", "right"))
    bench.end("top")
    left, right = bench.claim()
    bench.finish(left, "errored")
    assert bench.state("point") is C
    assert told(bench.finish(right).events) == [(EventKind.ENDED, "right", "succeeded")]
    assert bench.state("point") is C


def test_a_failure_that_is_tried_again_cancels_nothing(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"))
    bench.end("a", "errored", retry_at=60.0)
    assert states(bench) == {"a": W, "b": W}
    bench.wake(now=60.0)
    bench.end("a")
    assert bench.state("b") is R


def test_a_held_task_keeps_its_dependants_waiting(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"))
    bench.end("a", "held")
    assert bench.state("b") is W


def test_a_chain_of_twenty_thousand_is_cancelled_in_one_move(bench: Bench) -> None:
    length = 20_000
    bench.submit(new("t0"), *(new(f"t{n}", f"t{n - 1}") for n in range(1, length)))
    moved = bench.end("t0", "errored")
    assert len(moved.events) == length
    assert [event.task_id for event in moved.events] == [f"t{n}" for n in range(length)]
    assert bench.tasks(states=(W, R), limit=1) == ()
