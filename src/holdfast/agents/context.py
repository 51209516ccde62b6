"""Checking a context: every reason at once, each with its path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from holdfast.model.errors import Problem
from holdfast.model.json import Json, type_name
from holdfast.model.place import below, listed, nearest, quoted
from holdfast.rules.reference import has_reference

Shape = Callable[[Json, str], Iterable[Problem]]
"""Says everything that is wrong with the value at a path."""

MOST_PER_KEY: Final = 100
"""Of one key's value, so many problems are told: a list of a million wrong words must not fill the memory."""


def check_keys(context: Mapping[str, Json], path: str, shapes: Mapping[str, Shape]) -> list[Problem]:
    """Unknown keys and wrong values. Null is the same as leaving the key out.

    Text that still holds a reference passes: it is checked once resolved.
    """
    problems: list[Problem] = []
    for key, value in context.items():
        here = below(path, key)
        if key not in shapes:
            problems.append(unknown_key(here, key, shapes))
        elif value is not None and not is_open(value):
            problems += islice(shapes[key](value, here), MOST_PER_KEY)
    return problems


def is_open(value: Json) -> bool:
    """Whether a value is not known yet: text that holds a reference."""
    return isinstance(value, str) and has_reference(value)


def unknown_key(path: str, key: str, known: Mapping[str, object]) -> Problem:
    near = nearest(key, known.keys())
    hint = f"Did you mean `{near}`? " if near else ""
    return Problem("context.unknown_key", path, f"there is no key {quoted(key)} here", f"{hint}Known: {listed(known)}.")


def missing_key(path: str, key: str, what: str) -> Problem:
    return Problem("context.missing_key", below(path, key), f"`{key}` is missing", f"Add it: {what}.")


def wrong(path: str, value: Json, wanted: str) -> Problem:
    message = f"it is {type_name(value)}, where {wanted} is wanted"
    return Problem("context.wrong_type", path, message, f"Give {wanted}.")


def text(value: Json, path: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield wrong(path, value, "text")
    elif "\0" in value:
        message = "it holds a NUL character, which no program can be given"
        yield Problem("context.nul", path, message, "Take it out, or pass it in a file.")


def word(value: Json, path: str) -> Iterable[Problem]:
    """What a program can be given as one argument or variable."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ()
    return text(value, path) if isinstance(value, str) else (wrong(path, value, "text or a number"),)


def truth(value: Json, path: str) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield wrong(path, value, "true or false")


def anything(value: Json, path: str) -> tuple[Problem, ...]:
    return ()


def listing(value: Json, path: str) -> Iterator[Problem]:
    if not is_list(value):
        yield wrong(path, value, "a list")


def mapping(value: Json, path: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield wrong(path, value, "an object")


def is_list(value: Json) -> bool:
    return isinstance(value, (list, tuple))
