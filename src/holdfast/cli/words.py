"""Numbers as people read them, and text of strangers made safe to show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

UNKNOWN: Final = "-"
_BYTE_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SHORT: Final[Mapping[str, str]] = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\r": "\\r", "\v": "\\v", "\0": "\\0"}
_UNSAFE_IN_JSON: Final = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def duration(seconds: float | None) -> str:
    """`12ms`, `0.4s`, `12s`, `3m05s`, `2h07m`, `3d04h`."""
    if seconds is None:
        return UNKNOWN
    seconds = max(0.0, seconds)
    if 0.0005 < seconds < 0.0995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def rough(seconds: float) -> str:
    """An estimate in words no more exact than it is: `a few seconds`, `about 40 s`, `about 3 min`, `about 2.5 h`."""
    if seconds < 8:
        return "a few seconds"
    if seconds < 55:
        return f"about {round(seconds / 5) * 5} s"
    if seconds < 90:
        return "about 1 min"
    if seconds < 5400:
        minutes = seconds / 60
        return f"about {round(minutes) if minutes < 20 else round(minutes / 5) * 5} min"
    if seconds < 36 * 3600:
        return f"about {seconds / 3600:.1f}".removesuffix(".0") + " h"
    return f"about {round(seconds / 86400)} days"


def ago(seconds: float) -> str:
    """`just now`, `40 s ago`, `3 min ago`, `5 h ago`, `2 days ago`."""
    if seconds < 2:
        return "just now"
    for unit, length in (("day", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length * (1.5 if unit == "day" else 1):
            count = int(seconds // length)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return f"{int(seconds)} s ago"


def size(count: float | None) -> str:
    """`512 B`, `31 MB`, `1.2 GB`: decimal units, as memory limits are given."""
    if count is None:
        return UNKNOWN
    unit = 0
    while count >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        count /= 1000
        unit += 1
    digits = 1 if unit and count < 9.95 else 0
    return f"{count:.{digits}f} {_BYTE_UNITS[unit]}"


def count(number: int, noun: str) -> str:
    """`1 task`, `2,000 tasks`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def one_line(text: str) -> str:
    """Text of a stranger as one line that moves no cursor, changes no colour and turns no direction."""
    return safe(" ".join(text.split()))


def safe(text: str, keep: str = "") -> str:
    """Text with every control and format character written out, but for those in `keep`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in keep or not _unsafe(one) else _written_out(one) for one in text)


def safe_json(text: str) -> str:
    """A JSON document in which the characters that a terminal might obey are written as JSON escapes."""
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE


def _written_out(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
