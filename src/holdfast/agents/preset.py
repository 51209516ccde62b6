"""A further agent type declared in the configuration: another one with part of its context and limits filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from holdfast.model.errors import Problem
from holdfast.model.json import Json
from holdfast.model.launch import Conclusion, Observation, Preparation
from holdfast.ports import Agent, OutputReader

NAMING: Final = frozenset({"argv", "call"})
"""The keys of a context that name what is run."""


class PresetAgent:
    """`name` is `base` with `context` as the default: keys that the task itself gives win; mappings are joined.

    A program or function that the preset names is meant from `folder`, where it was declared.
    """

    def __init__(self, name: str, base: Agent, context: Mapping[str, Json], folder: str = "") -> None:
        self._name = name
        self._base = base
        self._context = context
        self._folder = folder

    @property
    def name(self) -> str:
        return self._name

    def check(self, context: Mapping[str, Json], path: str) -> tuple[Problem, ...]:
        return self._base.check(self._joined(context), path)

    def prepare(self, context: Mapping[str, Json], folder: str) -> Preparation:
        here = folder if context.keys() & NAMING else self._folder or folder
        return self._base.prepare(self._joined(context), here)

    def conclude(self, seen: Observation, read: OutputReader) -> Conclusion:
        return self._base.conclude(seen, read)

    def _joined(self, context: Mapping[str, Json]) -> Mapping[str, Json]:
        joined = {**self._context, **context}
        for key, value in context.items():
            preset = self._context.get(key)
            if isinstance(value, Mapping) and isinstance(preset, Mapping):
                joined[key] = {**preset, **value}
        return joined
