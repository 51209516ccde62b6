"""The calls to the kernel that Python has no function for."""

from __future__ import annotations

import ctypes
import os

SET_PDEATHSIG = 1
SET_DUMPABLE = 4
SET_CHILD_SUBREAPER = 36

WAIT_ALL = 0x40000000  # __WALL: also children made by clone() that send no SIGCHLD

_LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Change one attribute of this process. Raises OSError."""
    words = [ctypes.c_ulong(word) for word in (value, 0, 0, 0)]
    if _LIBC.prctl(ctypes.c_int(option), *words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"prctl {option}")
