"""What this host has for tasks: processors and memory, as far as this process may use them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_UNLIMITED: Final = 1 << 60
_MEMINFO: Final = Path("/proc/meminfo")
_OWN_CGROUPS: Final = Path("/proc/self/cgroup")
_CGROUP_ROOT: Final = Path("/sys/fs/cgroup")


def processors() -> float:
    """The processors that this process may run on, less where a cgroup quota says so."""
    if hasattr(os, "sched_getaffinity"):
        count = float(len(os.sched_getaffinity(0)))
    else:
        count = float(os.cpu_count() or 1)
    return min([count, *_cpu_quotas()])


def memory_bytes() -> int:
    """The memory that this process may use: the host's, or its cgroup's limit where that is lower."""
    return min([_host_memory(), *_memory_limits()])


def _host_memory() -> int:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cpu_quotas() -> list[float]:
    quotas = []
    for folder in _own_cgroups("cpu"):
        words = _read(folder / "cpu.max").split()
        if len(words) == 2 and words[0].isdigit():
            quotas.append(int(words[0]) / int(words[1]))
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit():
            quotas.append(int(quota) / int(period))
    return [quota for quota in quotas if quota > 0]


def _memory_limits() -> list[int]:
    limits = []
    for folder in _own_cgroups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            word = _read(folder / name)
            if word.isdigit() and int(word) < _UNLIMITED:
                limits.append(int(word))
    return limits


def _own_cgroups(controller: str) -> list[Path]:
    """The folders of this process's own cgroup and those above it, for one controller: v2, and v1 where there is one."""
    found = []
    for line in _read(_OWN_CGROUPS).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = _CGROUP_ROOT / controllers if controllers else _CGROUP_ROOT
        folder = root / path.lstrip("/")
        while folder != root.parent:
            found.append(folder)
            folder = folder.parent
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
