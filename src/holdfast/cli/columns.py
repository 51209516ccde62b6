"""Rows in columns that fit: wide ones are cut short, the least needed ones left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from rich.cells import cell_len
from rich.text import Text

from holdfast.cli.terminal import fitted, wrapped
from holdfast.cli.words import one_line

GAP: Final = 2
LEAST: Final = 6

Cell: TypeAlias = str | tuple[str, str]
"""Text, or text and style."""


@dataclass(frozen=True, slots=True)
class Column:
    """`rank` 0 always stays; of the others the highest goes first where there is no room. `cut` ones may be cut short.

    `least` is a width that the column keeps even where its cells are narrower, so that a live table does not jump;
    `gap` is the space after it; shorter than `floor` it is of no use.
    """

    title: str
    rank: int = 0
    right: bool = False
    cut: bool = False
    least: int = 0
    gap: int = GAP
    floor: int = LEAST


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int, cut: str) -> list[Text]:
    """A heading, then the rows, in lines of at most `width` cells."""
    heading: list[Cell] = [(column.title, "dim") for column in columns]
    return aligned(columns, [heading, *rows], width, cut)


def hanging(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int, cut: str) -> list[Text]:
    """Like `table`, but the text of the last column is broken between words where it does not fit."""
    ahead = columns[:-1]
    heads = [[_cell(cell) for cell in row] for row in ([column.title for column in ahead], *(row[:-1] for row in rows))]
    room = max(LEAST, width - _total(ahead, _widths(ahead, heads, width)) - GAP)
    broken: list[list[Cell]] = []
    for row in rows:
        text, style = _cell(row[-1])
        for number, piece in enumerate(wrapped(Text(text), room)):
            broken.append([*(row[:-1] if not number else [""] * len(ahead)), (piece.plain, style)])
    return table(columns, broken, width, cut)


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int, cut: str) -> list[Text]:
    """The rows alone."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    widths = _widths(columns, cells, width)
    return [_line(columns, row, widths, cut) for row in cells]


def _cell(cell: Cell) -> tuple[str, str]:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return one_line(text) if not text.isprintable() else text, style


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[tuple[str, str]]], width: int) -> list[int | None]:
    """The width of each column, None for those left out."""
    natural = [max([column.least, *(cell_len(row[at][0]) for row in rows)]) for at, column in enumerate(columns)]
    widths: list[int | None] = [each or None for each in natural]
    while (over := _total(columns, widths) - width) > 0:
        over = _shorten(columns, widths, over)
        if over <= 0:
            break
        out = max(
            (at for at, column in enumerate(columns) if column.rank and widths[at] is not None),
            key=lambda at: columns[at].rank,
            default=None,
        )
        if out is None:
            _shorten(columns, widths, over, every=True)
            break
        widths = [None if was is None or at == out else natural[at] for at, was in enumerate(widths)]
    return widths


def _shorten(columns: Sequence[Column], widths: list[int | None], over: int, *, every: bool = False) -> int:
    """Take what is too much from the columns that may be cut, the widest first; what is still too much."""
    while over > 0:
        able = [
            (now, at)
            for at, column in enumerate(columns)
            if (column.cut or every) and (now := widths[at] or 0) > column.floor
        ]
        if not able:
            return over
        now, at = max(able)
        second = max([columns[at].floor, *(other for other, index in able if index != at and other < now)])
        taken = min(over, max(1, now - second))
        widths[at] = now - taken
        over -= taken
    return over


def _total(columns: Sequence[Column], widths: Sequence[int | None]) -> int:
    shown = [(each, column.gap) for each, column in zip(widths, columns, strict=True) if each is not None]
    return sum(each for each, _ in shown) + sum(gap for _, gap in shown[:-1])


def _line(columns: Sequence[Column], row: Sequence[tuple[str, str]], widths: Sequence[int | None], cut: str) -> Text:
    line = Text()
    pad = 0
    for column, (text, style), width in zip(columns, row, widths, strict=True):
        if width is None:
            continue
        text = fitted(text, width, cut)
        room = width - cell_len(text)
        line.append(" " * (pad + (room if column.right else 0)))
        line.append(text, style)
        pad = column.gap + (0 if column.right else room)
    line.rstrip()
    return line
