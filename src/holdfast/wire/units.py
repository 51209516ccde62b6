"""Durations and sizes as people write them, and times as programs do.

A duration is a number of seconds, or text with units: `90s`, `1.5h`, `500ms`, `1h30m`, or ISO 8601 (`PT5M`).
A size is a whole number of bytes, or text with a unit: `1GB` is 10^9 bytes, `1GiB` is 2^30.
A number within quotes must have a unit: `"300"` is refused, as it is more often a slip than a choice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from holdfast.model.json import Json
from holdfast.model.place import nearest, quoted

_LONGEST: Final = 40
_NUMBER: Final = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
DURATION_PATTERN: Final = (
    rf"^\s*(?:[0-9]+\s*(?:ms|[smhdw])\s*)*{_NUMBER}\s*(?:ms|[smhdw])\s*$"
    r"|^\s*P(?:[0-9.,]+[WD])*(?:T(?:[0-9.,]+[HMS])+)?\s*$"
)
SIZE_PATTERN: Final = rf"^\s*{_NUMBER}\s*(?:B|[kKMGTP]B|[KMGTP]iB|[kmgtp]b|[kmgtp]ib)\s*$"
"""What the two look like, for the JSON Schemas; the readers below know more."""

_SECONDS: Final[Mapping[str, float]] = MappingProxyType({
    "w": 604800.0,
    "d": 86400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 0.001,
})
_DURATION_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("sec", "secs", "second", "seconds", "S"), "s")
    | dict.fromkeys(("min", "mins", "minute", "minutes", "M"), "m")
    | dict.fromkeys(("hr", "hrs", "hour", "hours", "H"), "h")
    | dict.fromkeys(("day", "days", "D"), "d")
    | dict.fromkeys(("week", "weeks", "W"), "w")
    | dict.fromkeys(("msec", "millis", "millisecond", "milliseconds"), "ms")
)
_POWERS: Final = "KMGTP"
_BYTES: Final[Mapping[str, int]] = MappingProxyType(
    {"B": 1, "kB": 1000}
    | {f"{letter}B": 1000 ** (power + 1) for power, letter in enumerate(_POWERS)}
    | {f"{letter}iB": 1024 ** (power + 1) for power, letter in enumerate(_POWERS)}
    | {f"{letter}b".lower(): 1000 ** (power + 1) for power, letter in enumerate(_POWERS)}
    | {f"{letter}ib".lower(): 1024 ** (power + 1) for power, letter in enumerate(_POWERS)}
)
_PART: Final = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>[A-Za-z]*)\s*")
_ISO: Final = (
    r"P(?:(?P<w>[0-9]+(?:[.,][0-9]+)?)W)?(?:(?P<d>[0-9]+(?:[.,][0-9]+)?)D)?"
    r"(?:T(?:(?P<h>[0-9]+(?:[.,][0-9]+)?)H)?(?:(?P<m>[0-9]+(?:[.,][0-9]+)?)M)?(?:(?P<s>[0-9]+(?:[.,][0-9]+)?)S)?)?"
)
_ISO_YEARS: Final = r"P[0-9.,]*[YM]|P[0-9.,]+Y"


class BadUnit(ValueError):
    """Something is no duration or no size. `remedy` says what to write."""

    def __init__(self, message: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(message)


_SAY_DURATION: Final = 'write seconds as a number (300), or text such as "90s", "5m", "1h30m" or "500ms"'
_SAY_SIZE: Final = 'write bytes as a whole number, or text such as "512MiB" or "1GB"'


def parse_seconds(value: Json) -> float:
    """A duration in seconds, 0 or more. Raises BadUnit."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadUnit("it is not a duration", _SAY_DURATION)
    if isinstance(value, str):
        return _seconds_of_text(value.strip())
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    return _sane(number, _SAY_DURATION)


