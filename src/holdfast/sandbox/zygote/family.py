"""Who descends from a process, as /proc tells, and signals to them.

Every answer is a glimpse: read again until nothing is left.
"""

from __future__ import annotations

import contextlib
import os


def children(pid: int) -> list[int]:
    """The children of a process, the dead but not yet reaped included. None of a process that is gone."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    texts = [read_bytes(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    known = [text for text in texts if text is not None]
    if threads and not known:  # gone meanwhile, or a kernel without these files
        return [child for child, parent in parents().items() if parent == pid]
    return [int(child) for text in known for child in text.split()]


def descendants(pid: int, spare: frozenset[int] = frozenset()) -> list[int]:
    """Everyone below a process, except `spare` and whoever is below those."""
    found: list[int] = []
    line = [child for child in children(pid) if child not in spare]
    while line:
        found.extend(line)
        line = [child for parent in line for child in children(parent) if child not in spare]
    return found


def parents() -> dict[int, int]:
    """The parent of every process: the slow way, for kernels without `children` files."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat(int(name))
            if fields:
                found[int(name)] = int(fields[1])
    return found


def stat(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat from the state on (state, ppid, pgrp, session, …), or none if it is gone."""
    text = read_bytes(f"/proc/{pid}/stat")
    return text.rpartition(b") ")[2].split() if text else []


def start_time(pid: int) -> int | None:
    """When a process started, in ticks since boot: with its pid, its identity."""
    fields = stat(pid)
    return int(fields[19]) if fields else None


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_group(group: int, number: int) -> None:
    """Send a signal to a whole process group at once: none of it can escape by forking."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def read_text(path: str) -> str | None:
    """The text of a small file of the kernel's; None if it cannot be read."""
    data = read_bytes(path)
    return None if data is None else data.decode("utf-8", "surrogateescape")


def read_bytes(path: str) -> bytes | None:
    """The content of a small file of the kernel's; None if it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(fd)
