"""An attempt moves forward and ends once, and only who holds it may write about it."""

from __future__ import annotations

import dataclasses

import pytest

from contract.journal.world import Bench, content, ending, new, told, workflow
from holdfast.model.attempt import AttemptRef, AttemptState, Claim
from holdfast.model.content import Content
from holdfast.model.errors import EngineFault, StaleAttempt
from holdfast.model.event import EventKind
from holdfast.model.outcome import Check, OutcomeKind, Verdict
from holdfast.model.task import TaskState


@pytest.fixture
def claim(bench: Bench) -> Claim:
    bench.submit(new("a"))
    return bench.claim_one("a")


def snapshot(bench: Bench) -> tuple[object, ...]:
    return bench.tasks(), bench.attempts("a"), bench.events()


def test_an_attempt_goes_from_claimed_over_running_and_verifying_to_ended(bench: Bench, claim: Claim) -> None:
    started = bench.advance(claim, AttemptState.RUNNING, now=31.0)
    assert told(started.events) == [(EventKind.STARTED, "a", "running")]
    assert bench.attempts("a")[0].state is AttemptState.RUNNING
    assert (bench.attempts("a")[0].started_at, bench.task("a").started_at) == (31.0, 31.0)
    verifying = bench.advance(claim, AttemptState.VERIFYING, now=32.0)
    assert told(verifying.events) == [(EventKind.VERIFYING, "a", "running")]
    assert bench.attempts("a")[0].state is AttemptState.VERIFYING
    assert bench.attempts("a")[0].started_at == 31.0
    ended = bench.finish(claim, at=33.0)
    assert told(ended.events) == [(EventKind.ENDED, "a", "succeeded")]
    assert [event.attempt for event in bench.events(after=1)] == [1, 1, 1, 1]
    assert [event.at for event in bench.events(after=2)] == [31.0, 32.0, 33.0]


def test_a_start_that_nobody_waits_for_is_recorded_before_the_end(bench: Bench, claim: Claim) -> None:
    async def scenario() -> None:
        started = bench.journal.advance(claim.ref, AttemptState.RUNNING, 31.0)
        await bench.journal.finish(ending(claim.ref))
        assert told((await started).events) == [(EventKind.STARTED, "a", "running")]

    bench.do(scenario())
    assert [event.kind for event in bench.events(after=2)] == [EventKind.STARTED, EventKind.ENDED]
    assert bench.attempts("a")[0].started_at == 31.0


def test_everything_about_an_end_is_recorded(bench: Bench, claim: Claim) -> None:
    what = ending(
        claim.ref,
        at=40.0,
        started_at=35.0,
        stdout=content("hello"),
        stderr=Content(digest="c" * 64, size=16_000, total=99_000_000),
        verdict=Verdict((Check("exit", True), Check("schema", True, "fits"))),
    )
    bench.do(bench.journal.finish(what))
    (attempt,) = bench.attempts("a")
    assert attempt.state is AttemptState.ENDED
    for field in ("outcome", "verdict", "receipt", "level", "usage", "enforcement", "stdout", "stderr", "ended_at"):
        assert getattr(attempt, field) == getattr(what, field), field
    assert attempt.started_at == 35.0
    task = bench.task("a")
    assert (task.state, task.outcome, task.result) == (TaskState.SUCCEEDED, what.outcome, what.result)
    assert (task.started_at, task.ended_at, task.attempts) == (35.0, 40.0, 1)


def test_an_end_without_output_or_start_is_recorded_as_such(bench: Bench, claim: Claim) -> None:
    bench.finish(claim, "lost", stdout=None, enforcement=())
    (attempt,) = bench.attempts("a")
    assert (attempt.started_at, attempt.stdout, attempt.stderr, attempt.enforcement) == (None, None, None, ())
    assert bench.task("a").started_at is None


@pytest.mark.parametrize("kind", ["errored", "crashed", "invalid", "timed_out", "over_limit", "lost", "sandbox_failed"])
def test_an_end_without_success_or_retry_fails_the_task(bench: Bench, claim: Claim, kind: str) -> None:
    moved = bench.finish(claim, kind)
    task = bench.task("a")
    assert task.state is TaskState.FAILED
    assert task.outcome is not None
    assert task.outcome.kind is OutcomeKind(kind)
    assert task.result is None
    assert moved.events[0].data == {"outcome": kind, "message": f"it {kind}"}
    assert task.engine_faults == (kind in ("lost", "sandbox_failed"))


