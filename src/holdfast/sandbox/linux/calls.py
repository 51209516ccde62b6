"""The calls to the kernel that Python has no function for. Each raises OSError; its `filename` says what was called."""

from __future__ import annotations

import ctypes
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

NEWNS = 0x00020000
NEWCGROUP = 0x02000000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_SLAVE = 0x1000, 0x4000, 0x80000
MNT_DETACH = 2

ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC, ATTR_IDMAP = 1, 2, 4, 8, 0x00100000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
SECCOMP_MODE_FILTER = 2
AMBIENT_CLEAR_ALL = 4

_CLONE_PIDFD = 0x1000
_CLONE_INTO_CGROUP = 0x200000000
_SIGCHLD = 17
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_FROM_EMPTY_PATH = 4
_CAPABILITIES_V3 = 0x20080522
_RULE_PATH_BENEATH = 1
_JOIN_SESSION_KEYRING = 1

# Of the calls made by number, these two have one per architecture; the others came late enough to have one for all.
_BY_MACHINE: Final[Mapping[str, tuple[int, int]]] = {"x86_64": (155, 250), "aarch64": (41, 219)}
_PIVOT_ROOT, _KEYCTL = _BY_MACHINE.get(os.uname().machine, (-1, -1))
_OPEN_TREE, _MOVE_MOUNT, _CLONE3, _MOUNT_SETATTR = 428, 429, 435, 442
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446

# PyDLL keeps the interpreter's lock: a child born within a call needs no lock that its parent's threads might hold.
_LIBC = ctypes.PyDLL(None, use_errno=True)
# Each symbol is looked up once, here: on first use, every child would do it anew, and touch a hundred pages for it.
_SYSCALL, _MOUNT, _UMOUNT2, _UNSHARE = _LIBC.syscall, _LIBC.mount, _LIBC.umount2, _LIBC.unshare
_PRCTL, _CAPSET, _SETHOSTNAME = _LIBC.prctl, _LIBC.capset, _LIBC.sethostname
_BEFORE_FORK = ctypes.pythonapi.PyOS_BeforeFork
_AFTER_FORK_CHILD = ctypes.pythonapi.PyOS_AfterFork_Child
_AFTER_FORK_PARENT = ctypes.pythonapi.PyOS_AfterFork_Parent
_SYSCALL.restype = ctypes.c_long
_PRCTL.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def _syscall(what: str, number: int, *arguments: int | bytes | None) -> int:
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _check(_SYSCALL(ctypes.c_long(number), *words), what)


def unshare(flags: int) -> None:
    _check(_UNSHARE(ctypes.c_int(flags)), f"unshare {flags:#x}")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    _check(_MOUNT(*words[:3], ctypes.c_ulong(flags), words[3]), f"mount {source or kind or ''} on {target}")


def unmount(target: str) -> None:
    _check(_UMOUNT2(os.fsencode(target), ctypes.c_int(MNT_DETACH)), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    _syscall("pivot_root", _PIVOT_ROOT, os.fsencode(new), os.fsencode(old))


def mount_setattr(fd: int, path: str, attributes: int, userns: int = 0, recursive: bool = True) -> None:
    """Add attributes to a mount and all below it. With an empty path, `fd` is the mount itself."""
    flags = (_AT_RECURSIVE if recursive else 0) | (0 if path else _AT_EMPTY_PATH)
    words = struct.pack("4Q", attributes, 0, 0, userns)
    _syscall(f"mount_setattr {path}", _MOUNT_SETATTR, fd, os.fsencode(path), flags, words, len(words))


def open_tree(path: str) -> int:
    """A detached copy of a mount and all below it, as a descriptor."""
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    return _syscall(f"open_tree {path}", _OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags)


def move_mount(fd: int, target: str) -> None:
    what = f"move_mount to {target}"
    _syscall(what, _MOVE_MOUNT, fd, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_FROM_EMPTY_PATH)


def set_hostname(name: str) -> None:
    data = os.fsencode(name)
    _check(_SETHOSTNAME(data, ctypes.c_size_t(len(data))), "sethostname")


def join_session_keyring() -> None:
    """Leave the session keyring of whoever started us for a new, empty one."""
    _syscall("keyctl", _KEYCTL, _JOIN_SESSION_KEYRING, None)


def prctl(option: int, first: int, second: int = 0) -> None:
    if _PRCTL(option, first, second, 0, 0) < 0:
        _check(-1, f"prctl {option}")


def clear_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets."""
    header = struct.pack("Ii", _CAPABILITIES_V3, 0)
    _check(_CAPSET(header, bytes(24)), "capset")


def install_filter(program: bytes) -> None:
    """Put a seccomp filter, given as instructions of 8 bytes each, over this process for good."""
    kept = ctypes.create_string_buffer(program, len(program))
    words = struct.pack("HP", len(program) // 8, ctypes.addressof(kept))
    at = ctypes.create_string_buffer(words, len(words))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(at))


def landlock_ruleset(attributes: bytes) -> int:
    return _syscall("landlock_create_ruleset", _LANDLOCK_CREATE, attributes, len(attributes), 0)


def landlock_version() -> int:
    """The ABI of Landlock here. Raises OSError where there is none."""
    return _syscall("landlock_create_ruleset", _LANDLOCK_CREATE, None, 0, 1)


def landlock_allow(ruleset: int, access: int, beneath: int) -> None:
    rule = struct.pack("=Qi", access, beneath)
    _syscall("landlock_add_rule", _LANDLOCK_ADD, ruleset, _RULE_PATH_BENEATH, rule, 0)


def landlock_restrict(ruleset: int) -> None:
    _syscall("landlock_restrict_self", _LANDLOCK_RESTRICT, ruleset, 0)


def clone3(flags: int, cgroup: int | None = None) -> tuple[int, int]:
    """Fork into new namespaces, and into a v2 cgroup if one is given: (0, -1) in the child, (pid, pidfd) in the parent.

    Raw calls skip what the interpreter does around a fork, so it is done here. Only for single-threaded processes.
    """
    pidfd = ctypes.c_int(-1)
    into = 0 if cgroup is None else _CLONE_INTO_CGROUP
    flags |= _CLONE_PIDFD | into
    words = struct.pack("11Q", flags, ctypes.addressof(pidfd), 0, 0, _SIGCHLD, 0, 0, 0, 0, 0, cgroup or 0)
    _BEFORE_FORK()
    result: int = _SYSCALL(ctypes.c_long(_CLONE3), words, ctypes.c_size_t(len(words)))
    if result == 0:
        _AFTER_FORK_CHILD()
        return 0, -1
    number = ctypes.get_errno()
    _AFTER_FORK_PARENT()
    if result < 0:
        raise OSError(number, os.strerror(number), f"clone3 {flags:#x}")
    return result, pidfd.value
