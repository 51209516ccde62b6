"""Whether a task may be taken in at all: every reason against it at once, before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

from holdfast.model.errors import Problem
from holdfast.model.json import Json
from holdfast.model.limits import Capacity, Level
from holdfast.model.place import listed, nearest, quoted
from holdfast.model.task import TaskSpec

DEFAULT_CPUS: Final = 1.0
"""What a task that asks for no processors is counted with."""

Checker: TypeAlias = Callable[[Mapping[str, Json], str], tuple[Problem, ...]]
"""An agent's own check of a context; the path is where the context stands in the document."""


def admit(
    spec: TaskSpec,
    path: str,
    *,
    agents: Mapping[str, Checker],
    total: Capacity,
    levels: Collection[Level] | None = None,
) -> tuple[Problem, ...]:
    """Every reason why this task cannot run here; none means that it is admitted.

    `path` is where the task stands in its document (`execution`, `tasks.build`). `agents` holds the check of each
    known agent type, `total` what the engine may hand out, `levels` the isolation levels to be had (None: any).
    A task without an agent type has been refused by the reader already: about that nothing is said again.
    """
    return (
        *_agent(spec, path, agents),
        *_resources(spec, f"{path}.resources", total),
        *_isolation(spec, f"{path}.resources.isolation", levels),
    )


def counted(spec: TaskSpec, total: Capacity) -> tuple[float, int]:
    """What a task is counted with while it runs: processors (one unless it asks), and bytes of memory as asked.

    No task counts for more processors than there are, so that a task that asks for none runs on half a processor.
    """
    cpus = DEFAULT_CPUS if spec.limits.cpus is None else spec.limits.cpus
    return min(cpus, total.cpus), spec.limits.memory_bytes or 0


def _agent(spec: TaskSpec, path: str, agents: Mapping[str, Checker]) -> tuple[Problem, ...]:
    if not spec.agent_type:
        return ()
    check = agents.get(spec.agent_type)
    if check is not None:
        return check(spec.context, f"{path}.context")
    near = nearest(spec.agent_type, agents.keys())
    meant = f"Did you mean {near}? " if near is not None else ""
    return (
        Problem(
            "agent.unknown",
            f"{path}.agent_type",
            f"there is no agent type {quoted(spec.agent_type)}; known are {listed(sorted(agents))}",
            f"{meant}Name one of these, or declare it in holdfast.toml under [agents.{spec.agent_type}].",
        ),
    )


def _resources(spec: TaskSpec, path: str, total: Capacity) -> list[Problem]:
    problems = []
    cpus, memory = spec.limits.cpus, spec.limits.memory_bytes
    if cpus is not None and cpus > total.cpus:
        problems.append(_too_large(f"{path}.cpus", f"{cpus:g}", f"{total.cpus:g} processors", "--cpus"))
    if memory is not None and memory > total.memory_bytes:
        has = f"{total.memory_bytes} bytes of memory"
        problems.append(_too_large(f"{path}.memory_limit", str(memory), has, "--memory"))
    return problems


def _too_large(path: str, asked: str, has: str, option: str) -> Problem:
    return Problem(
        "resources.too_large",
        path,
        f"it asks for {asked}, and the engine has {has} to give: it would wait for ever",
        f"Ask for less, run it on a larger machine, or raise {option} where that was set lower than the machine.",
    )


def _isolation(spec: TaskSpec, path: str, levels: Collection[Level] | None) -> tuple[Problem, ...]:
    if spec.isolation is None or levels is None or spec.isolation in levels:
        return ()
    return (no_such_level(spec.isolation, path, levels),)


def no_such_level(level: Level, path: str, levels: Collection[Level]) -> Problem:
    """That a level is asked for which is none of these."""
    here = listed([each for each in Level if each in levels]) or "none"
    return Problem(
        "isolation.unavailable",
        path,
        f"the isolation level {level} is not to be had here; these are: {here}",
        "Name one of these, or see with `holdfast doctor` what this host lacks.",
    )
