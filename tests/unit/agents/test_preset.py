"""Agent types declared in the configuration: another one with part of its context filled in."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from holdfast.agents.command import CommandAgent
from holdfast.agents.preset import PresetAgent
from holdfast.agents.python import PythonAgent
from holdfast.model.launch import Call, Exec
from holdfast.model.outcome import OutcomeKind
from unit.made import printed, read, seen

COMMAND = CommandAgent({"PATH": "/bin"})
SEED = Path(__file__).resolve().parents[3] / "examples" / "seed"

# The whole declaration that lets the seed's envelope run as it stands.
DECLARATION = """
[agents.specialized_agent]
type = "command"
context = { argv = ["sh", "-c", "echo hello"] }
"""


def argv(agent: PresetAgent, context: dict[str, Any]) -> tuple[str, ...]:
    assert agent.check(context, "context") == ()
    program = agent.prepare(context, "").program
    assert isinstance(program, Exec)
    return program.argv


@pytest.mark.parametrize("text", [DECLARATION, (SEED / "holdfast.toml").read_text(encoding="utf-8")])
def test_three_lines_let_the_specialized_agent_of_the_seed_run_as_it_stands(text: str) -> None:
    ((name, body),) = tomllib.loads(text)["agents"].items()
    envelope = json.loads((SEED / "task.json").read_text(encoding="utf-8"))["execution"]
    agent = PresetAgent(name, COMMAND, body["context"])
    assert len([line for line in text.splitlines() if line and not line.startswith("#")]) == 3
    assert agent.name == envelope["agent_type"] == "specialized_agent"
    assert body["type"] == COMMAND.name
    assert argv(agent, envelope["context"])[:2] == ("sh", "-c")


@pytest.mark.parametrize(
    "preset, given, joined",
    [
        ({"argv": ["a"]}, {}, {"argv": ["a"]}),
        ({"argv": ["a"]}, {"argv": ["b", "c"]}, {"argv": ["b", "c"]}),
        ({"argv": ["a"]}, {"stdin": "x"}, {"argv": ["a"], "stdin": "x"}),
        (
            {"argv": ["a"], "env": {"A": "1", "B": "1"}},
            {"env": {"B": "2", "C": "2"}},
            {"argv": ["a"], "env": {"A": "1", "B": "2", "C": "2"}},
        ),
        ({"argv": ["a"], "files": {"x": "1"}}, {"files": {"y": "2"}}, {"argv": ["a"], "files": {"x": "1", "y": "2"}}),
        ({"argv": ["a"], "env": {"A": "1"}}, {"env": None}, {"argv": ["a"], "env": None}),
        ({"argv": ["a"], "stdin": "text"}, {"stdin": {"x": 1}}, {"argv": ["a"], "stdin": {"x": 1}}),
        ({"argv": ["a"], "stdin": {"x": {"y": 1}}}, {"stdin": {"x": {}}}, {"argv": ["a"], "stdin": {"x": {}}}),
        ({"argv": "echo", "shell": True}, {"argv": "cat"}, {"argv": "cat", "shell": True}),
    ],
)
def test_what_the_task_gives_wins_and_objects_are_joined(
    preset: dict[str, Any], given: dict[str, Any], joined: dict[str, Any]
) -> None:
    agent = PresetAgent("p", COMMAND, preset)
    assert agent.check(given, "context") == COMMAND.check(joined, "context") == ()
    made, wanted = agent.prepare(given, "/f"), COMMAND.prepare(joined, "/f")
    assert dataclasses.replace(made, environment=()) == dataclasses.replace(wanted, environment=())
    assert dict(made.environment) == dict(wanted.environment)


def test_joining_leaves_the_preset_and_the_context_as_they_were() -> None:
    preset, given = {"argv": ["a"], "env": {"A": "1"}}, {"env": {"B": "2"}}
    PresetAgent("p", COMMAND, preset).prepare(given, "")
    assert (preset, given) == ({"argv": ["a"], "env": {"A": "1"}}, {"env": {"B": "2"}})


def test_a_wrong_context_is_refused_whichever_side_it_is_on() -> None:
    agent = PresetAgent("p", COMMAND, {"argv": [], "cwd": "/"})
    found = agent.check({"shell": 5, "sdtin": ""}, "tasks.x.context")
    assert {(each.code, each.path) for each in found} == {
        ("command.no_program", "tasks.x.context.argv"),
        ("context.unknown_key", "tasks.x.context.cwd"),
        ("context.wrong_type", "tasks.x.context.shell"),
        ("context.unknown_key", "tasks.x.context.sdtin"),
    }


def test_a_preset_of_python_calls_its_function_with_the_arguments_of_the_task() -> None:
    agent = PresetAgent("p", PythonAgent({}), {"call": "m:f", "kwargs": {"a": 1, "b": 1}})
    program = agent.prepare({"kwargs": {"b": 2}}, "").program
    assert isinstance(program, Call)
    assert json.loads(program.arguments) == {"args": [], "kwargs": {"a": 1, "b": 2}}


def test_a_preset_of_a_preset_is_filled_in_from_both() -> None:
    inner = PresetAgent("inner", COMMAND, {"argv": ["a"], "env": {"A": "1", "B": "1"}})
    outer = PresetAgent("outer", inner, {"env": {"B": "2"}})
    assert dict(outer.prepare({"env": {"C": "3"}}, "").environment) == {"PATH": "/bin", "A": "1", "B": "2", "C": "3"}
    assert argv(outer, {}) == ("a",)


def test_the_end_of_an_attempt_means_what_it_means_to_its_base() -> None:
    agent = PresetAgent("p", COMMAND, {"argv": ["a"]})
    for observed in (seen(stdout=printed(b"x")), seen(exit_code=3), seen(report=b"[", report_bytes=1)):
        assert agent.conclude(observed, read) == COMMAND.conclude(observed, read)
    failed = agent.conclude(seen(exit_code=3), read).failure
    assert failed is not None and failed.kind is OutcomeKind.ERRORED
