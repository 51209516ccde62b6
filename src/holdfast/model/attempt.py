"""One numbered try of a task."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from holdfast.model.content import Content
from holdfast.model.limits import Enforcement, Level, Usage
from holdfast.model.outcome import Outcome, Verdict
from holdfast.model.receipt import Receipt
from holdfast.model.task import TaskSpec


class AttemptState(StrEnum):
    """Where an attempt stands; it only moves forward."""

    CLAIMED = "claimed"
    RUNNING = "running"
    VERIFYING = "verifying"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class AttemptRef:
    """The right to write about one attempt: its id in the store, and the epoch of the engine that claimed it.

    `number` counts from 1 within the task.
    """

    id: int
    epoch: int
    task_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A task handed to this engine: what to do, and the attempt under which to do it.

    `spent` is how many earlier attempts counted against the retry budget; `engine_faults` how many did not.
    """

    ref: AttemptRef
    spec: TaskSpec
    digest: str = ""
    name: str
    workflow_id: str | None
    spent: int
    engine_faults: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Everything that the end of an attempt writes, in one transaction. Times are Unix seconds.

    `retry_at` is set where the rules grant another attempt. `result` is None unless the attempt succeeded.
    """

    ref: AttemptRef
    outcome: Outcome
    verdict: Verdict
    receipt: Receipt
    level: Level
    usage: Usage
    enforcement: tuple[Enforcement, ...]
    started_at: float | None
    ended_at: float
    result: Content | None = None
    stdout: Content | None = None
    stderr: Content | None = None
    retry_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The durable record of one try. `level` and what follows are known once it has ended."""

    id: int
    epoch: int
    task_id: str
    number: int
    state: AttemptState
    claimed_at: float
    started_at: float | None = None
    ended_at: float | None = None
    outcome: Outcome | None = None
    verdict: Verdict | None = None
    receipt: Receipt | None = None
    level: Level | None = None
    usage: Usage | None = None
    enforcement: tuple[Enforcement, ...] = ()
    stdout: Content | None = None
    stderr: Content | None = None
