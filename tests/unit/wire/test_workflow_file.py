from __future__ import annotations

import pytest

from holdfast.model.errors import Refused
from holdfast.model.json import Json
from holdfast.model.limits import Level, Limits
from holdfast.model.retry import Backoff, Growth, RetryPolicy
from holdfast.model.workflow import WorkflowSpec
from holdfast.wire.document import read_document
from holdfast.wire.parse import parse
from holdfast.wire.workflow_file import set_inputs

TEXT = """
workflow: report
inputs: {path: src, depth: 3}
defaults:
  resources:
    timeout: 1m
    memory_limit: 256MB
    isolation: process
    retry_policy: {max_attempts: 2, backoff: fixed}
tasks:
  scan: {agent_type: command, context: {argv: [ls, "${{ inputs.path }}"]}}
  count:
    agent_type: python
    context: {call: "m:f", args: ["${{ tasks.scan.result }}", "of ${{ tasks['scan'].result.stdout }}"]}
    resources: {timeout: 5s, retry_policy: {max_attempts: 5}}
  join:
    agent_type: python
    needs: [scan]
    context: {a: {b: ["$${{ tasks.nobody.result }}", "${{ tasks.count.result[0]['a b'] }}"]}}
"""


def read(text: str) -> WorkflowSpec:
    parsed = parse(read_document(text.encode(), "yaml"))
    assert isinstance(parsed, WorkflowSpec)
    return parsed


def test_a_workflow_is_read_in_the_order_of_its_file() -> None:
    spec = read(TEXT)
    assert spec.name == "report"
    assert spec.inputs == {"path": "src", "depth": 3}
    assert list(spec.nodes) == ["scan", "count", "join"]
    assert spec.nodes["scan"].spec.context == {"argv": ["ls", "${{ inputs.path }}"]}


def test_references_are_edges_beside_those_declared() -> None:
    nodes = read(TEXT).nodes
    assert nodes["scan"].needs == ()
    assert nodes["count"].needs == ("scan",)
    assert nodes["join"].needs == ("scan", "count")


def test_defaults_hold_where_a_task_says_nothing() -> None:
    nodes = read(TEXT).nodes
    scan, count = nodes["scan"].spec, nodes["count"].spec
    assert scan.limits == Limits(wall_s=60.0, memory_bytes=256 * 10**6)
    assert scan.retry == RetryPolicy(max_attempts=2, backoff=Backoff(growth=Growth.FIXED))
    assert scan.isolation is Level.PROCESS
    assert count.limits == Limits(wall_s=5.0, memory_bytes=256 * 10**6)
    assert count.retry == RetryPolicy(max_attempts=5, backoff=Backoff(growth=Growth.FIXED))


def test_json_and_toml_say_the_same() -> None:
    spec = read("workflow: w\ntasks: {a: {agent_type: c}, b: {agent_type: c, needs: [a]}}")
    for form, text in (
        ("json", '{"workflow": "w", "tasks": {"a": {"agent_type": "c"}, "b": {"agent_type": "c", "needs": ["a"]}}}'),
        ("toml", 'workflow = "w"\n[tasks.a]\nagent_type = "c"\n[tasks.b]\nagent_type = "c"\nneeds = ["a"]\n'),
    ):
        assert parse(read_document(text.encode(), name=f"w.{form}")) == spec


@pytest.mark.timeout(60)
def test_a_hundred_thousand_tasks_in_one_chain_are_read() -> None:
    tasks: dict[str, Json] = {"t0": {"agent_type": "c"}}
    tasks |= {f"t{n}": {"agent_type": "c", "needs": [f"t{n - 1}"]} for n in range(1, 100_000)}
    parsed = parse({"workflow": "w", "tasks": tasks})
    assert isinstance(parsed, WorkflowSpec)
    assert len(parsed.nodes) == 100_000


@pytest.mark.parametrize(
    "text, value",
    [
        ("3", 3),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ('"3"', "3"),
        ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}),
        ("abc", "abc"),
        ("", ""),
        (" ", " "),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("a=b", "a=b"),
        ("{x}", "{x}"),
        ("True", "True"),
    ],
)
def test_an_input_is_set_to_json_or_text(text: str, value: Json) -> None:
    document: Json = {"workflow": "w", "inputs": {"a": None, "b": 1}, "tasks": {"t": {"agent_type": "c"}}}
    changed = parse(set_inputs(document, {"a": text}))
    assert isinstance(changed, WorkflowSpec)
    assert changed.inputs == {"a": value, "b": 1}
    assert document == {"workflow": "w", "inputs": {"a": None, "b": 1}, "tasks": {"t": {"agent_type": "c"}}}


@pytest.mark.parametrize("text", ["1.10", "2.0", "true", "null", "[1]", "", "0x10", "two\nlines"])
def test_an_input_that_is_declared_as_text_stays_the_text_that_was_given(text: str) -> None:
    document: Json = {"workflow": "w", "inputs": {"a": "1.0"}, "tasks": {"t": {"agent_type": "c"}}}
    changed = parse(set_inputs(document, {"a": text}))
    assert isinstance(changed, WorkflowSpec)
    assert changed.inputs == {"a": text}


@pytest.mark.parametrize(
    "document, name, text, code, path",
    [
        ({"tasks": {}, "inputs": {"path": 1}}, "paht", "x", "input.unknown", "inputs.paht"),
        ({"tasks": {}}, "path", "x", "input.unknown", "inputs.path"),
        ({"execution": {}}, "path", "x", "input.unknown", ""),
        ([], "path", "x", "input.unknown", ""),
        ({"tasks": {}, "inputs": {"a": 1}}, "a", '{"b": 1, "b": 2}', "document.duplicate_key", "inputs.a"),
        ({"tasks": {}, "inputs": {"a": 1}}, "a", "9" * 30, "number.too_large", "inputs.a"),
        ({"tasks": {}, "inputs": {"a": 1}}, "a", "[" * 100 + "]" * 100, "document.too_deep", "inputs.a"),
        ({"tasks": {}, "inputs": {"a": 1}}, "a", "\udcff", "document.not_utf8", "inputs.a"),
        ({"tasks": {}, "inputs": {"a": "x"}}, "a", "\udcff", "document.not_utf8", "inputs.a"),
        ({"tasks": {}, "inputs": {"a": 1}}, "a", "abc", "input.type", "inputs.a"),
        ({"tasks": {}, "inputs": {"a": [1]}}, "a", "1", "input.type", "inputs.a"),
    ],
)
def test_an_input_that_cannot_be_set_is_refused(document: Json, name: str, text: str, code: str, path: str) -> None:
    with pytest.raises(Refused) as caught:
        set_inputs(document, {name: text})
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [(code, path)]


def test_setting_nothing_changes_nothing() -> None:
    assert set_inputs([1], {}) == [1]
