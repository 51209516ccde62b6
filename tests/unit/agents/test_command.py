"""`command`: what a context may hold, the program that it becomes, and what its end means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.agents.command import NAME_BYTES, PATH_BYTES, SHOWN_BYTES, TAIL_BYTES, CommandAgent
from holdfast.model.errors import Problem
from holdfast.model.launch import Exec, Preparation
from holdfast.model.outcome import OutcomeKind
from holdfast.wire.value import MAX_VALUE_BYTES
from unit.made import printed, read, seen

AGENT = CommandAgent({"PATH": "/bin", "LANG": "C.UTF-8"})
REF = "${{ tasks.scan.result }}"


def problems(context: dict[str, Any]) -> list[tuple[str, str]]:
    """The codes and paths of what is wrong with a context."""
    found = AGENT.check(context, "context")
    assert all(each.message and each.remedy.endswith(".") for each in found)
    return [(each.code, each.path) for each in found]


def prepared(folder: str = "", **context: Any) -> Preparation:
    context = {"argv": ["true"], **context}
    assert AGENT.check(context, "context") == ()
    return AGENT.prepare(context, folder)


def argv(**context: Any) -> tuple[str, ...]:
    program = prepared(**context).program
    assert isinstance(program, Exec)
    return program.argv


def value(**facts: Any) -> Any:
    """The value of an attempt that succeeded."""
    conclusion = AGENT.conclude(seen(**facts), read)
    assert conclusion.failure is None and conclusion.verdict.passed and conclusion.value is not None
    return json.loads(conclusion.value)


def failure(**facts: Any) -> Any:
    conclusion = AGENT.conclude(seen(**facts), read)
    assert conclusion.value is None and not conclusion.verdict.passed and conclusion.failure is not None
    assert conclusion.failure.message and conclusion.failure.next_steps
    return conclusion.failure


@pytest.mark.parametrize(
    "context",
    [
        {"argv": ["echo", "hello", 1, 2.5, ""]},
        {"argv": ("true",)},
        {"argv": "echo hello", "shell": True},
        {"argv": ["true"], "shell": False, "stdin": None, "env": None, "files": None},
        {"argv": ["true"], "shell": None},
        {"argv": ["true"], "env": {"A": "x", "B": 1, "C": 2.5, "D": "", "lower-case.name": "x"}},
        {"argv": ["true"], "files": {"a": "x", "b/c.json": {"x": 1}, "b/d": None, "..x": "", ".hidden": "", "a b": ""}},
        {"argv": ["true"], "stdin": {"any": ["value", 1, None]}},
    ],
)
def test_a_sound_context_passes(context: dict[str, Any]) -> None:
    assert problems(context) == []


@pytest.mark.parametrize(
    "context",
    [
        {"argv": REF},
        {"argv": [REF, REF]},
        {"argv": ["echo", f"a {REF} b"]},
        {"argv": REF, "shell": REF},
        {"argv": "echo hello", "shell": REF},
        {"argv": ["echo"], "shell": REF},
        {"argv": ["true"], "env": REF, "files": REF, "stdin": REF},
        {"argv": ["true"], "env": {"A": REF}, "files": {"a": REF}},
    ],
)
def test_what_still_holds_a_reference_passes_the_first_check(context: dict[str, Any]) -> None:
    assert problems(context) == []


@pytest.mark.parametrize(
    "context, found",
    [
        ({}, [("context.missing_key", "context.argv")]),
        ({"argv": None}, [("context.missing_key", "context.argv")]),
        ({"argv": []}, [("command.no_program", "context.argv")]),
        ({"argv": ["", "x"]}, [("command.no_program", "context.argv")]),
        ({"argv": "echo"}, [("command.no_shell", "context.argv")]),
        ({"argv": "echo", "shell": False}, [("command.no_shell", "context.argv")]),
        ({"argv": ["echo"], "shell": True}, [("command.shell_list", "context.argv")]),
        ({"argv": {"a": 1}}, [("context.wrong_type", "context.argv")]),
        ({"argv": 5}, [("context.wrong_type", "context.argv")]),
        ({"argv": True}, [("context.wrong_type", "context.argv")]),
        (
            {"argv": ["a", None, True, ["x"], {"x": 1}, "ok"]},
            [("context.wrong_type", f"context.argv[{n}]") for n in (1, 2, 3, 4)],
        ),
        ({"argv": ["a", "b\0c"]}, [("context.nul", "context.argv[1]")]),
        ({"argv": "a\0b", "shell": True}, [("context.nul", "context.argv")]),
        ({"argv": ["a"], "shell": 1}, [("context.wrong_type", "context.shell")]),
        ({"argv": ["a"], "shell": "true"}, [("context.wrong_type", "context.shell")]),
        ({"argv": ["a"], "env": ["A=1"]}, [("context.wrong_type", "context.env")]),
        ({"argv": ["a"], "env": {"": "x"}}, [("command.env_name", 'context.env[""]')]),
        ({"argv": ["a"], "env": {"A=B": "x"}}, [("command.env_name", 'context.env["A=B"]')]),
        ({"argv": ["a"], "env": {"A": None}}, [("context.wrong_type", "context.env.A")]),
        ({"argv": ["a"], "env": {"A": True}}, [("context.wrong_type", "context.env.A")]),
        ({"argv": ["a"], "env": {"A": "x\0"}}, [("context.nul", "context.env.A")]),
        ({"argv": ["a"], "files": ["x"]}, [("context.wrong_type", "context.files")]),
        ({"argv": ["a"], "cwd": "/"}, [("context.unknown_key", "context.cwd")]),
    ],
)
def test_a_wrong_context_is_refused_with_the_place_of_what_is_wrong(
    context: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert problems(context) == found


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/etc/x", "a/../b", "../a", "a/..", "./a", "a//b", "a/", "a/.", "a\0b", "x" * (NAME_BYTES + 1)]
    + ["é" * NAME_BYTES, "/".join("x" * 200 for _ in range(PATH_BYTES // 200 + 1))],
    ids=lambda name: repr(name[:12]),
)
def test_a_file_that_would_not_stand_in_the_working_directory_is_refused(name: str) -> None:
    assert [code for code, _ in problems({"argv": ["a"], "files": {name: ""}})] == ["command.file_name"]


def test_a_name_cannot_be_both_a_file_and_a_folder() -> None:
    assert problems({"argv": ["a"], "files": {"x": "", "x/y/z": "", "w/y": ""}}) == [
        ("command.file_name", 'context.files["x/y/z"]')
    ]


def test_every_reason_is_told_at_once() -> None:
    context = {"argv": ["", 1, None], "shell": 3, "env": {"A": [], "=": 1}, "files": {"..": 1, "/x": 1}, "stdn": ""}
    assert [code for code, _ in problems(context)] == [
        *("command.no_program", "context.wrong_type", "context.wrong_type", "context.wrong_type", "command.env_name"),
        *("command.file_name", "command.file_name", "context.unknown_key"),
    ]


def test_of_a_million_wrong_words_only_the_first_are_told() -> None:
    assert len(AGENT.check({"argv": ["a", *[None] * 10**6]}, "context")) == 100


def unknown(key: str) -> Problem:
    (problem,) = AGENT.check({"argv": ["a"], key: 1}, "tasks.build.context")
    return problem


def test_an_unknown_key_is_told_with_the_nearest_known_one() -> None:
    assert unknown("argvs").path == "tasks.build.context.argvs"
    assert "Did you mean `argv`?" in unknown("argvs").remedy
    assert unknown("ENV").remedy.startswith("Did you mean `env`?")
    assert unknown("zzz").remedy == "Known: argv, stdin, env, files, shell."


@pytest.mark.parametrize(
    "words, given",
    [
        (["echo", 300, -1, 2.5, 1e21, 0.1], ("echo", "300", "-1", "2.5", "1e21", "0.1")),
        (["echo", "", "a b", "'", "$HOME"], ("echo", "", "a b", "'", "$HOME")),
        (["é", "\U0001f600"], ("é", "\U0001f600")),
    ],
)
def test_words_reach_the_program_as_they_are_and_numbers_as_in_json(words: list[Any], given: tuple[str, ...]) -> None:
    assert argv(argv=words) == given


def test_a_string_goes_to_the_shell_where_one_was_asked_for() -> None:
    assert argv(argv="echo $HOME | wc", shell=True) == ("/bin/sh", "-c", "echo $HOME | wc")


def test_a_string_never_goes_to_a_shell_that_nobody_asked_for() -> None:
    program = AGENT.prepare({"argv": f"rm -r x {REF}"}, "").program
    assert program == Exec(argv=(f"rm -r x {REF}",))


@pytest.mark.parametrize(
    "given, data",
    [
        (None, b""),
        ("", b""),
        ("text\n", b"text\n"),
        ("é", "é".encode()),
        (5, b"5"),
        (True, b"true"),
        ([1, "a"], b'[1,"a"]'),
        ({"b": 1, "a": None}, b'{"a":null,"b":1}'),
    ],
)
def test_stdin_and_files_are_text_as_it_is_and_other_values_as_json(given: Any, data: bytes) -> None:
    made = prepared(stdin=given, files={"in/x": given})
    assert made.stdin == data
    assert made.files == (("in/x", data),)


def test_variables_of_the_context_win_over_those_of_the_engine() -> None:
    made = dict(prepared(env={"LANG": "de", "N": 5}).environment)
    assert made == {"PATH": "/bin", "LANG": "de", "N": "5"}


def test_a_program_is_told_where_its_request_came_from() -> None:
    assert dict(prepared(folder="/project").environment)["HOLDFAST_FOLDER"] == "/project"
    assert "HOLDFAST_FOLDER" not in dict(prepared().environment)


def test_preparing_changes_nothing_in_the_agent_or_the_context() -> None:
    context = {"argv": ["a"], "env": {"X": "1"}}
    AGENT.prepare(context, "/project")
    assert context == {"argv": ["a"], "env": {"X": "1"}}
    assert prepared() == CommandAgent({"PATH": "/bin", "LANG": "C.UTF-8"}).prepare({"argv": ["true"]}, "")


def test_without_a_result_file_the_result_is_what_was_printed() -> None:
    printed_result = value(stdout=printed(b"out\n"), stderr=printed(b"err \xff"))
    assert printed_result == {"exit_code": 0, "stdout": "out\n", "stderr": "err \ufffd"}


def test_of_a_flood_of_output_the_result_holds_the_beginning() -> None:
    assert value(stdout=printed(b"x" * (SHOWN_BYTES + 1)))["stdout"] == "x" * SHOWN_BYTES


@pytest.mark.parametrize("written", [None, 0, "", [], {"a": {"b": [1, 2.5]}}, "é"])
def test_a_result_file_is_the_result(written: Any) -> None:
    data = json.dumps(written).encode()
    assert value(report=data, report_bytes=len(data), stdout=printed(b"noise")) == written


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(2**63), 2**63 - 1)))
def test_the_result_is_sealed_in_one_form_however_it_was_written(written: dict[str, int]) -> None:
    data = json.dumps(dict(reversed(written.items())), indent=3).encode()
    conclusion = AGENT.conclude(seen(report=data, report_bytes=len(data)), read)
    assert conclusion.value is not None
    assert json.loads(conclusion.value) == written
    assert list(json.loads(conclusion.value)) == sorted(written)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"{", "not JSON"),
        (b"NaN", "NaN"),
        (b"\xff", "UTF-8"),
        (b'{"a":1,"a":2}', "twice"),
    ],
)
def test_a_result_file_that_is_no_value_makes_the_attempt_invalid(data: bytes, reason: str) -> None:
    outcome = failure(report=data, report_bytes=len(data))
    assert outcome.kind is OutcomeKind.INVALID
    assert reason in outcome.message
    assert "HOLDFAST_RESULT" in outcome.next_steps[0]


def test_a_result_file_over_the_cap_makes_the_attempt_invalid() -> None:
    outcome = failure(report=None, report_bytes=MAX_VALUE_BYTES + 1)
    assert outcome.kind is OutcomeKind.INVALID
    assert str(MAX_VALUE_BYTES + 1) in outcome.message


@pytest.mark.parametrize("code", [1, 2, 124, 126, 127, 137, 255])
def test_any_exit_code_but_0_is_an_error_whatever_was_written_as_result(code: int) -> None:
    outcome = failure(exit_code=code, report=b"1", report_bytes=1)
    assert outcome.kind is OutcomeKind.ERRORED
    assert outcome.detail["exit_code"] == code
    assert outcome.message == f"exited with {code}"


def test_an_error_is_told_with_the_last_line_of_stderr_and_the_tails_of_both_streams() -> None:
    out, err = b"o" * TAIL_BYTES + b"O", b"e" * TAIL_BYTES + b"\nwhy\xff it failed\n\n"
    outcome = failure(exit_code=3, stdout=printed(out), stderr=printed(err))
    assert outcome.message == "exited with 3: why\ufffd it failed"
    assert outcome.detail["stdout"] == "o" * (TAIL_BYTES - 1) + "O"
    assert outcome.detail["stderr"].endswith("it failed\n\n")
    assert len(outcome.detail["stderr"].encode("utf-8", "replace")) <= TAIL_BYTES + 2


def test_a_long_last_line_is_cut_in_the_message() -> None:
    assert len(failure(exit_code=1, stderr=printed(b"x" * 10_000)).message) < 350


def test_a_program_that_could_not_be_executed_is_told_with_the_reason() -> None:
    outcome = failure(exit_code=127, evidence=("not executed: nosuch: not found in PATH=/bin",))
    assert outcome.message == "exited with 127: not executed: nosuch: not found in PATH=/bin"


@pytest.mark.parametrize(
    ("name", "files", "program"),
    [
        ("./tool.sh", {}, "/project/tool.sh"),
        ("bin/tool", {}, "/project/bin/tool"),
        ("./tool.sh", {"tool.sh": "#!/bin/sh"}, "./tool.sh"),
        ("tool", {}, "tool"),
        ("/bin/tool", {}, "/bin/tool"),
    ],
)
def test_a_relative_program_is_meant_from_the_folder_of_the_request(
    name: str, files: dict[str, str], program: str
) -> None:
    prepared = CommandAgent({}).prepare({"argv": [name, "x/y"], "files": files}, "/project")
    assert prepared.program == Exec(argv=(program, "x/y"))


@pytest.mark.parametrize("name", ["HOLDFAST_RESULT", "HOLDFAST_ANYTHING", "${{ inputs.name }}"])
def test_names_of_the_engine_and_names_to_be_filled_in_are_refused(name: str) -> None:
    problems = CommandAgent({}).check({"argv": ["true"], "env": {name: "x"}}, "context")
    assert [problem.code for problem in problems] == ["command.env_name"]