def parse_bytes(value: Json) -> int:
    """A size in bytes, 0 or more. Raises BadUnit."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadUnit("it is not a size", _SAY_SIZE)
    if isinstance(value, str):
        return _bytes_of_text(value.strip())
    if isinstance(value, float) and not _sane(value, _SAY_SIZE).is_integer():
        raise BadUnit(f"{value:g} is no whole number of bytes", _SAY_SIZE)
    if value < 0:
        raise BadUnit(f"{value:g} is negative", _SAY_SIZE)
    return int(value)


def _sane(number: float, say: str) -> float:
    if not math.isfinite(number):
        raise BadUnit(f"{number} is not a number to count with", say)
    if number < 0:
        raise BadUnit(f"{number:g} is negative", say)
    return number


def _seconds_of_text(text: str) -> float:
    _refuse_shape(text, _SAY_DURATION)
    if text.startswith("P"):
        return _seconds_of_iso(text)
    total, last, at = 0.0, math.inf, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise BadUnit(f"{quoted(text)} is not a duration", _SAY_DURATION)
        size = _duration_unit(part["unit"], part["number"], text)
        if size >= last:
            raise BadUnit(f"{quoted(text)} has its units out of order", "write larger units first, each once: 1h30m")
        if "." in part["number"] and part.end() < len(text):
            raise BadUnit(f"{quoted(text)} has a fraction before its last unit", "write a fraction last: 1h1.5m")
        total, last, at = total + float(part["number"]) * size, size, part.end()
    return _sane(total, _SAY_DURATION)


def _duration_unit(unit: str, number: str, text: str) -> float:
    if not unit:
        raise BadUnit(f"{quoted(text)} has no unit", f"say {number}s, or write the number of seconds without quotes")
    size = _SECONDS.get(unit)
    if size is None:
        meant = _DURATION_WORDS.get(unit) or _DURATION_WORDS.get(unit.lower()) or nearest(unit, _SECONDS.keys())
        hint = f"did you mean {number}{meant}? " if meant else ""
        raise BadUnit(f"{quoted(unit)} is no unit of time", f"{hint}Units are ms, s, m, h, d and w")
    return size


def _seconds_of_iso(text: str) -> float:
    match = re.fullmatch(_ISO, text)
    if match is None or not any(match.groups()):
        if re.match(_ISO_YEARS, text):
            raise BadUnit(f"{quoted(text)} counts years or months, which differ in length", "count in days: P30D")
        raise BadUnit(f"{quoted(text)} is not a duration of ISO 8601", _SAY_DURATION)
    parts = match.groupdict(default="0").items()
    return _sane(sum(float(number.replace(",", ".")) * _SECONDS[unit] for unit, number in parts), _SAY_DURATION)


def _bytes_of_text(text: str) -> int:
    _refuse_shape(text, _SAY_SIZE)
    part = _PART.fullmatch(text)
    if part is None:
        raise BadUnit(f"{quoted(text)} is not a size", _SAY_SIZE)
    whole, _, fraction = part["number"].partition(".")
    scale: int = 10 ** len(fraction)
    size, rest = divmod(int(whole + fraction) * _size_unit(part["unit"], text, part["number"]), scale)
    if rest and size == 0:
        raise BadUnit(f"{quoted(text)} is less than a byte", _SAY_SIZE)
    return size


def _size_unit(unit: str, text: str, number: str) -> int:
    size = _BYTES.get(unit)
    if size is not None:
        return size
    if not unit:
        raise BadUnit(f"{quoted(text)} has no unit", f"say {number}B, or write the number of bytes without quotes")
    letter = unit[0].upper()
    if letter in _POWERS and unit[1:] in {"", "b"}:
        both = f"{number}{letter}B (powers of 1000) or {number}{letter}iB (powers of 1024)"
        raise BadUnit(f"{quoted(unit)} is not clear as a unit of size", f"say {both}")
    meant = nearest(unit, [known for known in _BYTES if len(known) > 1])
    hint = f"did you mean {number}{meant}? " if meant else ""
    raise BadUnit(f"{quoted(unit)} is no unit of size", f"{hint}Units are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB")


def _refuse_shape(text: str, say: str) -> None:
    if not text or len(text) > _LONGEST:
        raise BadUnit("it is empty" if not text else f"{quoted(text)} is too long for a quantity", say)
    if text.startswith("-"):
        raise BadUnit(f"{quoted(text)} is negative", say)
    if text.lower().lstrip("+.") in {"nan", "inf", "infinity"}:
        raise BadUnit(f"{quoted(text)} is not a number to count with", say)


def show_seconds(seconds: float) -> str:
    """A duration for people, and for `parse_seconds`: `12ms`, `3.4s`, `1m15s`, `2h5m`, `3d4h`."""
    if seconds < 0.9995:
        return f"{round(seconds * 1000)}ms" if seconds else "0s"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    rest = round(seconds)
    shown = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            shown.append(f"{count}{unit}")
    return "".join(shown[:2])


def show_bytes(count: int, *, exact: bool = False) -> str:
    """A size for people, and for `parse_bytes`: `612MB`, three digits at most.

    `exact` is for what somebody asked for: the shortest way to say just that number (`512MiB`, `1GB`, `1025B`).
    """
    if exact:
        units = [unit for unit in _BYTES if unit[-1] == "B" and unit != "KB" and count % _BYTES[unit] == 0]
        unit = min(units, key=lambda each: len(str(count // _BYTES[each])))
        return f"{count // _BYTES[unit]}{unit}"
    number, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if number < 999.5:
            break
        number, unit = number / 1000, larger
    digits = 0 if unit == "B" or number >= 99.95 else 1 if number >= 9.995 else 2
    text = f"{number:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if digits else text) + unit


def iso_time(unix: float) -> str:
    """A time in UTC to the millisecond: `2026-01-31T12:00:00.250Z`. Takes Unix seconds."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
