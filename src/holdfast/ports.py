"""The ports: what the engine needs from its rooms, as Protocols named after moves.

Adapters raise only errors of `holdfast.model.errors`. Only data crosses a port.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from holdfast.model.attempt import Attempt, AttemptRef, AttemptState, Claim, Ending
from holdfast.model.content import Content
from holdfast.model.errors import Problem
from holdfast.model.event import Event
from holdfast.model.json import Json
from holdfast.model.launch import Captured, Conclusion, Launch, Observation, Preparation, StopReason
from holdfast.model.limits import Capabilities, Capacity, Level, Usage
from holdfast.model.query import EventQuery, Moved, Submission, Submitted, TaskQuery, WorkflowQuery
from holdfast.model.task import Task
from holdfast.model.workflow import Workflow


class Clock(Protocol):
    """Time and chance, so that no rule reads them by itself."""

    def now(self) -> float:
        """Unix time in seconds: data, never a deadline."""

    def monotonic(self) -> float:
        """Seconds that only grow; deadlines are kept by these."""

    def chance(self) -> float:
        """A fresh random number in [0, 1)."""


class Records(Protocol):
    """What has been recorded, for reading; works beside an engine that writes."""

    async def task(self, task_id: str) -> Task | None:
        """One task, or None."""

    async def tasks(self, query: TaskQuery) -> tuple[Task, ...]:
        """Tasks that match, newest first."""

    async def attempts(self, task_id: str) -> tuple[Attempt, ...]:
        """All attempts of a task, in order."""

    async def workflows(self, query: WorkflowQuery) -> tuple[Workflow, ...]:
        """Workflows that match, newest first, each with the number of its tasks by state."""

    async def events(self, query: EventQuery) -> tuple[Event, ...]:
        """Events after a cursor, in order."""


class Journal(Records, Protocol):
    """The durable record of tasks, attempts and events. Every move is one transaction with one event.

    Each write returns after its commit is on disk. A write that names an attempt raises StaleAttempt unless that
    attempt has this id and epoch and has not ended.
    """

    async def submit(self, submission: Submission) -> Submitted:
        """Store new tasks; one whose id is known with the same digest stays as it is, with another it is Refused."""

    async def claim(self, total: Capacity, now: float, session: str | None = None) -> tuple[Claim, ...]:
        """Take the ready tasks that fit beside those running, by `rules.schedule`; each gets its next attempt, counted.

        What is in use is summed from the rows of running tasks, never counted separately. With `session`, only tasks
        of that session are taken: `holdfast run` drives what it was asked for, not all that the store holds.
        """

    def advance(self, ref: AttemptRef, state: AttemptState, now: float) -> Awaitable[Moved]:
        """Move an attempt forward to running or verifying, before any later write about it.

        It takes effect without being awaited; awaiting it may take as long as the next commit of somebody else.
        """

    async def finish(self, ending: Ending) -> Moved:
        """End an attempt and move its task; dependants become ready, or cancelled with the reason. All at once."""

    async def cancel(self, task_ids: Sequence[str], reason: str, now: float) -> Moved:
        """Cancel tasks: at once where no attempt of theirs is alive, else flagged for their worker. Final ones stay."""

    async def wake(self, now: float) -> tuple[Moved, float | None]:
        """Move waiting tasks that are due to ready; say when the next one is due."""

    async def orphans(self) -> tuple[Claim, ...]:
        """Attempts not ended whose engine is gone: they carry this engine's epoch now, and are to be ended as lost."""


class Blobs(Protocol):
    """Content-addressed bytes on disk: once put, they stay until collected."""

    def put(self, data: bytes) -> str:
        """Store bytes durably; return their sha256 as hex."""

    def put_file(self, path: str) -> str:
        """Take over a file (it is moved or copied); return its sha256 as hex."""

    def get(self, digest: str) -> bytes:
        """The bytes. Raises EngineFault (`blob.missing`, `blob.damaged`) where they are gone or changed."""


class Running(Protocol):
    """One started attempt."""

    @property
    def pid(self) -> int | None:
        """The main process, as the host sees it."""

    def usage(self) -> Usage:
        """What it uses now; `memory_bytes` is the current, not the peak."""

    def output(self) -> tuple[str, str]:
        """The paths of the files that stdout and stderr are captured into while it runs (they may not exist yet)."""

    def stop(self, reason: StopReason, at_once: bool = False) -> None:
        """Ask it to end (SIGTERM, grace, SIGKILL to all that descend from it), or kill it at once. Returns at once."""

    async def ended(self) -> Observation:
        """Wait until every process of the attempt is dead; never raises for what the task did."""


class Sandbox(Protocol):
    """Carries out launches at one isolation level, and says truthfully what it can enforce."""

    async def open(self) -> None:
        """Get ready; raises EngineFault if this level cannot work here."""

    def capabilities(self) -> Capabilities:
        """What this level enforces on this host."""

    async def start(self, launch: Launch) -> Running:
        """Start an attempt. Never raises for the task's sake: a failed start shows in `Running.ended`."""

    async def close(self) -> None:
        """Kill what still runs, and release everything."""


class Dispatcher(Protocol):
    """Chooses where a launch is carried out."""

    async def capabilities(self, level: Level) -> Capabilities | None:
        """What that level enforces here, got ready on its first use; None where there is no such level.

        Raises EngineFault where the level cannot work here.
        """

    async def start(self, launch: Launch) -> Running:
        """Start the launch at its level."""

    async def open(self) -> None:
        """Get ready."""

    async def close(self) -> None:
        """Kill what still runs, and release everything."""


class Agent(Protocol):
    """A kind of doer: turns a context into a program, and what it left into a value."""

    @property
    def name(self) -> str:
        """The `agent_type`."""

    def check(self, context: Mapping[str, Json], path: str) -> tuple[Problem, ...]:
        """Every reason why this context cannot run; strings holding `${{ … }}` are checked again once resolved."""

    def prepare(self, context: Mapping[str, Json], folder: str) -> Preparation:
        """The program of a context that passed `check`; `folder` is `TaskSpec.folder`."""

    def conclude(self, seen: Observation, read: OutputReader) -> Conclusion:
        """The value of an attempt whose main process ended by itself: canonical JSON bytes, or the failure."""


class OutputReader(Protocol):
    """Reads captured output, wherever it was kept."""

    def __call__(self, captured: Captured, limit: int) -> bytes:
        """At most `limit` bytes of what was kept."""


class ContentReader(Protocol):
    """Reads content, from the row or the blob store."""

    def __call__(self, content: Content) -> bytes:
        """All kept bytes, their digest checked."""
