"""The way of one attempt, from its claim to its committed end: eight steps over one immutable record.

A step that finds the attempt already decided passes it on. Whatever goes wrong, the last two steps are reached: an
attempt that was claimed is always finished, and a fault of ours is recorded as ours.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.model.attempt import AttemptState, Claim, Ending
from holdfast.model.content import Content
from holdfast.model.errors import EngineFault, HoldfastError, Problem
from holdfast.model.json import Json
from holdfast.model.launch import Conclusion, Launch, Observation
from holdfast.model.limits import Level, Usage
from holdfast.model.outcome import Check, Fault, Outcome, OutcomeKind, Verdict
from holdfast.model.query import Moved
from holdfast.model.receipt import Receipt
from holdfast.ports import Agent
from holdfast.rules.judge import cause, judge, lost, verdict_of
from holdfast.rules.launch import plan, unenforced
from holdfast.rules.reference import BadReference
from holdfast.rules.retry import MAX_ENGINE_FAULTS, retry_delay_s
from holdfast.rules.seal import receipt
from holdfast.worker.collect import keep_bytes, keep_captured, read_captured
from holdfast.worker.resolve import resolve_context
from holdfast.worker.rooms import Rooms
from holdfast.worker.supervise import Supervisor

GIVEN_UP: Final = (
    f"Given up after {MAX_ENGINE_FAULTS} faults of the engine, none of them laid to the task: see to the host "
    "(`holdfast doctor`), then start it anew with --fresh."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One attempt on its way; each step fills in what it adds."""

    claim: Claim
    context: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    agent: Agent | None = None
    launch: Launch | None = None
    seen: Observation | None = None
    outcome: Outcome | None = None
    verdict: Verdict = Verdict()
    value: bytes | None = None
    result: Content | None = None
    stdout: Content | None = None
    stderr: Content | None = None
    receipt: Receipt | None = None
    retry_at: float | None = None


async def carry_out(rooms: Rooms, supervisor: Supervisor, claim: Claim) -> Work:
    """Take one claimed attempt to its sealed end, ready for `finish`. Raises nothing but a cancellation of its own."""
    work = Work(claim=claim)
    try:
        work = await resolved(rooms, work)
        work = await launched(rooms, work)
        work = await ran(rooms, supervisor, work)
        work = judged(work)
        work = collected(rooms, work)
    except Exception as error:
        work = dataclasses.replace(work, outcome=_engine_fault(error), value=None, result=None)
    return sealed(decided(rooms, work))


async def resolved(rooms: Rooms, work: Work) -> Work:
    """The context with the values that it refers to, checked once more by its agent."""
    agent = rooms.agents.get(work.claim.spec.agent_type)
    if agent is None:
        return _refused(work, (_unknown_agent(work.claim.spec.agent_type, rooms),))
    try:
        context = await resolve_context(rooms, work.claim)
    except BadReference as bad:
        problem = Problem("reference.missing", bad.path, str(bad), "Mend the reference, or the task that it names.")
        return _refused(work, (problem,))
    if context is not work.claim.spec.context:
        problems = agent.check(context, "context")
        if problems:
            return _refused(work, problems)
    return dataclasses.replace(work, context=context, agent=agent)


async def launched(rooms: Rooms, work: Work) -> Work:
    """The launch: nothing left to decide. Where a limit has to hold and cannot, the task is refused instead."""
    if work.outcome is not None or work.agent is None:
        return work
    spec = work.claim.spec
    level = spec.isolation or rooms.level
    capabilities = await rooms.dispatcher.capabilities(level)
    if capabilities is None:
        raise EngineFault(f"there is no sandbox of level {level} here")
    problems = unenforced(spec, capabilities)
    if problems:
        return _refused(work, problems)
    preparation = work.agent.prepare(work.context, spec.folder)
    return dataclasses.replace(work, launch=plan(work.claim, preparation, capabilities, rooms.clock.now()))


async def ran(rooms: Rooms, supervisor: Supervisor, work: Work) -> Work:
    """What was observed, after every process of the attempt is dead."""
    if work.outcome is not None or work.launch is None:
        return work
    task_id = work.claim.ref.task_id
    reason = supervisor.cancelled(task_id)
    if reason is not None:
        return dataclasses.replace(work, outcome=_cancelled(reason), verdict=Verdict())
    running = await rooms.dispatcher.start(work.launch)
    supervisor.watch(work.claim.ref, running)
    recorded = asyncio.ensure_future(rooms.journal.advance(work.claim.ref, AttemptState.RUNNING, rooms.clock.now()))
    recorded.add_done_callback(supervisor.recorded)
    try:
        seen = await running.ended()
    finally:
        supervisor.forget(task_id)
    return dataclasses.replace(work, seen=seen)


def judged(work: Work) -> Work:
    """The outcome and the verdict; the value, if there is one."""
    if work.outcome is not None or work.seen is None or work.launch is None or work.agent is None:
        return work
    conclusion: Conclusion | None = None
    if cause(work.launch, work.seen) is None:
        conclusion = work.agent.conclude(work.seen, read_captured)
    outcome, verdict = judge(work.launch, work.seen, conclusion)
    value = conclusion.value if conclusion is not None and outcome.kind is OutcomeKind.SUCCEEDED else None
    return dataclasses.replace(work, outcome=outcome, verdict=verdict, value=value)


