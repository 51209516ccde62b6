"""Killing all that descends from this process, and counting the dead."""

from __future__ import annotations

import os
import select
import signal
import time

from .family import children, descendants, send
from .kernel import WAIT_ALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SWEEP_S = 10.0
STUBBORN_TURNS = 4
_NAP_MS = 20


class Dead:
    """Reaps children, and sums up what they used. `status` is that of the main one, None while it lives."""

    __slots__ = ("count", "cpu_s", "main", "peak_bytes", "read_bytes", "status", "written_bytes")

    def __init__(self) -> None:
        self.main = -1
        self.status: int | None = None
        self.count = 0
        self.cpu_s = 0.0
        self.peak_bytes = 0
        self.read_bytes = 0
        self.written_bytes = 0

    def collect(self) -> bool:
        """Reap whoever is dead. Says whether a child is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG | WAIT_ALL)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.main:
                self.status = status
            else:
                self.count += 1
            self.cpu_s += usage.ru_utime + usage.ru_stime
            self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * 1024)
            self.read_bytes += usage.ru_inblock * 512
            self.written_bytes += usage.ru_oublock * 512


def sweep(
    collect: Callable[[], bool], spare: frozenset[int] = frozenset(), last: Callable[[], None] | None = None
) -> int:
    """Kill every descendant but `spare`, until `collect` says that none is left. Returns how many could not be killed.

    A process that forks while it is killed leaves children that are found in the next turn. Where killing one by one
    makes no end, `last` is called once: it is to kill them all in one go.
    """
    until = time.monotonic() + SWEEP_S
    turn = 0
    while collect():
        turn += 1
        if turn == STUBBORN_TURNS and last is not None:
            last()
        pids = descendants(os.getpid(), spare)
        for pid in pids:
            send(pid, signal.SIGKILL)
        if time.monotonic() > until:
            return len(pids)
        _await_a_death(spare)
    return 0


def _await_a_death(spare: frozenset[int]) -> None:
    for pid in children(os.getpid()):
        if pid in spare:
            continue
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll(_NAP_MS)
        finally:
            os.close(fd)
        return
