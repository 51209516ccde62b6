"""Append-only facts: one for each move, written in the move's own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.model.json import Json


class EventKind(StrEnum):
    """What happened. The first group are the moves of the life cycle."""

    SUBMITTED = "submitted"
    DUE = "due"
    CLAIMED = "claimed"
    STARTED = "started"
    VERIFYING = "verifying"
    ENDED = "ended"
    CANCEL_ASKED = "cancel_asked"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    HELD = "held"
    RESUMED = "resumed"

    CHECKPOINT = "checkpoint"
    METRIC = "metric"
    PROGRESS = "progress"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`seq` grows by commit order within a store; `at` is Unix time in seconds; `state` is the task's after it."""

    seq: int
    at: float
    kind: EventKind
    task_id: str
    state: str
    workflow_id: str | None = None
    attempt: int | None = None
    data: Mapping[str, Json] = field(default_factory=dict)
