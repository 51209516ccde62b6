from __future__ import annotations

import tracemalloc

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.model.errors import Refused
from holdfast.model.json import Json
from holdfast.wire.document import Form, read_document
from holdfast.wire.plain import plain
from holdfast.wire.yaml_text import load_yaml

FORMS: list[Form] = ["json", "yaml", "toml"]


def read(text: str, form: Form | None = None, name: str = "-") -> Json:
    return read_document(text.encode(), form, name)


def refusal(text: str | bytes, form: Form | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        read_document(text.encode() if isinstance(text, str) else text, form)
    return caught.value


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.json", '{"a": 1}'),
        ("A.JSON", '{"a": 1}'),
        ("dir.toml/a.yaml", "a: 1"),
        ("a.yml", "a: 1"),
        ("a.toml", "a = 1"),
        ("-", '{"a": 1}'),
        ("-", "a: 1"),
        ("-", "{a: 1}"),
        ("notes", "a: 1"),
        ("json", "a: 1"),
    ],
)
def test_the_form_is_that_of_the_suffix_or_found_out(name: str, text: str) -> None:
    assert read(text, name=name) == {"a": 1}


def test_a_byte_order_mark_is_passed_over() -> None:
    for form, text in (("json", '{"a": 1}'), ("yaml", "a: 1"), ("toml", "a = 1"), (None, "a: 1")):
        assert read("\ufeff" + text, form) == {"a": 1}


def test_what_looks_like_json_and_is_neither_is_explained_as_json() -> None:
    assert "JSON" in refusal('{"a": 1,]').problems[0].message
    assert "YAML" in refusal("a: b: c").problems[0].message


def test_what_json_refuses_for_more_than_syntax_is_not_tried_as_yaml() -> None:
    assert refusal('{"a": 1, "a": 2}').problems[0].code == "document.duplicate_key"


@pytest.mark.parametrize(
    "written, value",
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("tRue", "tRue"),
        ("=", "="),
        ("0b1", "0b1"),
        ("12e", "12e"),
        ("0o14", 12),
        ("014", 14),
        ("0x1F", 31),
        ("+1", 1),
        ("-0", 0),
        ("-7", -7),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-9223372036854775808", -(2**63)),
        ("0" * 5000 + "1", 1),
        ("~", None),
        ("Null", None),
        ("", None),
        ("TRUE", True),
        ("false", False),
        ('"on"', "on"),
        ("'1'", "1"),
        ('"\\u00e9"', "é"),
    ],
)
def test_yaml_is_read_by_the_core_schema_of_1_2(written: str, value: Json) -> None:
    found = read(f"x: {written}\n", "yaml")
    assert found == {"x": value}
    assert isinstance(found, dict)
    assert type(found["x"]) is type(value)


def test_yaml_says_line_and_column() -> None:
    problems = refusal("a: 1\nb:\n  c: *d\n  e: &f 2\n", "yaml").problems
    assert [problem.path for problem in problems] == ["b.c", "b.e"]
    assert "line 3, column 6" in problems[0].message
    assert "line 4, column 6" in problems[1].message


def test_json_and_toml_say_line_and_column() -> None:
    assert "line 2, column 7" in refusal('{"a": 1,\n "b": x}', "json").problems[0].message
    assert "line 2, column 6" in refusal("a = 1\nb = [,]\n", "toml").problems[0].message


def test_several_problems_of_a_text_are_told_at_once() -> None:
    problems = refusal('{"a": NaN, "b": {"c": 1, "c": 2}, "d": [1e999, 123456789012345678901]}', "json").problems
    assert {(problem.code, problem.path) for problem in problems} == {
        ("number.not_finite", "a"),
        ("document.duplicate_key", "b.c"),
        ("number.not_finite", "d[0]"),
        ("number.too_large", "d[1]"),
    }


@pytest.mark.parametrize("form", FORMS)
def test_64_levels_are_read(form: Form) -> None:
    levels = 64 if form == "json" else 63
    nested = "[" * levels + "]" * levels
    value = read({"json": nested, "yaml": f"x: {nested}", "toml": f"x = {nested}"}[form], form)
    assert value


