"""Which ready tasks start now, and what the end of a task does to those that need it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.model.limits import Capacity

PATIENCE_S: Final = 10.0
"""So long may smaller tasks overtake one that does not fit yet; after that nothing starts before it."""


_ROUNDING: Final = 1e-9
"""Sums of fractions of processors are off by less than this: ten tenths fit into one."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ready task in line: what it needs while it runs, and since when it has been ready (Unix seconds)."""

    task_id: str
    cpus: float
    memory_bytes: int
    ready_since: float


def choose(line: Iterable[Candidate], free: Capacity, now: float, most_cpus: float = math.inf) -> list[Candidate]:
    """The candidates to start now, taken in order from the head of the line.

    One that does not fit is passed over by later ones that do, until it has waited `PATIENCE_S`: from then on the
    line stops at it, so that the large do not starve. No candidate counts for more than `most_cpus`, all that there
    are: a task that was submitted where there were more would never start.
    """
    cpus, memory, slots = free.cpus, free.memory_bytes, free.slots
    chosen = []
    for candidate in line:
        if slots <= 0 or cpus <= _ROUNDING:
            break
        wanted = min(candidate.cpus, most_cpus)
        if wanted <= cpus + _ROUNDING and candidate.memory_bytes <= memory:
            chosen.append(candidate)
            cpus -= wanted
            memory -= candidate.memory_bytes
            slots -= 1
        elif now - candidate.ready_since >= PATIENCE_S:
            break
    return chosen


def left(total: Capacity, running: Sequence[tuple[float, int]]) -> Capacity:
    """What is free of `total` while tasks of these (cpus, memory in bytes) run."""
    return Capacity(
        cpus=total.cpus - sum(cpus for cpus, _ in running),
        memory_bytes=total.memory_bytes - sum(memory for _, memory in running),
        slots=total.slots - len(running),
    )


def blocked_by(name: str, state: str) -> str:
    """The reason given to a task that can no longer start because one it needs did not succeed."""
    return f"needs {name!r}, which ended as {state}"
