"""Keeping what a task writes to stdout and stderr: the head and the tail, within a limit; all of it is counted.

Little output never touches the disk: it is kept in memory, and goes into a file once it is more than that, or once the
task has run on for a moment after its first word, so that others can follow it. Memory stays flat whatever comes.
"""

from __future__ import annotations

import os

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

    The writing end stays open here too: the end of a stream is never waited for, as anyone may hold it.
    """

    def __init__(self, path: str, cap: int) -> None:
        self.path = path
        self.fd, self.writing_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.fd, False)
        self.total = 0
        self.flush_at: float | None = None
        self.failure: str | None = None
        tail = min(TAIL_BYTES, cap // 4) if cap >= _LEAST_FOR_TAIL else 0
        self._tail_cap = tail
        self._head_cap = cap - tail - _MARKER_BYTES if tail else cap
        self._ring_cap = cap - self._head_cap
        self._head = bytearray()
        self._head_total = 0
        self._ring = bytearray()
        self._file: int | None = None

    def pump(self, now: float) -> bool:
        """Take in one chunk, if there is any. Says whether there was."""
        try:
            data = os.read(self.fd, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            return False
        if not self.total:
            self.flush_at = now + FOLLOW_AFTER_S
        self.total += len(data)
        room = self._head_cap - self._head_total
        if room > 0:
            self._head += data[:room]
            self._head_total += len(data[:room])
            if self._file is not None or len(self._head) > INLINE_BYTES:
                self.flush()
        if len(data) > room:
            self._ring += data[room:] if room > 0 else data
            if len(self._ring) > 2 * CHUNK_BYTES + self._ring_cap:
                del self._ring[: -self._ring_cap or None]
        return True

    def flush(self) -> None:
        """Move what is kept so far into the file."""
        self.flush_at = None
        if self.failure is not None:
            self._head.clear()
            return
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
                self._file = os.open(self.path, flags, 0o600)
            write_all(self._file, self._head)
        except OSError as error:
            self.failure = f"output was lost: {self.path}: {error.strerror}"
        self._head.clear()

    def finish(self) -> tuple[Kept, bytes]:
        """Take in what is left in the pipe, once nobody writes any more. Few bytes come along."""
        while self.pump(0.0):
            pass
        rest = self._rest()
        size = self._head_total + len(rest)
        if size <= INLINE_BYTES and (self._file is None or self.failure is None):
            data = self._reread() + bytes(self._head) + rest
            return {"kept": len(data), "total": self.total, "inline": len(data), "path": self.path}, data
        self._head += rest
        self.flush()
        size = os.fstat(self._file).st_size if self._file is not None else 0
        return {"kept": size, "total": self.total, "inline": -1, "path": self.path}, b""

    def close(self) -> None:
        """Give back the pipe and the file; a file whose bytes were sent along is removed by `finish`."""
        os.close(self.fd)
        os.close(self.writing_end)
        if self._file is not None:
            os.close(self._file)

    def _rest(self) -> bytes:
        if len(self._ring) <= self._ring_cap and self._tail_cap:
            return bytes(self._ring)
        if not self._tail_cap:
            return b""
        left_out = self.total - self._head_total - self._tail_cap
        marker = f"\n[{left_out} bytes left out here]\n".encode()
        return marker + bytes(self._ring[-self._tail_cap :])

    def _reread(self) -> bytes:
        if self._file is None:
            return b""
        os.unlink(self.path)
        fd = os.open(f"/proc/self/fd/{self._file}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(fd, INLINE_BYTES)
        finally:
            os.close(fd)


def write_all(fd: int, data: bytes | bytearray) -> None:
    """Write everything. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    view.release()
