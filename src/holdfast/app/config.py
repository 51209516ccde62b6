"""The configuration: `holdfast.toml`, or `[tool.holdfast]` in `pyproject.toml`, in the folder or the nearest above."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from holdfast.model.errors import Problem, Refused
from holdfast.model.ids import valid_name
from holdfast.model.json import Json
from holdfast.model.limits import Level
from holdfast.model.place import below, listed, nearest, quoted
from holdfast.model.reference import texts
from holdfast.wire.plain import plain
from holdfast.wire.units import BadUnit, parse_bytes

FILE_NAME: Final = "holdfast.toml"
PROJECT_FILE: Final = "pyproject.toml"
_KEYS: Final = ("agents", "cpus", "environment", "isolation", "memory", "workers")
_AGENT_KEYS: Final = ("context", "type")


@dataclass(frozen=True, slots=True)
class AgentDeclaration:
    """A further agent type: `base` with part of its context filled in, declared in a file of `folder`."""

    name: str
    base: str
    context: Mapping[str, Json] = field(default_factory=dict)
    folder: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the configuration says; None where it says nothing. `environment` names variables that tasks get too."""

    agents: tuple[AgentDeclaration, ...] = ()
    environment: tuple[str, ...] = ()
    isolation: Level | None = None
    workers: int | None = None
    cpus: float | None = None
    memory_bytes: int | None = None


def read_config(folder: Path) -> Config:
    """The nearest configuration at or above a folder; an empty one where there is none. Raises Refused."""
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        for name in (FILE_NAME, PROJECT_FILE):
            table = _table(place / name)
            if table is not None:
                return _Reader(str(place / name)).read(table)
    return Config()


def _table(path: Path) -> Json:
    """The settings in a file; None where it is absent or says nothing about Holdfast."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        if path.name == PROJECT_FILE:
            return None  # somebody else's file: not ours to complain about
        raise Refused([Problem("config.unreadable", str(path), str(error), "Mend the file, or remove it.")]) from None
    if path.name == FILE_NAME:
        return _plain(document, path)
    tool = document.get("tool")
    return _plain(tool.get("holdfast"), path) if isinstance(tool, Mapping) else None


def _plain(table: object, path: Path) -> Json:
    """The same table, known to hold JSON values only: TOML has dates and infinities too. Raises Refused."""
    try:
        return plain(table)
    except Refused as refused:
        found = [dataclasses.replace(problem, message=f"{path}: {problem.message}") for problem in refused.problems]
        raise Refused(found) from None


class _Reader:
    """Reads one configuration, collecting every problem."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._problems: list[Problem] = []

    def read(self, table: Json) -> Config:
        if not isinstance(table, Mapping):
            self._wrong("tool.holdfast", "a table")
            raise Refused(self._problems)
        self._known(table, _KEYS, "")
        config = Config(
            agents=self._agents(table.get("agents", {})),
            environment=self._names(table.get("environment", [])),
            isolation=self._level(table.get("isolation")),
            workers=self._count(table.get("workers")),
            cpus=self._cpus(table.get("cpus")),
            memory_bytes=self._memory(table.get("memory")),
        )
        if self._problems:
            raise Refused(self._problems)
        return config

    def _agents(self, value: Json) -> tuple[AgentDeclaration, ...]:
        if not isinstance(value, Mapping):
            self._wrong("agents", "a table for each agent type")
            return ()
        return tuple(found for name, body in value.items() if (found := self._agent(name, body)) is not None)

    def _agent(self, name: str, body: Json) -> AgentDeclaration | None:
        path = below("agents", name)
        if not valid_name(name):
            self._wrong(path, "a name of letters, digits, `_` and `-`")
        if not isinstance(body, Mapping):
            self._wrong(path, 'a table with `type = "command"` or `type = "python"`')
            return None
        self._known(body, _AGENT_KEYS, path)
        base, context = body.get("type"), body.get("context", {})
        if not isinstance(base, str):
            self._wrong(f"{path}.type", 'the name of an agent type, for example `type = "command"`')
            return None
        if not isinstance(context, Mapping):
            self._wrong(f"{path}.context", "a table")
            return None
        for place, _ in texts(context, f"{path}.context"):
            message = f"{self._source} refers to an input or a result, which a declaration is too early for"
            remedy = "Write the value itself, or leave it to the tasks to give it."
            self._problems.append(Problem("config.wrong_value", place, message, remedy))
        return AgentDeclaration(name, base, context, str(Path(self._source).absolute().parent))

    def _names(self, value: Json) -> tuple[str, ...]:
        if not isinstance(value, list):
            self._wrong("environment", "a list of names of variables")
            return ()
        names = []
        for index, name in enumerate(value):
            if isinstance(name, str) and name and "=" not in name and "\0" not in name:
                names.append(name)
            else:
                self._wrong(below("environment", index), "the name of a variable")
        return tuple(names)

    def _level(self, value: Json) -> Level | None:
        if value is None:
            return None
        if isinstance(value, str) and value in set(Level):
            return Level(value)
        self._wrong("isolation", f"one of {', '.join(Level)}")
        return None

    def _count(self, value: Json) -> int | None:
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
            return value if isinstance(value, int) else None
        self._wrong("workers", "a whole number above 0")
        return None

    def _cpus(self, value: Json) -> float | None:
        if value is None:
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf:
            return float(value)
        self._wrong("cpus", "a number above 0")
        return None

    def _memory(self, value: Json) -> int | None:
        if value is None:
            return None
        try:
            size = parse_bytes(value)
        except BadUnit as bad:
            self._wrong("memory", f'a size like "4GB" ({bad})')
            return None
        if size == 0:
            self._wrong("memory", 'a size above 0, like "4GB"')
        return size or None

    def _known(self, table: Mapping[str, Json], keys: tuple[str, ...], path: str) -> None:
        for key in table:
            if key not in keys:
                near = nearest(key, keys)
                hint = f"Did you mean `{near}`? " if near else ""
                message = f"there is no key {quoted(key)} in {self._source}"
                problem = Problem("config.unknown_key", below(path, key), message, f"{hint}Known: {listed(keys)}.")
                self._problems.append(problem)

    def _wrong(self, path: str, wanted: str) -> None:
        message = f"{self._source} does not give {wanted} here"
        self._problems.append(Problem("config.wrong_value", path, message, f"Write {wanted}."))
