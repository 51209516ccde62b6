"""Keeping what a task writes to stdout and stderr: the head and the tail, within a limit; all of it is counted.

Little output never touches the disk: it is kept in memory, and goes into a file once it is more than that, or once the
task has run on for a moment after its first word, so that others can follow it. Memory stays flat whatever comes.
"""

from __future__ import annotations

import os

from .report import nothing_kept
from .wire import INLINE_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .wire import Kept

CHUNK_BYTES = 64 * 1024
TAIL_BYTES = 64 * 1024
FOLLOW_AFTER_S = 0.05
_MARKER_BYTES = 64
_LEAST_FOR_TAIL = 1024


class Stream:
    """One captured stream. `fd` is the reading end, non-blocking.

    The writing end is the keeper's own `number`, 1 or 2, which the task inherits. It stays open here too: the end of a
    stream is never waited for, as anyone may hold it.
    """

    __slots__ = ("_cap", "_kept", "failure", "fd", "flush_at", "path", "total")

    def __init__(self, number: int, path: str, cap: int) -> None:
        self.path = path
        self.fd, end = os.pipe2(os.O_CLOEXEC)
        os.dup2(end, number)
        os.close(end)
        os.set_blocking(self.fd, False)
        self.total = 0
        self.flush_at: float | None = None
        self.failure: str | None = None
        self._cap = cap
        self._kept: _Store | None = None

    def pump(self, now: float) -> bool:
        """Take in one chunk, if there is any. Says whether there was."""
        try:
            data = os.read(self.fd, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if self._kept is None:
            self._kept = _Store(self._cap)
            self.flush_at = now + FOLLOW_AFTER_S
        self.total += len(data)
        if self._kept.add(data):
            self.flush()
        return True

    def flush(self) -> None:
        """Move what is kept so far into the file."""
        self.flush_at = None
        if self._kept is not None:
            try:
                self._kept.flush(self.path)
            except OSError as error:
                self.failure = f"output was lost: {self.path}: {error.strerror}"

    def finish(self) -> tuple[Kept, bytes]:
        """What was kept, once nobody writes any more. Few bytes come along, more stay in the file."""
        if self._kept is None:
            return nothing_kept(), b""
        self._kept.seal(self.total)
        size = self._kept.size
        if size > INLINE_BYTES:
            self.flush()
            return {"kept": self._kept.written, "total": self.total, "inline": -1, "path": self.path}, b""
        data = self._kept.take_back(self.path)
        return {"kept": len(data), "total": self.total, "inline": len(data), "path": ""}, data

    def close(self) -> None:
        """Give back the pipe and the file."""
        os.close(self.fd)
        if self._kept is not None:
            self._kept.close()


class _Store:
    """The kept bytes: a head that grows into a file, and a ring for the tail."""

    def __init__(self, cap: int) -> None:
        tail = min(TAIL_BYTES, cap // 4) if cap >= _LEAST_FOR_TAIL else 0
        self._tail_cap = tail
        self._head_room = cap - tail - _MARKER_BYTES if tail else cap
        self._ring_cap = cap - self._head_room
        self._ring = bytearray()
        self._pending = bytearray()
        self._fd = -1
        self.written = 0

    @property
    def size(self) -> int:
        return self.written + len(self._pending)

    def add(self, data: bytes) -> bool:
        """Keep what there is room for. Says whether it is time to flush."""
        room = self._head_room
        if room:
            self._pending += data if len(data) <= room else data[:room]
            self._head_room = max(0, room - len(data))
        if len(data) > room and self._ring_cap:
            self._ring += data[room:] if room else data
            if len(self._ring) > self._ring_cap + 2 * CHUNK_BYTES:
                del self._ring[: -self._ring_cap]
        return bool(self._pending) and (self._fd >= 0 or len(self._pending) > INLINE_BYTES)

    def seal(self, total: int) -> None:
        """Put head and tail together, with a word on what lies between them. `total` bytes came in all."""
        dropped = total - self.size - len(self._ring)
        if dropped or len(self._ring) > self._ring_cap:
            keep = len(self._ring) - self._tail_cap
            self._pending += b"\n[%d bytes left out here]\n" % (dropped + keep) if self._tail_cap else b""
            del self._ring[:keep]
        self._pending += self._ring
        self._ring.clear()

    def flush(self, path: str) -> None:
        """Write what is pending. Raises OSError; what could not be written is dropped."""
        pending, self._pending = self._pending, bytearray()
        if self._fd < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o600)
        with memoryview(pending) as view:
            at = 0
            while at < len(view):
                count = os.write(self._fd, view[at:])
                at += count
                self.written += count

    def take_back(self, path: str) -> bytes:
        """All bytes; the file, if there was one, is gone."""
        data = b""
        if self._fd >= 0:
            data = os.pread(self._fd, self.written, 0)
            os.unlink(path)
        return data + bytes(self._pending)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
