"""What the host has for tasks, read from files as the kernel writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.app.host import memory_bytes, processors

GB = 2**30
HERE = processors(Path("/nowhere"))
"""The processors of whoever runs the test, no quota counted."""


def host(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


def v2(path: str, **limits: str) -> dict[str, str]:
    """The files of a process in a control group of version 2; `cpu_max` stands for `cpu.max`."""
    folder = f"sys/fs/cgroup{path}".rstrip("/")
    return {"proc/self/cgroup": f"0::{path}\n"} | {
        f"{folder}/{name.replace('_', '.', 1)}": text for name, text in limits.items()
    }


@pytest.mark.parametrize(
    "files, count",
    [
        ({}, HERE),
        (v2("/"), HERE),
        (v2("/a/b", cpu_max="max 100000\n"), HERE),
        (v2("/a/b", cpu_max="50000 100000\n"), 0.5),
        (v2("/", cpu_max="25000 100000\n"), 0.25),
        (v2("/a/b", cpu_max="50000 100000") | {"sys/fs/cgroup/a/cpu.max": "20000 100000"}, 0.2),
        (v2("/a/b", cpu_max="50000 100000") | {"sys/fs/cgroup/a/b/c/cpu.max": "10000 100000"}, 0.5),
        (v2("/a", cpu_max="50000 100000") | {"sys/fs/cgroup/other/cpu.max": "10000 100000"}, 0.5),
        (v2("/a", cpu_max="900000000 100000"), HERE),
        (v2("/a", cpu_max="0 100000"), HERE),
        (v2("/a", cpu_max=""), HERE),
        (v2("/a", cpu_max="50000"), HERE),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/x\n3:memory:/y\n1:name=systemd:/z\n0::/\n",
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "30000\n",
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/y/cpu.cfs_quota_us": "10000\n",
                "sys/fs/cgroup/memory/y/cpu.cfs_period_us": "100000\n",
            },
            0.3,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/x\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
            },
            HERE,
        ),
    ],
)
def test_processors_are_those_of_the_process_less_the_lowest_quota_above_it(
    tmp_path: Path, files: dict[str, str], count: float
) -> None:
    assert processors(host(tmp_path, files)) == count


@pytest.mark.parametrize(
    "files, size",
    [
        ({}, 16 * GB),
        (v2("/a", memory_max="max\n"), 16 * GB),
        (v2("/a/b", memory_max=f"{GB}\n"), GB),
        (v2("/a/b", memory_max=f"{4 * GB}") | {"sys/fs/cgroup/a/memory.max": f"{2 * GB}"}, 2 * GB),
        (v2("/a", memory_max=f"{64 * GB}"), 16 * GB),
        (v2("/a", memory_max="0"), 16 * GB),
        (
            {"proc/self/cgroup": "3:memory:/y\n", "sys/fs/cgroup/memory/y/memory.limit_in_bytes": f"{3 * GB}\n"},
            3 * GB,
        ),
        (
            {"proc/self/cgroup": "3:memory:/y\n", "sys/fs/cgroup/memory/y/memory.limit_in_bytes": f"{2**63 - 4096}\n"},
            16 * GB,
        ),
    ],
)
def test_memory_is_the_hosts_less_the_lowest_limit_above_the_process(
    tmp_path: Path, files: dict[str, str], size: int
) -> None:
    meminfo = f"MemFree:    1 kB\nMemTotal:       {16 * GB // 1024} kB\nMemAvailable: 2 kB\n"
    assert memory_bytes(host(tmp_path, {"proc/meminfo": meminfo} | files)) == size


def test_without_files_of_the_kernel_the_system_is_asked(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path) == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_this_host_has_something_for_tasks() -> None:
    assert 0 < processors() <= (os.cpu_count() or 1)
    assert memory_bytes() > 2**24
