"""Python functions as tasks: which may be one, what they are given, and what they give back."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import operator
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import holdfast
from holdfast.app.calls import TaskOptions, call_context, call_folder, options_of, typed_result
from holdfast.model.errors import Problem, Refused

if TYPE_CHECKING:
    from nowhere import Missing

SOURCE = Path(holdfast.__file__).parents[1]


class Colour(StrEnum):
    RED = "red"


class Pair(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: float = 0.0


@dataclass
class Shape:
    name: str
    corners: list[Point] = field(default_factory=list)
    around: tuple[int, int] = (0, 0)


def plain(a: int, b: int = 2) -> int:
    return a + b


async def later() -> None: ...


@holdfast.task(timeout="90s", memory_limit="1GB", retry=3)
def decorated(a: int) -> int:
    """What it does."""
    return a * 2


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*args: Any) -> Any:
        return function(*args)

    return inner


def disguised(function: Callable[..., Any]) -> Callable[..., Any]:
    def inner(*args: Any) -> Any:
        return function(*args)

    return inner


@traced
def wrapped(a: int) -> Point:
    return Point(a)


class Quiet(contextlib.ContextDecorator):
    """A decorator whose wrapper stands in a module that knows nothing of ours."""

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


@Quiet()
def quiet(a: int) -> Point:
    return Point(a)


@disguised
def hidden(a: int) -> int:
    return a


def replaced() -> int:
    return 1


first = replaced


def replaced() -> int:
    return 2


class Tools:
    @staticmethod
    def fixed() -> None: ...

    @classmethod
    def of_class(cls) -> None: ...

    def method(self) -> None: ...

    def __call__(self) -> None: ...


def maker() -> Callable[[], int]:
    number = 5

    def closure() -> int:
        return number

    return closure


def target(function: Callable[..., Any]) -> Any:
    return call_context(function, (), {})["call"]


def problems(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Problem, ...]:
    with pytest.raises(Refused) as refused:
        call_context(function, args, kwargs)
    assert all(problem.message and problem.remedy for problem in refused.value.problems)
    return refused.value.problems


@pytest.mark.parametrize(
    "function, name",
    [
        (plain, "plain"),
        (later, "later"),
        (decorated, "decorated"),
        (wrapped, "wrapped"),
        (quiet, "quiet"),
        (Tools.fixed, "Tools.fixed"),
        (Tools.method, "Tools.method"),
    ],
)
def test_a_function_that_stands_in_its_module_is_named_by_both(function: Callable[..., Any], name: str) -> None:
    assert target(function) == f"{__name__}:{name}"


def test_a_function_of_a_library_is_named_by_its_own_module() -> None:
    assert target(json.dumps) == "json:dumps"


@pytest.mark.parametrize(
    "function, reason",
    [
        (lambda: 1, "a lambda has no name"),
        (maker(), "is defined inside another function"),
        (hidden, "is defined inside another function"),
        (Tools().method, "is no plain function"),
        (Tools.of_class, "is no plain function"),
        (Tools(), "is no plain function"),
        (Tools, "is no plain function"),
        (len, "is no plain function"),
        (functools.partial(plain, 1), "is no plain function"),
        (functools.lru_cache(plain), "is no plain function"),
        (operator.itemgetter(0), "is no plain function"),
        (first, "is not what stands under this name"),
        (wrapped.__wrapped__, "is not what stands under this name"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_no_other_process_can_find_is_refused_with_the_reason(function: Callable[..., Any], reason: str) -> None:
    (problem,) = problems(function)
    assert (problem.code, problem.path) == ("call.function", "call")
    assert reason in problem.message


SCRIPT = """
import sys
sys.path.insert(0, SOURCE)
from holdfast.app.calls import call_context, call_folder
from holdfast.model.errors import Refused

def function(): ...

try:
    print(call_context(function, (), {})["call"])
    print(call_folder(function))
except Refused as refused:
    print(refused.problems[0].code)
    print(refused.problems[0].message)
