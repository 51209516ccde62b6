"""Looking after a running task now and then: how many processes, how much memory, how much processor time.

What the kernel does not limit on this host is limited by looking. That is better than nothing, and no more than that:
whatever happens between two looks is not seen.
"""

from __future__ import annotations

import os

from .family import descendants, read_text, stat

FIRST_S = 0.1
LIMITED_S = 0.25
IDLE_S = 2.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Sample:
    """What all descendants of a process have and use at one moment."""

    __slots__ = ("cpu_s", "memory_bytes", "processes")

    def __init__(self, pids: list[int]) -> None:
        self.processes = len(pids)
        self.memory_bytes = 0
        self.cpu_s = 0.0
        for pid in pids:
            fields = stat(pid)
            if fields:
                self.cpu_s += sum(map(int, fields[11:15])) / _TICKS
                self.memory_bytes += resident(pid)


def resident(pid: int) -> int:
    """Bytes of a process in memory that it shares with no file; 0 if it is gone."""
    words = (read_text(f"/proc/{pid}/statm") or "").split()
    return (int(words[1]) - int(words[2])) * _PAGE_BYTES if len(words) > 2 else 0


class Watch:
    """Takes samples of this process's descendants. `limits` are those that nothing else keeps, by envelope name."""

    __slots__ = ("_interval", "_limits", "due", "processes")

    def __init__(self, now: float, limits: dict[str, float]) -> None:
        self._limits = limits
        self._interval = LIMITED_S if limits else IDLE_S
        self.due = now + FIRST_S
        self.processes = 1

    def look(self, now: float, spent_s: float) -> str | None:
        """Take a sample. Returns the limit that is exceeded, if one is; `spent_s` is the time of those already dead."""
        self.due = now + self._interval
        sample = Sample(descendants(os.getpid()))
        self.processes = max(self.processes, sample.processes)
        seen = {
            "memory_limit": float(sample.memory_bytes),
            "pids_limit": float(sample.processes),
            "cpu_time": sample.cpu_s + spent_s,
        }
        for name, limit in self._limits.items():
            if seen[name] > limit:
                return name
        return None
