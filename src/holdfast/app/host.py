"""What this host has for tasks: processors and memory, as far as this process may use them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_UNLIMITED: Final = 1 << 60
_ROOT: Final = Path("/")


def processors(root: Path = _ROOT) -> float:
    """The processors that this process may run on, less where a cgroup quota says so. `root` is that of the files."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([float(count), *_cpu_quotas(root)])


def memory_bytes(root: Path = _ROOT) -> int:
    """The memory that this process may use: the host's, or its cgroup's limit where that is lower."""
    return min([_host_memory(root), *_memory_limits(root)])


def _host_memory(root: Path) -> int:
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cpu_quotas(root: Path) -> list[float]:
    quotas = []
    for folder in _own_cgroups(root, "cpu"):
        pairs = (
            _read(folder / "cpu.max").split(),
            [_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")],
        )
        for pair in pairs:
            if len(pair) == 2 and all(word.isdigit() and int(word) > 0 for word in pair):
                quotas.append(int(pair[0]) / int(pair[1]))
    return quotas


def _memory_limits(root: Path) -> list[int]:
    limits = []
    for folder in _own_cgroups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            word = _read(folder / name)
            if word.isdigit() and 0 < int(word) < _UNLIMITED:
                limits.append(int(word))
    return limits


def _own_cgroups(root: Path, controller: str) -> list[Path]:
    """The folders of this process's own cgroup and those above it, for one controller, of v1 and of v2."""
    found = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / controllers
        folder = top / path.lstrip("/")
        found += [folder, *(above for above in folder.parents if above.is_relative_to(top))]
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
