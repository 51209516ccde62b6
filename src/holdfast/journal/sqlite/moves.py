"""Claiming, driving and ending attempts, and what their end does to other tasks.

Each move runs inside a transaction that the writer opened; it leaves nothing behind where it raises, because the
writer rolls it back.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.journal.sqlite import statements as sql
from holdfast.journal.sqlite.codec import content_row, spec_of
from holdfast.journal.sqlite.dependants import block, make_ready, meet
from holdfast.journal.sqlite.tables import STRIDE, Log, Steps, Tables, TaskKey
from holdfast.journal.terms import (
    CLAIM_WINDOW,
    advance_kind,
    check_ending,
    encode,
    ended_event,
    engine_faults,
    stale,
    task_outcome,
)
from holdfast.model.attempt import AttemptRef, AttemptState, Claim, Ending
from holdfast.model.errors import EngineFault
from holdfast.model.event import EventKind
from holdfast.model.limits import Capacity
from holdfast.model.query import Moved
from holdfast.model.task import TaskState
from holdfast.rules.lifecycle import Move, move_of_end, step, step_attempt
from holdfast.rules.schedule import Candidate, choose, left


def claim(tables: Tables, total: Capacity, now: float, session: str | None) -> Steps[tuple[Claim, ...]]:
    """Take the ready tasks that fit beside those running."""
    free = left(total, [(cpus, memory) for cpus, memory in tables.rows(sql.RUNNING)])
    log = Log(tables, now)
    claims = []
    for seq in _chosen(tables, free, total, now, session) if free.slots > 0 else ():
        claims.append(_claim_one(tables, log, seq, now))
        if len(claims) % STRIDE == 0:
            yield
    yield from log.write()
    return tuple(claims)


def _chosen(tables: Tables, free: Capacity, total: Capacity, now: float, session: str | None) -> list[int]:
    line = (
        tables.execute(sql.READY_LINE, (CLAIM_WINDOW,))
        if session is None
        else tables.execute(sql.READY_LINE_OF_SESSION, (session, CLAIM_WINDOW))
    )
    seqs: dict[str, int] = {}

    def candidates() -> Iterator[Candidate]:  # read as far as the rule looks
        for seq, task_id, cpus, memory_bytes, ready_since in line:
            seqs[task_id] = seq
            yield Candidate(task_id, cpus, memory_bytes, ready_since)

    chosen = choose(candidates(), free, now, total.cpus)
    line.close()
    return [seqs[candidate.task_id] for candidate in chosen]


def _claim_one(tables: Tables, log: Log, seq: int, now: float) -> Claim:
    row = tables.row(sql.CLAIMED, seq)
    if row is None:
        raise EngineFault("a ready task is gone")
    task_id, name, workflow, workflow_id, attempts, engine_faults_before, digest, body = row
    number = attempts + 1
    after = step(TaskState.READY, Move.CLAIM)
    attempt = tables.attempt = tables.attempt + 1
    tables.execute(sql.INSERT_ATTEMPT, (attempt, seq, number, tables.epoch, now))
    tables.execute(sql.CLAIM_TASK, (after, number, seq))
    log.add(EventKind.CLAIMED, TaskKey(seq, task_id, name, workflow, workflow_id), after, attempt=number)
    return Claim(
        ref=AttemptRef(attempt, tables.epoch, task_id, number),
        spec=spec_of(body),
        digest=digest,
        name=name,
        workflow_id=workflow_id,
        spent=attempts - engine_faults_before,
        engine_faults=engine_faults_before,
    )


def _held(tables: Tables, ref: AttemptRef, what: str) -> tuple[AttemptState, TaskKey, TaskState, str | None]:
    """The attempt's state, its task, that one's state and cancel. Raises StaleAttempt where the right is lost."""
    row = tables.row(sql.HELD_BY, ref.id, ref.epoch, ref.number, ref.task_id)
    if row is None:
        raise stale(what, ref.task_id, ref.number)
    return AttemptState(row[0]), TaskKey(*row[1:6]), TaskState(row[6]), row[7]


def advance(tables: Tables, ref: AttemptRef, state: AttemptState, now: float) -> Steps[Moved]:
    """Move an attempt forward to running or verifying."""
    before, task, task_state, _ = _held(tables, ref, f"the move to {state}")
    kind = advance_kind(before, state)
    started_at = now if state is AttemptState.RUNNING else None
    tables.execute(sql.ADVANCE_ATTEMPT, (state, started_at, ref.id, ref.epoch))
    if not tables.changed():
        raise stale(f"the move to {state}", ref.task_id, ref.number)
    if started_at is not None:
        tables.execute(sql.START_TASK, (started_at, task.seq))
    log = Log(tables, now)
    log.add(kind, task, task_state, attempt=ref.number)
    return Moved(events=(yield from log.write()))


def finish(tables: Tables, ending: Ending) -> Steps[Moved]:
    """End an attempt, move its task, and let its dependants start or stop: all or nothing."""
    check_ending(ending)
    ref = ending.ref
    attempt_state, task, before, cancel_reason = _held(tables, ref, "the end")
    step_attempt(attempt_state, AttemptState.ENDED)
    move = move_of_end(ending.outcome.kind, retry=ending.retry_at is not None, cancel_asked=cancel_reason is not None)
    after = step(before, move)
    _end_attempt(tables, ending)
    _end_task(tables, ending, task.seq, after, cancel_reason)
    log = Log(tables, ending.ended_at)
    kind, data = ended_event(ending, move)
    log.add(kind, task, after, attempt=ref.number, data=data)
    if after is TaskState.SUCCEEDED:
        yield from meet(tables, log, task, ending.ended_at)
    elif after.final:
        yield from block(tables, log, [(task, after)], ending.ended_at)
    return Moved(events=(yield from log.write()))


def _end_attempt(tables: Tables, ending: Ending) -> None:
    values = (
        ending.started_at,
        ending.ended_at,
        ending.level,
        encode(ending.outcome),
        encode(ending.verdict),
        encode(ending.usage),
        encode(ending.enforcement),
        ending.receipt.statement,
        ending.receipt.digest,
        *content_row(ending.stdout),
        *content_row(ending.stderr),
        ending.ref.id,
        ending.ref.epoch,
    )
    tables.execute(sql.END_ATTEMPT, values)
    if not tables.changed():
        raise stale("the end", ending.ref.task_id, ending.ref.number)


def _end_task(tables: Tables, ending: Ending, seq: int, after: TaskState, cancel_reason: str | None) -> None:
    outcome = task_outcome(ending, after, cancel_reason)
    values = (
        after,
        ending.started_at,
        ending.ended_at if after.final else None,
        ending.retry_at if after is TaskState.WAITING else None,
        engine_faults(ending),
        None if outcome is None else encode(outcome),
        *content_row(ending.result),
        seq,
    )
    tables.execute(sql.END_TASK, values)
    if not tables.changed():
        raise EngineFault(f"task {ending.ref.task_id} has a live attempt but is not running")


def wake(tables: Tables, now: float) -> Steps[tuple[Moved, float | None]]:
    """Move waiting tasks that are due to ready."""
    log = Log(tables, now)
    for index, row in enumerate(tables.rows(sql.DUE, now), 1):
        make_ready(tables, log, TaskKey(*row), now)
        if index % STRIDE == 0:
            yield
    events = yield from log.write()
    next_due = tables.row(sql.NEXT_DUE)
    return Moved(events=events), None if next_due is None else float(next_due[0])


def orphans(tables: Tables) -> Steps[tuple[Claim, ...]]:
    """Take over the attempts of earlier epochs that have not ended: from now on only this engine may write them."""
    claims = []
    for row in tables.rows(sql.ORPHANS, tables.epoch):
        attempt, number, task_id, name, workflow_id, attempts, faults, digest, body = row
        tables.execute(sql.TAKE_ATTEMPT, (tables.epoch, attempt, tables.epoch))
        claims.append(
            Claim(
                ref=AttemptRef(attempt, tables.epoch, task_id, number),
                spec=spec_of(body),
                digest=digest,
                name=name,
                workflow_id=workflow_id,
                spent=attempts - 1 - faults,
                engine_faults=faults,
            )
        )
        if len(claims) % STRIDE == 0:
            yield
    return tuple(claims)
