"""The inert description of one start, and the raw facts after its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from holdfast.model.attempt import AttemptRef
from holdfast.model.limits import Enforcement, Level, Limits, Usage
from holdfast.model.outcome import Outcome, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec:
    """Start a program. `argv[0]` is looked up on the PATH of the launch's environment."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Call a Python function with JSON values.

    `target` is `package.module:function` or `/path/of/script.py:function`; `arguments` is the JSON document
    `{"args": [...], "kwargs": {...}}`; `import_path` is put before the environment's own.
    """

    target: str
    arguments: bytes
    import_path: tuple[str, ...] = ()


Program: TypeAlias = Exec | Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What an agent makes of a context: the program, and what it finds when it starts.

    `files` maps relative names in the working directory to their bytes.
    """

    program: Program
    environment: tuple[tuple[str, str], ...] = ()
    stdin: bytes = b""
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """The fully resolved start of one attempt: nothing is left to decide, nothing has happened yet.

    `limits` are effective, defaults filled in; `enforcement` is what the sandbox said it can do about each.
    `deadline` is Unix time in seconds, for the task to read; the limit itself is kept by the monotonic clock.
    `folder` is `TaskSpec.folder`: where a task sees little, this it may read. It is no part of the digest.
    """

    ref: AttemptRef
    level: Level
    program: Program
    environment: tuple[tuple[str, str], ...]
    stdin: bytes
    files: tuple[tuple[str, bytes], ...]
    limits: Limits
    enforcement: tuple[Enforcement, ...]
    deadline: float | None
    digest: str
    folder: str = ""


class StopReason(StrEnum):
    """Why the engine killed an attempt; recorded before the first signal."""

    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    ENGINE_STOPPING = "engine_stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What was kept of one output stream: the kept bytes stand in `inline`, or in the file `path` where they are many.

    `kept` counts them; `total` counts all bytes produced, larger where the middle was left out.
    """

    kept: int = 0
    total: int = 0
    inline: bytes = b""
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Raw facts after every process of the attempt is dead. No judgement.

    Exactly one of `exit_code`, `signal` and `sandbox_error` is set. `oom_kills` is the kernel's counter of the
    attempt's own cgroup (None: there was none). `limit_hit` names the envelope's limit that ended it, where the
    kernel said so. `report` is what the program left as its result, None if nothing; `report_bytes` is its full
    size, and `report` is None where that is over the cap. `swept` counts processes that outlived the main one and
    were killed; `survivors` those that could not be.
    """

    exit_code: int | None = None
    signal: int | None = None
    sandbox_error: str | None = None
    stopped_for: StopReason | None = None
    oom_kills: int | None = None
    limit_hit: str | None = None
    report: bytes | None = None
    report_bytes: int = 0
    stdout: Captured = Captured()
    stderr: Captured = Captured()
    usage: Usage = Usage()
    started_at: float | None = None
    survivors: int = 0
    swept: int = 0
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What an agent reads out of an observation: the value, or the outcome that says why there is none."""

    verdict: Verdict
    value: bytes | None = None
    failure: Outcome | None = None
