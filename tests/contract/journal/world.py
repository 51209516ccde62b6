"""What the journal's tests are made of: a journal driven from plain functions, and requests and endings to give it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from holdfast.model.attempt import Attempt, AttemptRef, AttemptState, Claim, Ending
from holdfast.model.content import Content
from holdfast.model.event import Event, EventKind
from holdfast.model.limits import Capacity, Enforcement, Level, Usage
from holdfast.model.outcome import Check, Outcome, OutcomeKind, Verdict
from holdfast.model.query import EventQuery, Moved, NewWorkflow, Submission, Submitted, TaskQuery, WorkflowQuery
from holdfast.model.receipt import Receipt
from holdfast.model.retry import RetryPolicy
from holdfast.model.task import NewTask, Task, TaskSpec, TaskState
from holdfast.model.workflow import Workflow
from holdfast.ports import Journal

T = TypeVar("T")

ROOMY = Capacity(cpus=1000.0, memory_bytes=1 << 40, slots=1000)


def new(task_id: str, *needs: str, **changes: Any) -> NewTask:
    """A request; `changes` are fields of NewTask, or `max_attempts`."""
    retry = RetryPolicy(max_attempts=changes.pop("max_attempts", 3))
    context = changes.pop("context", {"argv": ["true"], "note": task_id})
    plain = {"digest": hashlib.sha256(task_id.encode()).hexdigest(), "name": f"name of {task_id}", "needs": needs}
    return NewTask(id=task_id, spec=TaskSpec(agent_type="command", context=context, retry=retry), **(plain | changes))


def workflow(workflow_id: str = "w", digest: str = "a" * 64) -> NewWorkflow:
    return NewWorkflow(id=workflow_id, name="flow", digest=digest, document=b"{}", inputs=b'{"depth": 3}')


def content(text: str) -> Content:
    data = text.encode()
    return Content(digest=hashlib.sha256(data).hexdigest(), size=len(data), total=len(data), inline=data)


def ending(ref: AttemptRef, kind: str = "succeeded", at: float = 50.0, **changes: Any) -> Ending:
    """The end of an attempt; `changes` are fields of Ending, or `detail` of its outcome."""
    outcome = Outcome(kind=OutcomeKind(kind), message=f"it {kind}", detail=changes.pop("detail", {"exit_code": 1}))
    plain: dict[str, Any] = {
        "outcome": outcome,
        "verdict": Verdict((Check("exit", kind == "succeeded"),)),
        "receipt": Receipt(b"{}", "f" * 64),
        "level": Level.PROCESS,
        "usage": Usage(wall_s=1.5, cpu_s=0.5, memory_bytes=4096),
        "enforcement": (Enforcement("timeout", 300, True, "clock"), Enforcement("memory_limit", None, False, "none")),
        "started_at": None,
        "result": content('{"n": 1}') if kind == "succeeded" else None,
        "stdout": Content(digest="b" * 64, size=20_000, total=1_000_000),
    }
    return Ending(ref=ref, ended_at=at, **(plain | changes))


@dataclass(slots=True, eq=False)
class Bench:
    """One journal, driven from plain functions; its clock stands still until told otherwise."""

    journal: Journal
    runner: asyncio.Runner
    now: list[float] = field(default_factory=lambda: [10.0])

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def submit(self, *tasks: NewTask, **fields: Any) -> Submitted:
        return self.do(self.journal.submit(Submission(tasks=tasks, **fields)))

    def claim(self, total: Capacity = ROOMY, now: float = 20.0, session: str | None = None) -> tuple[Claim, ...]:
        return self.do(self.journal.claim(total, now, session))

    def claim_one(self, task_id: str, now: float = 20.0) -> Claim:
        """Claim everything; the claim of this task, which must be among it."""
        return {claim.ref.task_id: claim for claim in self.claim(now=now)}[task_id]

    def advance(self, claim: Claim, state: AttemptState = AttemptState.RUNNING, now: float = 30.0) -> Moved:
        async def advanced() -> Moved:
            return await self.journal.advance(claim.ref, state, now)

        return self.do(advanced())

    def finish(self, claim: Claim, kind: str = "succeeded", at: float = 50.0, **changes: Any) -> Moved:
        return self.do(self.journal.finish(ending(claim.ref, kind, at, **changes)))

    def end(self, task_id: str, kind: str = "succeeded", at: float = 50.0, **changes: Any) -> Moved:
        """Claim a task and end its attempt."""
        return self.finish(self.claim_one(task_id), kind, at, **changes)

    def cancel(self, *task_ids: str, reason: str = "not wanted", now: float = 60.0) -> Moved:
        return self.do(self.journal.cancel(task_ids, reason, now))

    def wake(self, now: float) -> tuple[Moved, float | None]:
        return self.do(self.journal.wake(now))

    def task(self, task_id: str) -> Task:
        task = self.do(self.journal.task(task_id))
        assert task is not None
        return task

    def state(self, task_id: str) -> TaskState:
        return self.task(task_id).state

    def tasks(self, **fields: Any) -> tuple[Task, ...]:
        return self.do(self.journal.tasks(TaskQuery(**fields)))

    def attempts(self, task_id: str) -> tuple[Attempt, ...]:
        return self.do(self.journal.attempts(task_id))

    def workflows(self, **fields: Any) -> tuple[Workflow, ...]:
        return self.do(self.journal.workflows(WorkflowQuery(**fields)))

    def events(self, **fields: Any) -> tuple[Event, ...]:
        return self.do(self.journal.events(EventQuery(**fields)))


def told(events: tuple[Event, ...]) -> list[tuple[EventKind, str, str]]:
    """What a reader of events sees first: what happened, to which task, and how it stands after it."""
    return [(event.kind, event.task_id, event.state) for event in events]
