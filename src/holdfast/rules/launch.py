"""From a spec and what the host can do to the inert description of one start."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from holdfast.model.attempt import Claim
from holdfast.model.launch import Call, Launch, Preparation
from holdfast.model.limits import Capabilities, Enforcement, Level, Limits, Offer

DEFAULT_GRACE_S: Final = 0.5
DEFAULT_OUTPUT_BYTES: Final = 10_000_000

LIMIT_NAMES: Final[Mapping[str, str]] = MappingProxyType({
    "timeout": "wall_s",
    "memory_limit": "memory_bytes",
    "cpus": "cpus",
    "cpu_time": "cpu_s",
    "pids_limit": "pids",
    "output_limit": "output_bytes",
    "open_files": "open_files",
    "grace": "grace_s",
})
"""The names of the limits in the envelope, and their fields in the model."""

_UNKNOWN: Final = Offer(enforced=False, by="not enforced at this level")


def effective(limits: Limits) -> Limits:
    """The limits with the engine's defaults for what the caller left open."""
    return dataclasses.replace(
        limits,
        grace_s=DEFAULT_GRACE_S if limits.grace_s is None else limits.grace_s,
        output_bytes=DEFAULT_OUTPUT_BYTES if limits.output_bytes is None else limits.output_bytes,
    )


def enforcement(limits: Limits, capabilities: Capabilities) -> tuple[Enforcement, ...]:
    """Per limit that has a value: what was asked, and what this sandbox does about it."""
    entries = []
    for name, field in LIMIT_NAMES.items():
        asked = getattr(limits, field)
        if asked is not None:
            offer = capabilities.offers.get(name, _UNKNOWN)
            entries.append(Enforcement(name, asked, offer.enforced, offer.by))
    return tuple(entries)


def plan(claim: Claim, preparation: Preparation, capabilities: Capabilities, now: float) -> Launch:
    """The launch of a claimed attempt. `now` is Unix time in seconds; the deadline told to the task counts from it."""
    limits = effective(claim.spec.limits)
    deadline = None if limits.wall_s is None else now + limits.wall_s
    environment = {
        **dict(preparation.environment),
        "HOLDFAST_TASK_ID": claim.ref.task_id,
        "HOLDFAST_ATTEMPT": str(claim.ref.number),
    }
    if deadline is not None:
        environment["HOLDFAST_DEADLINE"] = f"{deadline:.3f}"
    return Launch(
        ref=claim.ref,
        level=capabilities.level,
        program=preparation.program,
        environment=tuple(environment.items()),
        stdin=preparation.stdin,
        files=preparation.files,
        limits=limits,
        enforcement=enforcement(limits, capabilities),
        deadline=deadline,
        digest=_digest(preparation, capabilities.level),
    )


def _digest(preparation: Preparation, level: Level) -> str:
    """sha256 over what will be started; equal launches of different attempts have the same digest."""
    program = preparation.program
    seal = hashlib.sha256(level.encode())
    if isinstance(program, Call):
        parts = [b"call", program.target.encode(), program.arguments, *(p.encode() for p in program.import_path)]
    else:
        parts = [b"exec", *(word.encode() for word in program.argv)]
    parts.append(preparation.stdin)
    for key, value in preparation.environment:
        parts.append(f"{key}={value}".encode())
    for name, data in preparation.files:
        parts += [name.encode(), data]
    for part in parts:
        seal.update(len(part).to_bytes(8, "big"))
        seal.update(part)
    return seal.hexdigest()
