"""Functions that the tests of the Python door have run as tasks."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

import holdfast


@dataclass
class Point:
    """A typed value."""

    x: int
    y: int


@dataclass
class Line:
    """A typed value that holds others."""

    start: Point
    end: Point


def add(left: int, right: int = 1) -> int:
    return left + right


async def add_later(left: int, right: int) -> int:
    return left + right


def line_to(x: int, y: int) -> Line:
    return Line(Point(0, 0), Point(x, y))


def fail(message: str) -> None:
    raise LookupError(message)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def own_pid() -> int:
    return os.getpid()


def environment() -> dict[str, str]:
    return dict(os.environ)


def hang() -> None:
    signal.pause()


@holdfast.task(timeout=0.2, resources={"grace": 0.1})
def hang_briefly() -> None:
    signal.pause()


@holdfast.task(retry={"max_attempts": 3, "backoff": {"strategy": "fixed", "base": 0}})
def third_time_lucky() -> int:
    attempt = int(os.environ["HOLDFAST_ATTEMPT"])
    if attempt < 3:
        raise RuntimeError(f"attempt {attempt}")
    return attempt
