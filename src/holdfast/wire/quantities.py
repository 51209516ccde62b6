"""Quantities in a document: numbers, durations and sizes, each within bounds that are told with its refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from holdfast.model.json import Json, type_name
from holdfast.wire.reader import Place, wrong_type
from holdfast.wire.shapes import Schema
from holdfast.wire.units import (
    DURATION_PATTERN,
    SIZE_PATTERN,
    BadUnit,
    parse_bytes,
    parse_seconds,
    show_bytes,
    show_seconds,
)


@dataclass(slots=True, eq=False, repr=False)
class Bounds:
    """What a quantity may be: from `least` (or above it, where `above`) to `most`."""

    least: float
    most: float
    above: bool = False

    def holds(self, number: float) -> bool:
        return number <= self.most and (number > self.least if self.above else number >= self.least)

    def said(self, show: Callable[[float], str]) -> str:
        least = f"more than {show(self.least)}" if self.above else f"{show(self.least)} or more"
        return f"{least}, and at most {show(self.most)}"

    def check(self, number: float, at: Place, show: Callable[[float], str]) -> bool:
        if self.holds(number):
            return True
        at.problem("value.out_of_range", f"{show(number)} is out of range", f"give {self.said(show)}")
        return False

    def schema(self) -> Schema:
        return {"exclusiveMinimum" if self.above else "minimum": self.least, "maximum": self.most}


@dataclass(slots=True, eq=False, repr=False)
class Number:
    """A number within bounds."""

    bounds: Bounds

    def read(self, value: Json, at: Place) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            wrong_type(value, at, "a number")
            return None
        return float(value) if self.bounds.check(value, at, _plain) else None

    def schema(self) -> Schema:
        return {"type": "number", **self.bounds.schema()}


@dataclass(slots=True, eq=False, repr=False)
class Whole:
    """A whole number within bounds."""

    bounds: Bounds

    def read(self, value: Json, at: Place) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            wrong_type(value, at, "a whole number")
            return None
        return int(value) if self.bounds.check(value, at, _plain) else None

    def schema(self) -> Schema:
        return {"type": "integer", **self.bounds.schema()}


@dataclass(slots=True, eq=False, repr=False)
class Duration:
    """Seconds, as a number or with units."""

    bounds: Bounds

    def read(self, value: Json, at: Place) -> float | None:
        try:
            seconds = parse_seconds(value)
        except BadUnit as bad:
            _bad_unit(value, at, "a duration", bad)
            return None
        return seconds if self.bounds.check(seconds, at, show_seconds) else None

    def schema(self) -> Schema:
        return {"type": ["number", "string"], **self.bounds.schema(), "pattern": DURATION_PATTERN}


@dataclass(slots=True, eq=False, repr=False)
class Size:
    """Bytes, as a whole number or with units."""

    bounds: Bounds

    def read(self, value: Json, at: Place) -> int | None:
        try:
            count = parse_bytes(value)
        except BadUnit as bad:
            _bad_unit(value, at, "a size", bad)
            return None
        return count if self.bounds.check(count, at, _size) else None

    def schema(self) -> Schema:
        return {"type": ["integer", "string"], **self.bounds.schema(), "pattern": SIZE_PATTERN}


def _bad_unit(value: Json, at: Place, wanted: str, bad: BadUnit) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        at.problem("type.wrong", f"it is {type_name(value)}, where {wanted} is wanted", bad.remedy)
    else:
        at.problem("unit.bad", str(bad), bad.remedy)


def _plain(number: float) -> str:
    return f"{number:,.12g}".replace(",", "_") if abs(number) < 1e15 else f"{number:g}"


def _size(number: float) -> str:
    return show_bytes(int(number), exact=True)
