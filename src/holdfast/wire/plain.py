"""Plain data: what every reader of text hands over, and what the Python API takes in place of a document.

Plain means: objects with text for keys, lists, text that is Unicode, true, false, null, whole numbers of 64 bits with
sign, and finite numbers; at most `MAX_DEPTH` levels and `MAX_VALUES` values.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, cast

from holdfast.model.errors import Refused
from holdfast.model.json import Json
from holdfast.model.place import quoted
from holdfast.wire.reader import Place, Problems, refused

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 2_000_000
LEAST_INTEGER: Final = -(2**63)
MOST_INTEGER: Final = 2**63 - 1

Repeated = Mapping[int, tuple[object, tuple[str, ...]]]
"""By the id of an object: the object, and the keys that its text gave more than once."""
_NOTHING: Final[Repeated] = MappingProxyType({})


def too_deep() -> Refused:
    """The refusal of a document that is nested too deep."""
    remedy = "make it flatter, or keep the data in a file and give its name"
    return refused("document.too_deep", f"it is nested deeper than {MAX_DEPTH} levels", remedy)


def too_many() -> Refused:
    """The refusal of a document that holds too many values."""
    remedy = "split it, or keep the data in a file and give its name"
    return refused("document.too_many_values", f"it holds more than {MAX_VALUES} values", remedy)


def plain(value: object) -> Json:
    """The same value, known to be plain data. Raises Refused with every reason."""
    problems = Problems()
    check_plain(value, problems)
    problems.refuse()
    return cast(Json, value)


def check_plain(value: object, problems: Problems, repeated: Repeated = _NOTHING) -> None:
    """Note everything in a value that is not plain. Raises Refused at once where it is too deep or too large."""
    whole = Place(problems)
    if not isinstance(value, dict | list | tuple):
        _check_scalar(value, whole)
        return
    queue: deque[tuple[object, Place, int]] = deque([(value, whole, 1)])
    left = MAX_VALUES
    while queue:
        container, at, depth = queue.popleft()
        if depth > MAX_DEPTH:
            raise too_deep()
        parts = _parts(container, at, repeated)
        for step, part in parts:
            left -= 1
            if isinstance(part, dict | list | tuple):
                queue.append((part, at.below(step), depth + 1))
            elif not _is_fine(part):
                _check_scalar(part, at.below(step))
        if left < 0:
            raise too_many()


def _parts(container: object, at: Place, repeated: Repeated) -> Iterable[tuple[str | int, object]]:
    if not isinstance(container, dict):
        return enumerate(container) if isinstance(container, list | tuple) else ()
    if repeated and (entry := repeated.get(id(container))) is not None:
        for key in entry[1]:
            twice(key, at)
    if all(isinstance(key, str) and key.isascii() for key in container):
        return container.items()
    return [(key, part) for key, part in container.items() if _is_key(key, at)]


def twice(key: str, at: Place, where: str = "") -> None:
    """Note a key that stands more than once in the object at this place."""
    message = f"the key {quoted(key)} stands here more than once{where}"
    at.below(key).problem("document.duplicate_key", message, "keep one of them")


def no_text_key(key: str, at: Place, where: str = "") -> None:
    """Note a key that is no text."""
    at.problem("key.not_text", f"the key {key} is not text{where}", f'put it in quotes: "{key}"')


def _is_key(key: object, at: Place) -> bool:
    if not isinstance(key, str):
        no_text_key(str(key)[:40], at)
        return False
    if not _is_unicode(key):
        _no_unicode(at.below(key))
    return True


def _is_fine(value: object) -> bool:
    """Whether a scalar is plain, for the most common kinds: the others are looked at more closely."""
    kind = type(value)
    if kind is str:
        return str(value).isascii()
    if kind is int:
        return LEAST_INTEGER <= cast(int, value) <= MOST_INTEGER
    return value is None or kind is bool


def _check_scalar(value: object, at: Place) -> None:
    if isinstance(value, str):
        if not _is_unicode(value):
            _no_unicode(at)
    elif isinstance(value, float):
        if not math.isfinite(value):
            remedy = "write a finite number, or text"
            at.problem("number.not_finite", f"{value} is not a number that JSON has", remedy)
    elif isinstance(value, int):
        if not LEAST_INTEGER <= value <= MOST_INTEGER:
            remedy = "write it as text, in quotes"
            at.problem("number.too_large", "the whole number needs more than 64 bits, which few programs read", remedy)
    elif value is not None:
        _no_json(value, at)


def _no_json(value: object, at: Place) -> None:
    kind = type(value).__name__
    if kind in {"date", "time", "datetime"}:
        at.problem("value.not_json", f"it is a {kind}, which JSON does not have", "write it as text, in quotes")
    else:
        remedy = "give a dict, a list, text, a number, True, False or None"
        at.problem("value.not_json", f"it is a Python {kind[:40]}, which has no place in JSON", remedy)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_unicode(at: Place) -> None:
    remedy = "write the character itself, or both halves of its pair"
    at.problem("text.not_unicode", "the text holds half of a surrogate pair, which is no character", remedy)
