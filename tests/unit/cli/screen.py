"""A terminal's screen, as far as the command line makes use of it, so that tests see what a person would see."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\s\S])")


class Screen:
    """Lines of cells with a cursor; wraps at the right edge, scrolls at the lower one, and knows no other tricks."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.columns, self.lines = columns, lines
        self.rows: list[list[str]] = [[]]
        self.row = self.column = 0
        self.escapes: set[str] = set()

    @property
    def text(self) -> str:
        """Everything written and not erased, what has scrolled out included."""
        return "\n".join("".join(row).rstrip() for row in self.rows).rstrip()

    @property
    def visible(self) -> str:
        """The lines on the screen now."""
        return "\n".join("".join(row).rstrip() for row in self.rows[self._top :]).rstrip()

    @property
    def _top(self) -> int:
        return max(0, len(self.rows) - self.lines)

    def feed(self, text: str) -> Screen:
        for match in _TOKEN.finditer(text):
            if match[2]:
                self._control(match[2], match[1])
            else:
                self._character(match[3])
        return self

    def _control(self, letter: str, argument: str) -> None:
        self.escapes.add(letter)
        if letter == "A":
            self.row = max(self._top, self.row - int(argument or 1))
        elif letter == "J":
            del self.rows[self.row + 1 :]
            del self.rows[self.row][self.column :]
        elif letter == "K":
            del self.rows[self.row][self.column :]
        elif letter != "m":
            raise AssertionError(f"a sequence that this screen does not know: {argument}{letter}")

    def _character(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row, self.column = self.row + 1, 0
        else:
            if self.column == self.columns:
                self.row, self.column = self.row + 1, 0
            self._reach()
            row = self.rows[self.row]
            row += [" "] * (self.column + 1 - len(row))
            row[self.column] = character
            self.column += 1
        self._reach()

    def _reach(self) -> None:
        while len(self.rows) <= self.row:
            self.rows.append([])
