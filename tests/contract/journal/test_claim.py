"""Claiming: what fits starts, in order, counted before it starts, and nobody starts twice."""

from __future__ import annotations

import pytest

from contract.journal.world import ROOMY, Bench, new, told, workflow
from holdfast.journal.terms import CLAIM_WINDOW
from holdfast.model.attempt import AttemptState
from holdfast.model.event import EventKind
from holdfast.model.limits import Capacity
from holdfast.model.task import TaskState
from holdfast.rules.schedule import PATIENCE_S


def room(cpus: float = 100.0, memory_bytes: int = 1 << 40, slots: int = 100) -> Capacity:
    return Capacity(cpus=cpus, memory_bytes=memory_bytes, slots=slots)


def ids(bench: Bench, total: Capacity = ROOMY, now: float = 20.0, session: str | None = None) -> list[str]:
    return [claim.ref.task_id for claim in bench.claim(total, now, session)]


def test_a_claim_says_what_to_do_and_gives_the_right_to_write_about_it(bench: Bench) -> None:
    task = new("a")
    bench.submit(task, workflow=workflow())
    (claim,) = bench.claim(now=21.0)
    assert (claim.ref.task_id, claim.ref.number) == ("a", 1)
    assert claim.spec == task.spec
    assert (claim.name, claim.digest, claim.workflow_id) == (task.name, task.digest, "w")
    assert (claim.spent, claim.engine_faults) == (0, 0)
    (attempt,) = bench.attempts("a")
    assert (attempt.id, attempt.epoch, attempt.number) == (claim.ref.id, claim.ref.epoch, 1)
    assert (attempt.state, attempt.claimed_at) == (AttemptState.CLAIMED, 21.0)
    assert attempt.outcome is None


def test_a_claimed_task_runs_and_its_attempt_is_counted_before_it_starts(bench: Bench) -> None:
    bench.submit(new("a"))
    bench.claim()
    task = bench.task("a")
    assert (task.state, task.attempts, task.started_at) == (TaskState.RUNNING, 1, None)
    assert told(bench.events(after=1)) == [(EventKind.CLAIMED, "a", "running")]
    assert bench.events(after=1)[0].attempt == 1


def test_nothing_is_claimed_twice(bench: Bench) -> None:
    bench.submit(new("a"))
    assert ids(bench) == ["a"]
    assert ids(bench) == []


def test_waiting_tasks_are_not_claimed(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"), new("c", not_before=100.0))
    assert ids(bench) == ["a"]


def test_the_line_is_by_readiness_then_by_submission(bench: Bench) -> None:
    bench.submit(new("z"), new("y"), new("c", "z"), new("d", not_before=25.0))
    only = Capacity(cpus=1.0, memory_bytes=1 << 40, slots=1)
    (first,) = bench.claim(only)
    assert first.ref.task_id == "z"
    bench.finish(first, at=30.0)
    bench.now[0] = 25.0
    bench.submit(new("b"), new("a"))
    bench.wake(now=27.0)
    assert ids(bench) == ["y", "b", "a", "d", "c"]


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (room(slots=2), ["a", "b"]),
        (room(cpus=2.0), ["a", "b"]),
        (room(memory_bytes=250), ["a", "b"]),
        (room(cpus=0.5), ["a"]),
        (room(slots=0), []),
        (room(), ["a", "b", "c"]),
    ],
)
def test_only_what_fits_is_claimed(bench: Bench, total: Capacity, expected: list[str]) -> None:
    bench.submit(*(new(name, memory_bytes=100) for name in "abc"))
    assert ids(bench, total) == expected


def test_what_runs_is_taken_from_what_there_is(bench: Bench) -> None:
    bench.submit(*(new(name, cpus=2.0, memory_bytes=100) for name in "abcd"))
    total = room(cpus=5.0, memory_bytes=1000, slots=10)
    first, second = bench.claim(total)
    assert ids(bench, total) == []
    bench.finish(first)
    assert ids(bench, total) == ["c"]
    bench.finish(second, "errored", retry_at=99.0)
    assert ids(bench, total) == ["d"]


def test_a_large_task_is_passed_over_but_not_for_ever(bench: Bench) -> None:
    bench.submit(new("small1"), new("large", cpus=4.0), *(new(f"small{n}") for n in range(2, 9)))
    total = room(cpus=4.0)
    (first,) = bench.claim(room(cpus=1.0), now=10.0)
    second, third, fourth = bench.claim(total, now=10.0 + PATIENCE_S - 1)
    assert [claim.ref.task_id for claim in (second, third, fourth)] == ["small2", "small3", "small4"]
    bench.finish(second)
    bench.finish(third)
    assert ids(bench, total, now=10.0 + PATIENCE_S) == []
    bench.finish(first)
    bench.finish(fourth)
    assert ids(bench, total, now=10.0 + PATIENCE_S) == ["large"]


def test_the_window_bounds_what_is_looked_at(bench: Bench) -> None:
    bench.submit(*(new(f"big{n}", memory_bytes=50) for n in range(CLAIM_WINDOW)), new("small"))
    assert ids(bench, room(memory_bytes=10), now=10.0) == []


def test_a_session_claims_only_what_is_its_own_in_the_room_that_all_share(bench: Bench) -> None:
    bench.submit(new("a"), new("c"), session="one")
    bench.submit(new("b"), new("d"), session="two")
    assert ids(bench, room(slots=1), session="two") == ["b"]
    assert ids(bench, room(slots=1), session="one") == []
    assert ids(bench, room(slots=3), session="one") == ["a", "c"]
    assert ids(bench, room(slots=4)) == ["d"]


def test_many_are_claimed_at_once(bench: Bench) -> None:
    bench.submit(*(new(f"t{n}") for n in range(600)))
    total = room(cpus=1e6, slots=10_000)
    assert len(bench.claim(total)) == CLAIM_WINDOW
    assert len(bench.claim(total)) == CLAIM_WINDOW
    assert len(bench.claim(total)) == 600 - 2 * CLAIM_WINDOW


def test_a_task_that_wants_more_processors_than_there_are_now_starts_all_the_same(bench: Bench) -> None:
    """It was submitted where there were more: a run continued with fewer `--cpus` must not wait for ever."""
    bench.submit(new("wide", cpus=4.0))
    (claim,) = bench.claim(Capacity(cpus=0.5, memory_bytes=0, slots=1), now=1e6)
    assert claim.ref.task_id == "wide"
