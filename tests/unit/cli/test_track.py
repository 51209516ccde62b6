from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from holdfast.cli.estimate import remaining_s
from holdfast.cli.track import RECENT, Track
from holdfast.model.event import Event, EventKind
from holdfast.model.json import Json
from holdfast.model.outcome import Outcome, OutcomeKind
from holdfast.model.retry import RetryPolicy
from holdfast.model.task import Task, TaskSpec, TaskState

S, K = TaskState, EventKind


def task(name: str, state: TaskState = S.READY, attempts: int = 0, outcome: OutcomeKind | None = None) -> Task:
    return Task(
        id=f"w.{name}",
        name=name,
        spec=TaskSpec(agent_type="command", retry=RetryPolicy(max_attempts=3)),
        digest="",
        state=state,
        submitted_at=0.0,
        attempts=attempts,
        outcome=outcome and Outcome(kind=outcome, message=f"it {outcome}"),
    )


class Script:
    """Events as an engine would commit them."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self._seq: Iterator[int] = itertools.count(1)

    def event(self, kind: EventKind, name: str, state: TaskState, at: float, **data: Json) -> None:
        attempt = data.pop("attempt", None)
        assert attempt is None or isinstance(attempt, int)
        seq = next(self._seq)
        self.track.apply(Event(seq=seq, at=at, kind=kind, task_id=f"w.{name}", state=state, attempt=attempt, data=data))

    def run(self, name: str, start: float, end: float, state: TaskState = S.SUCCEEDED) -> None:
        self.event(K.CLAIMED, name, S.RUNNING, start, attempt=1)
        self.event(K.STARTED, name, S.RUNNING, start, attempt=1)
        self.event(K.ENDED, name, state, end, attempt=1, outcome="succeeded", message="")


def test_a_task_is_followed_from_attempt_to_attempt() -> None:
    track = Track([task("a")])
    script, row = Script(track), track.rows["w.a"]
    script.event(K.CLAIMED, "a", S.RUNNING, 10.0, attempt=1)
    assert (row.attempt, row.elapsed_s(12.0), track.counts[S.RUNNING], list(track.running)) == (1, 2.0, 1, ["w.a"])
    script.event(K.ENDED, "a", S.WAITING, 13.0, attempt=1, outcome="crashed", message="boom", retry_at=15.0)
    assert (row.state, row.retry_at, row.message, row.elapsed_s(99.0)) == (S.WAITING, 15.0, "boom", 3.0)
    script.event(K.DUE, "a", S.READY, 15.0)
    script.event(K.CLAIMED, "a", S.RUNNING, 15.0, attempt=2)
    assert (row.attempt, row.retry_at, row.elapsed_s(16.0)) == (2, None, 4.0)
    script.event(K.ENDED, "a", S.SUCCEEDED, 17.0, attempt=2, outcome="succeeded", message="")
    assert (row.outcome, row.elapsed_s(99.0), track.ended, track.running, list(track.recent)) == (
        "succeeded",
        5.0,
        1,
        {},
        [row],
    )


def test_a_task_that_never_ran_is_cancelled_with_the_reason() -> None:
    track = Track([task("a", S.WAITING)])
    Script(track).event(K.CANCELLED, "a", S.CANCELLED, 1.0, reason="`b` failed")
    row = track.rows["w.a"]
    assert (row.outcome, row.message, row.elapsed_s(2.0)) == ("cancelled", "`b` failed", None)


def test_what_a_store_holds_already_is_taken_as_it_stands() -> None:
    track = Track([task("a", S.SUCCEEDED, 1, OutcomeKind.SUCCEEDED), task("b", S.FAILED, 2, OutcomeKind.TIMED_OUT)])
    assert (track.ended, track.rows["w.b"].outcome, track.rows["w.b"].message) == (2, "timed_out", "it timed_out")


def test_events_of_other_tasks_move_nothing() -> None:
    track = Track([task("a")])
    Script(track).run("other", 0.0, 1.0)
    assert (track.total, track.ended) == (1, 0)


def test_ends_that_no_event_told_of_are_taken_from_the_store() -> None:
    track = Track([task("a"), task("b"), task("c")])
    script = Script(track)
    script.run("a", 0.0, 1.0)
    script.event(K.CLAIMED, "b", S.RUNNING, 2.0, attempt=1)
    ended = [task("a", S.SUCCEEDED, 1, OutcomeKind.SUCCEEDED), task("b", S.CANCELLED, 1, OutcomeKind.CANCELLED)]
    track.settle([*ended, task("c")])
    assert (track.ended, track.running, track.rows["w.b"].message) == (2, {}, "it cancelled")
    assert track.rows["w.c"].state is S.READY


def test_an_event_that_comes_late_does_not_turn_back_what_came_after() -> None:
    track = Track([task("a")])
    late = Event(seq=1, at=0.0, kind=K.SUBMITTED, task_id="w.a", state=S.READY)
    track.apply(Event(seq=2, at=1.0, kind=K.CLAIMED, task_id="w.a", state=S.RUNNING, attempt=1))
    assert track.apply(late) is None
    assert track.rows["w.a"].state is S.RUNNING


def test_an_attempt_seen_at_work_runs_before_the_event_says_so() -> None:
    track = Track([task("a")])
    script, row = Script(track), track.rows["w.a"]
    track.seen_running("w.a", 1, 5.2)
    track.seen_running("other", 1, 5.2)
    assert (row.state, row.attempt, row.elapsed_s(6.2), list(track.running)) == (S.RUNNING, 1, 1.0, ["w.a"])
    script.event(K.STARTED, "a", S.RUNNING, 5.0, attempt=1)
    assert (row.elapsed_s(6.0), track.first_start) == (1.0, 5.0)
    script.event(K.ENDED, "a", S.SUCCEEDED, 7.0, attempt=1, outcome="succeeded", message="")
    track.seen_running("w.a", 1, 7.0)
    assert (row.state, track.running) == (S.SUCCEEDED, {})


def test_only_the_last_ends_are_remembered_in_order() -> None:
    track = Track([task(f"t{n}") for n in range(RECENT + 5)])
    script = Script(track)
    for n in range(RECENT + 5):
        script.run(f"t{n}", n, n + 1)
    assert [row.name for row in track.recent] == [f"t{n}" for n in range(5, RECENT + 5)]
    assert track.ended == RECENT + 5


def estimate_after(ended: int, total: int, *, side_by_side: int = 1, each_s: float = 2.0) -> float | None:
    track = Track([task(f"t{n}") for n in range(total)])
    script = Script(track)
    for n in range(ended):
        start = n // side_by_side * each_s
        script.run(f"t{n}", start, start + each_s)
    return remaining_s(track, -(-ended // side_by_side) * each_s)


def test_tasks_one_after_another_take_as_long_as_those_before() -> None:
    assert estimate_after(5, 20) == pytest.approx(30.0)


def test_tasks_side_by_side_share_the_time() -> None:
    assert estimate_after(8, 20, side_by_side=4) == pytest.approx(6.0)


@pytest.mark.parametrize("ended, total, each_s", [(0, 20, 2.0), (2, 20, 2.0), (5, 1000, 2.0), (5, 20, 0.1)])
def test_without_evidence_nothing_is_said(ended: int, total: int, each_s: float) -> None:
    assert estimate_after(ended, total, each_s=each_s) is None


def test_when_the_rest_takes_longer_than_any_before_nothing_is_said() -> None:
    track = Track([task(f"t{n}") for n in range(4)])
    script = Script(track)
    for n in range(3):
        script.run(f"t{n}", n, n + 1)
    script.event(K.CLAIMED, "t3", S.RUNNING, 3.0, attempt=1)
    assert remaining_s(track, 3.5) == pytest.approx(0.5)
    assert remaining_s(track, 5.0) is None


def test_a_task_that_runs_counts_with_what_it_has_done() -> None:
    track = Track([task(f"t{n}") for n in range(5)])
    script = Script(track)
    for n in range(3):
        script.run(f"t{n}", n * 4, n * 4 + 4)
    script.event(K.CLAIMED, "t3", S.RUNNING, 12.0, attempt=1)
    assert remaining_s(track, 15.0) == pytest.approx(5.0)
