"""`python`: how a function is named, and what its report means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.agents.python import TAIL_BYTES, PythonAgent
from holdfast.model.launch import Call
from holdfast.model.outcome import OutcomeKind
from holdfast.wire.value import MAX_VALUE_BYTES, MAX_VALUE_DEPTH
from unit.made import printed, read, seen

AGENT = PythonAgent({"PATH": "/bin"}, ("/lib/of/engine",))
REF = "${{ tasks.scan.result }}"


def problems(context: dict[str, Any]) -> list[tuple[str, str]]:
    found = AGENT.check(context, "context")
    assert all(each.message and each.remedy.endswith(".") for each in found)
    return [(each.code, each.path) for each in found]


def call(folder: str = "", **context: Any) -> Call:
    context = {"call": "package.module:function", **context}
    assert AGENT.check(context, "context") == ()
    program = AGENT.prepare(context, folder).program
    assert isinstance(program, Call)
    return program


def concluded(document: Any, **facts: Any) -> Any:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return AGENT.conclude(seen(report=data, report_bytes=len(data), **facts), read)


def failure(document: Any, **facts: Any) -> Any:
    conclusion = concluded(document, **facts)
    assert conclusion.value is None and not conclusion.verdict.passed and conclusion.failure is not None
    assert conclusion.failure.message and conclusion.failure.next_steps
    return conclusion.failure


@pytest.mark.parametrize(
    "target",
    [
        "module:function",
        "package.module:function",
        "p.q.r:Class.method",
        "_private:_f",
        "modul_é:größe",
        "script.py:main",
        "/abs/path/to my/script.py:main",
        "../up/script.py:main",
        "./script.py:Class.method",
    ],
)
def test_a_function_is_named_by_module_or_script(target: str) -> None:
    assert problems({"call": target}) == []


@pytest.mark.parametrize(
    "target",
    ["", "module", "module:", ":function", "module.function", "a:b:c", "1a:f", "a:1f", "a..b:f", "a:f()", "a: f"]
    + ["a/b:f", "a-b:f", "a:f.", "a:.f", "a\n:f", "a:f\n", "os:system('x')"],
)
def test_anything_else_does_not_name_a_function(target: str) -> None:
    assert problems({"call": target}) == [("python.call", "context.call")]


@pytest.mark.parametrize(
    "context, found",
    [
        ({}, [("context.missing_key", "context.call")]),
        ({"call": None}, [("context.missing_key", "context.call")]),
        ({"call": 5}, [("context.wrong_type", "context.call")]),
        ({"call": ["a:f"]}, [("context.wrong_type", "context.call")]),
        ({"call": "a:f", "args": {"x": 1}}, [("context.wrong_type", "context.args")]),
        ({"call": "a:f", "args": "x"}, [("context.wrong_type", "context.args")]),
        ({"call": "a:f", "kwargs": [1]}, [("context.wrong_type", "context.kwargs")]),
        ({"call": "a:f", "arguments": []}, [("context.unknown_key", "context.arguments")]),
        (
            {"call": "nothing", "args": 1, "kwargs": 2, "kwarg": 3},
            [
                ("context.wrong_type", "context.args"),
                ("context.wrong_type", "context.kwargs"),
                ("context.unknown_key", "context.kwarg"),
                ("python.call", "context.call"),
            ],
        ),
    ],
)
def test_a_wrong_context_is_refused_with_every_reason_and_its_place(
    context: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert problems(context) == found


@pytest.mark.parametrize(
    "context",
    [
        {"call": REF},
        {"call": "a:f", "args": REF, "kwargs": REF},
        {"call": "a:f", "args": [REF, 1], "kwargs": {"x": REF}},
        {"call": "a:f", "args": None, "kwargs": None},
    ],
)
def test_references_and_nulls_pass_the_first_check(context: dict[str, Any]) -> None:
    assert problems(context) == []


@pytest.mark.parametrize(
    "context, arguments",
    [
        ({}, {"args": [], "kwargs": {}}),
        ({"args": None, "kwargs": None}, {"args": [], "kwargs": {}}),
        ({"args": [1, "é", None, {"b": [True]}]}, {"args": [1, "é", None, {"b": [True]}], "kwargs": {}}),
        ({"kwargs": {"x": 2.5}}, {"args": [], "kwargs": {"x": 2.5}}),
    ],
)
def test_arguments_reach_the_function_as_json(context: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert json.loads(call(**context).arguments) == arguments


def test_modules_are_looked_up_in_the_folder_of_the_request_first() -> None:
    assert call("/project").import_path == ("/project", "/lib/of/engine")
    assert call().import_path == ("/lib/of/engine",)


@pytest.mark.parametrize(
    "target, folder, absolute",
    [
        ("script.py:main", "/project", "/project/script.py:main"),
        ("sub/script.py:main", "/project", "/project/sub/script.py:main"),
        ("/abs/script.py:main", "/project", "/abs/script.py:main"),
        ("package.module:main", "/project", "package.module:main"),
        ("script.py:main", "", "script.py:main"),
    ],
)
def test_a_script_is_looked_up_beside_the_request(target: str, folder: str, absolute: str) -> None:
    assert call(folder, call=target).target == absolute


def test_the_function_is_told_where_its_request_came_from() -> None:
    assert AGENT.prepare({"call": "a:f"}, "/project").environment == (("PATH", "/bin"), ("HOLDFAST_FOLDER", "/project"))
    assert AGENT.prepare({"call": "a:f"}, "").environment == (("PATH", "/bin"),)


@pytest.mark.parametrize("returned", [None, False, 0, "", [], {}, {"error": {"type": "x"}}, {"ok": 1}, [1, {"a": "é"}]])
def test_what_the_function_returned_is_the_result(returned: Any) -> None:
    conclusion = concluded({"ok": returned})
    assert conclusion.failure is None and conclusion.verdict.passed
    assert json.loads(conclusion.value) == returned


def test_a_result_may_be_as_deep_as_any_value() -> None:
    deepest = b"[" * MAX_VALUE_DEPTH + b"]" * MAX_VALUE_DEPTH
    assert concluded(b'{"ok":' + deepest + b"}").value == deepest
    assert failure(b'{"ok":[' + deepest + b"]}").kind is OutcomeKind.INVALID


def test_what_the_function_raised_is_an_error_with_its_traceback() -> None:
    error = {"type": "ValueError", "message": "no such colour", "traceback": "Traceback …"}
    outcome = failure({"error": error}, exit_code=1)
    assert outcome.kind is OutcomeKind.ERRORED
    assert outcome.message == "ValueError: no such colour"
    assert outcome.detail == error


@pytest.mark.parametrize(
    "error, message",
    [
        ({}, "Exception"),
        ({"type": "KeyError"}, "KeyError"),
        ({"type": "KeyError", "message": ""}, "KeyError"),
        ({"type": 5, "message": ["x"]}, "5: ['x']"),
    ],
)
def test_a_report_of_an_error_that_lacks_something_is_still_an_error(error: dict[str, Any], message: str) -> None:
    outcome = failure({"error": error}, exit_code=1)
    assert outcome.kind is OutcomeKind.ERRORED
    assert outcome.message == message


def test_a_flood_in_a_report_of_an_error_is_cut() -> None:
    outcome = failure({"error": {"type": "T" * 10**6, "message": "M" * 10**6, "traceback": "B" * 10**6}}, exit_code=1)
    assert len(outcome.message) < 2500
    assert len(outcome.detail["traceback"]) == 20_000


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b"\xff", b'{"ok": NaN}', b'{"ok":1,"ok":2}', [], 5, None, {}, {"ok": 1, "error": {}}, {"error": "x"}]
    + [{"error": None}, {"result": 1}, b'{"ok": "\\ud800"}'],
)
def test_garbage_in_place_of_a_report_makes_the_attempt_invalid(document: Any) -> None:
    assert failure(document).kind is OutcomeKind.INVALID


def test_a_result_over_the_cap_makes_the_attempt_invalid() -> None:
    conclusion = AGENT.conclude(seen(report=None, report_bytes=MAX_VALUE_BYTES + 1), read)
    assert conclusion.failure is not None
    assert conclusion.failure.kind is OutcomeKind.INVALID
    assert str(MAX_VALUE_BYTES + 1) in conclusion.failure.message


@pytest.mark.parametrize("code", [0, 1, 3, 137])
def test_a_process_that_left_no_report_ended_before_the_function_returned(code: int) -> None:
    observed = seen(exit_code=code, stderr=printed(b"x" * TAIL_BYTES + b"last words"))
    conclusion = AGENT.conclude(observed, read)
    assert conclusion.value is None and not conclusion.verdict.passed and conclusion.failure is not None
    assert conclusion.failure.kind is OutcomeKind.CRASHED
    assert f"exited with {code}" in conclusion.failure.message
    assert conclusion.failure.detail["exit_code"] == code
    assert str(conclusion.failure.detail["stderr"]).endswith("last words")
    assert len(str(conclusion.failure.detail["stderr"])) == TAIL_BYTES


@pytest.mark.parametrize("code", [1, 3, 137])
def test_a_process_that_reported_a_value_and_then_failed_has_not_succeeded(code: int) -> None:
    outcome = failure({"ok": 1}, exit_code=code)
    assert outcome.kind is OutcomeKind.CRASHED
    assert f"exited with {code}" in outcome.message
