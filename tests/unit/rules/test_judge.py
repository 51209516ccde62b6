"""From raw facts to exactly one outcome, in the order of certainty."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from holdfast.model.launch import Conclusion, Observation, StopReason
from holdfast.model.limits import Enforcement, Limits, Usage
from holdfast.model.outcome import Check, Outcome, OutcomeKind, Verdict
from holdfast.rules.judge import cause, judge, lost, signal_name, verdict_of, weakened
from unit.made import launch, seen

LAUNCH = launch(limits=Limits(wall_s=300.0, memory_bytes=200_000_000))
WELL = Conclusion(Verdict((Check("exit_code", True, "0"),)), b"1")
ILL = Conclusion(
    Verdict((Check("exit_code", False, "1"),)),
    failure=Outcome(kind=OutcomeKind.ERRORED, message="exited with 1", detail={"exit_code": 1}, next_steps=("Look.",)),
)
OURS = [OutcomeKind.SANDBOX_FAILED, OutcomeKind.LOST]

ENDS: list[dict[str, Any]] = [
    *({"exit_code": code} for code in (0, 1, 2, 124, 125, 126, 127, 128, 137, 139, 143, 255)),
    *({"signal": number} for number in (2, 6, 9, 11, 15, 24, 31, 34, 40)),
    {"sandbox_error": "no room left for its files"},
]
INTERNALS = ("zygote", "keeper", "cgroup", "pidfd", "memfd", "StopReason", "OutcomeKind", "None", "Traceback", "rlimit")


def facts() -> Iterator[Observation]:
    """Every combination of what can be observed of an end."""
    for end, stopped_for, kills, limit, evidence in product(
        ENDS, [None, *StopReason], [None, 0, 3], [None, "cpu_time"], [(), ("it left a note",)]
    ):
        yield seen(**end, stopped_for=stopped_for, oom_kills=kills, limit_hit=limit, evidence=evidence)


def by_itself(observed: Observation) -> bool:
    """Whether nothing but the program itself ended the attempt."""
    forced = (observed.signal, observed.sandbox_error, observed.stopped_for, observed.oom_kills or None)
    return all(fact is None for fact in (*forced, observed.limit_hit))


def told(outcome: Outcome) -> str:
    return " ".join((outcome.message, *outcome.next_steps))


def test_every_combination_of_facts_has_exactly_one_outcome_and_a_verdict_that_agrees_with_it() -> None:
    for observed in facts():
        conclusion = (WELL if observed.exit_code == 0 else ILL) if by_itself(observed) else None
        outcome, verdict = judge(LAUNCH, observed, conclusion)
        assert verdict.passed == (outcome.kind is OutcomeKind.SUCCEEDED) == (conclusion is WELL), observed
        assert (cause(LAUNCH, observed) is None) == by_itself(observed), observed


def test_the_more_certain_fact_decides() -> None:
    for observed in facts():
        outcome = cause(LAUNCH, observed)
        kind = None if outcome is None else outcome.kind
        if observed.stopped_for is StopReason.CANCELLED:
            assert kind is OutcomeKind.CANCELLED
        elif observed.sandbox_error is not None:
            assert kind is OutcomeKind.SANDBOX_FAILED
        elif observed.stopped_for is StopReason.TIMED_OUT:
            assert kind is OutcomeKind.TIMED_OUT
        elif observed.stopped_for is StopReason.ENGINE_STOPPING:
            assert kind is OutcomeKind.LOST
        elif observed.oom_kills or observed.limit_hit:
            assert kind is OutcomeKind.OVER_LIMIT
        elif observed.signal is not None:
            assert kind is OutcomeKind.CRASHED
        else:
            assert kind is None


def test_whatever_happened_is_said_in_words_for_people_and_what_to_do_next() -> None:
    for observed in facts():
        outcome = cause(LAUNCH, observed)
        for end in [outcome] if outcome else []:
            assert end.message.strip() and end.next_steps and all(step.strip() for step in end.next_steps), observed
            assert not [word for word in INTERNALS if word in told(end)], told(end)


def test_evidence_is_carried_whatever_the_end() -> None:
    for observed in facts():
        outcome, _ = judge(LAUNCH, observed, ILL if by_itself(observed) else None)
        assert outcome.detail.get("evidence", []) == list(observed.evidence)


@pytest.mark.parametrize("reason", StopReason)
def test_a_program_that_was_stopped_is_never_taken_for_one_that_crashed_or_ended_by_itself(reason: StopReason) -> None:
    for end in ENDS[:-1]:
        outcome = cause(LAUNCH, seen(**end, stopped_for=reason))
        assert outcome is not None
        assert outcome.kind in {OutcomeKind.TIMED_OUT, OutcomeKind.CANCELLED, OutcomeKind.LOST}


@pytest.mark.parametrize("code", [1, 2, 124, 126, 127, 128 + 9, 128 + 11, 128 + 15, 255])
def test_an_exit_code_is_never_anything_but_an_exit_code(code: int) -> None:
    observed = seen(exit_code=code, oom_kills=0)
    assert cause(LAUNCH, observed) is None
    outcome, verdict = judge(LAUNCH, observed, ILL)
    assert outcome == ILL.failure
    assert verdict == ILL.verdict


@pytest.mark.parametrize("end", ENDS[:-1], ids=str)
def test_a_child_killed_for_memory_is_a_failure_whatever_the_parent_says(end: dict[str, Any]) -> None:
    outcome = cause(LAUNCH, seen(**end, oom_kills=2, usage=Usage(memory_bytes=199_999_999)))
    assert outcome is not None
    assert outcome.kind is OutcomeKind.OVER_LIMIT
    assert outcome.detail | end == outcome.detail
    assert outcome.detail["limit"] == "memory_limit"
    assert outcome.detail["limit_bytes"] == 200_000_000
    assert outcome.detail["peak_bytes"] == 199_999_999
    assert outcome.detail["oom_kills"] == 2
    assert "200 MB" in outcome.message


def test_a_task_without_a_memory_limit_that_the_kernel_killed_is_told_of_no_limit_that_it_never_had() -> None:
    outcome = cause(launch(), seen(signal=9, oom_kills=1))
    assert outcome is not None
    assert outcome.kind is OutcomeKind.OVER_LIMIT
    assert "its memory limit" not in told(outcome)
    assert "None" not in told(outcome)


def test_a_limit_that_the_kernel_named_is_named_with_what_to_raise() -> None:
    outcome = cause(LAUNCH, seen(signal=signal.SIGXCPU, limit_hit="cpu_time"))
    assert outcome is not None
    assert outcome.kind is OutcomeKind.OVER_LIMIT
    assert outcome.detail == {"limit": "cpu_time", "signal": 24, "signal_name": "SIGXCPU"}
    assert "resources.cpu_time" in outcome.next_steps[0]


@pytest.mark.parametrize("wall_s, told_limit", [(300.0, "300 s"), (0.25, "0.25 s"), (None, "ran out of time")])
def test_a_timeout_says_the_limit_and_how_long_it_ran(wall_s: float | None, told_limit: str) -> None:
    observed = seen(signal=9, stopped_for=StopReason.TIMED_OUT, usage=Usage(wall_s=300.12345))
    outcome = cause(launch(limits=Limits(wall_s=wall_s)), observed)
    assert outcome is not None
    assert outcome.kind is OutcomeKind.TIMED_OUT
    assert told_limit in outcome.message
    assert outcome.detail == {"clock": "timeout", "limit_s": wall_s, "wall_s": 300.123}


def test_a_start_that_failed_while_it_was_being_cancelled_is_a_cancel_and_nobody_is_to_blame() -> None:
    outcome = cause(LAUNCH, seen(sandbox_error="gone", stopped_for=StopReason.CANCELLED))
    assert outcome is not None
    assert outcome.kind is OutcomeKind.CANCELLED


def test_a_failed_start_says_why() -> None:
    outcome = cause(LAUNCH, seen(sandbox_error="no room left for its files"))
    assert outcome is not None
    assert "no room left for its files" in outcome.message


@pytest.mark.parametrize(
    "number, name", [(9, "SIGKILL"), (11, "SIGSEGV"), (15, "SIGTERM"), (34, "SIGRTMIN"), (40, "signal 40")]
)
def test_a_signal_is_named_in_message_and_detail(number: int, name: str) -> None:
    outcome = cause(LAUNCH, seen(signal=number))
    assert outcome is not None
    assert outcome.kind is OutcomeKind.CRASHED
    assert outcome.message.startswith(f"killed by {name}")
    assert outcome.detail == {"signal": number, "signal_name": name}
    assert signal_name(number) == name


def test_a_kill_from_outside_is_told_apart_from_a_crash_of_the_program_itself() -> None:
    advice = {number: told(cause(LAUNCH, seen(signal=number)) or lost()) for number in (9, 11, 15)}
    assert "outside" in advice[9]
    assert "program itself crashed" in advice[11]
    assert len(set(advice.values())) == 3


def test_a_forbidden_system_call_is_named() -> None:
    outcome = cause(LAUNCH, seen(signal=signal.SIGSYS))
    assert outcome is not None
    assert outcome.kind is OutcomeKind.CRASHED
    assert "forbidden system call" in outcome.message
    assert outcome.detail["signal_name"] == "SIGSYS"


def test_a_full_disk_is_no_limit_that_could_be_raised() -> None:
    outcome = cause(LAUNCH, seen(exit_code=1, limit_hit="disk"))
    assert outcome is not None
    assert (outcome.kind, outcome.detail["limit"]) == (OutcomeKind.OVER_LIMIT, "disk")
    assert "resources." not in told(outcome)


def test_a_program_that_ended_by_itself_must_have_been_concluded() -> None:
    with pytest.raises(AssertionError):
        judge(LAUNCH, seen(exit_code=0), None)


def test_what_an_agent_concluded_counts_for_nothing_where_something_else_ended_the_program() -> None:
    outcome, verdict = judge(LAUNCH, seen(exit_code=0, stopped_for=StopReason.TIMED_OUT), WELL)
    assert outcome.kind is OutcomeKind.TIMED_OUT
    assert verdict == verdict_of(outcome)


def test_a_failure_leaves_a_verdict_that_did_not_pass_and_gives_its_reason() -> None:
    verdict = verdict_of(lost())
    assert not verdict.passed
    assert verdict.checks[0].reason == lost().message


def test_an_attempt_of_a_dead_engine_is_lost_with_a_word_on_what_follows() -> None:
    assert lost().kind is OutcomeKind.LOST
    assert lost().next_steps
    assert not [word for word in INTERNALS if word in told(lost())]


def test_limits_that_do_not_hold_are_named() -> None:
    entries = (Enforcement("timeout", 1.0, True, "clock"), Enforcement("memory_limit", 5, False, "nothing"))
    assert weakened(entries) == ("memory_limit",)
