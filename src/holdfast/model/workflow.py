"""Tasks and the edges between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.model.json import Json
from holdfast.model.task import TaskSpec


class WorkflowState(StrEnum):
    """Derived from the tasks: running until all have ended; failed outweighs cancelled."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One task of a workflow. `needs` are names; values of `spec.context` may hold `${{ … }}` references."""

    spec: TaskSpec
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSpec:
    """A workflow as asked for, defaults applied to each task."""

    name: str
    nodes: Mapping[str, Node]
    inputs: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """The durable record. `digest` identifies what was asked (the spec with its inputs); `counts` is tasks by state."""

    id: str
    name: str
    digest: str
    inputs: Mapping[str, Json]
    submitted_at: float
    ended_at: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
