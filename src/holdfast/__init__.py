"""Holdfast runs the tasks of orchestrated workflows, each in a process of its own, within limits that hold."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from holdfast._version import __version__

if TYPE_CHECKING:
    from holdfast.app.calls import task
    from holdfast.app.engine import AsyncEngine
    from holdfast.app.sync import Engine
    from holdfast.model.errors import (
        EngineFault,
        HoldfastError,
        Problem,
        Refused,
        StoreUnusable,
        TaskCancelled,
        TaskFailed,
        UnknownTask,
    )
    from holdfast.model.outcome import Fault, Outcome, OutcomeKind

__all__ = [
    "AsyncEngine",
    "Engine",
    "EngineFault",
    "Fault",
    "HoldfastError",
    "Outcome",
    "OutcomeKind",
    "Problem",
    "Refused",
    "StoreUnusable",
    "TaskCancelled",
    "TaskFailed",
    "UnknownTask",
    "__version__",
    "task",
]

_HOMES: Final = {
    "task": "holdfast.app.calls",
    "AsyncEngine": "holdfast.app.engine",
    "Engine": "holdfast.app.sync",
    **dict.fromkeys(("Fault", "Outcome", "OutcomeKind"), "holdfast.model.outcome"),
}


def __getattr__(name: str) -> object:
    """Load a public name at its first use, so that `import holdfast` costs a script next to nothing (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES.get(name, "holdfast.model.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
