"""Cancelling, in every state: at once where nothing is alive, else by flag; it wins or loses by rule."""

from __future__ import annotations

import pytest

from contract.journal.world import Bench, new, told, workflow
from holdfast.model.errors import UnknownTask
from holdfast.model.event import EventKind
from holdfast.model.outcome import Outcome, OutcomeKind
from holdfast.model.task import TaskState


def put(bench: Bench, state: str) -> None:
    """A task `a` in this state."""
    bench.submit(new("a", not_before=500.0 if state == "waiting" else None))
    if state == "running":
        bench.claim()
    elif state in ("held", "succeeded"):
        bench.end("a", state)
    elif state == "failed":
        bench.end("a", "errored")
    elif state == "cancelled":
        bench.cancel("a")
    assert bench.state("a") is TaskState(state)


@pytest.mark.parametrize("state", ["waiting", "ready", "held"])
def test_where_no_attempt_is_alive_a_cancel_ends_the_task(bench: Bench, state: str) -> None:
    put(bench, state)
    moved = bench.cancel("a", reason="changed my mind", now=61.0)
    task = bench.task("a")
    assert told(moved.events) == [(EventKind.CANCELLED, "a", "cancelled")]
    assert moved.events[0].data == {"reason": "changed my mind"}
    assert (task.state, task.cancel_reason, task.ended_at) == (TaskState.CANCELLED, "changed my mind", 61.0)
    assert task.outcome == Outcome(kind=OutcomeKind.CANCELLED, message="changed my mind")
    assert bench.claim() == ()
    assert bench.wake(now=600.0)[0].events == ()


def test_where_an_attempt_is_alive_its_worker_is_told(bench: Bench) -> None:
    put(bench, "running")
    moved = bench.cancel("a", reason="changed my mind", now=61.0)
    task = bench.task("a")
    assert told(moved.events) == [(EventKind.CANCEL_ASKED, "a", "running")]
    assert (moved.events[0].attempt, moved.events[0].data) == (1, {"reason": "changed my mind"})
    assert (task.state, task.cancel_reason, task.ended_at) == (TaskState.RUNNING, "changed my mind", None)


def test_asking_again_changes_nothing_and_the_first_reason_stands(bench: Bench) -> None:
    put(bench, "running")
    bench.cancel("a", reason="first")
    assert bench.cancel("a", reason="second").events == ()
    assert bench.task("a").cancel_reason == "first"


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_a_task_that_has_ended_stays_as_it_is(bench: Bench, state: str) -> None:
    put(bench, state)
    before = bench.task("a"), bench.events()
    assert bench.cancel("a", reason="too late").events == ()
    assert (bench.task("a"), bench.events()) == before


def test_a_success_wins_over_a_cancel_that_was_asked_for(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"))
    claim = bench.claim_one("a")
    bench.cancel("a")
    bench.finish(claim)
    assert bench.state("a") is TaskState.SUCCEEDED
    assert bench.state("b") is TaskState.READY


def test_a_stop_by_request_ends_as_cancelled(bench: Bench) -> None:
    bench.submit(new("a"))
    claim = bench.claim_one("a")
    bench.cancel("a", reason="enough")
    moved = bench.finish(claim, "cancelled")
    assert told(moved.events) == [(EventKind.ENDED, "a", "cancelled")]
    outcome = bench.task("a").outcome
    assert outcome is not None
    assert (outcome.kind, outcome.message) == (OutcomeKind.CANCELLED, "it cancelled")


@pytest.mark.parametrize("kind", ["errored", "timed_out", "lost", "held"])
def test_a_cancel_wins_over_every_other_end_even_one_to_be_tried_again(bench: Bench, kind: str) -> None:
    bench.submit(new("a"), new("b", "a"))
    claim = bench.claim_one("a")
    bench.cancel("a", reason="enough")
    bench.finish(claim, kind, retry_at=70.0)
    task = bench.task("a")
    assert task.state is TaskState.CANCELLED
    assert task.outcome == Outcome(kind=OutcomeKind.CANCELLED, message="enough", detail={"attempt": kind})
    attempt_outcome = bench.attempts("a")[0].outcome
    assert attempt_outcome is not None
    assert attempt_outcome.kind is OutcomeKind(kind)
    assert bench.task("b").cancel_reason == "needs 'name of a', which ended as cancelled"


def test_dependants_of_a_cancelled_task_are_cancelled_with_it(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"), new("c", "b"), workflow=workflow())
    moved = bench.cancel("a", now=61.0)
    assert [event.task_id for event in moved.events] == ["a", "b", "c"]
    assert bench.task("c").cancel_reason == "needs 'name of b', which ended as cancelled"
    assert bench.workflows()[0].ended_at == 61.0


def test_dependants_of_a_flagged_task_wait_for_its_end(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"))
    claim = bench.claim_one("a")
    bench.cancel("a")
    assert bench.state("b") is TaskState.WAITING
    bench.finish(claim, "cancelled")
    assert bench.state("b") is TaskState.CANCELLED


def test_tasks_named_together_carry_the_callers_reason(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"), new("c", "b"), new("r"))
    bench.claim(now=20.0)
    bench.submit(new("x"), new("y", "x"), new("z", "y"))
    moved = bench.cancel("x", "r", "y", "x", reason="stop all")
    assert told(moved.events) == [
        (EventKind.CANCELLED, "x", "cancelled"),
        (EventKind.CANCEL_ASKED, "r", "running"),
        (EventKind.CANCELLED, "y", "cancelled"),
        (EventKind.CANCELLED, "z", "cancelled"),
    ]
    assert [bench.task(name).cancel_reason for name in "xyz"] == [
        "stop all",
        "stop all",
        "needs 'name of y', which ended as cancelled",
    ]


def test_an_id_that_names_nothing_is_refused_and_nothing_cancelled(bench: Bench) -> None:
    bench.submit(new("a"))
    with pytest.raises(UnknownTask, match="'ghost', 'phantom'"):
        bench.cancel("a", "ghost", "phantom")
    assert bench.state("a") is TaskState.READY


def test_cancelling_nothing_changes_nothing(bench: Bench) -> None:
    assert bench.cancel().events == ()


def test_many_are_cancelled_at_once(bench: Bench) -> None:
    names = [f"t{n}" for n in range(1000)]
    bench.submit(*map(new, names))
    assert [event.task_id for event in bench.cancel(*names).events] == names
