"""What the engine knows is not to be found in a task; nor what another task did."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.sandbox.yard import Start, Yard, call, output, shell, value
from holdfast.sandbox.process import ProcessSandbox

LOOKING = str(Path(__file__).parent / "looking.py")
FIRST, SECOND = "open-sesame-", "3f9c1a77d0"


@pytest.fixture
def knowing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    """The sandbox of an engine with a secret in its environment and in its memory."""
    monkeypatch.setenv("API_KEY", FIRST + SECOND)
    with asyncio.Runner() as runner:
        sandbox = ProcessSandbox(tmp_path / "scratch")
        runner.run(sandbox.open())
        yield Yard(sandbox, runner, tmp_path)
        runner.run(sandbox.close())


def test_the_environment_of_the_engine_is_nowhere_above_the_task(knowing: Yard) -> None:
    found = value(knowing.carry_out(call(f"{LOOKING}:environments", "API_KEY")))
    assert isinstance(found, dict)
    assert len(found["seen"]) == 3
    assert found["with"] == []


def test_the_memory_of_the_task_holds_nothing_of_the_engine(knowing: Yard) -> None:
    assert value(knowing.carry_out(call(f"{LOOKING}:memory", FIRST, SECOND))) == 0


@pytest.mark.parametrize("start", [Start(), Start(environment={"ONLY": "this"})])
def test_the_environment_is_that_of_the_launch_and_no_more(knowing: Yard, start: Start) -> None:
    given = {"PATH", "HOLDFAST_TEST", "HOLDFAST_WORKDIR", "HOLDFAST_SANDBOX", *start.environment}
    called = value(knowing.carry_out(call(f"{LOOKING}:environment"), start))
    assert isinstance(called, dict)
    assert set(called) == given
    executed = output(knowing.carry_out(shell("tr '\\0' '\\n' < /proc/self/environ"), start).stdout).decode()
    assert {line.partition("=")[0] for line in executed.splitlines()} - {"PWD"} == given | {"HOLDFAST_RESULT"}


def test_variables_of_one_task_are_not_there_in_the_next(yard: Yard) -> None:
    yard.carry_out(call(f"{LOOKING}:environment"), Start(environment={"MINE": "1", "PATH": "/elsewhere"}))
    seen = value(yard.carry_out(call(f"{LOOKING}:environment")))
    assert isinstance(seen, dict)
    assert "MINE" not in seen
    assert seen["PATH"].startswith("/usr/")


def test_no_descriptor_is_open_but_its_own(yard: Yard) -> None:
    assert value(yard.carry_out(call(f"{LOOKING}:descriptors"))) == []
    listed = output(yard.carry_out(shell("ls /proc/self/fd")).stdout).split()
    assert listed == [b"0", b"1", b"2", b"3"]  # the last is that of ls itself


def test_two_tasks_draw_different_numbers(yard: Yard) -> None:
    drawn = [value(yard.carry_out(call(f"{LOOKING}:numbers"))) for _ in range(4)]
    for column in zip(*drawn, strict=True):
        assert len(set(column)) == len(drawn)


def test_a_task_finds_the_library_as_it_was(yard: Yard) -> None:
    yard.carry_out(call(f"{LOOKING}:patch_the_library"))
    assert value(yard.carry_out(call(f"{LOOKING}:use_the_library"))) == '{"still": "there"}'


def test_a_task_finds_no_module_of_ours(yard: Yard) -> None:
    names = value(yard.carry_out(call(f"{LOOKING}:modules")))
    assert isinstance(names, list)
    assert [name for name in names if name.partition(".")[0] in ("zygote", "holdfast")] == []
