"""The operations that a sandbox is built of: typed, inert, each one thing that the kernel is asked to do.

Paths and ids are final, nothing is left to decide for what carries them out (`holdfast.sandbox.linux.carry`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Final, TypeAlias

Encoded: TypeAlias = tuple[Any, ...]
"""The operation's name, then its fields: what `marshal` can take."""

_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Unshare:
    """Move into new namespaces."""

    flags: int


@dataclass(frozen=True, slots=True)
class IdMap:
    """In a new user namespace: be `uid` and `gid` within, `outer_uid` and `outer_gid` without."""

    uid: int
    outer_uid: int
    gid: int
    outer_gid: int


@dataclass(frozen=True, slots=True)
class Detach:
    """Let no mount made from here on be seen by the host."""


@dataclass(frozen=True, slots=True)
class Hostname:
    """Name the machine, in its uts namespace."""

    name: str


@dataclass(frozen=True, slots=True)
class NewKeyring:
    """Leave the session keyring for a new, empty one."""


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """Mount an empty file system in memory; it holds at most so many bytes and files."""

    target: str
    size_bytes: int
    inodes: int
    mode: int
    owner: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Directory:
    """Make a directory, unless it is there."""

    path: str
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Symlink:
    """Make a symbolic link."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class File:
    """Write a new file."""

    path: str
    data: bytes
    mode: int = 0o444


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy a small file of the host's, readable by all."""

    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Bind:
    """Show a tree of the host's at another place, with `ATTR_…` added to it and all mounts in it."""

    source: str
    target: str
    attributes: int


@dataclass(frozen=True, slots=True)
class BindAs:
    """As `Bind`; what belongs to root there belongs to `owner` here."""

    source: str
    target: str
    attributes: int
    owner: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Seal:
    """Make a mount read-only; what is mounted in it stays as it is."""

    target: str


@dataclass(frozen=True, slots=True)
class Unmount:
    """Take away a mount and all mounts in it."""

    target: str


@dataclass(frozen=True, slots=True)
class Proc:
    """Mount a /proc of the own pid namespace, read-only."""

    target: str


@dataclass(frozen=True, slots=True)
class Sysctl:
    """Write a kernel setting, by its name in the private /proc."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Pivot:
    """Make this mount the root directory, and lose sight of the old one."""

    root: str


@dataclass(frozen=True, slots=True)
class Loopback:
    """Bring up the loopback interface."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Become another user for good, without further groups."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class DropBounds:
    """Empty the bounding set, up to the capability `last`."""

    last: int


@dataclass(frozen=True, slots=True)
class DropCapabilities:
    """Empty all other sets of capabilities."""


@dataclass(frozen=True, slots=True)
class NoNewPrivileges:
    """Let no program give more rights than there are: setuid bits mean nothing from here on."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Set a resource limit (`RLIMIT_…`), soft and hard, or to the present hard one where that is lower."""

    which: int
    value: int


@dataclass(frozen=True, slots=True)
class ChangeDirectory:
    """Go to a directory."""

    path: str


@dataclass(frozen=True, slots=True)
class Landlock:
    """Restrict file access to rules of a path and the `ACCESS_…` allowed beneath; `attributes` says what is handled."""

    attributes: bytes
    rules: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Seccomp:
    """Install a filter of system calls: the program, in instructions of 8 bytes."""

    program: bytes


Operation: TypeAlias = (
    Unshare | IdMap | Detach | Hostname | NewKeyring | Tmpfs | Directory | Symlink | File | Copy | Bind | BindAs
    | Seal | Unmount | Proc | Sysctl | Pivot | Loopback | Identity | DropBounds | DropCapabilities
    | NoNewPrivileges | Limit | ChangeDirectory | Landlock | Seccomp
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attempt:
    """Try an operation that may be missing; where it fails, that is reported."""

    operation: Operation


Step: TypeAlias = Operation | Attempt


def encode(steps: tuple[Step, ...]) -> list[Encoded]:
    """Operations as they travel."""
    return [_encode(step) for step in steps]


def _encode(step: Step) -> Encoded:
    if isinstance(step, Attempt):
        return ("attempt", _encode(step.operation))
    return (_WORD.sub("_", type(step).__name__).lower(), *(getattr(step, field.name) for field in fields(step)))
