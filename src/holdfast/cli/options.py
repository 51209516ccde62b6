"""Options that several commands share, and how a command gets its options as one value."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

T = TypeVar("T")
Command = Callable[..., int]

store = click.option(
    "--store",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="The store. [default: HOLDFAST_STORE, else .holdfast]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")


def gathered(kind: type[T]) -> Callable[[Callable[[T], int]], Command]:
    """Hand the options of a command over as one dataclass, whose fields have their names."""

    def decorate(function: Callable[[T], int]) -> Command:
        @functools.wraps(function)
        def call(**options: Any) -> int:
            return function(kind(**options))

        return call

    return decorate
