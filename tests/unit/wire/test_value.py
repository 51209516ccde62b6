"""One JSON value that a task wrote: taken whole and plain, or refused with its reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.rules.seal import canonical
from holdfast.wire.value import MAX_INTEGER, MAX_VALUE_BYTES, MAX_VALUE_DEPTH, MIN_INTEGER, BadValue, read_value

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(MIN_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)  # fmt: skip
INTERNALS = ("json", "Error", "object_pairs", "holdfast", "codec")


def taken(data: bytes) -> Any:
    return read_value(data, len(data))


def refusal(data: bytes | None, size: int | None = None) -> str:
    with pytest.raises(BadValue) as refused:
        read_value(data, len(data or b"") if size is None else size)
    return str(refused.value)


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@given(JSON, st.booleans(), st.sampled_from([None, 2]))
def test_any_value_reads_back_as_it_was_written(value: Any, ensure_ascii: bool, indent: int | None) -> None:
    assert taken(json.dumps(value, ensure_ascii=ensure_ascii, indent=indent).encode()) == value


@given(JSON)
def test_what_was_taken_can_be_sealed_and_taken_again(value: Any) -> None:
    assert taken(canonical(taken(json.dumps(value).encode()))) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused_and_never_break_the_reader(data: bytes) -> None:
    try:
        value = taken(data)
    except BadValue as bad:
        assert str(bad)
    else:
        assert json.loads(data) == value


@pytest.mark.parametrize(
    "data, value",
    [
        (b"null", None),
        (b" [1, 2.5, true]\n", [1, 2.5, True]),
        (b'{"a": {"a": {"a": 1}}}', {"a": {"a": {"a": 1}}}),
        (b'[{"a": 1}, {"a": 1}]', [{"a": 1}, {"a": 1}]),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        ('"\U0001f600"'.encode(), "\U0001f600"),
        (b'"\\u0000"', "\0"),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b'"99999999999999999999999999"', "9" * 26),
        (b"1e308", 1e308),
        (b"1e-999", 0.0),
        (b"-0.0", -0.0),
        (b"123456789012345678901234567890.5", 123456789012345678901234567890.5),
    ],
)
def test_a_plain_value_is_taken(data: bytes, value: Any) -> None:
    assert taken(data) == value


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"NaN", "NaN is no JSON value"),
        (b'{"a": [Infinity]}', "Infinity is no JSON value"),
        (b"-Infinity", "-Infinity is no JSON value"),
        (b"1e999", "the number 1e999 is too large"),
        (b"[1, -1e999]", "the number -1e999 is too large"),
        (b"1" + b"0" * 400 + b".0", "is too large"),
        (b"9223372036854775808", "the integer 9223372036854775808 needs more than 64 bits"),
        (b"-9223372036854775809", "needs more than 64 bits"),
        (b"18446744073709551616", "needs more than 64 bits"),
        (b"9" * 5000, "needs more than 64 bits"),
        (b'{"a": 1, "a": 1}', "the key 'a' stands in it twice"),
        (b'[{"x": {"y": {"a": 1, "b": 2, "a": 3}}}]', "the key 'a' stands in it twice"),
        (b'{"a": 1, "\\u0061": 2}', "the key 'a' stands in it twice"),
        (b'"\\ud800"', "half a surrogate pair"),
        (b'{"\\udc00": 1}', "half a surrogate pair"),
        (b'["\\ude00\\ud83d"]', "half a surrogate pair"),
        (b'"\xed\xa0\x80"', "it is not UTF-8 (byte 1)"),
        (b'"\xff"', "it is not UTF-8 (byte 1)"),
        (b'"caf\xe9"', "it is not UTF-8 (byte 4)"),
        (b'"\xc3', "it is not UTF-8"),
        ("[1]".encode("utf-16"), "it is not UTF-8"),
        (b"", "it is not JSON"),
        (b" \n", "it is not JSON"),
        (b"\xef\xbb\xbf1", "it is not JSON"),
        (b"1 1", "it is not JSON"),
        (b"{}]", "it is not JSON"),
        (b"[1,]", "it is not JSON"),
        (b"{'a': 1}", "it is not JSON"),
        (b"{1: 2}", "it is not JSON"),
        (b"01", "it is not JSON"),
        (b"+1", "it is not JSON"),
        (b'"a\nb"', "it is not JSON"),
        (b'"\\x41"', "it is not JSON"),
        (b'"', "it is not JSON"),
        (b"[1] // why", "it is not JSON"),
        (b"true\0", "it is not JSON"),
    ],
    ids=lambda value: value.decode("latin-1")[:20] if isinstance(value, bytes) else "",
)
def test_anything_else_is_refused_with_its_reason_in_plain_words(data: bytes, reason: str) -> None:
    said = refusal(data)
    assert reason in said
    assert len(said) < 200
    assert not [word for word in INTERNALS if word in said]


@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
@pytest.mark.parametrize("levels", [MAX_VALUE_DEPTH, 1_000, 100_000])
def test_a_bomb_of_depth_is_refused(opening: str, closing: str, levels: int) -> None:
    said = f"it is nested deeper than {MAX_VALUE_DEPTH} levels"
    assert refusal((opening * levels + "[]" + closing * levels).encode()) == said


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_a_bomb_that_never_closes_is_refused(opening: str) -> None:
    assert "deeper" in refusal((opening * 100_000).encode())


def test_levels_are_counted_exactly() -> None:
    assert taken(nested(MAX_VALUE_DEPTH)) is not None
    assert "deeper than 200 levels" in refusal(nested(MAX_VALUE_DEPTH + 1))
    assert read_value(nested(3), 6, levels=3) == [[[]]]
    with pytest.raises(BadValue, match="deeper than 2 levels"):
        read_value(nested(3), 6, levels=2)


def test_many_values_side_by_side_are_not_deep() -> None:
    wide = [[[1], {"a": []}] for _ in range(1000)]
    assert taken(json.dumps(wide).encode()) == wide


def test_brackets_in_text_are_no_levels() -> None:
    assert taken(json.dumps("[{" * 1000).encode()) == "[{" * 1000


def test_a_value_over_the_cap_is_refused_with_its_size() -> None:
    assert (
        refusal(None, MAX_VALUE_BYTES + 1) == f"it has {MAX_VALUE_BYTES + 1} bytes; at most {MAX_VALUE_BYTES} are taken"
    )
    assert "at most" in refusal(b"1", MAX_VALUE_BYTES + 1)


def test_a_value_as_large_as_the_cap_is_taken() -> None:
    assert len(taken(b'"' + b"a" * (MAX_VALUE_BYTES - 2) + b'"')) == MAX_VALUE_BYTES - 2


@pytest.mark.parametrize("data", [b"1." + b"1" * 10**6, b"1e-" + b"1" * 10**6, b"[" + b"1," * 10**6 + b"1]"])
def test_a_number_of_a_million_digits_or_a_million_numbers_are_read(data: bytes) -> None:
    assert taken(data) is not None
