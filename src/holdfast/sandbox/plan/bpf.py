"""A small assembler for seccomp filters: classic BPF, with labels. See the kernel's `seccomp_filter.rst`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

NUMBER_AT: Final = 0
ARCHITECTURE_AT: Final = 4

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
_ERRNO: Final = 0x00050000

_LOAD: Final = 0x20
_JUMP_EQUAL: Final = 0x15
_JUMP_FROM: Final = 0x35
_JUMP_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_FARTHEST: Final = 255


@dataclass(frozen=True, slots=True)
class Line:
    """One instruction. Jumps name labels; without one, the next instruction follows."""

    code: int
    operand: int
    then: str | None = None
    otherwise: str | None = None
    label: str | None = None


def load(offset: int, label: str | None = None) -> Line:
    """Load a word of the call's description."""
    return Line(_LOAD, offset, label=label)


def load_argument(index: int, label: str | None = None) -> Line:
    """Load the lower half of an argument: all there is of an `int`."""
    return Line(_LOAD, 16 + 8 * index, label=label)


def if_equal(value: int, then: str | None, otherwise: str | None = None) -> Line:
    return Line(_JUMP_EQUAL, value, then, otherwise)


def if_from(value: int, then: str | None, otherwise: str | None = None) -> Line:
    """Jump where the loaded word is `value` or more."""
    return Line(_JUMP_FROM, value, then, otherwise)


def if_any_bit(mask: int, then: str | None, otherwise: str | None = None) -> Line:
    return Line(_JUMP_ANY_BIT, mask, then, otherwise)


def give(verdict: int, label: str | None = None) -> Line:
    """End with a verdict."""
    return Line(_RETURN, verdict, label=label)


def refusal(number: int) -> int:
    """The verdict that makes a call fail with this errno."""
    return _ERRNO | number


def assemble(lines: list[Line]) -> bytes:
    """The program. Raises ValueError on a label that is not there, or too far or backwards."""
    places = {line.label: at for at, line in enumerate(lines) if line.label is not None}
    return b"".join(
        struct.pack("=HBBI", line.code, _leap(places, at, line.then), _leap(places, at, line.otherwise), line.operand)
        for at, line in enumerate(lines)
    )


def _leap(places: dict[str, int], at: int, label: str | None) -> int:
    if label is None:
        return 0
    leap = places.get(label, -1) - at - 1
    if not 0 <= leap <= _FARTHEST:
        raise ValueError(f"no label {label!r} within {_FARTHEST} instructions after {at}")
    return leap


def switch(cases: dict[int, str], default: str) -> list[Line]:
    """Go to the label of the loaded number, in as few comparisons as halving takes.

    Not for speed at run time alone: the kernel tries every call number when a filter is installed.
    """
    starts = [0]
    labels = [default]
    for number in sorted(cases):
        for start, label in ((number, cases[number]), (number + 1, default)):
            if start == starts[-1]:
                labels[-1] = label
            elif label != labels[-1]:
                starts.append(start)
                labels.append(label)
    merged = [at for at in range(len(labels)) if at == 0 or labels[at] != labels[at - 1]]
    return _halved([(starts[at], labels[at]) for at in merged])


def _halved(ranges: list[tuple[int, str]]) -> list[Line]:
    """A decision tree over ranges of numbers, each given by its start. The lower half follows, the upper is named."""
    if len(ranges) == 2:
        return [if_from(ranges[1][0], ranges[1][1], ranges[0][1])]
    middle = len(ranges) // 2
    lower, upper = ranges[:middle], ranges[middle:]
    name = f"from {upper[0][0]}"
    first = if_from(upper[0][0], upper[0][1] if len(upper) == 1 else name, lower[0][1] if len(lower) == 1 else None)
    rest = [] if len(lower) == 1 else _halved(lower)
    if len(upper) == 1:
        return [first, *rest]
    head, *tail = _halved(upper)
    return [first, *rest, replace(head, label=name), *tail]
