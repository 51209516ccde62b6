"""Text that is no document: refused, with code, path and what to do about it."""

from __future__ import annotations

import pytest

from unit.wire.bad import Bad, check

BULK = '{"execution": ' + "[" * 70 + "]" * 70 + "}"

TEXTS = [
    Bad("nothing", "json", "", "document.empty", ""),
    Bad("only spaces", "yaml", "  \n ", "document.empty", ""),
    Bad("only a comment", "yaml", "# to do\n", "document.empty", ""),
    Bad("bytes that are no UTF-8", "json", b'{"a": "\xe9"}', "document.not_utf8", ""),
    Bad("UTF-16", "json", "{}".encode("utf-16"), "document.not_utf8", ""),
    Bad("more than 16 MiB", "json", b" " * (16 * 1024 * 1024 + 1), "document.too_large", ""),
    Bad("a trailing comma", "json", '{"execution": {},}', "document.syntax", ""),
    Bad("single quotes", "json", "{'execution': {}}", "document.syntax", ""),
    Bad("a comment in JSON", "json", '{"execution": {} // now\n}', "document.syntax", ""),
    Bad("JSON that breaks off", "json", '{"execution": {"agent_type": ', "document.syntax", ""),
    Bad("a raw NUL in JSON", "json", b'{"execution": {"task_id": "a\x00"}}', "document.syntax", ""),
    Bad(
        "a key twice in JSON",
        "json",
        '{"execution": {"context": {}, "context": {}}}',
        "document.duplicate_key",
        "execution.context",
    ),
    Bad(
        "a key twice in YAML",
        "yaml",
        "execution:\n  context: {a: 1, a: 2}\n",
        "document.duplicate_key",
        "execution.context.a",
    ),
    Bad(
        "a key twice in TOML",
        "toml",
        "[execution]\nagent_type = 'a'\nagent_type = 'b'\n",
        "document.duplicate_key",
        "execution.agent_type",
    ),
    Bad("a table twice in TOML", "toml", "[execution]\n[execution]\n", "document.duplicate_key", "execution"),
    Bad("NaN", "json", '{"execution": {"context": {"x": NaN}}}', "number.not_finite", "execution.context.x"),
    Bad("infinity in YAML", "yaml", "execution: {context: [-.inf]}", "number.not_finite", "execution.context[0]"),
    Bad("infinity in TOML", "toml", "a = inf", "number.not_finite", "a"),
    Bad("a number too large for a double", "json", '{"x": 1e999}', "number.not_finite", "x"),
    Bad("a whole number of 65 bits", "json", '{"x": 9223372036854775808}', "number.too_large", "x"),
    Bad("a whole number of 5,000 digits", "json", '{"x": ' + "7" * 5000 + "}", "number.too_large", "x"),
    Bad("5,000 digits in YAML", "yaml", "x: " + "7" * 5000, "number.too_large", "x"),
    Bad("5,000 digits in TOML", "toml", "x = " + "7" * 5000, "number.too_large", ""),
    Bad("70 levels in JSON", "json", BULK, "document.too_deep", ""),
    Bad("70 levels in YAML", "yaml", BULK, "document.too_deep", ""),
    Bad("70 levels in TOML", "toml", "x = " + "[" * 70 + "]" * 70, "document.too_deep", ""),
    Bad("70 dotted keys in TOML", "toml", ".".join("a" * 70) + " = 1", "document.too_deep", ""),
    Bad("a million levels", "json", "[" * 1_000_000, "document.too_deep", ""),
    Bad("millions of values", "json", "[" + "0," * 2_000_001 + "0]", "document.too_many_values", ""),
    Bad("half a surrogate pair", "json", '{"x": "\\ud800"}', "text.not_unicode", "x"),
    Bad("half a surrogate pair as a key", "json", '{"\\ud800": 1}', "text.not_unicode", '["\\ud800"]'),
    Bad("a YAML anchor", "yaml", "x: &a 1\n", "yaml.anchor", "x"),
    Bad("a YAML alias", "yaml", "y: *a\n", "yaml.alias", "y"),
    Bad("a YAML merge key", "yaml", "x:\n  <<: {y: 1}\n", "yaml.merge_key", "x"),
    Bad("a YAML tag", "yaml", "x: !!python/name:os.system a\n", "yaml.tag", "x"),
    Bad("two YAML documents", "yaml", "x: 1\n---\ny: 2\n", "yaml.many_documents", ""),
    Bad("a number as a YAML key", "yaml", "x: {1: a}\n", "key.not_text", "x"),
    Bad("true as a YAML key", "yaml", "true: a\n", "key.not_text", ""),
    Bad("a list as a YAML key", "yaml", "? [a]\n: b\n", "key.not_text", ""),
    Bad("a tab in YAML", "yaml", "x:\n\ty: 1\n", "document.syntax", ""),
    Bad("a colon in plain YAML text", "yaml", "x: a: b\n", "document.syntax", ""),
    Bad("a control character in YAML", "yaml", b"x: \x01\n", "document.syntax", ""),
    Bad("a date in TOML", "toml", "x = 2026-01-31\n", "value.not_json", "x"),
    Bad("a time in TOML", "toml", "x = [07:32:00]\n", "value.not_json", "x[0]"),
    Bad("TOML without a value", "toml", "x = \n", "document.syntax", ""),
]


@pytest.mark.parametrize("bad", TEXTS, ids=lambda bad: bad.situation)
def test_a_bad_text_is_refused_with_code_path_and_remedy(bad: Bad) -> None:
    check(bad)
