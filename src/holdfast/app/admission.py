"""Whether a document may be run at all: every reason against it at once, before a store is even opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from holdfast.model.errors import EngineFault, Problem, Refused
from holdfast.model.json import Json
from holdfast.model.limits import Capacity, Level
from holdfast.model.task import TaskSpec
from holdfast.model.workflow import WorkflowSpec
from holdfast.ports import Agent
from holdfast.rules.admit import admit, no_such_level
from holdfast.wire.envelope import Envelope
from holdfast.wire.parse import Parsed, read
from holdfast.wire.reader import Problems

Lacking: TypeAlias = Callable[[Level], tuple[tuple[str, str, str], ...]]
"""What a level lacks on this host: what, why, and what would mend it; empty where it can be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What an engine admits: by its agent types, its levels, and all that it may hand out.

    `usual` is the level of tasks that ask for none. `lacking` is asked only about levels that a task wants.
    """

    agents: Mapping[str, Agent]
    levels: frozenset[Level]
    total: Capacity
    usual: Level = Level.PROCESS
    lacking: Lacking = lambda _: ()

    def read(self, document: Json) -> Parsed:
        """What a document of plain data asks for. Raises Refused with the reasons of form and of content."""
        problems = Problems()
        parsed = read(document, problems)
        if parsed is not None:
            problems.extend(self.problems(specs_of(parsed)))
        problems.refuse()
        if parsed is None:
            raise EngineFault("a document that cannot be read was not refused")
        return parsed

    def check(self, specs: Iterable[tuple[str, TaskSpec]]) -> None:
        """Admit all of (path, spec), or raise Refused with every reason."""
        problems = self.problems(specs)
        if problems:
            raise Refused(problems)

    def problems(self, specs: Iterable[tuple[str, TaskSpec]]) -> list[Problem]:
        """Every reason against any of (path, spec)."""
        checkers = {name: agent.check for name, agent in self.agents.items()}
        found: list[Problem] = []
        usual = False
        for path, spec in specs:
            found += admit(spec, path, agents=checkers, total=self.total, levels=self.levels)
            if spec.isolation is None:
                usual = True
            elif spec.isolation in self.levels:
                found += self.unavailable(spec.isolation, f"{path}.resources.isolation")
        return found + (self.unavailable(self.usual, "isolation") if usual else [])

    def unavailable(self, level: Level, path: str) -> list[Problem]:
        """Why tasks of this level cannot run here."""
        if level not in self.levels:
            return [no_such_level(level, path, self.levels)]
        return [
            Problem("isolation.unavailable", path, f"this host cannot do the level {level}: {what}: {why}", remedy)
            for what, why, remedy in self.lacking(level)
        ]


def specs_of(parsed: Parsed) -> list[tuple[str, TaskSpec]]:
    """The specs in a document, each with its path."""
    if isinstance(parsed, WorkflowSpec):
        return [(f"tasks.{name}", node.spec) for name, node in parsed.nodes.items()]
    if isinstance(parsed, Envelope):
        return [("execution", parsed.spec)]
    return [(f"[{number}].execution", item.spec) for number, item in enumerate(parsed.items)]
