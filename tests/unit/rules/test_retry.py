"""Whether a failed attempt is tried again, and how long to wait before."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.outcome import FAULTS, Fault, Outcome, OutcomeKind
from holdfast.model.retry import Backoff, Growth, RetryPolicy
from holdfast.rules.retry import ENGINE_FAULT_DELAY_S, MAX_ENGINE_FAULTS, delay_s, retry_delay_s

STEADY = Backoff(jitter=0.0)
THRICE = RetryPolicy(max_attempts=3, backoff=STEADY)
NEVER = [OutcomeKind.SUCCEEDED, OutcomeKind.CANCELLED, OutcomeKind.HELD]
ENGINE = [kind for kind in OutcomeKind if FAULTS[kind] is Fault.ENGINE]
OTHERS = [kind for kind in OutcomeKind if kind not in NEVER and kind not in ENGINE]

BACKOFFS = st.builds(
    Backoff,
    growth=st.sampled_from(Growth),
    base_s=st.floats(0, 2_592_000),
    factor=st.floats(1, 100),
    cap_s=st.floats(0, 2_592_000),
    jitter=st.floats(0, 1),
)
FAILURES = st.integers(1, 10**9)
CHANCES = st.floats(0, 1, exclude_max=True)


def outcome(kind: OutcomeKind, **detail: bool) -> Outcome:
    return Outcome(kind=kind, message="x", detail=detail)


@pytest.mark.parametrize(
    "backoff, delays",
    [
        (Backoff(growth=Growth.FIXED, base_s=5, jitter=0), [5, 5, 5, 5]),
        (Backoff(growth=Growth.LINEAR, base_s=2, jitter=0), [2, 4, 6, 8]),
        (Backoff(growth=Growth.LINEAR, base_s=2, cap_s=5, jitter=0), [2, 4, 5, 5]),
        (Backoff(growth=Growth.EXPONENTIAL, base_s=1, jitter=0), [1, 2, 4, 8]),
        (Backoff(growth=Growth.EXPONENTIAL, base_s=1, factor=3, cap_s=20, jitter=0), [1, 3, 9, 20]),
        (Backoff(growth=Growth.EXPONENTIAL, base_s=7, factor=1, jitter=0), [7, 7, 7, 7]),
        (Backoff(growth=Growth.EXPONENTIAL, base_s=0.001, factor=10, cap_s=5, jitter=0), [0.001, 0.01, 0.1, 1, 5, 5]),
        (Backoff(growth=Growth.FIXED, base_s=9, cap_s=4, jitter=0), [4, 4]),
        (Backoff(growth=Growth.EXPONENTIAL, base_s=0, jitter=0), [0, 0, 0]),
    ],
    ids=lambda value: value.growth.value if isinstance(value, Backoff) else None,
)
def test_the_delay_grows_as_its_strategy_says_up_to_the_cap(backoff: Backoff, delays: list[float]) -> None:
    assert [delay_s(backoff, failures, 0.5) for failures in range(1, len(delays) + 1)] == pytest.approx(delays)


@pytest.mark.parametrize(
    "jitter, chance, share", [(0.1, 0.0, 1.0), (0.1, 0.5, 0.95), (1.0, 0.75, 0.25), (1.0, 0.0, 1.0), (0.0, 0.9, 1.0)]
)
def test_jitter_takes_a_share_of_the_delay_away(jitter: float, chance: float, share: float) -> None:
    assert delay_s(Backoff(base_s=8, jitter=jitter), 3, chance) == pytest.approx(32 * share)


@given(BACKOFFS, FAILURES, CHANCES)
def test_a_delay_is_never_negative_and_never_above_the_cap(backoff: Backoff, failures: int, chance: float) -> None:
    assert 0 <= delay_s(backoff, failures, chance) <= backoff.cap_s


@given(BACKOFFS, FAILURES, CHANCES)
def test_jitter_never_takes_more_than_its_share(backoff: Backoff, failures: int, chance: float) -> None:
    whole = delay_s(backoff, failures, 0.0)
    assert whole * (1 - backoff.jitter) <= delay_s(backoff, failures, chance) <= whole


@given(BACKOFFS, st.lists(FAILURES, min_size=2, max_size=20))
def test_without_a_draw_a_later_delay_is_never_shorter(backoff: Backoff, failures: list[int]) -> None:
    delays = [delay_s(backoff, number, 0.0) for number in sorted(failures)]
    assert all(before <= after for before, after in pairwise(delays))


@pytest.mark.parametrize("growth", Growth)
@pytest.mark.parametrize("factor", [1.0, 1.000001, 100.0])
@pytest.mark.parametrize("failures", [10**6, 10**18])
def test_a_huge_number_of_failures_neither_overflows_nor_takes_long(
    growth: Growth, factor: float, failures: int
) -> None:
    assert 0 < delay_s(Backoff(growth=growth, factor=factor), failures, 0.0) <= 300


@pytest.mark.parametrize("spent, delay", [(1, 1.0), (2, 2.0), (3, None), (4, None)])
@pytest.mark.parametrize("kind", OTHERS)
def test_a_failure_is_tried_again_until_the_budget_is_spent(kind: OutcomeKind, spent: int, delay: float | None) -> None:
    assert retry_delay_s(THRICE, outcome(kind), spent, 0, 0.0) == delay


@pytest.mark.parametrize("kind", OTHERS)
def test_one_attempt_means_no_retry(kind: OutcomeKind) -> None:
    assert retry_delay_s(RetryPolicy(), outcome(kind), 1, 0, 0.0) is None


@pytest.mark.parametrize("kind", NEVER)
def test_what_succeeded_was_cancelled_or_is_held_is_never_tried_again(kind: OutcomeKind) -> None:
    assert retry_delay_s(RetryPolicy(max_attempts=1000), outcome(kind), 0, 0, 0.0) is None


@pytest.mark.parametrize("kind", OutcomeKind)
def test_what_says_of_itself_that_it_would_fail_again_is_never_tried_again(kind: OutcomeKind) -> None:
    assert retry_delay_s(RetryPolicy(max_attempts=1000), outcome(kind, retryable=False), 1, 1, 0.0) is None


@pytest.mark.parametrize("kind", ENGINE)
def test_a_fault_of_the_engine_is_tried_again_even_where_the_budget_is_spent(kind: OutcomeKind) -> None:
    delays = [retry_delay_s(RetryPolicy(), outcome(kind), 1, faults, 0.5) for faults in range(1, MAX_ENGINE_FAULTS)]
    assert delays == [ENGINE_FAULT_DELAY_S * 2**number for number in range(MAX_ENGINE_FAULTS - 1)]


@pytest.mark.parametrize("kind", ENGINE)
def test_faults_of_the_engine_have_a_cap_of_their_own(kind: OutcomeKind) -> None:
    for faults in (MAX_ENGINE_FAULTS, MAX_ENGINE_FAULTS + 1, 10**6):
        assert retry_delay_s(RetryPolicy(max_attempts=1000), outcome(kind), 0, faults, 0.0) is None


@pytest.mark.parametrize("kind", OTHERS)
def test_faults_of_the_engine_do_not_spend_the_budget_of_the_task(kind: OutcomeKind) -> None:
    assert retry_delay_s(THRICE, outcome(kind), 2, 10**6, 0.0) == 2.0


@given(st.sampled_from(OTHERS), st.integers(1, 1000), st.integers(0, 2000), CHANCES)
def test_a_retry_is_granted_exactly_while_attempts_are_left(
    kind: OutcomeKind, max_attempts: int, spent: int, chance: float
) -> None:
    granted = retry_delay_s(RetryPolicy(max_attempts=max_attempts), outcome(kind), spent, 0, chance)
    assert (granted is not None) == (spent < max_attempts)
