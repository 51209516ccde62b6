"""Carries out operations, in order, without a decision. What they mean stands in `holdfast.sandbox.plan.operations`."""

from __future__ import annotations

import _socket
import fcntl
import os
import resource
import struct

from . import calls
from .idmap import open_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    Operation = tuple[Any, ...]
    """The name of the operation, then its arguments: what `marshal` can take."""

_PATH = os.O_PATH | os.O_CLOEXEC
_COPY_BYTES = 4 << 20
_SIOCSIFFLAGS = 0x8914
_UP_AND_RUNNING = 0x41


class Broken(Exception):
    """An operation failed: `number` is its errno, the text says which it was and why."""

    def __init__(self, operation: Operation, error: OSError) -> None:
        super().__init__(f"{operation[0]}: {error.filename or ''}: {error.strerror}")
        self.number = error.errno or 0


class Site:
    """What operations leave to later ones, and what was skipped."""

    def __init__(self) -> None:
        self.skipped: list[str] = []
        self._proc = -1

    def carry_out(self, operations: list[Operation]) -> None:
        """Do all of them. Raises Broken at the first that fails."""
        for operation in operations:
            try:
                _ACTIONS[operation[0]](self, *operation[1:])
            except OSError as error:
                raise Broken(operation, error) from error

    def close(self) -> None:
        """Give back what was left to later operations."""
        if self._proc >= 0:
            os.close(self._proc)
            self._proc = -1

    def _set(self, name: str, value: bytes) -> None:
        """Write a file of /proc: the own one, once it is there."""
        flags = os.O_WRONLY | os.O_CLOEXEC
        fd = os.open(f"/proc/{name}", flags) if self._proc < 0 else os.open(name, flags, dir_fd=self._proc)
        try:
            os.write(fd, value)
        finally:
            os.close(fd)

    def attempt(self, operation: Operation) -> None:
        try:
            _ACTIONS[operation[0]](self, *operation[1:])
        except OSError as error:
            self.skipped.append(str(Broken(operation, error)))

    def proc(self, target: str) -> None:
        flags = calls.MS_NOSUID | calls.MS_NODEV | calls.MS_NOEXEC
        calls.mount("proc", target, "proc", flags)
        self._proc = calls.open_tree(target)  # stays writable for later operations, and out of the task's sight
        calls.mount_setattr(-1, target, calls.ATTR_RDONLY)

    def sysctl(self, name: str, value: str) -> None:
        self._set(name, value.encode())

    def pivot(self, root: str) -> None:
        os.chdir(root)
        calls.pivot_root(".", ".")
        calls.unmount(".")
        os.chdir("/")

    def unshare(self, flags: int) -> None:
        calls.unshare(flags)

    def detach(self) -> None:
        # Not private: what the host unmounts must not stay busy for our sake.
        calls.mount(None, "/", None, calls.MS_REC | calls.MS_SLAVE)

    def id_map(self, uid: int, outer_uid: int, gid: int, outer_gid: int) -> None:
        calls.prctl(calls.PR_SET_DUMPABLE, 1)  # else these files belong to root
        self._set("self/setgroups", b"deny")
        self._set("self/uid_map", f"{uid} {outer_uid} 1".encode())
        self._set("self/gid_map", f"{gid} {outer_gid} 1".encode())
        calls.prctl(calls.PR_SET_DUMPABLE, 0)

    def hostname(self, name: str) -> None:
        calls.set_hostname(name)

    def new_keyring(self) -> None:
        calls.join_session_keyring()

    def tmpfs(self, target: str, size_bytes: int, inodes: int, mode: int, owner: tuple[int, int]) -> None:
        options = f"size={size_bytes},nr_inodes={inodes},mode={mode:o},uid={owner[0]},gid={owner[1]}"
        calls.mount("tmpfs", target, "tmpfs", calls.MS_NOSUID | calls.MS_NODEV, options)

    def directory(self, path: str, mode: int) -> None:
        try:
            os.mkdir(path)
        except FileExistsError:
            return
        os.chmod(path, mode)

    def symlink(self, path: str, target: str) -> None:
        os.symlink(target, path)

    def file(self, path: str, data: bytes, mode: int) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with open(fd, "wb", buffering=0) as file:
            os.fchmod(fd, mode)
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]

    def copy(self, source: str, path: str) -> None:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(fd, _COPY_BYTES)
        finally:
            os.close(fd)
        self.file(path, data, 0o444)

    def bind(self, source: str, target: str, attributes: int) -> None:
        calls.mount(source, target, None, calls.MS_BIND | calls.MS_REC)
        calls.mount_setattr(-1, target, attributes)

    def bind_as(self, source: str, target: str, attributes: int, owner: tuple[int, int]) -> None:
        userns = open_map(owner[0], owner[1])
        try:
            fd = calls.open_tree(source)
            try:
                calls.mount_setattr(fd, "", attributes | calls.ATTR_IDMAP, userns)
                calls.move_mount(fd, target)
            finally:
                os.close(fd)
        finally:
            os.close(userns)

    def seal(self, target: str) -> None:
        calls.mount_setattr(-1, target, calls.ATTR_RDONLY, recursive=False)

    def unmount(self, target: str) -> None:
        calls.unmount(target)

    def loopback(self) -> None:
        sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            fcntl.ioctl(sock.fileno(), _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))
        finally:
            sock.close()

    def identity(self, uid: int, gid: int) -> None:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)

    def drop_bounds(self, last: int) -> None:
        for capability in range(last + 1):
            calls.prctl(calls.PR_CAPBSET_DROP, capability)

    def drop_capabilities(self) -> None:
        calls.prctl(calls.PR_CAP_AMBIENT, calls.AMBIENT_CLEAR_ALL)
        calls.clear_capabilities()

    def no_new_privileges(self) -> None:
        calls.prctl(calls.PR_SET_NO_NEW_PRIVS, 1)

    def limit(self, which: int, value: int) -> None:
        ceiling = resource.getrlimit(which)[1]
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(which, (value, value))

    def change_directory(self, path: str) -> None:
        os.chdir(path)

    def landlock(self, attributes: bytes, rules: tuple[tuple[str, int], ...]) -> None:
        ruleset = calls.landlock_ruleset(attributes)
        try:
            for path, access in rules:
                fd = os.open(path, _PATH)
                try:
                    calls.landlock_allow(ruleset, access, fd)
                finally:
                    os.close(fd)
            calls.landlock_restrict(ruleset)
        finally:
            os.close(ruleset)

    def seccomp(self, program: bytes) -> None:
        calls.install_filter(program)


_ACTIONS: Final[Mapping[str, Callable[..., None]]] = {
    "attempt": Site.attempt,
    "bind": Site.bind,
    "bind_as": Site.bind_as,
    "change_directory": Site.change_directory,
    "copy": Site.copy,
    "detach": Site.detach,
    "directory": Site.directory,
    "drop_bounds": Site.drop_bounds,
    "drop_capabilities": Site.drop_capabilities,
    "file": Site.file,
    "hostname": Site.hostname,
    "id_map": Site.id_map,
    "identity": Site.identity,
    "landlock": Site.landlock,
    "limit": Site.limit,
    "loopback": Site.loopback,
    "new_keyring": Site.new_keyring,
    "no_new_privileges": Site.no_new_privileges,
    "pivot": Site.pivot,
    "proc": Site.proc,
    "seal": Site.seal,
    "seccomp": Site.seccomp,
    "symlink": Site.symlink,
    "sysctl": Site.sysctl,
    "tmpfs": Site.tmpfs,
    "unmount": Site.unmount,
    "unshare": Site.unshare,
}
