"""The request and the durable record of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.model.content import Content
from holdfast.model.json import Json
from holdfast.model.limits import Level, Limits
from holdfast.model.outcome import Outcome
from holdfast.model.retry import RetryPolicy


class TaskState(StrEnum):
    """Where a task stands. The last three are final."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    HELD = "held"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """The immutable request. `isolation` None means: the engine's default level.

    `allow_degraded` names the limits that may go unenforced where the host cannot enforce them. `folder` is where
    the request came from (the folder of its file): Python modules are looked up there first. It is no part of the
    digest, so that a project may be moved.
    """

    agent_type: str
    context: Mapping[str, Json] = field(default_factory=dict)
    limits: Limits = Limits()
    retry: RetryPolicy = RetryPolicy()
    isolation: Level | None = None
    allow_degraded: tuple[str, ...] = ()
    folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task about to be submitted, already admitted.

    `needs` are the ids of the tasks that must succeed first; `not_before` is Unix time in seconds;
    `cpus` and `memory_bytes` are what the task is counted with while it runs.
    """

    id: str
    spec: TaskSpec
    digest: str
    name: str = ""
    needs: tuple[str, ...] = ()
    not_before: float | None = None
    cpus: float = 1.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The durable record. Times are Unix seconds; `attempts` counts those begun, engine faults included."""

    id: str
    spec: TaskSpec
    digest: str
    state: TaskState
    name: str = ""
    workflow_id: str | None = None
    submitted_at: float
    due_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    attempts: int = 0
    engine_faults: int = 0
    cancel_reason: str | None = None
    outcome: Outcome | None = None
    result: Content | None = None
