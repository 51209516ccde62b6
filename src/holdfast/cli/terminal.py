"""One output stream as a person sees it: how wide, in which characters, in colour or not, and gone or not."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TextIO

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.style import Style
from rich.text import Text

from holdfast.cli.output import failure_of, silence
from holdfast.cli.words import safe

MIN_WIDTH: Final = 20
_WIDE: Final = 100_000
_ASCII_LOCALES: Final = frozenset({"C", "POSIX"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The few signs that are more than letters."""

    succeeded: str
    failed: str
    cancelled: str
    running: str
    waiting: str
    full: str
    empty: str
    dot: str
    cut: str


UNICODE: Final = Glyphs(
    succeeded="✓", failed="✗", cancelled="⊘", running="●", waiting="·", full="━", empty="─", dot="·", cut="…"
)
ASCII: Final = Glyphs(
    succeeded="+", failed="x", cancelled="/", running="*", waiting=".", full="#", empty="-", dot="|", cut="~"
)


class Terminal:
    """Writes lines to a stream. Once nobody reads there any more, writing does nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.gone = False
        self.tty = stream.isatty()
        self.unicode = _takes_unicode(stream)
        self.glyphs = UNICODE if self.unicode else ASCII
        self.moves = self.tty and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
        self._console = Console(
            file=stream,
            force_terminal=self.tty,
            no_color=None if self.moves else True,
            width=_WIDE,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines now. A stream that is no terminal has no right edge, and 24 lines."""
        if not self.tty:
            return _WIDE, 24
        try:
            columns, lines = os.get_terminal_size(self._stream.fileno())
        except OSError:
            columns, lines = shutil.get_terminal_size()
        return max(MIN_WIDTH, columns or 80), max(2, lines or 24)

    @property
    def width(self) -> int:
        """Columns that can be written to without the terminal breaking the line by itself."""
        return self.size[0] - (1 if self.tty else 0)

    def say(self, text: str | Text = "", style: str = "") -> None:
        """One paragraph, broken between words where the terminal ends."""
        self.print(wrapped(Text(text, style) if isinstance(text, str) else text, self.width))

    def print(self, lines: Iterable[Text]) -> None:
        """Lines that are known to fit."""
        self.write("".join(f"{row}\n" for row in self.rendered(lines)))

    def rendered(self, lines: Iterable[Text]) -> list[str]:
        """Lines as what is written: with colours where they show, in ASCII where that is all there is."""
        return [self._rendered(line) for line in lines]

    def _rendered(self, line: Text) -> str:
        if not self.tty:
            return self.plain(line.plain)
        with self._console.capture() as written:
            self._console.print(line, end="", no_wrap=True, overflow="ignore", crop=False)
        return self.plain(written.get())

    def plain(self, text: str) -> str:
        """Text in the characters that this stream takes."""
        return text if self.unicode else text.encode("ascii", "backslashreplace").decode("ascii")

    def write(self, text: str) -> None:
        """Text as it is. Raises ReaderGone, OutputFailed where it is standard output that takes no more.

        A reader of the progress that went away is no error: what runs goes on without being watched.
        """
        if self.gone:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            self.gone = True
            silence(self._stream.fileno())
            if self._stream is sys.stdout:
                raise failure_of(error) from error


def wrapped(text: Text, width: int, indent: int = 0) -> list[Text]:
    """A paragraph in lines of at most `width` cells, broken between words; all but the first are indented.

    The text of strangers is made safe here once more, whoever forgot it.
    """
    text = cleaned(text)
    if text.cell_len <= width:
        return [text]
    lines: list[Text] = []
    room = width
    while text.cell_len > room:
        at = _break(text.plain, room)
        head, text = text.divide([at])
        head.rstrip()
        lines.append(_indented(head, indent if lines else 0))
        text = text[len(text.plain) - len(text.plain.lstrip(" ")) :] if text.plain.startswith(" ") else text
        room = max(8, width - indent)
    if text.plain:
        lines.append(_indented(text, indent if lines else 0))
    return lines


def cleaned(text: Text) -> Text:
    """The same text with the same styles, if nothing in it could move a cursor; else safe, in one style."""
    return text if text.plain.isprintable() else Text(safe(text.plain), text.style)


def fitted(text: str, width: int, cut: str) -> str:
    """Text in at most `width` cells, cut short with a sign where it is longer."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return cut[:width]
    return chop_cells(text, width - 1)[0] + cut


def dim() -> Style:
    """What is there but not to be looked at first."""
    return Style(dim=True)


def _break(text: str, room: int) -> int:
    """Where to break a line: after the last space that fits, else where it is full."""
    full = len(chop_cells(text, room)[0]) or 1
    space = text.rfind(" ", 1, full + 1)
    return space if space > 0 else full


def _indented(line: Text, indent: int) -> Text:
    return Text(" " * indent).append_text(line) if indent else line


def _takes_unicode(stream: TextIO) -> bool:
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    encoding = (stream.encoding or "").lower().replace("-", "").replace("_", "")
    return encoding.startswith("utf") and locale.upper() not in _ASCII_LOCALES
