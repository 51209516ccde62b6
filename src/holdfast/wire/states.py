"""Our states in the words of the protocols that others speak.

A2A 0.3 writes states in small letters (`input-required`), A2A 1.0 as names of its enum (`TASK_STATE_INPUT_REQUIRED`);
MCP writes its own (`input_required`, tasks extension of 2025-11-25), and does not tell waiting from running.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from holdfast.model.task import TaskState

A2A: Final[Mapping[TaskState, str]] = MappingProxyType({
    TaskState.WAITING: "submitted",
    TaskState.READY: "submitted",
    TaskState.RUNNING: "working",
    TaskState.HELD: "input-required",
    TaskState.SUCCEEDED: "completed",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "canceled",
})

MCP: Final[Mapping[TaskState, str]] = MappingProxyType({
    TaskState.WAITING: "working",
    TaskState.READY: "working",
    TaskState.RUNNING: "working",
    TaskState.HELD: "input_required",
    TaskState.SUCCEEDED: "completed",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "cancelled",
})

FROM_A2A: Final[Mapping[str, TaskState]] = MappingProxyType({
    "submitted": TaskState.READY,
    "working": TaskState.RUNNING,
    "input-required": TaskState.HELD,
    "auth-required": TaskState.HELD,
    "completed": TaskState.SUCCEEDED,
    "failed": TaskState.FAILED,
    "rejected": TaskState.FAILED,
    "canceled": TaskState.CANCELLED,
})
"""`unknown` has no counterpart: the other side does not know either."""

FROM_MCP: Final[Mapping[str, TaskState]] = MappingProxyType({
    "working": TaskState.RUNNING,
    "input_required": TaskState.HELD,
    "completed": TaskState.SUCCEEDED,
    "failed": TaskState.FAILED,
    "cancelled": TaskState.CANCELLED,
})


def a2a_1(state: TaskState) -> str:
    """The state in the words of A2A 1.0."""
    return "TASK_STATE_" + A2A[state].upper().replace("-", "_")
