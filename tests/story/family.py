"""A task that leaves a whole family behind, and how a test finds its members.

Each member carries a mark in its environment, which the kernel shows; the first writes a line to a FIFO, so that
a test knows when all are there without looking at a clock.
"""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path
from typing import Any

MARK = "FAMILY_MARK"

PROGRAM = """
import os, subprocess, sys, time
sleeper = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
subprocess.Popen(sleeper)
subprocess.Popen(sleeper, start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, sleeper)
    os._exit(0)
os.wait()
with open(sys.argv[1], "w") as fifo:
    fifo.write("ready\\n")
time.sleep(600)
"""

SIZE = 4
"""The task itself, a child, a child in a session of its own, a daemon that was forked twice."""


def family(mark: str, fifo: Path, **resources: Any) -> dict[str, Any]:
    """The task; `mark` is put into the environment of all of them."""
    context = {"argv": [sys.executable, "-c", PROGRAM, str(fifo)], "env": {MARK: mark}}
    return {"agent_type": "command", "context": context, "resources": resources}


def members(mark: str) -> list[int]:
    """The processes alive now that carry the mark; zombies do not count."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                variables = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in variables:
                found.append(int(name))
    return found


class Ready:
    """A FIFO that tells when the family is complete; opened before the task starts."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def wait(self) -> None:
        """Return once the family is complete."""
        assert select.select([self._reading], [], [], 60)[0], "the task did not start"
        assert os.read(self._reading, 64) == b"ready\n"

    def close(self) -> None:
        os.close(self._reading)
