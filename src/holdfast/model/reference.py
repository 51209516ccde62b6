"""References from one task's context to inputs and to the results of other tasks.

    text      = characters, references, and `$${{`, which stands for a plain `${{`
    reference = "${{" root step* "}}"         white space may stand just inside the braces
    root      = "inputs" name | "tasks" name ".result"
    name      = "." NAME | "[" string "]"
    step      = "." NAME | "[" digits "]" | "[" string "]"
    string    = a JSON string, or 'characters but quotes and backslashes'

Text is parsed into a small tree first and evaluated later (`rules.reference`): an expression language can take the
place of the one kind of node there is now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from holdfast.model.json import Json
from holdfast.model.place import below, nearest, quoted

OPENING: Final = "${{"
_ROOTS: Final = ("inputs", "tasks")
_MARK: Final = re.compile(r"\$?\$\{\{")
_SPACE: Final = re.compile(r"\s*")
_ROOT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP: Final = re.compile(
    r"\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|\[\s*(?:(?P<index>[0-9]{1,9})|(?P<double>\"(?:[^\"\\]|\\.)*\")|'(?P<single>[^'\\]*)')\s*\]"
)
_LONGEST: Final = 64


class Malformed(ValueError):
    """Text holds a `${{` that no reference follows. `remedy` says what to write."""

    def __init__(self, message: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Reference:
    """The steps from the root to a value: `("tasks", "scan", "result", "sizes", 0)`."""

    steps: tuple[str | int, ...]

    @property
    def task(self) -> str | None:
        """The task that it reads, if any."""
        return str(self.steps[1]) if self.steps[0] == "tasks" else None

    @property
    def input(self) -> str | None:
        """The input that it reads, if any."""
        return str(self.steps[1]) if self.steps[0] == "inputs" else None

    def __str__(self) -> str:
        text = ""
        for step in self.steps:
            text = below(text, step)
        return text


Template: TypeAlias = tuple[str | Reference, ...]


def parse(text: str) -> Template:
    """The pieces of a text: literal strings and references, in order. Raises Malformed."""
    pieces: list[str | Reference] = []
    literal, at = "", 0
    while mark := _MARK.search(text, at):
        literal += text[at : mark.start()]
        if mark.group() != OPENING:
            literal, at = literal + OPENING, mark.end()
            continue
        reference, at = _reference(text, mark.end())
        pieces += [literal, reference] if literal else [reference]
        literal = ""
    literal += text[at:]
    return (*pieces, literal) if literal else tuple(pieces)


def texts(value: Json, place: str) -> Iterator[tuple[str, str]]:
    """Every string in a value that holds a `${{`, with its place. Keys are no values."""
    if isinstance(value, str):
        if OPENING in value:
            yield place, value
        return
    parts: Iterable[tuple[str | int, Json]] = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    for step, part in parts:
        if OPENING in part if isinstance(part, str) else isinstance(part, Mapping | list | tuple):
            yield from texts(part, below(place, step))


def _reference(text: str, start: int) -> tuple[Reference, int]:
    """The reference whose `${{` ends at start, and where its `}}` ends."""
    root, at = _root(text, _space(text, start), start)
    steps: list[str | int] = [root]
    while step := _STEP.match(text, at):
        steps.append(_step(step))
        at = step.end()
    at = _space(text, at)
    if not text.startswith("}}", at):
        raise _unfinished(text, start, at)
    if len(steps) > _LONGEST:
        raise Malformed(f"a reference has more than {_LONGEST} steps", "refer to a value that lies less deep")
    return _named(Reference(tuple(steps))), at + 2


def _root(text: str, at: int, start: int) -> tuple[str, int]:
    match = _ROOT.match(text, at)
    if match is None:
        raise _unfinished(text, start, at)
    root = match.group()
    if root not in _ROOTS:
        meant = nearest(root, _ROOTS)
        raise Malformed(
            f"a reference cannot begin with {quoted(root)}",
            f"did you mean {meant}?" if meant else "begin with tasks.NAME.result or inputs.NAME",
        )
    return root, match.end()


def _step(match: re.Match[str]) -> str | int:
    if (index := match["index"]) is not None:
        return int(index)
    if (double := match["double"]) is None:
        return match["name"] or match["single"] or ""
    try:
        return str(json.loads(double))
    except ValueError:
        raise Malformed(f"{quoted(double)} is not a JSON string", "write the key as in JSON, or in ' '") from None


def _named(reference: Reference) -> Reference:
    """The same reference, if it names an input or the result of a task."""
    root, *rest = reference.steps
    if not rest or not isinstance(rest[0], str):
        name = "inputs.NAME" if root == "inputs" else "tasks.NAME.result"
        raise Malformed(f"the reference {reference} names nothing in {root}", f"write {name}")
    if root == "tasks" and rest[1:2] != ["result"]:
        raise Malformed(f"the reference {reference} does not read a result", f"write {root}.{rest[0]}.result")
    return reference


def _unfinished(text: str, start: int, at: int) -> Malformed:
    found = text[at : at + 20].split("}}")[0].strip()
    if not found:
        message = "a ${{ is not closed by }}" if "}}" not in text[start:] else "a ${{ }} holds no reference"
        return Malformed(message, "write ${{ tasks.NAME.result }} or ${{ inputs.NAME }}, or $${{ for a plain ${{")
    return Malformed(
        f"a reference cannot hold {quoted(found)}",
        'write names, [0] and ["key"] only, as in ${{ tasks.NAME.result.sizes[0] }}, or $${{ for a plain ${{',
    )


def _space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
