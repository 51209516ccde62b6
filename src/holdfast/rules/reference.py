"""Puts the values of inputs and of other tasks' results where a context refers to them.

The grammar is in `holdfast.model.reference`. A string that is one reference and nothing else becomes the value
itself, of whatever type; within longer text, strings are put in as they are and all else as compact JSON. What is
put in is data: it is not looked through for references again. Keys of objects are left as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.model.errors import HoldfastError
from holdfast.model.json import Json, type_name
from holdfast.model.place import below, listed, nearest, quoted
from holdfast.model.reference import OPENING, Malformed, Reference, parse, texts


class BadReference(HoldfastError):
    """A reference leads nowhere. `path` is where it stands; the text says how far it led, and what was there."""

    code = "reference.missing"
    exit_status = 1

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What can be referred to: `tasks` maps names to results."""

    tasks: Mapping[str, Json] = field(default_factory=dict)
    inputs: Mapping[str, Json] = field(default_factory=dict)


def has_reference(text: str) -> bool:
    """Whether text is to be resolved before it is used: it holds a `${{`, be it a reference or an escape."""
    return OPENING in text


def has_references(value: Json) -> bool:
    """Whether any string in a value is to be resolved before it is used."""
    return next(texts(value, ""), None) is not None


def referenced_tasks(value: Json) -> tuple[str, ...]:
    """The names of the tasks whose results a value refers to, each once, in order. Raises BadReference."""
    names = {
        piece.task: None
        for path, text in texts(value, "")
        for piece in _parse(text, path)
        if isinstance(piece, Reference) and piece.task is not None
    }
    return tuple(names)


def resolve(value: Json, scope: Scope, path: str = "context") -> Json:
    """The value with every reference replaced; what holds none is the same object. Raises BadReference."""
    if isinstance(value, str):
        return _resolve_text(value, scope, path) if OPENING in value else value
    if isinstance(value, Mapping):
        return {key: resolve(item, scope, below(path, key)) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [resolve(item, scope, below(path, index)) for index, item in enumerate(value)]
    return value


def _resolve_text(text: str, scope: Scope, path: str) -> Json:
    pieces = _parse(text, path)
    values = [piece if isinstance(piece, str) else _evaluate(piece, scope, path) for piece in pieces]
    if len(pieces) == 1:
        return values[0]
    return "".join(value if isinstance(value, str) else _compact(value) for value in values)


def _parse(text: str, path: str) -> tuple[str | Reference, ...]:
    try:
        return parse(text)
    except Malformed as bad:
        raise BadReference(path, f"{bad}; {bad.remedy}") from None


def _evaluate(reference: Reference, scope: Scope, path: str) -> Json:
    root, name, *steps = reference.steps
    known = scope.tasks if root == "tasks" else scope.inputs
    if name not in known:
        kind = "task" if root == "tasks" else "input"
        raise BadReference(path, f"there is no {kind} {quoted(str(name))}; there are: {listed(known) or 'none'}")
    value = known[str(name)]
    walked = Reference((root, name))
    if root == "tasks":
        walked, steps = Reference((root, name, "result")), steps[1:]
    for step in steps:
        found, value = _part(value, step)
        if not found:
            raise BadReference(path, f"{reference}: {_missing(value, step, walked)}")
        walked = Reference((*walked.steps, step))
    return value


def _part(value: Json, step: str | int) -> tuple[bool, Json]:
    """The part of a value, or the value itself where it has no such part."""
    if isinstance(step, str):
        if isinstance(value, Mapping) and step in value:
            return True, value[step]
    elif isinstance(value, Sequence) and not isinstance(value, str) and step < len(value):
        return True, value[step]
    return False, value


def _missing(value: Json, step: str | int, walked: Reference) -> str:
    if isinstance(step, str) and isinstance(value, Mapping):
        near = nearest(step, value.keys())
        meant = f" (did you mean {quoted(near)}?)" if near is not None else ""
        return f"{walked} has no {quoted(step)}{meant}; it has: {listed(value) or 'nothing'}"
    if isinstance(step, int) and isinstance(value, Sequence) and not isinstance(value, str):
        return f"{walked} has {len(value)} items, so none at [{step}]: the first is [0]"
    wanted = f"no {quoted(step)}" if isinstance(step, str) else f"no item [{step}]"
    return f"{walked} is {type_name(value)} and has {wanted}"


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
