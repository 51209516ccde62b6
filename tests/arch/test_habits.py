from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from arch import habits
from arch.conftest import Plant
from arch.source import Source, nothing

# Where anything may be caught, and why nothing narrower would do.
BROAD_EXCEPTS: Final[Mapping[str, str]] = {
    "src/holdfast/cli/main.py": "a bug is told to the user in one line, with an exit status of its own",
    "src/holdfast/journal/sqlite/writer.py": "what a move raises goes to who waits for it; the moves beside it go on",
    "src/holdfast/sandbox/zygote/call.py": "whatever the task's function raises is its outcome",
    "src/holdfast/sandbox/zygote/child.py": "a child that cannot be set up says so and never returns into the fork",
    "src/holdfast/sandbox/zygote/encode.py": "a task's own objects may raise anything while they are put into words",
    "src/holdfast/worker/pipeline.py": "what goes wrong in one attempt ends that attempt, as the engine's fault, alone",
}


def test_the_type_checker_is_never_silenced(package: list[Source]) -> None:
    nothing(habits.silenced_types(package))


def test_everything_is_caught_at_named_boundaries_only(package: list[Source]) -> None:
    nothing(habits.broad_excepts(package, BROAD_EXCEPTS))


def test_modules_hold_no_state(package: list[Source]) -> None:
    nothing(habits.module_state(package))


def test_names_come_from_the_vocabulary(package: list[Source]) -> None:
    nothing(habits.vague_names(package))


@pytest.mark.parametrize(
    "comment", ["# type: ignore", "# type:ignore[arg-type]", "# mypy: ignore-errors", "# pyright: ignore"]
)
def test_a_silenced_type_checker_is_found(plant: Plant, comment: str) -> None:
    assert len(habits.silenced_types(plant({"a.py": f"x = 1  {comment}\ny = '{comment}'\n"}))) == 1


@pytest.mark.parametrize(
    "caught", ["", " Exception", " BaseException as e", " (ValueError, Exception)", " builtins.Exception"]
)
def test_a_broad_except_is_found(plant: Plant, caught: str) -> None:
    sources = plant({"a.py": f"try:\n    f()\nexcept{caught}:\n    pass\n"})
    assert habits.broad_excepts(sources, {}) == ["a.py:3 catches everything"]
    assert habits.broad_excepts(sources, {"a.py": "the last line of defence"}) == []


def test_a_broad_suppress_is_found(plant: Plant) -> None:
    assert (
        len(habits.broad_excepts(plant({"a.py": "with contextlib.suppress(OSError, Exception):\n    f()\n"}), {})) == 1
    )


def test_a_broad_except_that_raises_again_hides_nothing(plant: Plant) -> None:
    assert habits.broad_excepts(plant({"a.py": "try:\n    f()\nexcept BaseException:\n    g()\n    raise\n"}), {}) == []


def test_a_file_listed_without_need_is_found(plant: Plant) -> None:
    assert len(habits.broad_excepts(plant({"a.py": "x = 1\n"}), {"a.py": "no longer"})) == 1


@pytest.mark.parametrize(
    "line",
    ["cache = {}", "seen: set[str] = set()", "NAMES = ['a']", "TABLE: dict[str, int] = {}", "if x:\n    q = deque()"]
    + [
        "lock = threading.Lock()",
        "def f():\n    global x\n    x = 1",
        "try:\n    a = []\nexcept ValueError:\n    a = None",
    ],
)
def test_state_of_a_module_is_found(plant: Plant, line: str) -> None:
    assert len(habits.module_state(plant({"a.py": line}))) == 1


@pytest.mark.parametrize(
    "line",
    ["NAMES: Final = ['a']", "_T: Mapping[str, int] = {}", "PAIRS = (1, 2)", "__all__ = ['a']", "K = frozenset({1})"]
    + ["class C:\n    x: list[int]", "def f():\n    x = []", "T: typing.Final[dict[str, int]] = {}"],
)
def test_a_constant_is_no_state(plant: Plant, line: str) -> None:
    assert habits.module_state(plant({"a.py": line})) == []


@pytest.mark.parametrize(
    "path, text", [("utils.py", ""), ("job_queue.py", ""), ("misc/__init__.py", ""), ("a.py", "class TaskManager: ...")]
)
def test_a_vague_name_is_found(plant: Plant, path: str, text: str) -> None:
    assert len(habits.vague_names(plant({path: text}))) == 1


def test_a_word_within_a_word_is_not_vague(plant: Plant) -> None:
    assert habits.vague_names(plant({"utility.py": "class Jobless: ...", "commonplace.py": ""})) == []
