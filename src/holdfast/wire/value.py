"""One JSON value that a task wrote: read with caps, strictly, and never trusted."""

from __future__ import annotations

import json
import math
import re
from typing import Final, NoReturn

from holdfast.model.json import Json

MAX_VALUE_BYTES: Final = 16 * 1024 * 1024
MAX_VALUE_DEPTH: Final = 200
MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**63 - 1
_LONG_NUMBER: Final = re.compile(r"\d{19}")


class BadValue(ValueError):
    """Why the bytes are no value; the text names no engine internals."""


def read_value(data: bytes | None, size: int, levels: int = MAX_VALUE_DEPTH) -> Json:
    """The value of a UTF-8 JSON document; `size` is its full size in bytes, `data` None where that is over the cap.

    Raises BadValue on anything else than one JSON value that other programs can read too: not on NaN, infinities,
    integers over 64 bits, lone surrogates, duplicate keys, over 16 MiB or nested deeper than so many `levels`.
    """
    if data is None or size > MAX_VALUE_BYTES:
        raise BadValue(f"it has {size} bytes; at most {MAX_VALUE_BYTES} are taken")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadValue(f"it is not UTF-8 (byte {error.start})") from None
    value = _parse(text, levels)
    if text.count("[") + text.count("{") > levels and _deeper(value, levels):
        raise _too_deep(levels)
    if "\\u" in text and _lone_surrogate(value):
        raise BadValue("it holds half a surrogate pair, which is no character")
    return value


def _parse(text: str, levels: int) -> Json:
    parse_int = _short_integer if _LONG_NUMBER.search(text) else None
    try:
        value: Json = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=parse_int
        )
    except BadValue:
        raise
    except RecursionError:
        raise _too_deep(levels) from None
    except ValueError as error:
        raise BadValue(f"it is not JSON ({error})") from None
    return value


def _too_deep(levels: int) -> BadValue:
    return BadValue(f"it is nested deeper than {levels} levels")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise BadValue(f"the number {digits[:40]} is too large")
    return number


def _short_integer(digits: str) -> int:
    if len(digits) > 20 or not MIN_INTEGER <= int(digits) <= MAX_INTEGER:
        raise BadValue(f"the integer {digits[:40]} needs more than 64 bits")
    return int(digits)


def _lone_surrogate(value: Json) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise BadValue(f"the key {key[:100]!r} stands in it twice")
            seen.add(key)
    return value


def _no_constant(name: str) -> NoReturn:
    raise BadValue(f"{name} is no JSON value")


def _deeper(value: Json, levels: int) -> bool:
    """Whether a value is nested deeper than so many levels; walks breadth first, so that depth costs no stack."""
    layer = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        layer = [
            item
            for node in layer
            for item in (node.values() if isinstance(node, dict) else node)
            if isinstance(item, (dict, list))
        ]
        if not layer:
            return False
    return bool(layer)
