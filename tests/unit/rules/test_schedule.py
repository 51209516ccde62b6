"""Which ready tasks start: never more than fits, in order, and the large do not starve."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.limits import Capacity
from holdfast.rules.schedule import PATIENCE_S, Candidate, blocked_by, choose, left

GB = 10**9
HOST = Capacity(cpus=4.0, memory_bytes=8 * GB, slots=16)
NOW = 1000.0

CAPACITIES = st.builds(
    Capacity, cpus=st.floats(-2, 64), memory_bytes=st.integers(-GB, 64 * GB), slots=st.integers(-1, 20)
)
LINES = st.lists(
    st.builds(
        Candidate,
        task_id=st.just("t"),
        cpus=st.floats(0.01, 64),
        memory_bytes=st.integers(0, 64 * GB),
        ready_since=st.floats(0, NOW),
    ),
    max_size=30,
)


def candidate(name: str, cpus: float = 1.0, memory: int = 0, waited: float = 0.0) -> Candidate:
    return Candidate(name, cpus, memory, NOW - waited)


def names(chosen: Sequence[Candidate]) -> str:
    return "".join(one.task_id for one in chosen)


@given(LINES, CAPACITIES)
def test_what_is_chosen_never_exceeds_what_is_free(line: list[Candidate], free: Capacity) -> None:
    chosen = choose(line, free, NOW)
    if chosen:
        assert sum(one.cpus for one in chosen) <= free.cpus + 1e-6
        assert sum(one.memory_bytes for one in chosen) <= free.memory_bytes
        assert len(chosen) <= free.slots


@given(LINES, CAPACITIES)
def test_what_is_chosen_stands_in_the_order_of_the_line(line: list[Candidate], free: Capacity) -> None:
    places = iter(line)
    assert all(any(one is other for other in places) for one in choose(line, free, NOW))


@given(LINES, CAPACITIES)
def test_nobody_is_passed_over_who_has_lost_patience(line: list[Candidate], free: Capacity) -> None:
    chosen = choose(line, free, NOW)
    ahead = line[: next((n for n, one in enumerate(line) if chosen and one is chosen[-1]), 0)]
    passed_over = [one for one in ahead if not any(one is other for other in chosen)]
    assert all(NOW - one.ready_since < PATIENCE_S for one in passed_over)


@given(LINES)
def test_the_head_of_the_line_starts_whenever_it_fits(line: list[Candidate]) -> None:
    roomy = Capacity(cpus=64.0, memory_bytes=64 * GB, slots=1)
    assert names(choose(line, roomy, NOW)) == "t" * min(1, len(line))


@pytest.mark.parametrize(
    "line, free, expected",
    [
        ([], HOST, ""),
        ([candidate("a"), candidate("b"), candidate("c")], HOST, "abc"),
        ([candidate("a"), candidate("b"), candidate("c")], Capacity(cpus=4, memory_bytes=GB, slots=2), "ab"),
        ([candidate("a")], Capacity(cpus=4, memory_bytes=GB, slots=0), ""),
        ([candidate("a", 0.01)], Capacity(cpus=0, memory_bytes=GB, slots=9), ""),
        ([candidate("a", 0.01)], Capacity(cpus=-1, memory_bytes=GB, slots=9), ""),
        ([candidate("a", 3), candidate("b", 2), candidate("c", 1)], HOST, "ac"),
        ([candidate("a", 1, 5 * GB), candidate("b", 1, 5 * GB), candidate("c", 1, 3 * GB)], HOST, "ac"),
        ([candidate("a", 4, 8 * GB)], HOST, "a"),
        ([candidate("a", 4), candidate("b", 0.01)], HOST, "a"),
        ([candidate("a", 1, 9 * GB), candidate("b", 1, 0)], HOST, "b"),
    ],
)
def test_candidates_start_in_order_as_far_as_they_fit(line: list[Candidate], free: Capacity, expected: str) -> None:
    assert names(choose(line, free, NOW)) == expected


@pytest.mark.parametrize("free_cpus", [0.3, 1.0, 2.0])
def test_fractions_that_add_up_to_what_is_free_all_fit(free_cpus: float) -> None:
    tenths = round(free_cpus * 10)
    line = [candidate("a", 0.1) for _ in range(tenths + 5)]
    assert len(choose(line, Capacity(cpus=free_cpus, memory_bytes=0, slots=100), NOW)) == tenths


@pytest.mark.parametrize(
    "waited, expected", [(0, "c"), (PATIENCE_S - 0.001, "c"), (PATIENCE_S, ""), (PATIENCE_S + 100, "")]
)
def test_a_task_that_does_not_fit_is_overtaken_until_it_loses_patience(waited: float, expected: str) -> None:
    line = [candidate("L", cpus=4, waited=waited), candidate("c", cpus=1)]
    assert names(choose(line, Capacity(cpus=2, memory_bytes=0, slots=9), NOW)) == expected


def test_those_ahead_of_a_task_without_patience_still_start() -> None:
    line = [candidate("a"), candidate("L", cpus=4, waited=99), candidate("b")]
    assert names(choose(line, Capacity(cpus=3, memory_bytes=0, slots=9), NOW)) == "a"


def test_a_task_without_patience_that_fits_holds_nobody_up() -> None:
    line = [candidate("L", cpus=3, waited=99), candidate("b")]
    assert names(choose(line, HOST, NOW)) == "Lb"


def test_a_large_task_starts_at_last_however_many_small_ones_keep_coming() -> None:
    """One large task in a stream of small ones: two come every second, each runs for three."""
    total = Capacity(cpus=4.0, memory_bytes=0, slots=99)
    line, running = [Candidate("L", 4.0, 0, 0.0)], [(0.0, candidate("s"))]
    for second in range(60):
        now = float(second)
        running = [(since, one) for since, one in running if now - since < 3]
        line += [Candidate("s", 1.0, 0, now) for _ in range(2)]
        free = left(total, [(one.cpus, one.memory_bytes) for _, one in running])
        for chosen in choose(line, free, now):
            if chosen.task_id == "L":
                assert PATIENCE_S <= now <= PATIENCE_S + 3
                return
            line.remove(chosen)
            running.append((now, chosen))
    pytest.fail("the large task starved")


def test_the_line_is_read_only_as_far_as_there_is_room() -> None:
    line = iter([candidate(name) for name in "abcdef"])
    choose(line, Capacity(cpus=2, memory_bytes=0, slots=9), NOW)
    assert names(list(line)) == "def"


def test_what_is_left_is_the_total_less_what_runs() -> None:
    assert left(HOST, []) == HOST
    assert left(HOST, [(1.5, GB), (0.5, 2 * GB)]) == Capacity(cpus=2.0, memory_bytes=5 * GB, slots=14)
    assert left(HOST, [(5.0, 9 * GB)]) == Capacity(cpus=-1.0, memory_bytes=-GB, slots=15)


def test_a_blocked_task_is_told_by_whom_and_how_that_ended() -> None:
    assert blocked_by("build", "failed") == "needs 'build', which ended as failed"
