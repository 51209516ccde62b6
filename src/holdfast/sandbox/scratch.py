"""The folder of one engine's working directories and outputs, and the clearing away of dead engines' folders."""

from __future__ import annotations

import fcntl
import os
import shutil
from typing import Final

from holdfast.sandbox.zygote import family

_PREFIX: Final = "engine-"


class Scratch:
    """A folder of this engine's own below `parent`. `path` is set by `open`."""

    def __init__(self, parent: str) -> None:
        self._parent = os.path.abspath(parent)
        self._lock: int | None = None
        self.path = ""

    def open(self) -> None:
        """Make the folder and hold its lock."""
        os.makedirs(self._parent, 0o700, exist_ok=True)
        start = family.start_time(os.getpid())
        self.path = f"{self._parent}/{_PREFIX}{os.getpid()}-{start}-{os.urandom(3).hex()}"
        os.mkdir(self.path, 0o700)
        self._lock = os.open(f"{self.path}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None
