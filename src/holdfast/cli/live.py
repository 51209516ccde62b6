"""The part of a terminal that is drawn over and over, below what stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from holdfast.cli.terminal import Terminal

_ERASE_DOWN: Final = "\x1b[J"
_ERASE_LINE: Final = "\x1b[K"


class Region:
    """Lines at the lower end of the output. Each drawing is one write, so that nothing is seen half done.

    The cursor stays visible: whatever ends this process, the terminal is left as it was.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._cells: list[int] = []

    def draw(self, lines: Sequence[Text]) -> None:
        """These lines instead of those drawn before; also over what was typed meanwhile (`^C`)."""
        rows = self._terminal.rendered(lines)
        body = "".join(f"{row}{_ERASE_LINE}\n" for row in rows)
        self._terminal.write(f"{self._back()}{body}{_ERASE_DOWN}")
        self._cells = [line.cell_len for line in lines]

    def clear(self) -> None:
        """Take the region away."""
        if self._cells:
            self._terminal.write(f"{self._back()}{_ERASE_DOWN}")
            self._cells = []

    def _back(self) -> str:
        """To the first cell of the region. A terminal made narrower has broken the lines that no longer fit in it."""
        columns = self._terminal.size[0]
        rows = sum(max(1, -(-cells // columns)) for cells in self._cells)
        return f"\r\x1b[{rows}A" if rows else "\r"
