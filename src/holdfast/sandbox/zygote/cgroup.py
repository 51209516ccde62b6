"""The control group of one attempt: made before it, read after it, never used again."""

from __future__ import annotations

import contextlib
import os

from .family import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class Place(TypedDict):
        """The folder in which groups with one controller are made, and the version of its hierarchy."""

        base: str
        version: int

    Layout = dict[str, Place]  # by use: memory, pids, cpu, kill

_CPU_PERIOD_US = 100_000
_LEAST_CPU_US = 1_000


class Group:
    """The group of one attempt, in as many hierarchies as its limits need."""

    def __init__(self, layout: Layout, name: str, limits: dict[str, int | float]) -> None:
        """Make it. Raises OSError, and leaves nothing behind then."""
        self._memory: Place | None = None
        self._pids: Place | None = None
        self._versions: dict[str, int] = {}
        self.ours = 0  # so many of the processes in it are not the task's
        self.folders: list[str] = []
        try:
            for use, value in limits.items():
                if use in layout:
                    self._add(use, layout[use], f"{layout[use]['base']}/{name}", value)
        except OSError:
            self.remove()
            raise

    def _add(self, use: str, place: Place, folder: str, value: int | float) -> None:
        if folder not in self.folders:
            os.mkdir(folder)
            self.folders.append(folder)
            self._versions[folder] = place["version"]
        mine: Place = {"base": folder, "version": place["version"]}
        if use == "memory":
            self._memory = mine
            _limit_memory(mine, int(value))
        elif use == "pids":
            self._pids = mine
            write(f"{folder}/pids.max", str(int(value)))
        elif use == "cpu":
            quota = max(_LEAST_CPU_US, int(value * _CPU_PERIOD_US))
            if mine["version"] == 2:
                write(f"{folder}/cpu.max", f"{quota} {_CPU_PERIOD_US}")
            else:
                write(f"{folder}/cpu.cfs_period_us", str(_CPU_PERIOD_US))
                write(f"{folder}/cpu.cfs_quota_us", str(quota))

    def enter(self) -> None:
        """Move this process into the group. Raises OSError."""
        for folder in self.folders:
            write(f"{folder}/cgroup.procs", "0")

    def doors(self) -> tuple[int | None, tuple[int, ...]]:
        """Open the ways in, for a process that is to be born inside: the folder of version 2, and files of version 1.

        The caller closes them. Raises OSError.
        """
        unified, others = None, []
        for folder, version in self._versions.items():
            if version == 2:
                unified = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            else:
                others.append(os.open(f"{folder}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
        return unified, tuple(others)

    def oom_kills(self) -> int | None:
        """How many of its processes the kernel killed for want of memory; None if it has no memory limit."""
        if self._memory is None:
            return None
        name = "memory.events" if self._memory["version"] == 2 else "memory.oom_control"
        return _field(f"{self._memory['base']}/{name}", "oom_kill")

    def refused_forks(self) -> int:
        """How often a process could not be started because of the limit on their number."""
        return 0 if self._pids is None else _field(f"{self._pids['base']}/pids.events", "max") or 0

    def memory_peak(self) -> int | None:
        """The most memory that was in use at once."""
        if self._memory is None:
            return None
        name = "memory.peak" if self._memory["version"] == 2 else "memory.max_usage_in_bytes"
        return _number(f"{self._memory['base']}/{name}")

    def processes_peak(self) -> int | None:
        """The most processes and threads that there were at once, without those of ours."""
        peak = None if self._pids is None else _number(f"{self._pids['base']}/pids.peak")
        return None if peak is None else max(1, peak - self.ours)

    def kill(self) -> None:
        """Kill everything in it at once, where the kernel can."""
        for folder in self.folders:
            kill(folder)

    def remove(self) -> bool:
        """Remove it. Says whether it is gone: it stays for a moment after the last process."""
        for folder in list(self.folders):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass
            except OSError:
                continue
            self.folders.remove(folder)
        return not self.folders


def _limit_memory(place: Place, value: int) -> None:
    folder = place["base"]
    if place["version"] == 2:
        write(f"{folder}/memory.max", str(value))
        for name, setting in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
            with contextlib.suppress(FileNotFoundError):
                write(f"{folder}/{name}", setting)
        return
    write(f"{folder}/memory.limit_in_bytes", str(value))
    with contextlib.suppress(OSError):  # only where swap is accounted for
        write(f"{folder}/memory.memsw.limit_in_bytes", str(value))
    with contextlib.suppress(OSError):
        write(f"{folder}/memory.swappiness", "0")


def kill(folder: str) -> None:
    """Kill everything in a group of version 2 at once; nothing where this cannot be done."""
    with contextlib.suppress(OSError):
        write(f"{folder}/cgroup.kill", "1")


def write(path: str, text: str) -> None:
    """Write one setting. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _field(path: str, name: str) -> int | None:
    for line in (read_text(path) or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return None


def _number(path: str) -> int | None:
    text = read_text(path)
    return int(text) if text is not None and text.strip().isdigit() else None
