"""The journal in memory: the same moves, gone with the process. For the store `:memory:`, and for tests."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from holdfast.journal.memory_reader import MemoryReader
from holdfast.journal.memory_rows import Rows, TaskRow, WorkflowRow, ended
from holdfast.journal.terms import (
    CLAIM_WINDOW,
    advance_kind,
    cancelled_outcome,
    check_ending,
    conflict,
    cycle,
    distinct,
    ended_event,
    engine_faults,
    first_state,
    new_record,
    not_json,
    stale,
    task_outcome,
    unknown_need,
    unknown_tasks,
    unknown_workflow,
    workflow_conflict,
)
from holdfast.model.attempt import Attempt, AttemptRef, AttemptState, Claim, Ending
from holdfast.model.errors import EngineFault, Problem, Refused
from holdfast.model.event import EventKind
from holdfast.model.limits import Capacity
from holdfast.model.query import Moved, NewWorkflow, Submission, Submitted
from holdfast.model.task import NewTask, TaskState
from holdfast.model.workflow import Workflow
from holdfast.rules.lifecycle import Move, may_cancel, move_of_end, step, step_attempt
from holdfast.rules.schedule import Candidate, blocked_by, choose, left

EPOCH: Final = 1
"""There is one engine: the one that made the journal."""


class MemoryJournal(MemoryReader):
    """The journal of one engine. Each move is made in one go, between two turns of the event loop."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(Rows())
        self._now = now

    async def submit(self, submission: Submission) -> Submitted:
        """Store new tasks; one whose id is known with the same digest is left as it is, but for its session."""
        rows, now, start = self._rows, self._now(), len(self._rows.events)
        by_id, problems = distinct(submission.tasks)
        new = [task for task_id, task in by_id.items() if rows.find(task_id) is None]
        problems += cycle(by_id) + self._conflicts(by_id) + self._unknown(by_id, new)
        problems += self._workflow_conflicts(submission.workflow)
        if submission.take_over is not None and submission.take_over not in rows.workflows:
            raise unknown_workflow(submission.take_over)
        problems = problems or not_json(new)
        if problems:
            raise Refused(problems)
        known = [row for row in map(rows.find, by_id) if row is not None]
        workflow = self._place(submission.workflow, now, empty=not new)
        taken = rows.workflows.get(submission.take_over or "")
        for row in (*known, *(taken.tasks if taken is not None else ())):
            row.session = row.session if row.record.state.final else submission.session
        for task in new:
            self._add(task, workflow, submission.session, now)
        self._block(self._connect(new), now)
        shown = workflow or taken
        return Submitted(
            tasks=tuple(self._row(task.id).record for task in submission.tasks),
            known=frozenset(row.record.id for row in known),
            workflow=None if shown is None else shown.read(),
            events=tuple(rows.events[start:]),
        )

    def _conflicts(self, by_id: Mapping[str, NewTask]) -> list[Problem]:
        held = ((task, self._rows.find(task.id)) for task in by_id.values())
        return [conflict(task.id) for task, row in held if row is not None and row.record.digest != task.digest]

    def _workflow_conflicts(self, workflow: NewWorkflow | None) -> list[Problem]:
        known = None if workflow is None else self._rows.workflows.get(workflow.id)
        if workflow is None or known is None or known.record.digest == workflow.digest:
            return []
        return [workflow_conflict(workflow.id)]

    def _unknown(self, by_id: Mapping[str, NewTask], new: Sequence[NewTask]) -> list[Problem]:
        return [
            unknown_need(task.id, need)
            for task in new
            for need in task.needs
            if need not in by_id and self._rows.find(need) is None
        ]

    def _place(self, workflow: NewWorkflow | None, now: float, *, empty: bool) -> WorkflowRow | None:
        if workflow is None:
            return None
        record = Workflow(
            id=workflow.id,
            name=workflow.name,
            digest=workflow.digest,
            inputs=json.loads(workflow.inputs),
            submitted_at=now,
            ended_at=now if empty else None,
        )
        return self._rows.workflows.setdefault(workflow.id, WorkflowRow(record))

    def _add(self, task: NewTask, workflow: WorkflowRow | None, session: str, now: float) -> None:
        open_needs = sum(not self._met(need) for need in set(task.needs))
        state = first_state(task, open_needs, now)
        row = TaskRow(
            seq=len(self._rows.tasks) + 1,
            record=new_record(task, state, None if workflow is None else workflow.record.id, now),
            new=task,
            session=session,
            open_needs=open_needs,
            workflow=workflow,
            ready_since=now if state is TaskState.READY else None,
        )
        self._rows.add(row)
        self._rows.note(EventKind.SUBMITTED, row, now)

    def _met(self, need: str) -> bool:
        row = self._rows.find(need)
        return row is not None and row.record.state is TaskState.SUCCEEDED

    def _connect(self, new: Iterable[NewTask]) -> list[TaskRow]:
        """Join new tasks to what they need; the rows of those needs that have ended without success."""
        blockers: dict[int, TaskRow] = {}
        for task in new:
            for need in dict.fromkeys(task.needs):
                row = self._row(need)
                row.dependants.append(self._row(task.id))
                if row.record.state in (TaskState.FAILED, TaskState.CANCELLED):
                    blockers[row.seq] = row
        return list(blockers.values())

    async def claim(self, total: Capacity, now: float, session: str | None = None) -> tuple[Claim, ...]:
        """Take the ready tasks that fit beside those running; each gets its next attempt, counted."""
        rows = self._rows
        free = left(total, [(row.new.cpus, row.new.memory_bytes) for row in rows.running()])
        line = islice((row for row in rows.ready() if session in (None, row.session)), CLAIM_WINDOW)
        candidates = [
            Candidate(row.record.id, row.new.cpus, row.new.memory_bytes, row.ready_since or 0.0) for row in line
        ]
        return tuple(
            self._claim(self._row(chosen.task_id), now) for chosen in choose(candidates, free, now, total.cpus)
        )

    def _claim(self, row: TaskRow, now: float) -> Claim:
        task = row.record
        number = task.attempts + 1
        ref = AttemptRef(len(self._rows.attempts) + 1, EPOCH, task.id, number)
        self._rows.attempts.append(row)
        row.attempts.append(
            Attempt(id=ref.id, epoch=EPOCH, task_id=task.id, number=number, state=AttemptState.CLAIMED, claimed_at=now)
        )
        self._rows.change(row, state=step(task.state, Move.CLAIM), attempts=number)
        self._rows.note(EventKind.CLAIMED, row, now, attempt=number)
        return Claim(
            ref=ref,
            spec=task.spec,
            digest=task.digest,
            name=task.name,
            workflow_id=task.workflow_id,
            spent=task.attempts - task.engine_faults,
            engine_faults=task.engine_faults,
        )

    def _held(self, ref: AttemptRef, what: str) -> tuple[TaskRow, Attempt]:
        """The task and its live attempt. Raises StaleAttempt where the right to write is lost."""
        row = self._rows.attempts[ref.id - 1] if 0 < ref.id <= len(self._rows.attempts) else None
        if row is not None and row.record.id == ref.task_id and ref.epoch == EPOCH:
            attempt = row.attempts[-1]
            if (attempt.id, attempt.number) == (ref.id, ref.number) and attempt.state is not AttemptState.ENDED:
                return row, attempt
        raise stale(what, ref.task_id, ref.number)

    def advance(self, ref: AttemptRef, state: AttemptState, now: float) -> Awaitable[Moved]:
        """Move an attempt forward to running or verifying, at once."""
        moved: asyncio.Future[Moved] = asyncio.get_running_loop().create_future()
        try:
            moved.set_result(self._advance(ref, state, now))
        except EngineFault as fault:
            moved.set_exception(fault)
        return moved

    def _advance(self, ref: AttemptRef, state: AttemptState, now: float) -> Moved:
        row, attempt = self._held(ref, f"the move to {state}")
        start, kind = len(self._rows.events), advance_kind(attempt.state, state)
        started_at = now if attempt.started_at is None else attempt.started_at
        row.attempts[-1] = replace(attempt, state=state, started_at=started_at)
        if row.record.started_at is None:
            self._rows.change(row, started_at=now)
        self._rows.note(kind, row, now, attempt=ref.number)
        return self._moved(start)

    async def finish(self, ending: Ending) -> Moved:
        """End an attempt, move its task, and start or cancel its dependants."""
        check_ending(ending)
        row, attempt = self._held(ending.ref, "the end")
        step_attempt(attempt.state, AttemptState.ENDED)
        task, start = row.record, len(self._rows.events)
        asked = task.cancel_reason is not None
        move = move_of_end(ending.outcome.kind, retry=ending.retry_at is not None, cancel_asked=asked)
        after = step(task.state, move)
        row.attempts[-1] = ended(attempt, ending)
        self._rows.change(
            row,
            state=after,
            started_at=ending.started_at if task.started_at is None else task.started_at,
            ended_at=ending.ended_at if after.final else None,
            due_at=ending.retry_at if after is TaskState.WAITING else task.due_at,
            engine_faults=task.engine_faults + engine_faults(ending),
            outcome=task_outcome(ending, after, task.cancel_reason),
            result=ending.result,
        )
        kind, data = ended_event(ending, move)
        self._rows.note(kind, row, ending.ended_at, attempt=ending.ref.number, data=data)
        if after is TaskState.SUCCEEDED:
            self._meet(row, ending.ended_at)
        elif after.final:
            self._block([row], ending.ended_at)
        return self._moved(start)

    def _meet(self, done: TaskRow, now: float) -> None:
        for row in done.dependants:
            if row.record.state is not TaskState.WAITING:
                continue
            due_at = row.record.due_at
            if row.open_needs > 1 or (due_at is not None and due_at > now):
                self._rows.change(row, open_needs=row.open_needs - 1)
            else:
                self._make_ready(row, now)

    def _make_ready(self, row: TaskRow, now: float) -> None:
        self._rows.change(row, open_needs=0, state=step(row.record.state, Move.DUE), ready_since=now)
        self._rows.note(EventKind.DUE, row, now)

    def _block(self, ended: Iterable[TaskRow], now: float) -> None:
        line = deque(ended)
        while line:
            blocker = line.popleft()
            reason = blocked_by(blocker.record.name or blocker.record.id, blocker.record.state)
            for row in blocker.dependants:
                if row.record.state is TaskState.WAITING:
                    self._cancel(row, reason, now)
                    line.append(row)

    async def cancel(self, task_ids: Sequence[str], reason: str, now: float) -> Moved:
        """Cancel tasks and what needs them; those that run are flagged. Raises UnknownTask and changes nothing."""
        unknown = [task_id for task_id in dict.fromkeys(task_ids) if self._rows.find(task_id) is None]
        if unknown:
            raise unknown_tasks(unknown)
        start, cancelled = len(self._rows.events), []
        for row in map(self._row, dict.fromkeys(task_ids)):
            if row.record.state is TaskState.RUNNING:
                self._ask(row, reason, now)
            elif may_cancel(row.record.state):
                self._cancel(row, reason, now)
                cancelled.append(row)
        self._block(cancelled, now)
        return self._moved(start)

    def _ask(self, row: TaskRow, reason: str, now: float) -> None:
        if row.record.cancel_reason is None:  # the first reason stands
            self._rows.change(row, state=step(row.record.state, Move.CANCEL), cancel_reason=reason)
            self._rows.note(EventKind.CANCEL_ASKED, row, now, attempt=row.record.attempts, data={"reason": reason})

    def _cancel(self, row: TaskRow, reason: str, now: float) -> None:
        self._rows.change(
            row,
            state=step(row.record.state, Move.CANCEL),
            cancel_reason=reason,
            outcome=cancelled_outcome(reason),
            ended_at=now,
        )
        self._rows.note(EventKind.CANCELLED, row, now, data={"reason": reason})

    async def wake(self, now: float) -> tuple[Moved, float | None]:
        """Move waiting tasks that are due to ready; say when the next one is due."""
        start = len(self._rows.events)
        due, next_due = self._rows.due(now)
        for row in due:
            self._make_ready(row, now)
        return self._moved(start), next_due

    async def orphans(self) -> tuple[Claim, ...]:
        """None: no earlier engine can have left any."""
        return ()

    def _moved(self, start: int) -> Moved:
        return Moved(events=tuple(self._rows.events[start:]))
