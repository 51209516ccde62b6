from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from holdfast.cli.columns import Column, aligned, hanging, table
from holdfast.cli.terminal import fitted, wrapped
from holdfast.cli.words import safe

COLUMNS = (
    Column("task", cut=True),
    Column("state"),
    Column("time", rank=1, right=True),
    Column("note", rank=2, cut=True),
)
ROWS = [["build", "running", "1.0s", "a rather long note on it"], ["test-everything", "failed", "12s", ""]]


def plain(lines: Sequence[Text]) -> list[str]:
    return [line.plain for line in lines]


def test_with_room_for_all_nothing_is_cut() -> None:
    assert plain(table(COLUMNS, ROWS, 100, "…")) == [
        "task             state    time  note",
        "build            running  1.0s  a rather long note on it",
        "test-everything  failed    12s",
    ]


def test_where_it_is_narrow_the_long_ones_are_cut_first_and_then_the_least_needed_left_out() -> None:
    assert plain(aligned(COLUMNS, ROWS, 46, "…"))[0] == "build            running  1.0s  a rather long…"
    assert plain(aligned(COLUMNS, ROWS, 28, "…")) == ["build          running  1.0s", "test-everyth…  failed    12s"]
    assert plain(aligned(COLUMNS, ROWS, 19, "…")) == ["build       running", "test-ever…  failed"]


def test_where_it_is_narrow_the_last_column_can_be_broken_instead() -> None:
    assert plain(hanging(COLUMNS, ROWS, 42, "…")) == [
        "task             state    time  note",
        "build            running  1.0s  a rather",
        "                                long note",
        "                                on it",
        "test-everything  failed    12s",
    ]


@given(
    rows=st.lists(st.lists(st.text(max_size=40), min_size=4, max_size=4), max_size=6),
    width=st.integers(min_value=19, max_value=200),
)
def test_no_line_is_wider_than_the_terminal(rows: list[list[str]], width: int) -> None:
    columns = (Column("a", cut=True), Column("b", cut=True), Column("c", rank=1), Column("d", rank=2, cut=True))
    for line in aligned(columns, rows, width, "…"):
        assert line.cell_len <= width
        assert safe(line.plain) == line.plain


@pytest.mark.parametrize(
    "text, width, shown", [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字漢", 4, "漢…"), ("ab", 1, "…")]
)
def test_text_is_cut_by_cells_not_by_characters(text: str, width: int, shown: str) -> None:
    assert fitted(text, width, "…") == shown


def test_a_paragraph_breaks_between_words_and_keeps_its_indent() -> None:
    assert plain(wrapped(Text("the quick brown fox jumps"), 12, indent=2)) == ["the quick", "  brown fox", "  jumps"]
    assert plain(wrapped(Text("x" * 25), 10)) == ["x" * 10, "x" * 10, "x" * 5]


@given(text=st.text(max_size=120), width=st.integers(min_value=10, max_value=60))
def test_a_wrapped_paragraph_fits_and_loses_nothing_but_space(text: str, width: int) -> None:
    lines = wrapped(Text(text), width, indent=2)
    assert all(line.cell_len <= width for line in lines)
    assert all(safe(line.plain) == line.plain for line in lines)
