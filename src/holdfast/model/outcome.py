"""How an attempt ended: a closed set, each kind with the party at fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from holdfast.model.json import Json


class Fault(StrEnum):
    """Who has to change something before another try can end differently."""

    NONE = "none"
    TASK = "task"
    LIMIT = "limit"
    CALLER = "caller"
    ENGINE = "engine"


class OutcomeKind(StrEnum):
    """The ways in which an attempt can end."""

    SUCCEEDED = "succeeded"
    ERRORED = "errored"
    CRASHED = "crashed"
    INVALID = "invalid"
    TIMED_OUT = "timed_out"
    OVER_LIMIT = "over_limit"
    CANCELLED = "cancelled"
    LOST = "lost"
    SANDBOX_FAILED = "sandbox_failed"
    HELD = "held"


FAULTS: Final[Mapping[OutcomeKind, Fault]] = MappingProxyType({
    OutcomeKind.SUCCEEDED: Fault.NONE,
    OutcomeKind.ERRORED: Fault.TASK,
    OutcomeKind.CRASHED: Fault.TASK,
    OutcomeKind.INVALID: Fault.TASK,
    OutcomeKind.TIMED_OUT: Fault.LIMIT,
    OutcomeKind.OVER_LIMIT: Fault.LIMIT,
    OutcomeKind.CANCELLED: Fault.CALLER,
    OutcomeKind.LOST: Fault.ENGINE,
    OutcomeKind.SANDBOX_FAILED: Fault.ENGINE,
    OutcomeKind.HELD: Fault.NONE,
})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt, or the task as a whole, ended.

    `detail` is the evidence (exit code, signal, the kernel's counters); `next_steps` are sentences for a person.
    """

    kind: OutcomeKind
    message: str
    detail: Mapping[str, Json] = field(default_factory=dict)
    next_steps: tuple[str, ...] = ()

    @property
    def fault(self) -> Fault:
        return FAULTS[self.kind]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an attempt's outputs."""

    name: str
    passed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The checks run on the outputs of an attempt. No result exists unless all passed."""

    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)