"""


def said(tmp_path: Path, *argv: str, stdin: str = "") -> list[str]:
    """What a Python started in this way prints of its function, in a folder with `script.py` and `package.module`."""
    text = SCRIPT.replace("SOURCE", repr(str(SOURCE)))
    (tmp_path / "package").mkdir()
    for name in ("script.py", "package/module.py", "package/__main__.py"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *[text if word == "TEXT" else word for word in argv]],
        input=text if stdin == "TEXT" else stdin,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "argv, named, folder",
    [
        (["script.py"], "{here}/script.py:function", "{here}"),
        (["-m", "package.module"], "package.module:function", "{here}/package"),
        (["-m", "package"], "package.__main__:function", "{here}/package"),
        (["-m", "script"], "script:function", "{here}"),
    ],
    ids=" ".join,
)
def test_a_function_of_what_is_being_run_is_named_so_that_it_is_found(
    tmp_path: Path, argv: list[str], named: str, folder: str
) -> None:
    here = tmp_path.resolve()
    assert said(tmp_path, *argv) == [named.format(here=here), folder.format(here=here)]


TYPED = "def typed(): ...\n\ntry: call_context(typed, (), {})\nexcept Refused as r: print(r.problems[0].message)\n\n"


@pytest.mark.parametrize(
    "argv, stdin",
    [(["-c", "TEXT"], ""), (["-"], "TEXT"), (["-i", "script.py"], TYPED)],
    ids=["-c", "stdin", "-i"],
)
def test_a_function_that_was_typed_in_is_refused(tmp_path: Path, argv: list[str], stdin: str) -> None:
    assert "was typed in, so no other process can find it" in said(tmp_path, *argv, stdin=stdin)[-1]


def test_the_folder_of_a_function_is_the_one_that_its_module_was_imported_from() -> None:
    assert Path(call_folder(plain), *__name__.split(".")).with_suffix(".py") == Path(__file__)


def test_the_folder_of_an_installed_function_is_that_of_what_is_being_run() -> None:
    main = getattr(sys.modules["__main__"], "__file__", None)
    assert call_folder(pytest.fixture) == (os.path.dirname(os.path.abspath(main)) if main else os.getcwd())


@pytest.mark.parametrize(
    "args, kwargs, given",
    [
        ((), {}, {"args": [], "kwargs": {}}),
        ((1, 2.5, "é", None, True), {}, {"args": [1, 2.5, "é", None, True], "kwargs": {}}),
        (([1, (2, 3)],), {"x": {"y": []}}, {"args": [[1, [2, 3]]], "kwargs": {"x": {"y": []}}}),
        ((Point(1, 2.0),), {"p": Point(3)}, {"args": [{"x": 1, "y": 2.0}], "kwargs": {"p": {"x": 3, "y": 0.0}}}),
        (
            (Shape("s", [Point(1)]),),
            {},
            {"args": [{"name": "s", "corners": [{"x": 1, "y": 0.0}], "around": [0, 0]}], "kwargs": {}},
        ),
        ((Pair(1, 2), Colour.RED), {}, {"args": [[1, 2], "red"], "kwargs": {}}),
        (("${{ not.a.reference }}",), {}, {"args": ["${{ not.a.reference }}"], "kwargs": {}}),
    ],
)
def test_arguments_are_given_as_json_values(args: tuple[Any, ...], kwargs: dict[str, Any], given: Any) -> None:
    assert call_context(plain, args, kwargs) == {"call": f"{__name__}:plain", **given}


@pytest.mark.parametrize(
    "argument, code",
    [
        ({1, 2}, "value.not_json"),
        (b"bytes", "value.not_json"),
        (date(2020, 1, 31), "value.not_json"),
        (Decimal("1.5"), "value.not_json"),
        (Path("file"), "value.not_json"),
        (object(), "value.not_json"),
        (Point, "value.not_json"),
        (plain, "value.not_json"),
        (1j, "value.not_json"),
        (math.nan, "number.not_finite"),
        (math.inf, "number.not_finite"),
        (2**63, "number.too_large"),
        ("\ud800", "text.not_unicode"),
        ({1: "a"}, "key.not_text"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_an_argument_that_is_no_json_value_is_refused_with_its_place(argument: Any, code: str) -> None:
    for value, place in ((argument, "args[1]"), ([argument], "args[1][0]"), (Shape(argument), "args[1].name")):
        (problem,) = problems(plain, 1, value)
        assert (problem.code, problem.path) == (code, place)
    (problem,) = problems(plain, a=argument)
    assert problem.path == "kwargs.a"


def test_every_wrong_argument_is_told_at_once() -> None:
    assert [problem.path for problem in problems(plain, {1}, 2, b"", x=math.nan)] == ["args[0]", "args[2]", "kwargs.x"]


def test_an_argument_that_holds_itself_or_is_nested_too_deep_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    for argument in (circle, deep):
        assert [problem.code for problem in problems(plain, argument)] == ["document.too_deep"]


def make_point() -> Point: ...
def make_shape() -> Shape: ...
def make_points() -> list[Point]: ...
def make_either() -> Point | None: ...
def make_anything(): ...
def make_unknown() -> NotThere: ...  # noqa: F821
def make_bad() -> os.not_there: ...
def make_nonsense() -> "not an expression": ...  # noqa: F722
def make_with_unknown_argument(a: Missing) -> Point: ...


@pytest.mark.parametrize(
    "function, value, result",
    [
        (make_point, {"x": 1, "y": 2.5}, Point(1, 2.5)),
        (make_point, {"x": 1, "y": 2}, Point(1, 2.0)),
        (make_shape, {"name": "s", "corners": [{"x": 1}], "around": [1, 2]}, Shape("s", [Point(1)], (1, 2))),
        (make_with_unknown_argument, {"x": 1}, Point(1)),
        (wrapped, {"x": 1}, Point(1)),
        (quiet, {"x": 1}, Point(1)),
        (make_point, {"x": "one"}, {"x": "one"}),
        (make_point, {"z": 1}, {"z": 1}),
        (make_point, None, None),
        (make_point, [1], [1]),
        (make_points, [{"x": 1}], [{"x": 1}]),
        (make_either, {"x": 1}, {"x": 1}),
        (make_anything, {"x": 1}, {"x": 1}),
        (make_unknown, {"x": 1}, {"x": 1}),
        (make_bad, {"x": 1}, {"x": 1}),
        (make_nonsense, {"x": 1}, {"x": 1}),
        (plain, 5, 5),
        (len, 5, 5),
    ],
)
def test_a_result_is_the_dataclass_that_the_function_promises_where_it_fits(
    function: Callable[..., Any], value: Any, result: Any
) -> None:
    typed = typed_result(function, value)
    assert typed == result
    assert type(typed) is type(result)


def test_a_decorated_function_is_still_the_plain_function_that_it_was() -> None:
    assert decorated(21) == 42
    assert (decorated.__name__, decorated.__doc__) == ("decorated", "What it does.")
    assert options_of(decorated) == TaskOptions(timeout="90s", memory_limit="1GB", retry=3)
    assert options_of(plain) == options_of(len) == TaskOptions()


@pytest.mark.parametrize(
    "options, resources",
    [
        (TaskOptions(), {}),
        (TaskOptions(timeout=0.5), {"timeout": 0.5}),
        (TaskOptions(timeout="90s", memory_limit="1GB"), {"timeout": "90s", "memory_limit": "1GB"}),
        (TaskOptions(retry=3), {"retry_policy": {"max_attempts": 3}}),
        (TaskOptions(retry={"max_attempts": 2, "backoff": "fixed"}),
         {"retry_policy": {"max_attempts": 2, "backoff": "fixed"}}),
        (TaskOptions(isolation="process", resources={"cpus": 2}), {"isolation": "process", "cpus": 2}),
        (TaskOptions(timeout=1, resources={"timeout": 2}), {"timeout": 1}),
    ],
)  # fmt: skip
def test_options_become_the_resources_of_an_envelope(options: TaskOptions, resources: dict[str, Any]) -> None:
    assert options.as_resources() == resources


def test_options_win_over_others_key_by_key() -> None:
    mine = TaskOptions(timeout=1, resources={"cpus": 1, "grace": 2})
    others = TaskOptions(timeout=9, memory_limit="1GB", retry=3, resources={"cpus": 9, "open_files": 64})
    assert mine.over(others) == TaskOptions(
        timeout=1, memory_limit="1GB", retry=3, resources={"cpus": 1, "grace": 2, "open_files": 64}
    )
    assert TaskOptions().over(others) == others
    assert others.over(TaskOptions()) == others
