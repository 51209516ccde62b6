"""Where this host lets us make control groups.

Version 2, version 1, or both at once (limits from 1, `cgroup.kill` from 2). Everything is below our own group, in one
folder per zygote.
"""

from __future__ import annotations

import contextlib
import os
import time

from .cgroup import Group, kill, write
from .family import read_text, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cgroup import Layout, Place
    from .wire import Settings

CONTROLLERS = ("memory", "pids", "cpu")
PREFIX = "holdfast-"
_REMOVE_S = 1.0
_NAP_S = 0.01


def own_folders() -> dict[str, tuple[str, int]]:
    """Where this process is in each hierarchy: by controller, or "" for version 2, the folder and the version."""
    mounts = _mounts()
    found: dict[str, tuple[str, int]] = {}
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
    found: dict[str, tuple[str, str]] = {}
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


def detect(settings: Settings) -> tuple[Layout, list[str]]:
    """Find out by trying what can be used. Returns also why the rest cannot be."""
    mark = settings["mark"]
    folders = own_folders()
    layout: Layout = {}
    reasons: list[str] = []
    second = _open_second(folders.get(""), settings, reasons)
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


def _open_second(own: tuple[str, int] | None, settings: Settings, reasons: list[str]) -> str | None:
    """Make our folder in version 2, with whatever controllers can be had below it."""
    if own is None:
        return None
    base = f"{own[0]}/{PREFIX}{settings['mark']}"
    engine_pid = settings["engine_pid"]
    try:
        _make(base)
    except OSError as error:
        reasons.append(f"version 2: {error.strerror}: no group can be made in {own[0]}")
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
        return f"{error.strerror}: no group can be made and limited in {os.path.dirname(place['base'])}"
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


def _make(folder: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder)
