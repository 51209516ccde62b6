"""The floor: what this host's kernel, CPython and SQLite allow, with nothing of Holdfast in between.

A bare zygote forks one process per request, the process answers by itself, and the answers become rows of a SQLite
database at WAL and FULL, committed in groups of whatever has arrived.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import apsw

_ZYGOTE: Final = r"""
import os, signal, sys, _socket
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
wire = _socket.socket(fileno=int(sys.argv[1]))
while True:
    request = wire.recv(4096)
    if not request:
        os._exit(0)
    if os.fork() == 0:
        wire.send(request)
        os._exit(0)
"""


class Zygote:
    """A bare process that forks one child per request; the child answers on the shared socket."""

    def __init__(self) -> None:
        self._wire, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [sys.executable, "-I", "-S", "-c", _ZYGOTE, str(theirs.fileno())]
        self._process = subprocess.Popen(argv, pass_fds=[theirs.fileno()])
        theirs.close()

    def ask(self, number: int) -> None:
        """One fork, please."""
        self._wire.send(b"%d" % number)

    def answer(self) -> int:
        """The number of a request whose process has run."""
        return int(self._wire.recv(4096))

    def close(self) -> None:
        """Let it go."""
        self._wire.close()
        self._process.wait()


def forks_per_s(count: int, in_flight: int) -> float:
    """Fresh processes per second, nothing stored."""
    zygote = Zygote()
    started = time.perf_counter()
    asked = done = 0
    while done < count:
        while asked - done < in_flight and asked < count:
            zygote.ask(asked)
            asked += 1
        zygote.answer()
        done += 1
    rate = count / (time.perf_counter() - started)
    zygote.close()
    return rate


def fork_ms(count: int) -> list[float]:
    """The latencies of fresh processes one after another, in milliseconds."""
    zygote = Zygote()
    latencies = []
    for number in range(count):
        started = time.perf_counter()
        zygote.ask(number)
        zygote.answer()
        latencies.append((time.perf_counter() - started) * 1000)
    zygote.close()
    return latencies


def durable_per_s(count: int, in_flight: int, group: int) -> float:
    """Fresh processes per second, each with a row written at FULL, committed in groups."""
    with tempfile.TemporaryDirectory(dir="build") as folder:
        database = _database(Path(folder) / "floor.db")
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO task VALUES (?, 'ready', '{}')", ((n,) for n in range(count)))
        database.execute("COMMIT")
        zygote = Zygote()
        started = time.perf_counter()
        asked = done = 0
        ended: list[tuple[int]] = []
        while done < count:
            while asked - done < in_flight and asked < count:
                zygote.ask(asked)
                asked += 1
            ended.append((zygote.answer(),))
            done += 1
            if len(ended) >= group or done == count:
                database.execute("BEGIN IMMEDIATE")
                database.executemany("UPDATE task SET state = 'succeeded', doc = '1' WHERE id = ?", ended)
                database.execute("COMMIT")
                ended.clear()
        rate = count / (time.perf_counter() - started)
        zygote.close()
        database.close()
    return rate


def _database(path: Path) -> apsw.Connection:
    database = apsw.Connection(str(path))
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE task (id INTEGER PRIMARY KEY, state TEXT, doc TEXT) STRICT")
    return database
