"""The folder of one engine's working directories and outputs, and the clearing away of what dead engines left."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from typing import Final

from holdfast.sandbox.zygote import family, places, tree, wire

_PREFIX: Final = "engine-"
_LOCK: Final = "lock"
PATIENCE_S: Final = 1.0
_KILL_S: Final = 2.0
_NAP_S: Final = 0.02
_SIGKILL: Final = 9


class Scratch:
    """A folder of this engine's own below `parent`. Its name is the mark by which the engine's processes are known.

    Alive is who holds the lock in its folder. `path` and `mark` are set by `open`.
    """

    def __init__(self, parent: str) -> None:
        self._parent = os.path.abspath(parent)
        self._lock: int | None = None
        self._zygotes = 0
        self.path = ""
        self.mark = ""

    def zygote_mark(self) -> str:
        """The mark of the next zygote and all that comes of it; it begins with the engine's."""
        self._zygotes += 1
        return f"{self.mark}.{self._zygotes}."

    def open(self) -> None:
        """Clear away what dead engines left, then make the folder and hold its lock. Raises OSError."""
        os.makedirs(self._parent, 0o700, exist_ok=True)
        door = os.open(f"{self._parent}/.{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(door, fcntl.LOCK_EX)  # nobody clears away while another one moves in
            for name in os.listdir(self._parent):
                if name.startswith(_PREFIX):
                    _clear(f"{self._parent}/{name}")
            _clear_groups(_is_dead)
            start = family.start_time(os.getpid())
            self.mark = f"{_PREFIX}{_pid_namespace():x}-{os.getpid()}-{start}-{os.urandom(3).hex()}"
            self.path = f"{self._parent}/{self.mark}"
            os.mkdir(self.path, 0o700)
            self._lock = os.open(f"{self.path}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        finally:
            os.close(door)

    def close(self) -> None:
        """Remove the folder."""
        if self._lock is not None:
            tree.remove(self.path)
            _clear_groups(lambda name: name.startswith(f"{places.PREFIX}{self.mark}."))
            os.close(self._lock)
            self._lock = None


def kill_marked(mark: str, patience_s: float) -> None:
    """Wait for the processes with a mark that begins so to end by themselves, then kill those that have not."""
    began = time.monotonic()
    while pids := _marked(mark):
        waited = time.monotonic() - began
        if waited > patience_s + _KILL_S:
            return
        if waited > patience_s:
            for pid in pids:
                family.send(pid, _SIGKILL)
        time.sleep(_NAP_S)


def _clear(path: str) -> None:
    """Kill what a dead engine left running, and remove its folder. One that is alive is left alone."""
    try:
        lock = os.open(f"{path}/{_LOCK}", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        tree.remove(path)
        return
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    else:
        kill_marked(f"{os.path.basename(path)}.", PATIENCE_S)
        tree.remove(path)
    finally:
        os.close(lock)


def _marked(mark: str) -> list[int]:
    """The processes with this mark in the environment that they were started with."""
    wanted = f"{wire.ENVIRONMENT_MARK}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):
        if (
            name.isdigit()
            and int(name) != os.getpid()
            and wanted in (family.read_bytes(f"/proc/{name}/environ") or b"")
        ):
            fields = family.stat(int(name))
            if fields and fields[0] != b"Z":
                found.append(int(name))
    return found


def _clear_groups(doomed: Callable[[str], bool]) -> None:
    """Remove the control groups of dead zygotes, chosen by name."""
    for folder, _ in places.own_folders().values():
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            if name.startswith(places.PREFIX + _PREFIX) and doomed(name):
                places.remove_tree(f"{folder}/{name}")


def _is_dead(name: str) -> bool:
    """Whether the engine of a group is gone; the names of another pid namespace say nothing about ours."""
    parts = name.removeprefix(places.PREFIX + _PREFIX).split("-")
    if len(parts) != 4 or parts[0] != f"{_pid_namespace():x}":
        return False
    try:
        os.kill(int(parts[1]), 0)
    except ProcessLookupError:
        return True
    except OSError:  # there is one, and it is not ours
        return False
    start = family.start_time(int(parts[1]))
    return start is not None and str(start) != parts[2]


def _pid_namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino
