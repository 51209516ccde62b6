"""Control groups: what this host lets us use of them, and the group of one attempt.

Version 2, version 1, or both at once (limits from 1, `cgroup.kill` from 2). Everything is below our own group, in a
folder per engine; every attempt that has a limit to be kept this way gets a group of its own, never used again.
"""

from __future__ import annotations

import contextlib
import os
import time

from .family import read_text
from .sweep import send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class Place(TypedDict):
        """The folder in which groups with one controller are made, and the version of its hierarchy."""

        base: str
        version: int

    Layout = dict[str, Place]  # by use: memory, pids, cpu, kill

CONTROLLERS = ("memory", "pids", "cpu")
PREFIX = "holdfast-"
_CPU_PERIOD_US = 100_000
_LEAST_CPU_US = 1_000
_REMOVE_S = 1.0
_NAP_S = 0.01


def own_folders() -> dict[str, tuple[str, int]]:
    """Where this process is in each hierarchy: by controller, or "" for version 2, the folder and the version."""
    mounts = _mounts()
    found = {}
    for line in (read_text("/proc/self/cgroup") or "").splitlines():
        number, names, path = line.split(":", 2)
        for name in names.split(",") if number != "0" else [""]:
            if name not in mounts:
                continue
            root, folder = mounts[name]
            inside = path[len(root.rstrip("/")) :] if path.startswith(root) else ""
            found[name] = (f"{folder}{inside}".rstrip("/"), 2 if name == "" else 1)
    return found


def _mounts() -> dict[str, tuple[str, str]]:
    """By controller (or "" for version 2): the part of the hierarchy that is mounted, and where."""
    found = {}
    for line in (read_text("/proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        root, folder = before.split(" ")[3:5]
        if kind == "cgroup2":
            found.setdefault("", (root, folder))
        elif kind == "cgroup":
            for name in options.split(","):
                found.setdefault(name, (root, folder))
    return found


def detect(mark: str, engine_pid: int) -> tuple[Layout, list[str]]:
    """Find out by trying what can be used; `mark` names the engine's folder. Returns also why the rest cannot be."""
    folders = own_folders()
    layout: Layout = {}
    reasons = []
    second = _open_second(folders.get(""), mark, engine_pid, reasons)
    for name in CONTROLLERS:
        place: Place | None = None
        if name in folders:
            place = {"base": f"{folders[name][0]}/{PREFIX}{mark}", "version": 1}
        elif second is not None and name in (read_text(f"{second}/cgroup.subtree_control") or "").split():
            place = {"base": second, "version": 2}
        if place is None:
            reasons.append(f"{name}: no hierarchy with this controller can be written")
            continue
        error = _try(name, place)
        if error is None:
            layout[name] = place
        else:
            reasons.append(f"{name}: {error}")
    if second is not None and os.path.exists(f"{second}/cgroup.kill"):
        layout["kill"] = {"base": second, "version": 2}
    return layout, reasons


def _open_second(own: tuple[str, int] | None, mark: str, engine_pid: int, reasons: list[str]) -> str | None:
    """Make our folder in version 2, with whatever controllers can be had below it."""
    if own is None:
        return None
    base = f"{own[0]}/{PREFIX}{mark}"
    try:
        _make(base)
    except OSError as error:
        reasons.append(f"version 2: {error.strerror}: {base}")
        return None
    wanted = [name for name in (read_text(f"{own[0]}/cgroup.controllers") or "").split() if name in CONTROLLERS]
    missing = set(wanted) - set((read_text(f"{own[0]}/cgroup.subtree_control") or "").split())
    switch = " ".join(f"+{name}" for name in wanted)
    try:
        if missing:
            if os.path.exists(f"{own[0]}/cgroup.type"):  # not the root: a group with controllers holds no process
                _make(f"{base}/engine")
                for pid in (engine_pid, os.getpid()):
                    write(f"{base}/engine/cgroup.procs", str(pid))
            write(f"{own[0]}/cgroup.subtree_control", switch)
        if wanted:
            write(f"{base}/cgroup.subtree_control", switch)
    except OSError as error:
        _go_back(own[0], base, engine_pid)
        reasons.append(
            f"version 2: {error.strerror}: processes of others are in {own[0]}, or it is not ours to share out"
        )
    return base


def _go_back(own: str, base: str, engine_pid: int) -> None:
    with contextlib.suppress(OSError):
        if os.path.isdir(f"{base}/engine"):
            for pid in (engine_pid, os.getpid()):
                write(f"{own}/cgroup.procs", str(pid))
            os.rmdir(f"{base}/engine")


def _try(name: str, place: Place) -> str | None:
    """Make a group, set a limit, put a process into it. Says what failed."""
    try:
        _make(place["base"])
        group = Group({name: place}, "probe", {"memory": 1 << 30, "pids": 64, "cpu": 1.0})
    except OSError as error:
        return f"{error.strerror}: {error.filename}"
    pid = os.fork()
    if pid == 0:
        try:
            group.enter()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    if not group.remove():
        return f"{group.folders} could not be removed again"
    return None if status == 0 else "a process could not be moved into a new group"


class Group:
    """The group of one attempt, in as many hierarchies as its limits need."""

    def __init__(self, layout: Layout, name: str, limits: dict[str, int | float]) -> None:
        """Make it. Raises OSError, and leaves nothing behind then."""
        self._memory: Place | None = None
        self._pids: Place | None = None
        self.folders: list[str] = []
        try:
            for use, value in limits.items():
                if use in layout:
                    self._add(use, layout[use], f"{layout[use]['base']}/{name}", value)
        except OSError:
            self.remove()
            raise

    def _add(self, use: str, place: Place, folder: str, value: int | float) -> None:
        if folder not in self.folders:
            os.mkdir(folder)
            self.folders.append(folder)
        mine: Place = {"base": folder, "version": place["version"]}
        if use == "memory":
            self._memory = mine
            _limit_memory(mine, int(value))
        elif use == "pids":
            self._pids = mine
            write(f"{folder}/pids.max", str(int(value)))
        elif use == "cpu":
            quota = max(_LEAST_CPU_US, int(value * _CPU_PERIOD_US))
            if mine["version"] == 2:
                write(f"{folder}/cpu.max", f"{quota} {_CPU_PERIOD_US}")
            else:
                write(f"{folder}/cpu.cfs_period_us", str(_CPU_PERIOD_US))
                write(f"{folder}/cpu.cfs_quota_us", str(quota))

    def enter(self) -> None:
        """Move this process into the group. Raises OSError."""
        for folder in self.folders:
            write(f"{folder}/cgroup.procs", "0")

    def oom_kills(self) -> int | None:
        """How many of its processes the kernel killed for want of memory; None if it has no memory limit."""
        if self._memory is None:
            return None
        name = "memory.events" if self._memory["version"] == 2 else "memory.oom_control"
        return _field(f"{self._memory['base']}/{name}", "oom_kill")

    def refused_forks(self) -> int:
        """How often a process could not be started because of the limit on their number."""
        return 0 if self._pids is None else _field(f"{self._pids['base']}/pids.events", "max") or 0

    def memory_peak(self) -> int | None:
        """The most memory that was in use at once."""
        if self._memory is None:
            return None
        name = "memory.peak" if self._memory["version"] == 2 else "memory.max_usage_in_bytes"
        return _number(f"{self._memory['base']}/{name}")

    def processes_peak(self) -> int | None:
        """The most processes and threads that there were at once."""
        return None if self._pids is None else _number(f"{self._pids['base']}/pids.peak")

    def kill(self) -> None:
        """Kill everything in it at once, where the kernel can."""
        for folder in self.folders:
            kill(folder)

    def remove(self) -> bool:
        """Remove it. Says whether it is gone: it stays for a moment after the last process."""
        for folder in list(self.folders):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass
            except OSError:
                continue
            self.folders.remove(folder)
        return not self.folders


def _limit_memory(place: Place, value: int) -> None:
    folder = place["base"]
    if place["version"] == 2:
        write(f"{folder}/memory.max", str(value))
        for name, setting in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
            with contextlib.suppress(FileNotFoundError):
                write(f"{folder}/{name}", setting)
        return
    write(f"{folder}/memory.limit_in_bytes", str(value))
    with contextlib.suppress(OSError):  # only where swap is accounted for
        write(f"{folder}/memory.memsw.limit_in_bytes", str(value))
    with contextlib.suppress(OSError):
        write(f"{folder}/memory.swappiness", "0")


def kill(folder: str) -> None:
    """Kill everything in a group of version 2 at once; nothing where this cannot be done."""
    with contextlib.suppress(OSError):
        write(f"{folder}/cgroup.kill", "1")


def make_pen(layout: Layout) -> str | None:
    """Move this process into a group of its own, where all its children will be born. Returns it, if there can be one.

    It costs nothing per task, and `empty_pen` kills what is in it at once, however fast it forks.
    """
    if "kill" not in layout:
        return None
    pen = pen_of(layout, os.getpid())
    try:
        _make(pen)
        write(f"{pen}/cgroup.procs", "0")
    except OSError:
        return None
    return pen


def pen_of(layout: Layout, keeper: int) -> str:
    """The pen of a keeper."""
    return f"{layout['kill']['base']}/keeper-{keeper}"


def empty_pen(pen: str) -> bool:
    """Leave the pen and kill all that is in it. Says whether that was done; there is no way back."""
    outside = f"{os.path.dirname(pen)}/outside"
    try:
        _make(outside)
        write(f"{outside}/cgroup.procs", "0")
    except OSError:
        return False
    kill(pen)
    return True


def leave(engine_pid: int, layout: Layout) -> None:
    """Undo `detect`: take engine and root back out of our folders, and remove these."""
    bases = {place["base"]: place["version"] for place in layout.values()}
    for base, version in bases.items():
        if version == 2 and os.path.isdir(f"{base}/engine"):
            own = os.path.dirname(base)
            switch = " ".join(f"-{name}" for name in (read_text(f"{own}/cgroup.subtree_control") or "").split())
            with contextlib.suppress(OSError):
                write(f"{base}/cgroup.subtree_control", switch)
                write(f"{own}/cgroup.subtree_control", switch)
            _go_back(own, base, engine_pid)
        remove_tree(base)


def remove_tree(base: str) -> bool:
    """Kill what is in a folder of groups, and remove it with all groups in it. Says whether it is gone."""
    kill(base)
    until = time.monotonic() + _REMOVE_S
    while True:
        folders = [base]
        with contextlib.suppress(OSError):
            folders[:0] = [f"{base}/{name}" for name in os.listdir(base) if os.path.isdir(f"{base}/{name}")]
        for folder in folders:
            for pid in (read_text(f"{folder}/cgroup.procs") or "").split():
                send(int(pid), 9)
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        if not os.path.isdir(base):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(_NAP_S)


def write(path: str, text: str) -> None:
    """Write one setting. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _make(folder: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder)


def _field(path: str, name: str) -> int | None:
    for line in (read_text(path) or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return None


def _number(path: str) -> int | None:
    text = read_text(path)
    return int(text) if text is not None and text.strip().isdigit() else None
