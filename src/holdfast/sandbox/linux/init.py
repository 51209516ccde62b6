"""Pid 1 of a cell: builds it, makes the task process, reaps everyone, reports; when it goes, everyone goes."""

from __future__ import annotations

import _socket
import marshal
import os
import signal
import struct

from . import calls
from .carry import Broken, Site
from .record import BEGUN, BROKEN, ENDED, READY, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .carry import Operation

    Body = Callable[[Any, list[int]], NoReturn]
    """What becomes the program, in the confined task process: gets what `Cell.go` was given."""

CHUNK_BYTES = 64 * 1024
LENGTH = struct.Struct("<I")
_MOST_FDS = 16
_INT = struct.Struct("i")
ASKED = (signal.SIGTERM,)  # from outside, pid 1 hears of a signal only if it asks for it
_LAST_FD = 1 << 20


def be(
    channel: _socket.socket, operations: list[Operation], body: Body, groups: tuple[int, ...], keep: tuple[int, ...]
) -> NoReturn:
    """Be pid 1. Runs in the process just cloned, and never returns into the keeper's code."""
    try:
        _follow_keeper(channel)
        for fd in groups:
            os.write(fd, b"0")
        _close_all_but((channel.fileno(), *keep))
        _live(channel, operations, body)
    except OSError as error:
        _tell(channel, Record(BROKEN, error.errno or 0, f"pid 1: {error.filename or ''}: {error.strerror}"))
    finally:
        os._exit(1)


def _live(channel: _socket.socket, operations: list[Operation], body: Body) -> None:
    signal.signal(signal.SIGTERM, _forward)
    if not _carried_out(channel, operations, READY):
        return
    _follow_keeper(channel)  # once more: a change of identity undoes the first
    main = os.fork()
    if main == 0:
        _become_task(channel, body)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)
    _tell(channel, _reap(main))


def _become_task(channel: _socket.socket, body: Body) -> NoReturn:
    """Wait for the task, be confined, be the program."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)
        received = _receive(channel)
        if received is not None:
            (confinement, message), fds = received
            if _carried_out(channel, confinement, BEGUN):
                channel.close()
                body(message, fds)
    finally:
        os._exit(125)


def _carried_out(channel: _socket.socket, operations: list[Operation], kind: int) -> bool:
    """Do what was planned, and say how far it came."""
    site = Site()
    try:
        site.carry_out(operations)
    except Broken as broken:
        _tell(channel, Record(BROKEN, broken.number, str(broken)))
        return False
    finally:
        site.close()
    record = Record(kind, len(site.skipped), "; ".join(site.skipped))
    if kind == READY:
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        _tell(channel, record, fd)
        os.close(fd)
    else:
        _tell(channel, record)
    return True


def _follow_keeper(channel: _socket.socket) -> None:
    """Die when the keeper dies; now, if it is dead already."""
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        gone = channel.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        gone = False
    if gone:
        os._exit(1)


def _close_all_but(keep: tuple[int, ...]) -> None:
    low = 3
    for fd in sorted(keep):
        os.closerange(low, fd)
        low = max(low, fd + 1)
    os.closerange(low, _LAST_FD)


def _receive(channel: _socket.socket) -> tuple[tuple[list[Operation], Any], list[int]] | None:
    """What the keeper hands over; None if it never will."""
    data, ancillary, _, _ = channel.recvmsg(LENGTH.size, _socket.CMSG_SPACE(_MOST_FDS * _INT.size))
    if not data:
        return None
    fds = [
        fd for _, _, rights in ancillary for (fd,) in _INT.iter_unpack(rights[: len(rights) // _INT.size * _INT.size])
    ]
    (size,) = LENGTH.unpack(data)
    buffer = bytearray()
    while len(buffer) < size:
        part = channel.recv(CHUNK_BYTES)
        if not part:
            return None
        buffer += part
    return marshal.loads(buffer), fds


def _forward(number: int, _frame: object) -> None:
    """Pass the keeper's request to end on to everyone in the cell, the stopped ones too."""
    _signal_all(number)
    _signal_all(signal.SIGCONT)


def _signal_all(number: int) -> bool:
    """Send a signal to everyone else in the cell. Says whether there was anyone."""
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        return False
    return True


def _reap(main: int) -> Record:
    """Wait for the main process; then kill the others until there is none."""
    record = Record(ENDED)
    over = False
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return record
        cpu_us = int((usage.ru_utime + usage.ru_stime) * 1e6)
        record.cpu_us += cpu_us
        record.peak_bytes = max(record.peak_bytes, usage.ru_maxrss * 1024)
        record.read_bytes += usage.ru_inblock * 512
        record.written_bytes += usage.ru_oublock * 512
        if pid == main:
            over = True
            record.number = status
            record.main_cpu_us = cpu_us
        elif over and os.WIFSIGNALED(status):
            record.swept += 1
        if over:
            _signal_all(signal.SIGKILL)


def _tell(channel: _socket.socket, record: Record, fd: int = -1) -> None:
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _INT.pack(fd))] if fd >= 0 else []
    try:
        channel.sendmsg([record.pack()], rights)
    except OSError:
        os._exit(1)  # the keeper is gone
