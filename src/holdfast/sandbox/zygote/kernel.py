"""The calls to the kernel that Python has no function for."""

from __future__ import annotations

import ctypes

SET_PDEATHSIG = 1
SET_DUMPABLE = 4
SET_CHILD_SUBREAPER = 36

WAIT_ALL = 0x40000000  # __WALL: also children made by clone() that send no SIGCHLD

PRCTL = ctypes.PyDLL(None).prctl  # as is, for the child: see `child` on what a call costs there
PRCTL.argtypes = (ctypes.c_int, ctypes.c_ulong)


def prctl(option: int, value: int) -> None:
    """Change one attribute of this process. Raises OSError."""
    if PRCTL(option, value) != 0:
        raise OSError(f"prctl({option}, {value}) was refused")
