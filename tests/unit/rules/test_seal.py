"""Canonical bytes, and the receipt that holds the digest of everything."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.content import Content
from holdfast.model.limits import Enforcement, Level, Limits, Usage
from holdfast.model.outcome import Check, Outcome, OutcomeKind, Verdict
from holdfast.model.receipt import Receipt
from holdfast.model.retry import Backoff, RetryPolicy
from holdfast.model.task import TaskSpec
from holdfast.rules.seal import STATEMENT_TYPE, canonical, digest, receipt
from unit.made import REF, launch, seen

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip

RESULT = Content(digest="1" * 64, size=3, total=3, inline=b"abc")
STDOUT = Content(digest="2" * 64, size=10, total=99)
OUTCOME = Outcome(kind=OutcomeKind.ERRORED, message="m", detail={"exit_code": 1}, next_steps=("s",))
VERDICT = Verdict((Check("exit_code", False, "1"),))
USAGE = Usage(wall_s=1.0, cpu_s=2.0, memory_bytes=3, read_bytes=4, written_bytes=5, processes=6)
LAUNCH = launch(enforcement=(Enforcement("timeout", 300.0, True, "clock"),))
SEEN = seen(usage=USAGE, swept=1, survivors=0)


def sealed(**changes: Any) -> Receipt:
    """The receipt of a plain attempt, with something about it changed."""
    plain: dict[str, Any] = {
        "ref": REF,
        "outcome": OUTCOME,
        "verdict": VERDICT,
        "spec_digest": "d" * 64,
        "evidence": (LAUNCH, SEEN),
        "contents": {"result": RESULT, "stdout": STDOUT, "stderr": None},
    }
    values = plain | changes
    return receipt(values.pop("ref"), values.pop("outcome"), values.pop("verdict"), **values)


def backwards(value: Any) -> Any:
    """An equal value with the keys of its objects in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def in_order(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert [key for key, _ in pairs] == sorted(key for key, _ in pairs)
    return dict(pairs)


def changed(value: Any, field: str, to: Any) -> Any:
    return dataclasses.replace(value, **{field: to})


@given(JSON)
def test_equal_values_have_equal_bytes_whatever_the_order_of_their_keys(value: Any) -> None:
    assert canonical(value) == canonical(backwards(value))


@given(JSON)
def test_canonical_bytes_read_back_as_the_same_value_with_keys_in_order(value: Any) -> None:
    assert json.loads(canonical(value), object_pairs_hook=in_order) == value


@given(JSON, JSON)
def test_different_values_have_different_bytes(one: Any, other: Any) -> None:
    if canonical(one) == canonical(other):
        assert one == other


@pytest.mark.parametrize(
    "value, data",
    [
        ({"b": 1, "a": [True, None]}, b'{"a":[true,null],"b":1}'),
        ({"é": "ü", "z": "\n"}, '{"z":"\\n","é":"ü"}'.encode()),
        ((1, 2), b"[1,2]"),
        (Level.PROCESS, b'"process"'),
        (Check("n", True), b'{"name":"n","passed":true,"reason":""}'),
        (Content(digest="d", size=1, total=2), b'{"digest":"d","inline":null,"size":1,"total":2}'),
        (Backoff(), b'{"base_s":1.0,"cap_s":300.0,"factor":2.0,"growth":"exponential","jitter":0.1}'),
    ],
)
def test_canonical_bytes_are_compact_utf8_with_sorted_keys_also_of_our_own_records(value: Any, data: bytes) -> None:
    assert canonical(value) == data


@pytest.mark.parametrize(
    "change",
    [
        {"agent_type": "python"},
        {"context": {"argv": ["true", "x"]}},
        {"limits": Limits(wall_s=1.0)},
        {"retry": RetryPolicy(max_attempts=2)},
        {"isolation": Level.SANDBOX},
        {"allow_degraded": ("memory_limit",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_of_a_spec_changes_its_digest(change: dict[str, Any]) -> None:
    spec = TaskSpec(agent_type="command", context={"argv": ["true"]})
    assert digest(canonical(spec)) != digest(canonical(dataclasses.replace(spec, **change)))


def test_a_receipt_is_its_statement_and_the_sha256_of_it() -> None:
    made = sealed()
    assert made.digest == hashlib.sha256(made.statement).hexdigest()
    statement = json.loads(made.statement, object_pairs_hook=in_order)
    assert statement["type"] == STATEMENT_TYPE
    assert (statement["task"], statement["attempt"], statement["epoch"]) == ("build", 2, 3)
    assert statement["spec"] == "d" * 64
    assert statement["launch"] == LAUNCH.digest
    assert statement["outcome"]["kind"] == "errored"
    assert statement["usage"]["memory_bytes"] == 3


def test_a_receipt_holds_the_digests_and_sizes_of_what_was_left_but_not_the_bytes() -> None:
    statement = json.loads(sealed().statement)
    assert statement["contents"] == {
        "result": {"sha256": "1" * 64, "bytes": 3, "produced": 3},
        "stdout": {"sha256": "2" * 64, "bytes": 10, "produced": 99},
    }
    assert b"abc" not in sealed().statement


def test_the_receipt_of_an_attempt_that_never_started_claims_no_launch() -> None:
    statement = json.loads(sealed(evidence=None).statement)
    assert statement.keys().isdisjoint({"launch", "enforcement", "level", "usage", "containment"})


def test_equal_attempts_have_equal_receipts() -> None:
    assert sealed() == sealed(contents={"stdout": STDOUT, "result": RESULT})


@pytest.mark.parametrize(
    "change",
    [
        {"ref": changed(REF, "task_id", "other")},
        {"ref": changed(REF, "number", 9)},
        {"ref": changed(REF, "epoch", 9)},
        {"spec_digest": "0" * 64},
        {"outcome": changed(OUTCOME, "kind", OutcomeKind.CRASHED)},
        {"outcome": changed(OUTCOME, "message", "n")},
        {"outcome": changed(OUTCOME, "detail", {"exit_code": 2})},
        {"outcome": changed(OUTCOME, "next_steps", ())},
        {"verdict": Verdict()},
        {"verdict": Verdict((Check("exit_code", True, "1"),))},
        {"verdict": Verdict((Check("exit_code", False, "2"),))},
        {"verdict": Verdict((Check("result", False, "1"),))},
        {"evidence": None},
        {"evidence": (changed(LAUNCH, "digest", "0" * 64), SEEN)},
        {"evidence": (changed(LAUNCH, "level", Level.SANDBOX), SEEN)},
        {"evidence": (changed(LAUNCH, "enforcement", ()), SEEN)},
        *({"evidence": (LAUNCH, changed(SEEN, "usage", changed(USAGE, field.name, 77)))}
          for field in dataclasses.fields(Usage)),
        {"evidence": (LAUNCH, changed(SEEN, "swept", 0))},
        {"evidence": (LAUNCH, changed(SEEN, "survivors", 1))},
        {"contents": {"result": None, "stdout": STDOUT}},
        {"contents": {"result": changed(RESULT, "digest", "3" * 64), "stdout": STDOUT}},
        {"contents": {"result": changed(RESULT, "total", 4), "stdout": STDOUT}},
        {"contents": {"result": RESULT, "stdout": changed(STDOUT, "size", 11)}},
        {"contents": {"result": STDOUT, "stdout": RESULT}},
    ],
)  # fmt: skip
def test_any_change_changes_the_digest_of_the_receipt(change: dict[str, Any]) -> None:
    assert sealed(**change).digest != sealed().digest
