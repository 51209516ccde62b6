"""JSON text to plain data."""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final

from holdfast.model.json import Json
from holdfast.wire.plain import MAX_DEPTH, MAX_VALUES, check_plain, too_deep, too_many
from holdfast.wire.reader import Problems, refused

_BRACKETS: Final = b"[{]}"
_STEPS: Final = bytes.maketrans(_BRACKETS, b"\x01\x01\xff\xff")
_FLAT: Final = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_PIECE: Final = 1 << 16
_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_DIGITS: Final = 25
"""Whole numbers of more digits are over 64 bits for certain, and slow to read."""


def load_json(text: bytes, decoded: str) -> Json:
    """The value of a JSON document, given as bytes and decoded. Raises Refused with every reason."""
    refuse_bulk(text, _STRINGS)
    repeated: dict[int, tuple[object, tuple[str, ...]]] = {}
    try:
        value: Json = json.loads(
            decoded, object_pairs_hook=_collect(repeated), parse_int=_integer, parse_constant=float
        )
    except json.JSONDecodeError as error:
        said = error.msg.removesuffix(" at").removesuffix(" starting")
        message = f"it is not JSON: line {error.lineno}, column {error.colno}: {said}"
        raise refused("document.syntax", message, _hint(decoded, error)) from None
    except RecursionError:
        raise too_deep() from None
    problems = Problems()
    check_plain(value, problems, repeated)
    problems.refuse()
    return value


def refuse_bulk(text: bytes, strings: re.Pattern[bytes]) -> None:
    """Refuse a text that is nested too deep or holds too many values, before it is parsed.

    What `strings` match (text, and comments where there are any) is no part of the structure. Linear in time, and
    needs next to no memory.
    """
    depth = values = 0
    for piece in _outside(text, strings):
        steps = array("b", piece.translate(_STEPS, _FLAT))
        values += piece.count(b",") + piece.count(b"=") + steps.count(1)
        if values > MAX_VALUES:
            raise too_many()
        levels = list(accumulate(steps, initial=depth))
        if max(levels) > MAX_DEPTH:
            raise too_deep()
        depth = levels[-1]


def _outside(text: bytes, strings: re.Pattern[bytes]) -> Iterator[bytes]:
    """What stands outside of strings, in pieces of bounded size."""
    piece = bytearray()
    at = 0
    for match in strings.finditer(text):
        piece += text[at : match.start()]
        at = match.end()
        if len(piece) >= _PIECE:
            yield from _cut(bytes(piece))
            piece.clear()
    yield from _cut(bytes(piece) + text[at:])


def _cut(text: bytes) -> Iterator[bytes]:
    return (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))


def _collect(
    repeated: dict[int, tuple[object, tuple[str, ...]]],
) -> Callable[[list[tuple[str, Json]]], dict[str, Json]]:
    def make(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        made = dict(pairs)
        if len(made) != len(pairs):
            times = Counter(key for key, _ in pairs)
            repeated[id(made)] = (made, tuple(key for key, count in times.items() if count > 1))
        return made

    return make


def _integer(digits: str) -> int:
    """A whole number; one of very many digits as any that is too large."""
    return int(digits) if len(digits) < _DIGITS else (-1 if digits[0] == "-" else 1) << 64


def _hint(text: str, error: json.JSONDecodeError) -> str:
    here = text[error.pos : error.pos + 2]
    before = text[max(0, error.pos - 50) : error.pos].rstrip()
    if here.startswith("'"):
        return 'write text in double quotes: "…"'
    if here in {"//", "/*"} or here.startswith("#"):
        return "take the comment out: JSON has none. YAML and TOML do"
    if "trailing comma" in error.msg or (before.endswith(",") and here[:1] in {"}", "]"}):
        return "take out the comma before the bracket"
    return "mend it there"