def collected(rooms: Rooms, work: Work) -> Work:
    """The bytes that stay: the value and the captured output, durable before the end is committed."""
    if work.seen is None:
        return work
    return dataclasses.replace(
        work,
        result=None if work.value is None else keep_bytes(rooms.blobs, work.value),
        stdout=keep_captured(rooms.blobs, work.seen.stdout),
        stderr=keep_captured(rooms.blobs, work.seen.stderr),
    )


def decided(rooms: Rooms, work: Work) -> Work:
    """Whether there is another attempt, and when; where faults of the engine used up its patience, it is said so."""
    outcome = work.outcome or _engine_fault(EngineFault("the attempt was never decided"))
    retry_at = _retry_at(work.claim, outcome, rooms.clock.now(), rooms.clock.chance())
    if outcome.fault is Fault.ENGINE and retry_at is None:
        outcome = dataclasses.replace(outcome, next_steps=(GIVEN_UP,))
    return dataclasses.replace(work, outcome=outcome, retry_at=retry_at)


def sealed(work: Work) -> Work:
    """The receipt."""
    outcome = work.outcome or _engine_fault(EngineFault("the attempt was never decided"))
    verdict = work.verdict
    if not verdict.checks and outcome.kind is not OutcomeKind.SUCCEEDED:
        verdict = verdict_of(outcome)
    evidence = None if work.launch is None or work.seen is None else (work.launch, work.seen)
    return dataclasses.replace(
        work,
        outcome=outcome,
        verdict=verdict,
        receipt=receipt(
            work.claim.ref,
            outcome,
            verdict,
            spec_digest=work.claim.digest,
            evidence=evidence,
            contents={"result": work.result, "stdout": work.stdout, "stderr": work.stderr},
        ),
    )


async def finish(rooms: Rooms, work: Work) -> Moved:
    """Commit the end: attempt, task, result, receipt and dependants in one transaction.

    Raises StaleAttempt if the attempt was taken over meanwhile, another EngineFault if the store failed.
    """
    return await rooms.journal.finish(ending(rooms, work))


def ending(rooms: Rooms, work: Work) -> Ending:
    """What the end writes."""
    if work.outcome is None or work.receipt is None:
        raise EngineFault("an attempt was finished before it was sealed")
    now = rooms.clock.now()
    seen = work.seen or Observation()
    return Ending(
        ref=work.claim.ref,
        outcome=work.outcome,
        verdict=work.verdict,
        receipt=work.receipt,
        level=Level.NONE if work.launch is None else work.launch.level,
        usage=Usage() if work.seen is None else seen.usage,
        enforcement=() if work.launch is None else work.launch.enforcement,
        started_at=seen.started_at,
        ended_at=now,
        result=work.result,
        stdout=work.stdout,
        stderr=work.stderr,
        retry_at=work.retry_at,
    )


def _retry_at(claim: Claim, outcome: Outcome, now: float, chance: float) -> float | None:
    if outcome.kind is OutcomeKind.SUCCEEDED:
        return None
    ours = outcome.fault is Fault.ENGINE
    delay = retry_delay_s(claim.spec.retry, outcome, claim.spent + (not ours), claim.engine_faults + ours, chance)
    return None if delay is None else now + delay


def _refused(work: Work, problems: tuple[Problem, ...]) -> Work:
    """A context that turned out wrong only once its values were there: another try would find the same."""
    reasons = [str(problem) for problem in problems]
    outcome = Outcome(
        kind=OutcomeKind.INVALID,
        message=f"could not be started: {reasons[0]}",
        detail={"problems": reasons, "retryable": False},
        next_steps=tuple(problem.remedy for problem in problems),
    )
    checks = tuple(Check("context", False, reason) for reason in reasons)
    return dataclasses.replace(work, outcome=outcome, verdict=Verdict(checks))


def _unknown_agent(agent_type: str, rooms: Rooms) -> Problem:
    known = ", ".join(sorted(rooms.agents))
    return Problem("agent.unknown", "agent_type", f"no agent type `{agent_type}` is known here", f"Known: {known}.")


def lost_work(rooms: Rooms, claim: Claim) -> Work:
    """The sealed end of an attempt whose engine died."""
    return sealed(decided(rooms, Work(claim=claim, outcome=lost())))


def _cancelled(reason: str) -> Outcome:
    return Outcome(kind=OutcomeKind.CANCELLED, message=f"cancelled before it started: {reason}")


def _engine_fault(error: Exception) -> Outcome:
    code = error.code if isinstance(error, HoldfastError) else type(error).__name__
    return Outcome(
        kind=OutcomeKind.SANDBOX_FAILED,
        message=f"the engine failed: {error}",
        detail={"code": code},
        next_steps=("The task is not to blame: it is tried again without spending the retry budget.",),
    )
