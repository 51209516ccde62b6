"""Functions to be called: good ones and bad ones. Read as a script, by its path."""

from __future__ import annotations

import atexit
import dataclasses
import enum
import functools
import os
import pickle
import sys
import threading
import time
from typing import Any


@dataclasses.dataclass
class Point:
    x: int
    y: list[Any]


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


class Word(enum.StrEnum):
    HELLO = "hello"


def give(what: str) -> object:
    """A value that JSON itself cannot say."""
    loop: list[object] = []
    loop.append(loop)
    deep: object = None
    for _ in range(10_000):
        deep = [deep]
    values = {
        "dataclass": Point(1, [Point(2, [])]),
        "tuple": (1, (2, 3)),
        "int enum": Number.ONE,
        "text enum": Word.HELLO,
        "big": 10**40,
        "enum": Colour.RED,
        "set": {1},
        "bytes": b"x",
        "nan": float("nan"),
        "infinite": [1.0, {"a": float("-inf")}],
        "key": {1: "a"},
        "loop": loop,
        "deep": deep,
        "surrogate": "a\ud800",
        "object": {"a": [object()]},
        "function": give,
    }
    return values[what]


def text(size: int) -> str:
    return "x" * size


def length(words: str) -> int:
    return len(words)


class Evil(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Huge(Exception):
    def __str__(self) -> str:
        return "x" * 100_000_000


class Silent(Exception):
    def __str__(self) -> str:
        vanish()
        return ""


def fail(how: str) -> None:
    raise {"evil": Evil, "huge": Huge, "silent": Silent, "base": BaseException, "interrupt": KeyboardInterrupt}[how](
        how
    )


def fail_twice() -> None:
    try:
        raise ValueError("first")
    except ValueError as error:
        raise KeyError("second") from error


def bottomless(n: int = 0) -> int:
    return bottomless(n + 1) + 1


def leave(code: object) -> None:
    raise SystemExit(code)


def vanish() -> None:
    os._exit(0)


def leave_from_a_thread() -> str:
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()
    return "still here"


def leave_a_thread_and_an_atexit() -> str:
    atexit.register(time.sleep, 1000)
    threading.Thread(target=time.sleep, args=(1000,)).start()
    sys.stdout.write("flushed")
    return "done"


async def later(value: object) -> object:
    import asyncio

    await asyncio.sleep(0)
    return value


async def later_fail() -> None:
    raise LookupError("in the loop")


def counted(function: Any) -> Any:
    @functools.wraps(function)
    def inner(*args: object) -> object:
        return ["counted", function(*args)]

    return inner


@counted
def wrapped(value: object) -> object:
    return value


@functools.lru_cache
def cached(value: object) -> object:
    return value


class Holder:
    @staticmethod
    def static(value: object) -> object:
        return value

    @classmethod
    def named(cls) -> str:
        return cls.__name__


not_a_function = 3


def pickled() -> object:
    return pickle.loads(pickle.dumps(Point(1, []))) == Point(1, [])


def name() -> list[str]:
    return [__name__, sys.modules[__name__].__file__ or "", sys.argv[0], os.path.basename(os.getcwd())]


def forge() -> int:
    """Writes a result of its own, and then another."""
    os.pwrite(3, b'{"ok": "forged"}' * 100, 0)
    return 1


def ended(value: int) -> None:
    exit(value)


async_result = later


if __name__ == "__main__":
    raise SystemExit("a script's own start must not run")
