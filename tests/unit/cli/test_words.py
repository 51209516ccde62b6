from __future__ import annotations

import json

import pytest

from holdfast.cli import words


@pytest.mark.parametrize(
    "seconds, text",
    [
        (None, "-"),
        (-1, "0.0s"),
        (0.0004, "0.0s"),
        (0.042, "42ms"),
        (0.0996, "0.1s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (3599.7, "1h00m"),
        (7620, "2h07m"),
        (90000, "1d01h"),
    ],
)
def test_a_duration_is_as_exact_as_it_is_long(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.1, "a few seconds"),
        (12, "about 10 s"),
        (43, "about 45 s"),
        (70, "about 1 min"),
        (200, "about 3 min"),
        (1900, "about 30 min"),
        (7200, "about 2 h"),
        (9000, "about 2.5 h"),
        (400000, "about 5 days"),
    ],
)
def test_an_estimate_claims_no_exactness(seconds: float, text: str) -> None:
    assert words.rough(seconds) == text


@pytest.mark.parametrize(
    "count, text",
    [(None, "-"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (31_400_000, "31 MB"), (999_600_000, "1.0 GB")]
    + [(1.25e9, "1.2 GB"), (4e18, "4000 PB")],
)
def test_a_size_is_in_decimal_units_as_memory_limits_are(count: float | None, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "just now"), (40, "40 s ago"), (200, "3 min ago"), (90000, "25 h ago"), (200000, "2 days ago")],
)
def test_the_past_is_told_roughly(seconds: float, text: str) -> None:
    assert words.ago(seconds) == text


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain, ünïcode 漢字", "plain, ünïcode 漢字"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\a"),
        ("a\rb\bc\0", r"a\rb\bc\0"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202edef\u200b", r"abc\u202edef\u200b"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert words.safe(text) == shown


def test_a_text_of_many_lines_becomes_one() -> None:
    assert words.one_line("a\n  b\tc\r\nd\x1b[m") == r"a b c d\x1b[m"


def test_json_made_safe_is_the_same_document() -> None:
    value = {"a": "x\x7f\x9b\u202e\u2028\ufeff", "ü": [1]}
    text = words.safe_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert text.isprintable()
