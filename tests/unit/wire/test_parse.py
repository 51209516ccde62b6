"""Whatever the document: it is taken or refused, and what is taken can be written back."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.errors import Refused
from holdfast.model.json import Json
from holdfast.wire.envelope import Envelope, Envelopes
from holdfast.wire.parse import parse
from holdfast.wire.resources import write_resources

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from([
        "90s",
        "1GB",
        "512MiB",
        "fixed",
        "process",
        "a",
        "${{ tasks.a.result }}",
        "${{",
        "${{ inputs.a }}",
    ]),
)
KEYS = st.sampled_from([
    *("execution", "task_id", "agent_type", "context", "resources", "monitoring", "timeout", "memory_limit", "cpus"),
    *("retry_policy", "max_attempts", "backoff", "strategy", "base", "isolation", "allow_degraded", "result", "state"),
    *("workflow", "inputs", "defaults", "tasks", "needs", "a", "b", "tiemout", ""),
])
ANYTHING: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS, st.text(max_size=5)), inner)),
    max_leaves=20,
)


def likely(keys: dict[str, st.SearchStrategy[Json]]) -> st.SearchStrategy[Json]:
    """An object of the right form, in which anything may stand in any place."""
    some = {name: st.one_of(values, ANYTHING) for name, values in keys.items()}
    return st.one_of(st.fixed_dictionaries({}, optional=some), ANYTHING)


RESOURCES = likely({
    "timeout": st.sampled_from([1, "90s", 0.5]),
    "memory_limit": st.sampled_from(["1GB", 2**30]),
    "cpus": st.floats(0.1, 8),
    "retry_policy": likely({"max_attempts": st.integers(1, 9), "backoff": st.just("fixed")}),
    "isolation": st.just("process"),
    "allow_degraded": st.just(["cpus"]),
})
TASK = likely({
    "agent_type": st.just("command"),
    "context": st.dictionaries(st.text(max_size=3), ANYTHING, max_size=3),
    "resources": RESOURCES,
    "needs": st.lists(st.sampled_from(["a", "b", "c"]), max_size=2),
})
DOCUMENTS = st.one_of(
    ANYTHING,
    likely({"execution": TASK}),
    st.lists(likely({"execution": TASK}), max_size=3),
    likely({
        "workflow": st.just("w"),
        "inputs": st.dictionaries(st.sampled_from(["a", "b"]), ANYTHING),
        "defaults": likely({"resources": RESOURCES}),
        "tasks": st.dictionaries(st.sampled_from(["a", "b", "c"]), TASK, max_size=3),
    }),
)


@settings(max_examples=400)
@given(DOCUMENTS)
def test_any_json_is_taken_or_refused_with_reasons(document: Json) -> None:
    try:
        parse(document)
    except Refused as refused:
        assert refused.problems
        for problem in refused.problems:
            assert problem.code
            assert problem.message
            assert problem.remedy
            assert str(problem).isprintable()


@settings(max_examples=200)
@given(RESOURCES)
def test_any_resources_that_are_taken_are_written_back_so_that_they_read_the_same(resources: Json) -> None:
    document: Json = {"execution": {"agent_type": "command", "resources": resources}}
    try:
        parsed = parse(document)
    except Refused:
        return
    assert isinstance(parsed, Envelope)
    written = msgspec.json.decode(msgspec.json.encode(write_resources(parsed.spec)))
    assert parse({"execution": {"agent_type": "command", "resources": written}}) == parsed


def test_a_list_of_one_is_a_list() -> None:
    assert isinstance(parse([{"execution": {"agent_type": "command"}}]), Envelopes)
