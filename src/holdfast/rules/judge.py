"""From raw facts to an outcome. The order of the questions is the order of certainty.

1. Could it not be started? 2. Did we kill it, and why? 3. Did the kernel kill for memory, or at another limit?
4. A signal? 5. What the program itself says: exit code and result.
An exit code is never taken for anything but an exit code: 137 is not "out of memory".
"""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Mapping
from typing import assert_never

from holdfast.model.json import Json
from holdfast.model.launch import Conclusion, Launch, Observation, StopReason
from holdfast.model.limits import Enforcement
from holdfast.model.outcome import Check, Outcome, OutcomeKind, Verdict

KILL_MESSAGE = "the attempt was lost because the engine died while it ran"


DISK = "disk"
"""What `limit_hit` says where the space for a task's files was used up; no limit of the envelope."""


def verdict_of(failure: Outcome) -> Verdict:
    """The verdict of an attempt that left nothing to check."""
    return Verdict((Check("ended", False, failure.message),))


def cause(launch: Launch, seen: Observation) -> Outcome | None:
    """Why the attempt ended, where something other than the program ended it; None if it ended by itself."""
    outcome = _sandbox_failed(seen) or _stopped(launch, seen) or _over_limit(launch, seen) or _signalled(seen)
    return None if outcome is None else _with_evidence(outcome, seen)


def judge(launch: Launch, seen: Observation, conclusion: Conclusion | None) -> tuple[Outcome, Verdict]:
    """The outcome and verdict of an attempt; `conclusion` is what the agent read, where the program ended by itself."""
    outcome = cause(launch, seen)
    if outcome is not None:
        return outcome, verdict_of(outcome)
    if conclusion is None:
        raise AssertionError("a program that ended by itself has a conclusion")
    if conclusion.failure is not None:
        return _with_evidence(conclusion.failure, seen), conclusion.verdict
    return Outcome(kind=OutcomeKind.SUCCEEDED, message="succeeded"), conclusion.verdict


def _with_evidence(outcome: Outcome, seen: Observation) -> Outcome:
    """The outcome with what the sandbox noted about the end."""
    if not seen.evidence:
        return outcome
    return dataclasses.replace(outcome, detail={**outcome.detail, "evidence": list(seen.evidence)})


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
    match seen.stopped_for:
        case None:
            return None
        case StopReason.TIMED_OUT:
            return _timed_out(launch.limits.wall_s, seen)
        case StopReason.CANCELLED:
            return Outcome(
                kind=OutcomeKind.CANCELLED,
                message="cancelled while it ran",
                next_steps=("Nothing to do, as this was asked for; to have it after all, run it again.",),
            )
        case StopReason.ENGINE_STOPPING:
            return Outcome(
                kind=OutcomeKind.LOST,
                message="the engine was stopped while it ran",
                next_steps=("Run it again with the same store: it starts anew without spending the retry budget.",),
            )
        case _:
            assert_never(seen.stopped_for)


def _timed_out(wall_s: float | None, seen: Observation) -> Outcome:
    return Outcome(
        kind=OutcomeKind.TIMED_OUT,
        message=f"still running at its time limit of {wall_s:g} s" if wall_s is not None else "ran out of time",
        detail={"clock": "timeout", "limit_s": wall_s, "wall_s": round(seen.usage.wall_s, 3)},
        next_steps=("Raise `resources.timeout`, or find out what it was waiting for: `holdfast logs` shows it.",),
    )


def _over_limit(launch: Launch, seen: Observation) -> Outcome | None:
    if seen.oom_kills:
        return _out_of_memory(launch.limits.memory_bytes, seen.oom_kills, seen)
    if seen.limit_hit == DISK:
        return Outcome(
            kind=OutcomeKind.OVER_LIMIT,
            message="filled its disk: nothing was left of the space that it may write to",
            detail={"limit": DISK, **_end_of(seen)},
            next_steps=(
                "Let it write less, or print what is to be kept; /tmp and the working directory count together.",
            ),
        )
    if seen.limit_hit is not None:
        return Outcome(
            kind=OutcomeKind.OVER_LIMIT,
            message=f"went over its limit `{seen.limit_hit}`",
            detail={"limit": seen.limit_hit, **_end_of(seen)},
            next_steps=(f"Raise `resources.{seen.limit_hit}`, or let the task need less.",),
        )
    return None


def _out_of_memory(limit: int | None, kills: int, seen: Observation) -> Outcome:
    """The kernel counts kills for the host's want of memory too: those of a task without a limit are of that kind."""
    if limit is None:
        needed, advice = "found no more memory on the host", "Set `resources.memory_limit` to what it needs at most"
    else:
        needed, advice = f"needed more than its memory limit of {limit / 1e6:,.4g} MB", "Raise `resources.memory_limit`"
    return Outcome(
        kind=OutcomeKind.OVER_LIMIT,
        message=f"{needed}; the kernel killed {kills} of its processes",
        detail={
            "limit": "memory_limit",
            "limit_bytes": limit,
            "peak_bytes": seen.usage.memory_bytes,
            "oom_kills": kills,
            **_end_of(seen),
        },
        next_steps=(f"{advice}, or let the task hold less at once.",),
    )


def _signalled(seen: Observation) -> Outcome | None:
    if seen.signal is None:
        return None
    name = signal_name(seen.signal)
    if seen.signal == signal.SIGSYS:
        return Outcome(
            kind=OutcomeKind.CRASHED,
            message="killed by SIGSYS: it made a forbidden system call",
            detail=_end_of(seen),
            next_steps=("Look for what loads kernel modules, traces processes or uses another machine's calls.",),
        )
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
        return "The task or something outside Holdfast sent it: the host's kernel log tells whether memory ran out."
    if number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE):
        return "The program itself crashed: `holdfast logs` shows what it printed last."
    return "Find out who sent the signal: the task itself, one of its processes, or somebody on the host."


def weakened(entries: tuple[Enforcement, ...]) -> tuple[str, ...]:
    """The names of the limits that were asked for and do not hold."""
    return tuple(entry.limit for entry in entries if not entry.enforced)
