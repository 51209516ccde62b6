from __future__ import annotations

from collections.abc import Mapping

import pytest

from holdfast.model.errors import Problem
from holdfast.model.json import Json
from holdfast.model.limits import Capacity, Level, Limits
from holdfast.model.task import TaskSpec
from holdfast.rules.admit import admit, counted

TOTAL = Capacity(cpus=2.0, memory_bytes=1000, slots=8)
SMALL = Capacity(cpus=0.5, memory_bytes=1000, slots=8)


def any_context(context: Mapping[str, Json], path: str) -> tuple[Problem, ...]:
    return ()


def no_context(context: Mapping[str, Json], path: str) -> tuple[Problem, ...]:
    return tuple(Problem("context.unknown_key", f"{path}.{key}", "no such key", "Remove it.") for key in context)


AGENTS = {"command": any_context, "python": no_context}


def spec(agent_type: str = "command", isolation: Level | None = None, **limits: float | int) -> TaskSpec:
    asked = Limits(cpus=limits.get("cpus"), memory_bytes=int(limits["memory"]) if "memory" in limits else None)
    return TaskSpec(agent_type=agent_type, limits=asked, isolation=isolation)


def found(asked: TaskSpec, levels: frozenset[Level] | None = None) -> list[tuple[str, str]]:
    problems = admit(asked, "tasks.a", agents=AGENTS, total=TOTAL, levels=levels)
    assert all(problem.message and problem.remedy.endswith(".") for problem in problems)
    return [(problem.code, problem.path) for problem in problems]


@pytest.mark.parametrize("asked", [spec(), spec(cpus=2.0, memory=1000), spec(isolation=Level.SANDBOX)])
def test_a_task_that_fits_is_admitted(asked: TaskSpec) -> None:
    assert found(asked) == []


def test_an_unknown_agent_type_is_refused_naming_those_known_and_the_nearest() -> None:
    (problem,) = admit(spec("comand"), "execution", agents=AGENTS, total=TOTAL)
    assert (problem.code, problem.path) == ("agent.unknown", "execution.agent_type")
    assert "command, python" in problem.message
    assert problem.remedy.startswith("Did you mean command?")
    assert "[agents.comand]" in problem.remedy


def test_a_task_without_an_agent_type_was_refused_by_the_reader_and_is_not_again() -> None:
    assert found(spec("")) == []


def test_the_agents_own_problems_stand_below_the_context() -> None:
    asked = TaskSpec(agent_type="python", context={"x": 1, "y": 2})
    assert found(asked) == [
        ("context.unknown_key", "tasks.a.context.x"),
        ("context.unknown_key", "tasks.a.context.y"),
    ]


def test_more_than_there_is_would_wait_for_ever_and_is_refused() -> None:
    assert found(spec(cpus=2.5, memory=1001)) == [
        ("resources.too_large", "tasks.a.resources.cpus"),
        ("resources.too_large", "tasks.a.resources.memory_limit"),
    ]


def test_a_level_that_is_not_to_be_had_is_refused() -> None:
    levels = frozenset({Level.NONE, Level.PROCESS})
    assert found(spec(isolation=Level.SANDBOX), levels) == [("isolation.unavailable", "tasks.a.resources.isolation")]
    assert found(spec(isolation=Level.PROCESS), levels) == []
    assert found(spec(), frozenset()) == []


def test_every_reason_is_given_at_once() -> None:
    asked = spec("nobody", Level.CONTAINER, cpus=9, memory=9999)
    assert [code for code, _ in found(asked, frozenset())] == [
        "agent.unknown",
        "resources.too_large",
        "resources.too_large",
        "isolation.unavailable",
    ]


@pytest.mark.parametrize(
    "asked, total, counts",
    [
        (spec(), TOTAL, (1.0, 0)),
        (spec(cpus=1.5, memory=600), TOTAL, (1.5, 600)),
        (spec(), SMALL, (0.5, 0)),
        (spec(cpus=0.25), SMALL, (0.25, 0)),
    ],
)
def test_a_task_is_counted_with_what_it_asks_or_one_processor(
    asked: TaskSpec, total: Capacity, counts: tuple[float, int]
) -> None:
    assert counted(asked, total) == counts