def test_a_task_that_asks_for_input_is_held(bench: Bench, claim: Claim) -> None:
    moved = bench.finish(claim, "held")
    task = bench.task("a")
    assert told(moved.events) == [(EventKind.HELD, "a", "held")]
    assert (task.state, task.outcome, task.ended_at) == (TaskState.HELD, None, None)
    assert bench.claim() == ()


def test_the_workflow_ends_with_its_last_task(bench: Bench) -> None:
    bench.submit(new("a"), new("b"), new("c", "b"), workflow=workflow())
    bench.submit(new("other"))
    claims = {claim.ref.task_id: claim for claim in bench.claim()}
    bench.finish(claims["a"], at=51.0)
    bench.finish(claims["other"], at=51.5)
    assert bench.workflows()[0].ended_at is None
    bench.finish(claims["b"], "errored", at=52.0)
    (flow,) = bench.workflows()
    assert (flow.ended_at, flow.counts) == (52.0, {"succeeded": 1, "failed": 1, "cancelled": 1})


STALE = {
    "another epoch": {"epoch": -1},
    "a later epoch": {"epoch": 1},
    "another attempt": {"id": 1},
    "no attempt at all": {"id": 1000},
    "another number": {"number": 1},
    "another task": {"task_id": "b"},
}


def twisted(ref: AttemptRef, how: str) -> AttemptRef:
    return dataclasses.replace(
        ref, **{field: ref.task_id + "x" if by == "b" else getattr(ref, field) + by for field, by in STALE[how].items()}
    )


@pytest.mark.parametrize("how", STALE)
def test_who_does_not_hold_the_attempt_changes_nothing(bench: Bench, how: str) -> None:
    bench.submit(new("a"), new("ax"))
    claims = {claim.ref.task_id: claim for claim in bench.claim()}
    claim = dataclasses.replace(claims["a"], ref=twisted(claims["a"].ref, how))
    before = snapshot(bench)
    with pytest.raises(StaleAttempt):
        bench.advance(claim)
    with pytest.raises(StaleAttempt):
        bench.finish(claim)
    assert snapshot(bench) == before
    bench.finish(claims["a"])


@pytest.mark.parametrize("first", ["succeeded", "errored", "cancelled", "held"])
def test_an_attempt_ends_once(bench: Bench, claim: Claim, first: str) -> None:
    bench.finish(claim, first)
    before = snapshot(bench)
    for kind in ("succeeded", "errored", "held"):
        with pytest.raises(StaleAttempt):
            bench.finish(claim, kind)
    with pytest.raises(StaleAttempt):
        bench.advance(claim)
    assert snapshot(bench) == before


def test_the_attempt_before_a_retry_can_no_longer_write(bench: Bench, claim: Claim) -> None:
    bench.finish(claim, "errored", retry_at=55.0)
    bench.wake(now=55.0)
    second = bench.claim_one("a")
    before = snapshot(bench)
    with pytest.raises(StaleAttempt):
        bench.finish(claim)
    with pytest.raises(StaleAttempt):
        bench.advance(claim)
    assert snapshot(bench) == before
    bench.finish(second)
    assert bench.state("a") is TaskState.SUCCEEDED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], AttemptState.VERIFYING),
        ([], AttemptState.CLAIMED),
        ([], AttemptState.ENDED),
        ([AttemptState.RUNNING], AttemptState.RUNNING),
        ([AttemptState.RUNNING], AttemptState.ENDED),
        ([AttemptState.RUNNING, AttemptState.VERIFYING], AttemptState.RUNNING),
    ],
)
def test_an_attempt_never_moves_but_along_the_table(
    bench: Bench, claim: Claim, before: list[AttemptState], after: AttemptState
) -> None:
    for state in before:
        bench.advance(claim, state)
    seen = snapshot(bench)
    with pytest.raises(EngineFault) as fault:
        bench.advance(claim, after)
    assert not isinstance(fault.value, StaleAttempt)
    assert snapshot(bench) == seen


def test_no_success_without_a_verdict_that_passed(bench: Bench, claim: Claim) -> None:
    before = snapshot(bench)
    with pytest.raises(EngineFault):
        bench.finish(claim, verdict=Verdict((Check("schema", False, "no"),)))
    with pytest.raises(EngineFault):
        bench.finish(claim, "errored", result=content("1"))
    assert snapshot(bench) == before
    bench.finish(claim)


def test_attempts_of_a_task_that_nobody_submitted_are_none(bench: Bench) -> None:
    assert bench.attempts("ghost") == ()
