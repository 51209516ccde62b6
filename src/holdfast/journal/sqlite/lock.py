"""One engine per store: a lock that the kernel releases with the process that holds it."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from holdfast.model.errors import StoreUnusable

FILE: Final = "engine.lock"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_START_TIME: Final = 19
"""The place of the start time in /proc/PID/stat, counted from the field after the command's name."""


class EngineLock:
    """The right to write a store, held until released or until the process is gone."""

    def __init__(self, directory: Path) -> None:
        """Take the lock. Raises StoreUnusable (`store.locked`) where another engine has it."""
        path = directory / FILE
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 4096, 0)
            os.close(self._file)
            raise _locked(directory, holder) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(_me()).encode(), 0)

    def release(self) -> None:
        """Let others have it."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1


def _me() -> dict[str, int | str | None]:
    """This process, named so that a later one with the same pid is told apart."""
    boot_id = started = None
    with suppress(OSError):  # no /proc here
        boot_id = _BOOT_ID.read_text().strip()
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[_START_TIME])
    return {"pid": os.getpid(), "boot_id": boot_id, "started_ticks": started}


def _locked(directory: Path, holder: bytes) -> StoreUnusable:
    try:
        who = f"the engine of process {json.loads(holder)['pid']}"
    except (ValueError, KeyError, TypeError):
        who = "another engine"
    return StoreUnusable(
        "store.locked",
        f"{who} is using the store {directory}",
        "Wait for it or stop it, or choose another store with --store. `holdfast status` shows what it does.",
    )
