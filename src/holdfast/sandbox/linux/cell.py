"""The keeper's end of a cell: starts it, hands the task over, hears how it went."""

from __future__ import annotations

import _socket
import errno
import marshal
import os
import signal
import struct

from . import calls, init
from .init import LENGTH
from .record import READY, RECORD_BYTES, Record, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .carry import Operation
    from .init import Body

_KIND, _PLAIN = 0o170000, 0o100000
_SIZE = struct.calcsize("i")


class Cell:
    """One single-use sandbox. `channel` and `pidfd` are for the keeper's poll.

    When `pidfd` is readable, every process of the cell is dead. Records may still wait in `channel` then: read on with
    `hear` until it gives None.
    """

    def __init__(self, pid: int, pidfd: int, channel: _socket.socket) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.channel = channel
        self.scratch = -1

    def go(self, operations: list[Operation], message: Any, fds: list[int]) -> None:
        """Have the task process made: confined by `operations`, then given to the body with `message` and `fds`.

        Raises OSError where pid 1 is gone.
        """
        data = marshal.dumps((operations, message))
        self.channel.setblocking(True)
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))] if fds else []
        self.channel.sendmsg([LENGTH.pack(len(data))], rights)
        for at in range(0, len(data), init.CHUNK_BYTES):
            self.channel.send(data[at : at + init.CHUNK_BYTES])

    def hear(self) -> Record | None:
        """The next record, if there is one. With READY the scratch space is opened as `scratch`."""
        flags = _socket.MSG_DONTWAIT | _socket.MSG_CMSG_CLOEXEC
        try:
            try:
                data, ancillary, _, _ = self.channel.recvmsg(RECORD_BYTES, _socket.CMSG_SPACE(_SIZE), flags)
            except ConnectionResetError:  # said once, before the records, where pid 1 left something of ours unread
                data, ancillary, _, _ = self.channel.recvmsg(RECORD_BYTES, _socket.CMSG_SPACE(_SIZE), flags)
        except BlockingIOError:
            return None
        if not data:
            return None
        record = unpack(data)
        if record.kind == READY and ancillary:
            (self.scratch,) = struct.unpack("i", ancillary[0][2][:_SIZE])
        return record

    def take(self, name: str) -> int:
        """Open a file that the task left in its scratch space, for reading: a plain one with one name, whoever made it.

        Raises FileNotFoundError, and OSError for what is no such file. To be called when everyone is dead.
        """
        fd = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=self.scratch
        )
        seen = os.fstat(fd)
        if seen.st_mode & _KIND != _PLAIN or seen.st_nlink != 1:
            os.close(fd)
            raise OSError(errno.EINVAL, "not a plain file, or one of several names", name)
        return fd

    def ask(self) -> bool:
        """Have SIGTERM sent to every process of the task. Says whether pid 1 was there to do it."""
        return self._signal(signal.SIGTERM)

    def kill(self) -> bool:
        """Kill every process of the cell. Says whether it was alive."""
        return self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> bool:
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            return False
        return True

    def close(self) -> None:
        """Give everything back. Pid 1 is the keeper's child, to be reaped by it like any other."""
        self.channel.close()
        os.close(self.pidfd)
        if self.scratch >= 0:
            os.close(self.scratch)
            self.scratch = -1


class Groups:
    """The cgroups of an attempt: the v2 one as a directory, and `cgroup.procs` files of v1 ones, open for writing."""

    def __init__(self, unified: int | None = None, v1: tuple[int, ...] = ()) -> None:
        self.unified = unified
        self.v1 = v1


def start(flags: int, operations: list[Operation], body: Body, groups: Groups, keep: tuple[int, ...] = ()) -> Cell:
    """Clone pid 1 into new namespaces, where it builds the cell by `operations` and waits for `Cell.go`.

    It keeps the descriptors in `keep` besides 0, 1 and 2. Raises OSError where the clone itself is refused; whatever
    fails later comes as a BROKEN record.
    """
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    # Blocked from birth, a request to end that comes early waits until pid 1 can pass it on.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, init.ASKED)
    try:
        pid, pidfd = calls.clone3(flags, groups.unified)
        if pid == 0:
            init.be(theirs, operations, body, groups.v1, keep)
    except OSError:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    return Cell(pid, pidfd, ours)
