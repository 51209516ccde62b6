"""What a keeper reports, and the observation made of it. Only numbers and text are read out of a report."""

from __future__ import annotations

import msgspec

from holdfast.model.launch import Captured, Observation, StopReason
from holdfast.model.limits import Usage


class Kept(msgspec.Struct):
    """One output stream, see `zygote.wire.Kept`."""

    kept: int
    total: int
    inline: int
    path: str


class Facts(msgspec.Struct, kw_only=True):
    """An ended task, see `zygote.wire.Facts`."""

    number: int
    exit_code: int | None
    signal: int | None
    sandbox_error: str | None
    stopped_for: StopReason | None
    oom_kills: int | None
    limit_hit: str | None
    report_bytes: int
    stdout: Kept
    stderr: Kept
    started_at: float
    wall_s: float
    cpu_s: float
    memory_bytes: int | None
    read_bytes: int | None
    written_bytes: int | None
    processes: int | None
    survivors: int
    swept: int
    evidence: tuple[str, ...]
    waits: bool
    retired: bool


class Hello(msgspec.Struct):
    """The first words of a keeper."""

    pid: int


def observation(facts: Facts, report: bytes, out: bytes, err: bytes) -> Observation:
    """The raw facts in the model's words."""
    return Observation(
        exit_code=facts.exit_code,
        signal=facts.signal,
        sandbox_error=facts.sandbox_error,
        stopped_for=facts.stopped_for,
        oom_kills=facts.oom_kills,
        limit_hit=facts.limit_hit,
        report=report or None,
        report_bytes=facts.report_bytes,
        stdout=_captured(facts.stdout, out),
        stderr=_captured(facts.stderr, err),
        usage=Usage(
            wall_s=facts.wall_s,
            cpu_s=facts.cpu_s,
            memory_bytes=facts.memory_bytes,
            read_bytes=facts.read_bytes,
            written_bytes=facts.written_bytes,
            processes=facts.processes,
        ),
        started_at=facts.started_at,
        survivors=facts.survivors,
        swept=facts.swept,
        evidence=facts.evidence,
    )


def _captured(kept: Kept, inline: bytes) -> Captured:
    path = kept.path if kept.inline < 0 else None
    return Captured(kept=kept.kept, total=kept.total, inline=inline, path=path)
