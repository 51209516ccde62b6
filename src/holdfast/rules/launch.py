"""From a spec and what the host can do to the inert description of one start."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from holdfast.model.attempt import Claim
from holdfast.model.errors import Problem
from holdfast.model.launch import Call, Launch, Preparation
from holdfast.model.limits import Capabilities, Enforcement, Level, Limits, Offer
from holdfast.model.task import TaskSpec

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

HELD_TO_THEIR_WORD: Final = frozenset({Level.SANDBOX, Level.CONTAINER})
"""The levels at which a limit holds, or the task is not started."""

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


def unenforced(spec: TaskSpec, capabilities: Capabilities) -> tuple[Problem, ...]:
    """The limits that a task asks for, and that its level promises to hold but cannot on this host.

    What `allow_degraded` names may be missing. Level `process` promises less: there such limits are advisory.
    """
    if capabilities.level not in HELD_TO_THEIR_WORD:
        return ()
    return tuple(
        Problem(
            "limit.unenforceable",
            f"resources.{entry.limit}",
            f"this limit cannot be enforced at level {capabilities.level} on this host",
            " ".join((
                capabilities.offers.get(entry.limit, _UNKNOWN).remedy,
                f"Or do without: `allow_degraded: [{entry.limit}]`.",
            )).strip(),
        )
        for entry in enforcement(spec.limits, capabilities)
        if not entry.enforced and entry.limit not in spec.allow_degraded
    )


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
        digest=_digest(preparation, capabilities.level, limits),
        folder=claim.spec.folder,
    )


def _digest(preparation: Preparation, level: Level, limits: Limits) -> str:
    """sha256 over what will be started, and within which limits; equal for the attempts of one task.

    Each part stands behind its length, each list behind its number of parts, so that no two launches read the same.
    """
    seal = hashlib.sha256()
    for part in _parts(preparation, level, limits):
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        seal.update(len(data).to_bytes(8, "big"))
        seal.update(data)
    return seal.hexdigest()


def _parts(preparation: Preparation, level: Level, limits: Limits) -> Iterator[str | bytes]:
    yield level
    for name, field in LIMIT_NAMES.items():
        yield f"{name}={getattr(limits, field)}"
    program = preparation.program
    yield type(program).__name__
    if isinstance(program, Call):
        yield program.target
        yield program.arguments
        words = program.import_path
    else:
        words = program.argv
    yield str(len(words))
    yield from words
    yield preparation.stdin
    yield str(len(preparation.environment))
    for name, value in preparation.environment:
        yield name
        yield value
    for name, data in preparation.files:
        yield name
        yield data
