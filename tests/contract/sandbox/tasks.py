"""Functions for tasks to call. Loaded as a script, by its path."""

from __future__ import annotations


def echo(*args: object, **kwargs: object) -> object:
    return args, kwargs


def fail() -> None:
    raise ValueError("no good")


if __name__ == "__main__":
    raise SystemExit("a script's own start must not run")