def test_control_characters_in_text_are_data() -> None:
    assert read('{"a": "\\u0000\\u001b"}', "json") == {"a": "\x00\x1b"}


def test_structure_within_strings_counts_for_nothing() -> None:
    brackets = "[{" * 1000 + ",=" * 1000
    assert read(f'{{"a": "{brackets}\\"{brackets}"}}', "json") == {"a": f'{brackets}"{brackets}'}
    assert read(f"a = '''{brackets}'''\nb = \"{brackets}\" # {brackets}\n", "toml") == {"a": brackets, "b": brackets}
    assert read('a = """' + "a." * 100 + 'a"""', "toml") == {"a": "a." * 100 + "a"}


HOSTILE: dict[str, tuple[Form, bytes]] = {
    "open lists": ("json", b"[" * 8_000_000),
    "open objects": ("json", b'{"a":' * 2_000_000),
    "closed lists": ("json", b"[" + b"[]," * 4_000_000 + b"0]"),
    "escapes": ("json", b'"\\' * 5_000_000),
    "quotes": ("json", b'"' * 1_000_001),
    "long number": ("json", b"[" + b"9" * 10_000_000 + b"]"),
    "open yaml lists": ("yaml", b"[" * 8_000_000),
    "yaml dashes": ("yaml", b"- " * 4_000_000),
    "laughs": ("yaml", b"a: &a [x, x]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (n, n) for n in range(10_000))),
    "dotted keys": ("toml", b"a." * 4_000_000 + b"a = 1"),
    "open tables": ("toml", b"a={b=" * 2_000_000),
    "one long key": ("toml", b"a" * 2_000_000),
    "toml quotes": ("toml", b"a='''" * 500_000),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_within_bounded_memory(name: str) -> None:
    form, text = HOSTILE[name]
    tracemalloc.start()
    try:
        assert refusal(text, form).problems
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(text) + 64 * 1024 * 1024


def test_yaml_is_read_the_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, on, {b: 0o14}]\nc: |\n  x\n  y\n'd': \"\\u00e9\"\n"
    value = load_yaml(text)
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert load_yaml(text) == value
    for bad in ("a: &x 1", "a: *x", "a: !!int 1", "a: 1\na: 2", "[" * 1000, "a: \x01", "a:\n\tb: 1", "a: b: c", "[a"):
        assert refusal(bad, "yaml").problems


@given(st.binary(max_size=200), st.sampled_from([None, *FORMS]))
@example(b"\xff\xfe", "yaml")
@example(b"? ", "yaml")
@example(b"!", "yaml")
@example(b"%YAML 9.9\n---\na", "yaml")
def test_any_bytes_are_read_or_refused(text: bytes, form: Form | None) -> None:
    try:
        plain(read_document(text, form))
    except Refused as refused:
        assert refused.problems
        assert all(problem.remedy for problem in refused.problems)


@given(st.text(alphabet="{}[]:,\"'-?&*!|>#%@ \n\tab01.=", max_size=60), st.sampled_from([None, *FORMS]))
def test_any_text_full_of_signs_is_read_or_refused(text: str, form: Form | None) -> None:
    try:
        plain(read(text, form))
    except Refused as refused:
        assert refused.problems


@pytest.mark.parametrize(
    "value, code",
    [
        ({"a": {1, 2}}, "value.not_json"),
        ({"a": b"x"}, "value.not_json"),
        ({1: "a"}, "key.not_text"),
        ([float("nan")], "number.not_finite"),
        ([2**64], "number.too_large"),
        (["\ud800"], "text.not_unicode"),
        (object(), "value.not_json"),
    ],
)
def test_python_values_that_are_no_json_are_refused(value: object, code: str) -> None:
    with pytest.raises(Refused) as caught:
        plain(value)
    assert [problem.code for problem in caught.value.problems] == [code]


def test_python_values_that_contain_themselves_are_refused() -> None:
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(Refused, match="deeper than 64"):
        plain(circle)
    row = [0] * 2_000
    with pytest.raises(Refused, match="more than 2000000 values"):
        plain([row] * 2_000)
