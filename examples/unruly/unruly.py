"""The tasks of workflow.yaml: one that behaves, and all the ways in which the others don't.

Run them through Holdfast only. On their own they do what their names say, to you.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Never

_TEN_MINUTES_S = 600


def count_primes(below: int) -> dict[str, int]:
    """Behaves: the sieve of Eratosthenes."""
    sieve = bytearray([1]) * below
    sieve[:2] = b"\0\0"
    for number in range(2, int(below**0.5) + 1):
        if sieve[number]:
            multiples = slice(number * number, below, number)
            sieve[multiples] = bytes(len(range(below)[multiples]))
    return {"primes": sum(sieve)}


def hang() -> None:
    """Does nothing for ten minutes and will not be asked to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(_TEN_MINUTES_S)


def eat_memory(megabytes: int) -> dict[str, int]:
    """Takes memory ten megabytes at a time, and writes to it, so that it is really taken."""
    held: list[bytes] = []
    while len(held) * 10 < megabytes:
        held.append(b"x" * 10_000_000)
        time.sleep(0.02)
    return {"megabytes": len(held) * 10}


def leave_daemon(marker: str) -> dict[str, bool]:
    """Starts a daemon as daemons do it, forking twice into a new session, and returns at once.

    The daemon keeps standard output and error open and carries `marker` among its arguments.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _become_daemon(marker, writer)
    os.waitpid(child, 0)
    os.close(writer)
    with open(reader) as pipe:
        daemon = int(pipe.read())  # ends when the daemon has become another program
    os.kill(daemon, 0)  # raises if there is no such process
    return {"daemon_started": True}


def _become_daemon(marker: str, writer: int) -> Never:
    try:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        os.write(writer, str(os.getpid()).encode())
        sleep = f"import time; time.sleep({_TEN_MINUTES_S})"
        os.execv(sys.executable, [sys.executable, "-c", sleep, marker])
    finally:
        os._exit(1)


def crash() -> None:
    """Ends the process as C code does that finds its memory corrupted."""
    os.abort()


def fail() -> None:
    """Raises."""
    raise ValueError("the answer is not 42")
