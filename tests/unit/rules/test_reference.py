from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.json import Json
from holdfast.model.reference import Malformed, Reference, parse
from holdfast.rules.reference import (
    BadReference,
    Scope,
    has_reference,
    has_references,
    referenced_tasks,
    resolve,
)

SCOPE = Scope(
    tasks={
        "scan": {"files": ["a.py", "b.py"], "sizes": {"a b": 1, "total": 30}, "ok": True, "none": None},
        "my-task": 7,
        "text": "hello",
        "sly": "${{ inputs.secret }}",
    },
    inputs={"path": "src", "deep": {"list": [[1, 2], [3]]}, "secret": "x", "none": None},
)


@pytest.mark.parametrize(
    "text, value",
    [
        ("${{ tasks.scan.result.files }}", ["a.py", "b.py"]),
        ("${{tasks.scan.result.files[1]}}", "b.py"),
        ("${{\n tasks.scan.result.sizes.total\t}}", 30),
        ('${{ tasks.scan.result.sizes["a b"] }}', 1),
        ("${{ tasks.scan.result['sizes']['a b'] }}", 1),
        ('${{ tasks["scan"].result["fi\\u006ces"][ 0 ] }}', "a.py"),
        ("${{ tasks.scan.result.ok }}", True),
        ("${{ tasks.scan.result.none }}", None),
        ("${{ tasks.my-task.result }}", 7),
        ("${{ inputs.path }}", "src"),
        ("${{ inputs['path'] }}", "src"),
        ("${{ inputs.deep.list[0][1] }}", 2),
        ("${{ inputs.none }}", None),
    ],
)
def test_a_string_that_is_one_reference_becomes_the_value_itself(text: str, value: Json) -> None:
    assert resolve(text, SCOPE) == value


@pytest.mark.parametrize(
    "text, value",
    [
        ("in ${{ inputs.path }}/x", "in src/x"),
        (" ${{ tasks.my-task.result }}", " 7"),
        ("${{ inputs.path }}${{ tasks.text.result }}", "srchello"),
        ("${{ tasks.scan.result.ok }}!", "true!"),
        ("<${{ tasks.scan.result.none }}>", "<null>"),
        ("${{ inputs.deep }}.", '{"list":[[1,2],[3]]}.'),
        ("$${{ inputs.path }}", "${{ inputs.path }}"),
        ("$$${{ inputs.path }}", "$${{ inputs.path }}"),
        ("$${{ ${{ inputs.path }}", "${{ src"),
        ("{{ inputs.path }}", "{{ inputs.path }}"),
        ("$ {{ x }} ${ y } }}", "$ {{ x }} ${ y } }}"),
        ("", ""),
    ],
)
def test_within_text_strings_stand_as_they_are_and_all_else_as_json(text: str, value: str) -> None:
    assert resolve(text, SCOPE) == value


def test_references_are_found_at_any_depth_and_keys_are_left_alone() -> None:
    value: Json = {"a": [{"b": "${{ inputs.path }}"}, 3], "${{ inputs.path }}": "x"}
    assert resolve(value, SCOPE) == {"a": [{"b": "src"}, 3], "${{ inputs.path }}": "x"}


def test_what_is_put_in_is_not_looked_through_again() -> None:
    assert resolve("${{ tasks.sly.result }}", SCOPE) == "${{ inputs.secret }}"
    assert resolve("a ${{ tasks.sly.result }}", SCOPE) == "a ${{ inputs.secret }}"


@pytest.mark.parametrize(
    "text, said",
    [
        ("${{ tasks.scan.result.fils }}", 'tasks.scan.result has no "fils" (did you mean "files"?)'),
        ("${{ tasks.scan.result.sizes.x }}", 'tasks.scan.result.sizes has no "x"; it has: "a b", total'),
        ("${{ tasks.scan.result.files[2] }}", "tasks.scan.result.files has 2 items, so none at [2]"),
        ("${{ tasks.scan.result.files.name }}", 'tasks.scan.result.files is a list and has no "name"'),
        ("${{ tasks.scan.result[0] }}", "tasks.scan.result is an object and has no item [0]"),
        ("${{ tasks.text.result[0] }}", "tasks.text.result is text and has no item [0]"),
        ("${{ tasks.my-task.result.x }}", 'tasks.my-task.result is a number and has no "x"'),
        ("${{ tasks.scan.result.none.x }}", 'tasks.scan.result.none is null and has no "x"'),
        ("${{ tasks.scan.result.ok.x }}", 'tasks.scan.result.ok is true or false and has no "x"'),
        ("${{ tasks.nobody.result }}", 'there is no task "nobody"'),
        ("${{ inputs.nothing }}", 'there is no input "nothing"'),
        ("${{ inputs.path", "not closed"),
    ],
)
def test_a_reference_that_leads_nowhere_says_where_it_stands_and_what_there_is(text: str, said: str) -> None:
    with pytest.raises(BadReference) as caught:
        resolve({"args": [0, f"x {text}"]}, SCOPE)
    assert caught.value.path == "context.args[1]"
    assert said in str(caught.value)


def test_without_inputs_or_tasks_there_is_nothing_to_refer_to() -> None:
    with pytest.raises(BadReference, match="there are: none"):
        resolve("${{ inputs.a }}", Scope())


@pytest.mark.parametrize(
    "value, found",
    [
        ("x", False),
        ("${{ inputs.a }}", True),
        ("$${{ inputs.a }}", True),
        (["a", {"b": ["${{"]}], True),
        ({"${{ inputs.a }}": 1}, False),
        (3, False),
        (None, False),
    ],
)
def test_a_value_is_to_be_resolved_where_any_string_in_it_is(value: Json, found: bool) -> None:
    assert has_references(value) is found
    if isinstance(value, str):
        assert has_reference(value) is found


def test_the_tasks_referred_to_are_named_once_in_order() -> None:
    value: Json = ["${{ tasks.b.result }} ${{ tasks.a.result.x }}", {"c": "${{ tasks.b.result }} ${{ inputs.z }}"}]
    assert referenced_tasks(value) == ("b", "a")
    with pytest.raises(BadReference):
        referenced_tasks("${{ tasks }}")


def test_a_reference_is_shown_as_it_would_be_written() -> None:
    (reference,) = parse("${{ tasks['a'].result[ 0 ].b['c d'] }}")
    assert isinstance(reference, Reference)
    assert str(reference) == 'tasks.a.result[0].b["c d"]'
    assert parse(f"${{{{ {reference} }}}}") == (reference,)


STEPS = st.one_of(st.integers(0, 10**6), st.text(max_size=8))


@given(st.sampled_from(["a", "my-task", "_x9"]), st.lists(STEPS, max_size=5))
def test_every_reference_written_is_read_back(name: str, steps: list[str | int]) -> None:
    reference = Reference(("tasks", name, "result", *steps))
    assert parse(f"${{{{ {reference} }}}}") == (reference,)


@given(st.text(alphabet="${}[]. '\"\\tasksinputresl0x", max_size=40))
def test_any_text_is_parsed_or_malformed(text: str) -> None:
    try:
        pieces = parse(text)
    except Malformed as bad:
        assert str(bad)
        assert bad.remedy
        return
    assert all(piece for piece in pieces)
    if "${{" not in text:
        assert pieces == ((text,) if text else ())


@given(st.text(max_size=30))
def test_any_text_can_be_written_so_that_it_stands_for_itself(text: str) -> None:
    written = text.replace("${{", "$${{")
    if "$${{" not in text:
        assert resolve(written, Scope()) == text
