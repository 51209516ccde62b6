"""What a sandbox is to be like, and what the host has to offer for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SCRATCH: Final = "/scratch"
WORKDIR: Final = "/scratch/work"
TASK_UID: Final = 1000
TASK_GID: Final = 1000
LENT_IDS: Final = 1_900_000_000
"""Where the ids begin that root lends to its tasks: far above those of users, and of other containers."""

DEFAULT_PIDS: Final = 256
DEFAULT_SCRATCH_BYTES: Final = 1_000_000_000
DEFAULT_SCRATCH_INODES: Final = 100_000


class Network(StrEnum):
    """What a task can reach. `none` has no sockets but local ones between its own processes."""

    NONE = "none"
    LOOPBACK = "loopback"
    HOST = "host"


class Kind(StrEnum):
    """What stands at a path."""

    DIRECTORY = "directory"
    FILE = "file"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Entry:
    """A path of the host's system; `leads_to` is what a link says."""

    path: str
    kind: Kind
    leads_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A path of the host's that a task may see. Both are absolute and without links."""

    source: str
    target: str
    kind: Kind = Kind.DIRECTORY
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one task may see and use. `pids` of None sets no limit here.

    `hidden` are directories of the host's: where something that is shown holds one of them, the task finds it empty.
    """

    network: Network = Network.NONE
    mounts: tuple[Mount, ...] = ()
    hidden: tuple[str, ...] = ()
    scratch_bytes: int = DEFAULT_SCRATCH_BYTES
    scratch_inodes: int = DEFAULT_SCRATCH_INODES
    pids: int | None = DEFAULT_PIDS
    files: tuple[tuple[str, bytes], ...] = ()
    hostname: str = "holdfast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What was found by trying.

    `privileged`: the engine is root, with the right to mount. `user_namespaces`: they can be made and used, by root's
    tasks too. `fresh_proc`: a new /proc may be mounted. `idmapped`: mounts can lend root's files to another id.
    `counted`: a task's processes are counted against RLIMIT_NPROC, which those of the host's root never are.
    `landlock` is its ABI, 0 where there is none. `base` is an empty directory, where the private root is built.
    """

    machine: str
    uid: int
    gid: int
    privileged: bool
    user_namespaces: bool
    fresh_proc: bool
    idmapped: bool
    counted: bool
    landlock: int
    seccomp: bool
    last_capability: int
    base: str
    system: tuple[Entry, ...] = field(repr=False)
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ids:
    """Who a task is: within its user namespace, and without."""

    uid: int
    gid: int
    outer_uid: int
    outer_gid: int


def ids(host: Host, slot: int) -> Ids:
    """Never 0 within; under root never 0 without either. `slot` numbers the keepers: no two share an id then."""
    outer = (LENT_IDS + slot, LENT_IDS + slot) if host.privileged else (host.uid, host.gid)
    inner = (TASK_UID, TASK_GID) if host.user_namespaces else outer
    return Ids(*inner, *outer)
