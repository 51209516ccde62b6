"""Checking a context: every reason at once, each with its path."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

from holdfast.model.errors import Problem
from holdfast.model.json import Json
from holdfast.rules.reference import has_reference

Shape = Callable[[Json], str | None]
"""Says what is wrong with a value, or None."""


def check_keys(context: Mapping[str, Json], path: str, shapes: Mapping[str, Shape]) -> list[Problem]:
    """Unknown keys and wrong values. A string that still holds a reference passes: it is checked once resolved."""
    problems = []
    for key, value in context.items():
        here = f"{path}.{key}"
        shape = shapes.get(key)
        if shape is None:
            problems.append(unknown_key(here, key, shapes))
        elif not (isinstance(value, str) and has_reference(value)):
            wrong = shape(value)
            if wrong is not None:
                problems.append(Problem("context.wrong_type", here, wrong, "Mend the value."))
    return problems


def unknown_key(path: str, key: str, known: Mapping[str, object]) -> Problem:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"Did you mean `{near[0]}`? " if near else ""
    return Problem("context.unknown_key", path, f"no such key `{key}`", f"{hint}Known: {', '.join(known)}.")


def missing_key(path: str, key: str, what: str) -> Problem:
    return Problem("context.missing_key", f"{path}.{key}", f"`{key}` is missing", f"Add it: {what}.")


def text(value: Json) -> str | None:
    if not isinstance(value, str):
        return f"must be text, not {kind(value)}"
    if "\0" in value:
        return "holds a NUL character, which no program can be given"
    return None


def truth(value: Json) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, not {kind(value)}"


def anything(value: Json) -> str | None:
    return None


def listing(value: Json) -> str | None:
    return None if is_list(value) else f"must be a list, not {kind(value)}"


def mapping(value: Json) -> str | None:
    return None if isinstance(value, Mapping) else f"must be a mapping, not {kind(value)}"


def is_list(value: Json) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def kind(value: Json) -> str:
    """The JSON name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a mapping" if isinstance(value, Mapping) else "a list"
