"""One JSON value that a task wrote: read with caps, strictly, and never trusted."""

from __future__ import annotations

import json
from typing import Final, NoReturn

from holdfast.model.json import Json

MAX_VALUE_BYTES: Final = 16 * 1024 * 1024
MAX_VALUE_DEPTH: Final = 200


class BadValue(ValueError):
    """Why the bytes are no value; the text names no engine internals."""


def read_value(data: bytes | None, size: int) -> Json:
    """The value of a UTF-8 JSON document; `size` is its full size in bytes, `data` None where that is over the cap.

    Raises BadValue on anything else than one JSON value: NaN, duplicate keys, over 200 levels, over 16 MiB.
    """
    if data is None or size > MAX_VALUE_BYTES:
        raise BadValue(f"it has {size} bytes; at most {MAX_VALUE_BYTES} are taken")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadValue(f"it is not UTF-8 (byte {error.start})") from None
    try:
        value: Json = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except BadValue:
        raise
    except RecursionError:
        raise BadValue(f"it is nested deeper than {MAX_VALUE_DEPTH} levels") from None
    except ValueError as error:
        raise BadValue(f"it is not JSON ({error})") from None
    if text.count("[") + text.count("{") > MAX_VALUE_DEPTH and _deeper(value, MAX_VALUE_DEPTH):
        raise BadValue(f"it is nested deeper than {MAX_VALUE_DEPTH} levels")
    return value


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
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            item
            for node in layer
            if isinstance(node, (dict, list))
            for item in (node.values() if isinstance(node, dict) else node)
            if isinstance(item, (dict, list))
        ]
        if not layer:
            return False
    return True
