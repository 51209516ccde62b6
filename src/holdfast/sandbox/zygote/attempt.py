"""The life of one task, as its keeper sees it: start, watch, end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from . import child, tree
from .family import descendants
from .ladder import ASK, KILL, Ladder
from .streams import Stream
from .sweep import Dead, send, send_group, sweep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .wire import Facts, Kept, Order, Settings


class Attempt:
    """One task. The keeper calls `start`, then `turn` for as long as `alive`, then `end`, and at last `clean`."""

    def __init__(self, order: Order, settings: Settings, page: child.Page, nothing: int) -> None:
        self.order = order
        self.alive = False
        self.evidence: list[str] = []
        self.report = -1
        self._settings = settings
        self._page = page
        self._nothing = nothing
        self._base = f"{settings['scratch']}/{order['name']}"
        self._streams: list[Stream] = []
        self._fds: list[int] = []
        self._pidfd = -1
        self._dead = Dead(-1)
        self._ladder = Ladder(0.0, None, 0.0)
        self._began = self._ended = time.monotonic()
        self._started_at = time.time()

    def start(self, poll: select.poll) -> None:
        """Bring the task process to life. Raises OSError, BadName."""
        order = self.order
        os.mkdir(self._base, 0o700)
        tree.fill(self._base, order["files"])
        for suffix in (".out", ".err"):
            self._streams.append(Stream(self._base + suffix, order["output_bytes"]))
        result = None
        if order["call"] is not None:
            self.report = result = os.memfd_create("result")
        self._page.clear()
        out, err = self._streams
        ends = child.Ends(self._stdin(), out.writing_end, err.writing_end, result)
        keeper = os.getpid()
        self._started_at = time.time()
        self._began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            child.enter(order, self._settings, keeper, ends, self._page)
        self.alive = True
        self._dead = Dead(pid)
        self._ladder = Ladder(self._began, order["wall_s"], order["grace_s"])
        self._pidfd = os.pidfd_open(pid)
        # The order matters: whatever the main process wrote is seen by the same poll that sees its end.
        for fd in (self._pidfd, out.fd, err.fd):
            poll.register(fd, select.POLLIN)

    def next(self) -> float:
        """When something is due even if nothing happens; infinity if never."""
        due = self._ladder.next()
        for stream in self._streams:
            if stream.flush_at is not None:
                due = min(due, stream.flush_at)
        return due

    def turn(self, ready: list[int], now: float) -> None:
        """Do what the descriptors and the clocks ask for."""
        for stream in self._streams:
            if stream.fd in ready:
                stream.pump(now)
            if stream.flush_at is not None and now >= stream.flush_at:
                stream.flush()
        if self._pidfd in ready:
            self._dead.collect()
            self.alive = False
        else:
            self._step(self._ladder.turn(now))

    def stop(self, reason: str, at_once: bool) -> None:
        """Ask the task to end, or kill it at once."""
        self._step(self._ladder.stop(reason, at_once, time.monotonic()))

    def _step(self, step: int) -> None:
        if step == ASK:
            self._tell_all(signal.SIGTERM)
        elif step == KILL:
            send_group(self._dead.main, signal.SIGKILL)
            self.alive = False

    def _tell_all(self, number: int) -> None:
        """Send a signal to everyone in the task, stopped or not."""
        send_group(self._dead.main, number)
        send_group(self._dead.main, signal.SIGCONT)
        for pid in descendants(os.getpid()):
            try:
                if os.getpgid(pid) == self._dead.main:
                    continue
            except ProcessLookupError:
                continue
            send(pid, number)
            send(pid, signal.SIGCONT)

    def end(self, poll: select.poll) -> tuple[Facts, list[bytes]]:
        """Kill whatever is left, and only then gather. Returns the facts and the inline bytes of the streams."""
        dead = self._dead
        before = dead.count
        survivors = sweep(dead.collect)
        self._ended = time.monotonic()
        for fd in (self._pidfd, *(stream.fd for stream in self._streams)):
            poll.unregister(fd)
        kept = [stream.finish() for stream in self._streams]
        size = self._gather_report()
        return self._facts(kept, size, survivors, dead.count - before), [data for _, data in kept]

    def _stdin(self) -> int:
        data = self.order["stdin"]
        if not data:
            return self._nothing
        fd = os.memfd_create("stdin")
        self._fds.append(fd)
        with open(fd, "wb", closefd=False) as file:
            file.write(data)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def _gather_report(self) -> int:
        """Open what the program left as its result, if it is a plain file. Returns its size."""
        if self.order["call"] is None:
            try:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                self.report = os.open(f"{self._base}.result", flags)
            except FileNotFoundError:
                return 0
            except OSError as error:
                self.evidence.append(f"the result file was refused: {error.strerror}")
                return 0
        seen = os.fstat(self.report)
        if seen.st_mode & 0o170000 != 0o100000:
            self.evidence.append("the result file was refused: it is not a regular file")
            return 0
        return seen.st_size

    def _facts(self, kept: list[tuple[Kept, bytes]], size: int, survivors: int, swept: int) -> Facts:
        dead, order = self._dead, self.order
        status = dead.status
        number = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
        code = os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None
        error = self._setup_error(number)
        hit = None
        if number == signal.SIGXCPU and order["cpu_s"] is not None:
            hit = "cpu_time"
        self.evidence.extend(stream.failure for stream in self._streams if stream.failure)
        return {
            "number": order["number"],
            "exit_code": None if error else code,
            "signal": None if error else number,
            "sandbox_error": error,
            "stopped_for": self._ladder.reason,
            "oom_kills": None,
            "limit_hit": hit,
            "report_bytes": size,
            "stdout": kept[0][0],
            "stderr": kept[1][0],
            "started_at": self._started_at,
            "wall_s": self._ended - self._began,
            "cpu_s": dead.cpu_s,
            "memory_bytes": dead.peak_bytes,
            "read_bytes": dead.read_bytes,
            "written_bytes": dead.written_bytes,
            "processes": 1,
            "survivors": survivors,
            "swept": swept,
            "evidence": self.evidence,
            "waits": False,
            "retired": survivors > 0,
        }

    def _setup_error(self, number: int | None) -> str | None:
        stage, message = self._page.read()
        if stage == child.NOT_EXECUTED:
            self.evidence.append(f"not executed: {message}")
        if stage != child.SETTING_UP or self._ladder.reason is not None:
            return None
        return message or f"the task process died before its program began (signal {number})"

    def failed(self, error: Exception) -> Facts:
        """The facts of an attempt that could not be started."""
        sweep(self._dead.collect)
        nothing: list[tuple[Kept, bytes]] = [({"kept": 0, "total": 0, "inline": 0, "path": ""}, b"")] * 2
        facts = self._facts(nothing, 0, 0, 0)
        facts["exit_code"] = facts["signal"] = None
        facts["sandbox_error"] = f"the task could not be started: {error}"
        return facts

    def close(self) -> None:
        """Give back every descriptor."""
        for stream in self._streams:
            stream.close()
        for fd in (*self._fds, self._pidfd, self.report):
            if fd >= 0:
                os.close(fd)

    def tidy(self) -> bool:
        """Remove the working directory if that is done at once. Says whether it was."""
        try:
            if self.order["argv"] is not None:
                _unlink(f"{self._base}.result")
            os.rmdir(self._base)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def clean(self) -> str | None:
        """Remove the working directory with all that is in it, however long that takes. Says what could not be."""
        return tree.remove(f"{self._base}.result") or tree.remove(self._base)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
