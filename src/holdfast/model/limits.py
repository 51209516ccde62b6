"""What a task may use, what it did use, and what was done about each limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a task is isolated, weakest first."""

    NONE = "none"
    PROCESS = "process"
    SANDBOX = "sandbox"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits as asked. None means: not asked for, the default of the engine applies."""

    wall_s: float | None = None
    memory_bytes: int | None = None
    cpus: float | None = None
    cpu_s: float | None = None
    pids: int | None = None
    output_bytes: int | None = None
    open_files: int | None = None
    grace_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Usage as measured, over every process of one attempt. None means: this host could not measure it.

    `memory_bytes` is the peak (of the cgroup where there is one, else of the largest single process);
    `processes` is the highest number seen alive at once.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class Enforcement:
    """One limit of one attempt: what was asked, whether it holds against the task, and by what mechanism.

    `limit` is the name in the envelope (`memory_limit`); `asked` is in seconds, bytes or a count.
    """

    limit: str
    asked: float | int | str | None
    enforced: bool
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What the engine may hand out at once, or has left: processors and bytes of memory."""

    cpus: float
    memory_bytes: int
    slots: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a sandbox can do about one limit: whether it holds against the task, and by what mechanism."""

    enforced: bool
    by: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a sandbox can do on this host, found by trying. `offers` is keyed by the envelope's limit names."""

    level: Level
    offers: Mapping[str, Offer]
