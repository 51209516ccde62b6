"""What a running attempt uses at this moment, read from /proc and from its control group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.model.limits import Usage
from holdfast.sandbox.zygote.family import children, descendants, read_text
from holdfast.sandbox.zygote.watch import Sample

if TYPE_CHECKING:
    from holdfast.sandbox.zygote.cgroup import Layout


def main_process(keeper: int) -> int | None:
    """The main process of the task that a keeper has: its first child."""
    return next(iter(children(keeper)), None)


def usage(keeper: int, wall_s: float, group: str | None) -> Usage:
    """The sum over every process of the task. `group` is the folder of its memory group."""
    sample = Sample(descendants(keeper))
    memory = sample.memory_bytes if group is None else _group_bytes(group)
    return Usage(wall_s=wall_s, cpu_s=sample.cpu_s, memory_bytes=memory, processes=sample.processes)


def memory_group(layout: Layout, name: str) -> str | None:
    """The file that tells what the group of this name has in memory."""
    if "memory" not in layout:
        return None
    place = layout["memory"]
    return f"{place['base']}/{name}/" + ("memory.current" if place["version"] == 2 else "memory.usage_in_bytes")


def _group_bytes(path: str) -> int | None:
    text = read_text(path)
    return int(text) if text else None
