"""From raw facts to an outcome. The order of the questions is the order of certainty.

1. Could it not be started? 2. Did we kill it, and why? 3. Did the kernel kill for memory, or at another limit?
4. A signal? 5. What the program itself says: exit code and result.
An exit code is never taken for anything but an exit code: 137 is not "out of memory".
"""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Mapping

from holdfast.model.json import Json
from holdfast.model.launch import Conclusion, Launch, Observation, StopReason
from holdfast.model.limits import Enforcement
from holdfast.model.outcome import Check, Outcome, OutcomeKind, Verdict

KILL_MESSAGE = "the attempt was lost because the engine died while it ran"


def verdict_of(failure: Outcome) -> Verdict:
    """The verdict of an attempt that left nothing to check."""
    return Verdict((Check("ended", False, failure.message),))


def cause(launch: Launch, seen: Observation) -> Outcome | None:
    """Why the attempt ended, where something other than the program ended it; None if it ended by itself."""
    outcome = _sandbox_failed(seen) or _stopped(launch, seen) or _over_limit(launch, seen) or _signalled(seen)
    if outcome is None or not seen.evidence:
        return outcome
    return dataclasses.replace(outcome, detail={**outcome.detail, "evidence": list(seen.evidence)})


def judge(launch: Launch, seen: Observation, conclusion: Conclusion | None) -> tuple[Outcome, Verdict]:
    """The outcome and verdict of an attempt; `conclusion` is what the agent read, where the program ended by itself."""
    outcome = cause(launch, seen)
    if outcome is not None:
        return outcome, verdict_of(outcome)
    if conclusion is None:
        raise AssertionError("a program that ended by itself has a conclusion")
    if conclusion.failure is not None:
        return conclusion.failure, conclusion.verdict
    return Outcome(kind=OutcomeKind.SUCCEEDED, message="succeeded"), conclusion.verdict


def lost() -> Outcome:
    """The outcome of an attempt whose engine died."""
    return Outcome(
        kind=OutcomeKind.LOST,
        message=KILL_MESSAGE,
        next_steps=("Nothing to do: it is tried again without spending the retry budget.",),
    )


def _sandbox_failed(seen: Observation) -> Outcome | None:
    if seen.sandbox_error is None:
        return None
    if seen.stopped_for is StopReason.CANCELLED:
        return None
    return Outcome(
        kind=OutcomeKind.SANDBOX_FAILED,
        message=f"the engine could not carry out the attempt: {seen.sandbox_error}",
        next_steps=("It is tried again without spending the retry budget; `holdfast doctor` shows what works here.",),
    )


def _stopped(launch: Launch, seen: Observation) -> Outcome | None:
    if seen.stopped_for is StopReason.TIMED_OUT:
        wall_s = launch.limits.wall_s
        return Outcome(
            kind=OutcomeKind.TIMED_OUT,
            message=f"still running at its time limit of {wall_s:g} s" if wall_s is not None else "ran out of time",
            detail={"clock": "timeout", "limit_s": wall_s, "wall_s": round(seen.usage.wall_s, 3)},
            next_steps=("Raise `resources.timeout`, or find out what it was waiting for: `holdfast logs` shows it.",),
        )
    if seen.stopped_for is StopReason.CANCELLED:
        return Outcome(kind=OutcomeKind.CANCELLED, message="cancelled while it ran")
    if seen.stopped_for is StopReason.ENGINE_STOPPING:
        return Outcome(kind=OutcomeKind.LOST, message="the engine was stopped while it ran")
    return None


def _over_limit(launch: Launch, seen: Observation) -> Outcome | None:
    if seen.oom_kills:
        limit = launch.limits.memory_bytes
        return Outcome(
            kind=OutcomeKind.OVER_LIMIT,
            message=f"needed more than its memory limit of {limit} bytes; the kernel killed {seen.oom_kills} process(es)",
            detail={
                "limit": "memory_limit",
                "limit_bytes": limit,
                "peak_bytes": seen.usage.memory_bytes,
                "oom_kills": seen.oom_kills,
                **_end_of(seen),
            },
            next_steps=("Raise `resources.memory_limit`, or let the task hold less at once.",),
        )
    if seen.limit_hit is not None:
        return Outcome(
            kind=OutcomeKind.OVER_LIMIT,
            message=f"went over its limit `{seen.limit_hit}`",
            detail={"limit": seen.limit_hit, **_end_of(seen)},
            next_steps=(f"Raise `resources.{seen.limit_hit}`, or let the task need less.",),
        )
    return None


def _signalled(seen: Observation) -> Outcome | None:
    if seen.signal is None:
        return None
    name = signal_name(seen.signal)
    return Outcome(
        kind=OutcomeKind.CRASHED,
        message=f"killed by {name}" + (" from outside its limits" if seen.signal == signal.SIGKILL else ""),
        detail=_end_of(seen),
        next_steps=(_advice(seen.signal),),
    )


def _end_of(seen: Observation) -> Mapping[str, Json]:
    if seen.signal is not None:
        return {"signal": seen.signal, "signal_name": signal_name(seen.signal)}
    return {"exit_code": seen.exit_code}


def signal_name(number: int) -> str:
    """`SIGSEGV` for 11; real-time signals by number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _advice(number: int) -> str:
    if number == signal.SIGKILL:
        return "Something outside Holdfast, or the task itself, sent SIGKILL: look at the host's kernel log for its memory."
    if number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE):
        return "The program itself crashed: `holdfast logs` shows what it printed last."
    return "Find out who sent the signal: the task itself, one of its processes, or somebody on the host."


def weakened(entries: tuple[Enforcement, ...]) -> tuple[str, ...]:
    """The names of the limits that were asked for and do not hold."""
    return tuple(entry.limit for entry in entries if not entry.enforced)
