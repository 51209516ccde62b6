"""What a sandbox may not leave behind once it is closed: processes, control groups, files, descriptors."""

from __future__ import annotations

import os
from pathlib import Path

from contract.sandbox.yard import processes
from holdfast.sandbox.zygote.places import own_folders


class Trace:
    """Looks before and after."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._groups = groups_of(os.getpid())
        self._descriptors = _descriptors()

    def left(self) -> list[str]:
        """Whatever is there now and was not before."""
        found = [f"group {path}" for path in groups_of(os.getpid()) - self._groups]
        found += [f"descriptor {name}" for name in _descriptors() - self._descriptors]
        if self._scratch.exists():
            found += [f"file {path}" for path in self._scratch.iterdir() if path.name != ".lock"]
        return found + [f"process {pid}" for pid in processes() if _is_ours(pid)]


def _is_ours(pid: int) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return b"HOLDFAST_SANDBOX=engine-" in environment and f"-{os.getpid()}-".encode() in environment


def groups_of(engine: int) -> set[str]:
    """The control groups of an engine."""
    mine = f"-{engine}-"
    found = set()
    for folder, _ in own_folders().values():
        found |= {f"{folder}/{name}" for name in os.listdir(folder) if name.startswith("holdfast-") and mine in name}
    return found


def _descriptors() -> set[str]:
    return {f"{name} {_target(name)}" for name in os.listdir("/proc/self/fd") if _target(name)}


def _target(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        return ""
