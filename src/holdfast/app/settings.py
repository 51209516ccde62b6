"""The settings of one engine, resolved: from its caller, the configuration and the host."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from holdfast.app.config import AgentDeclaration, read_config
from holdfast.app.host import memory_bytes, processors
from holdfast.model.errors import Problem, Refused
from holdfast.model.limits import Capacity, Level
from holdfast.wire.units import BadUnit, parse_bytes

STORE_VARIABLE: Final = "HOLDFAST_STORE"
DEFAULT_STORE: Final = ".holdfast"
MEMORY_STORE: Final = ":memory:"
DEFAULT_SLOTS: Final = 64

PASSED_ON: Final = (
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ",
    "USER", "VIRTUAL_ENV",
)  # fmt: skip
"""The variables of the engine's environment that every task gets; `environment` in the configuration adds to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that composing an engine needs. `store` is a folder, or `:memory:`."""

    store: str
    total: Capacity
    level: Level = Level.PROCESS
    environment: Mapping[str, str] = field(default_factory=dict)
    agents: tuple[AgentDeclaration, ...] = ()


def store_path(asked: str | os.PathLike[str] | None) -> str:
    """The store asked for, else that of `HOLDFAST_STORE`, else `.holdfast` in the current folder; absolute."""
    name = os.fspath(asked) if asked is not None else os.environ.get(STORE_VARIABLE) or DEFAULT_STORE
    return name if name == MEMORY_STORE else str(Path(name).expanduser().absolute())


def capacity(slots: int | None, cpus: float | None, memory: int | None) -> Capacity:
    """What may be in use at once: what was asked, else what the host has."""
    return Capacity(
        slots=DEFAULT_SLOTS if slots is None else slots,
        cpus=processors() if cpus is None else cpus,
        memory_bytes=memory_bytes() if memory is None else memory,
    )


def passed_on(further: tuple[str, ...]) -> dict[str, str]:
    """The part of the engine's environment that tasks get."""
    return {name: os.environ[name] for name in (*PASSED_ON, *further) if name in os.environ}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What the caller of an engine asks for; None means: what the configuration says, else the host."""

    store: str | os.PathLike[str] | None = None
    workers: int | None = None
    cpus: float | None = None
    memory: str | int | None = None
    isolation: str | None = None
    folder: str | os.PathLike[str] | None = None


def settings_for(options: EngineOptions) -> Settings:
    """The settings from what was asked, the configuration and the host, in this order. Raises Refused."""
    config = read_config(Path(options.folder) if options.folder is not None else Path.cwd())
    problems: list[Problem] = []
    memory = _memory(options.memory, problems)
    level = _level(options.isolation, problems)
    for name, number in (("workers", options.workers), ("cpus", options.cpus)):
        if number is not None and not (number > 0 and math.isfinite(number)):
            problems.append(Problem("option.value", name, f"{number} is no number above 0", "Give a number above 0."))
    if problems:
        raise Refused(problems)
    return Settings(
        store=store_path(options.store),
        total=capacity(
            config.workers if options.workers is None else options.workers,
            config.cpus if options.cpus is None else options.cpus,
            config.memory_bytes if memory is None else memory,
        ),
        level=level or config.isolation or Level.PROCESS,
        environment=passed_on(config.environment),
        agents=config.agents,
    )


def _memory(asked: str | int | None, problems: list[Problem]) -> int | None:
    if asked is None:
        return None
    try:
        size = parse_bytes(asked)
    except BadUnit as bad:
        problems.append(Problem("option.value", "memory", str(bad), 'Give a size like "4GB".'))
        return None
    if size <= 0:
        problems.append(Problem("option.value", "memory", f"{asked} is not above 0", 'Give a size like "4GB".'))
    return size


def _level(asked: str | None, problems: list[Problem]) -> Level | None:
    if asked is None or asked in set(Level):
        return None if asked is None else Level(asked)
    problems.append(Problem("option.value", "isolation", f"no level `{asked}` is known", f"Known: {', '.join(Level)}."))
    return None
