"""Whether an engine has a store open now, and what it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.app.control import ask
from holdfast.model.json import Json


@dataclass(frozen=True, slots=True)
class EngineSeen:
    """The engine that has a store open."""

    pid: int
    running: tuple[str, ...]


def engine_of(store: Path) -> EngineSeen | None:
    """The engine at work in a store, None where there is none."""
    answer: Json | None = ask(store, {"do": "running"})
    if not isinstance(answer, Mapping):
        return None
    pid, tasks = answer.get("pid"), answer.get("tasks")
    return EngineSeen(
        pid=pid if isinstance(pid, int) else 0,
        running=tuple(str(task) for task in tasks) if isinstance(tasks, list) else (),
    )
