"""What of the host a task of level `sandbox` is shown beside the system: its interpreter and its folder, read-only."""

from __future__ import annotations

import os
import pwd
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from holdfast.model.launch import Call, Program
from holdfast.sandbox.plan.policy import Kind, Mount

_PACKAGE: Final = Path(__file__).parent.parent
_INSTALLED: Final = ("site-packages", "dist-packages")
_WIDE: Final = ("/", "/home", "/media", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr", "/var", "/var/tmp")
_NOT_FOR_TASKS: Final = ("/boot", "/dev", "/etc", "/proc", "/run", "/scratch", "/sys", "/var/run")


def interpreter() -> tuple[Mount, ...]:
    """The running interpreter, what is installed for it, and this package."""
    paths = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, str(_PACKAGE)]
    paths += [path for path in sys.path if os.path.basename(path) in _INSTALLED]
    return distinct(mount for path in paths if not _is_wide(path) for mount in _shown(path))


def of_task(folder: str, program: Program) -> tuple[Mount, ...]:
    """The folder that a task came from. Of one that holds more than a project (see `_is_wide`), only its own script."""
    found = list(_shown(folder)) if folder and not _is_wide(folder) else []
    own = _own_file(program)
    if own is not None and not any(_is_below(os.path.realpath(own), mount.source) for mount in found):
        found += _shown(own)
    return distinct(found)


def _own_file(program: Program) -> str | None:
    """The script or program that is named by its path."""
    name = program.target.rpartition(":")[:1] if isinstance(program, Call) else program.argv[:1]
    path = "".join(name)
    return path if os.path.isabs(path) and "\0" not in path and os.path.isfile(path) else None


def _shown(path: str) -> Iterator[Mount]:
    """A path, under the name it was given and under its real one."""
    named, real = os.path.abspath(path), os.path.realpath(path)
    kind = Kind.DIRECTORY if os.path.isdir(real) else Kind.FILE
    if not os.path.exists(real) or any(_is_below(each, place) for each in (named, real) for place in _NOT_FOR_TASKS):
        return
    yield Mount(source=real, target=real, kind=kind)
    if os.path.realpath(os.path.dirname(named)) != os.path.dirname(named) or named != real:
        yield Mount(source=real, target=named, kind=kind)


def _is_wide(path: str) -> bool:
    """Whether a folder holds more than a project does: the home folder or one above it, /tmp and the like."""
    real = os.path.realpath(path)
    homes = {os.path.realpath(os.path.expanduser("~")), os.path.realpath(os.path.expanduser(f"~{_user()}"))}
    wide = {*_WIDE, os.path.realpath(tempfile.gettempdir())}
    return real in wide or any(_is_below(home, real) for home in homes if home != "/")


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def distinct(mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    """In order of their targets, without those that another one shows already."""
    found: list[Mount] = []
    for mount in sorted({mount.target: mount for mount in mounts}.values(), key=lambda each: each.target):
        if not any(_shows(other, mount) for other in found):
            found.append(mount)
    return tuple(found)


def _shows(outer: Mount, mount: Mount) -> bool:
    return _is_below(mount.target, outer.target) and outer.source + mount.target[len(outer.target) :] == mount.source
