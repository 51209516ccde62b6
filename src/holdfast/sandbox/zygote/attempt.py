"""The life of one task, as its keeper sees it: start, watch, end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from . import child, page, tree
from .call import Given
from .cgroup import Group
from .family import descendants, send, send_group
from .ladder import ASK, KILL, Ladder
from .report import Result, add_counts, nothing_kept
from .streams import Stream
from .sweep import Dead, sweep
from .watch import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .post import Post
    from .wire import Facts, Kept, Order

_SIGXCPU = int(signal.SIGXCPU)


class Attempt:
    """One task: `prepare`, `start`, then `turn` for as long as it is `alive`, then `end`; at last `close`."""

    __slots__ = (
        "_base",
        "_began",
        "_dead",
        "_given",
        "_ladder",
        "_limit_hit",
        "_pidfd",
        "_post",
        "_quiet",
        "_started_at",
        "_streams",
        "_watch",
        "alive",
        "evidence",
        "group",
        "order",
        "result",
    )

    def __init__(self, order: Order, post: Post) -> None:
        self.order = order
        self.alive = False
        self.evidence: list[str] = []
        self.result = Result()
        self.group: Group | None = None
        self._post = post
        self._base = f"{post.scratch}/{order['name']}"
        self._streams: list[Stream] = []
        self._given: Given | None = None
        self._pidfd = -1
        self._quiet = False
        self._limit_hit: str | None = None
        self._dead = Dead()
        self._began = self._started_at = 0.0
        self._ladder = Ladder(0.0, None, 0.0)
        self._watch = Watch(0.0, {})

    def prepare(self) -> None:
        """Make ready what the task needs. Raises OSError, ValueError."""
        order, post, base = self.order, self._post, self._base
        post.page.clear()
        self._lay_program()
        if order["groups"]:
            self.group = Group(post.layout, order["name"], order["groups"])
        if order["call"] is not None:
            self.result.fd = post.lay_result()
        post.lay_stdin(order["stdin"])
        out, err = Stream(1, base + ".out", order["output_bytes"]), Stream(2, base + ".err", order["output_bytes"])
        self._streams = [out, err]
        post.poll.register(out.fd, select.POLLIN)
        post.poll.register(err.fd, select.POLLIN)
        self._started_at = time.time()
        self._began = time.monotonic()
        self._ladder = Ladder(self._began, order["wall_s"], order["grace_s"])
        self._watch = Watch(self._began, order["watched"])

    def _lay_program(self) -> None:
        """Make ready what the program is and what it works in."""
        order = self.order
        folder = self._post.folders.take()
        os.chdir(folder)
        if order["files"]:
            tree.fill(folder, order["files"])
        if order["call"] is not None:
            self._given = Given(*order["call"])

    def start(self, timeout_ms: int) -> list[tuple[int, int]]:
        """Bring the task process to life, and wait for the first thing to happen. Raises OSError.

        As long as the child lives, each page that is written here is copied first: so do little in between.
        """
        pidfd_open, poll = os.pidfd_open, self._post.poll
        pid = os.fork()
        if pid == 0:
            child.enter(self.order, self._given, self._post, self.group)
        pidfd = -1
        try:
            pidfd = pidfd_open(pid)
            poll.register(pidfd, 1)  # POLLIN
            return poll.poll(timeout_ms)
        finally:
            self._dead.main = pid
            self._pidfd = pidfd
            self.alive = True

    def next(self) -> float:
        """When something is due even if nothing happens."""
        due = min(self._ladder.next(), self._watch.due)
        for stream in self._streams:
            if stream.flush_at is not None and stream.flush_at < due:
                due = stream.flush_at
        return due

    def turn(self, ready: list[int], now: float) -> None:
        """Do what the descriptors and the clocks ask for."""
        for stream in self._streams:
            if stream.fd in ready:
                stream.pump(now)
            if stream.flush_at is not None and now >= stream.flush_at:
                stream.flush()
        if self._pidfd in ready:
            self.alive = False
            alone = not self._dead.collect()
            unread = [fd for fd, _ in self._post.poll.poll(0)]
            self._quiet = alone and not any(stream.fd in unread for stream in self._streams)
            return
        self._step(self._ladder.turn(now))
        if self.alive and now >= self._watch.due:
            self._look(now)

    def stop(self, reason: str, at_once: bool) -> None:
        """Ask the task to end, or kill it at once."""
        self._step(self._ladder.stop(reason, at_once, time.monotonic()))

    def _look(self, now: float) -> None:
        self._dead.collect()
        self._limit_hit = self._watch.look(now, self._dead.cpu_s)
        if self._limit_hit is not None:
            self.evidence.append(f"{self._limit_hit}: seen to be exceeded, and killed")
            self._step(KILL)

    def _step(self, step: int) -> None:
        if step == ASK:
            self._ask()
        elif step == KILL:
            self._kill()
            self.alive = False

    def _kill(self) -> None:
        if self._dead.status is None:
            send_group(self._dead.main, signal.SIGKILL)

    def _ask(self) -> None:
        """SIGTERM for everyone in the task, the stopped ones too."""
        main = self._dead.main
        send_group(main, signal.SIGTERM)
        send_group(main, signal.SIGCONT)
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(pid) != main:
                    send(pid, signal.SIGTERM)
                    send(pid, signal.SIGCONT)

    def end(self) -> tuple[Facts, list[bytes]]:
        """Kill whatever is left, and only then gather. Returns the facts and the inline bytes of the streams."""
        dead = self._dead
        before = dead.count
        survivors = 0 if self._quiet else sweep(dead.collect, last=self._kill_all)
        self._forget()
        kept = []
        for stream in self._streams:
            while not self._quiet and stream.pump(0.0):
                pass
            kept.append(stream.finish())
            if stream.failure:
                self.evidence.append(stream.failure)
        self._gather()
        self.result.measure()
        if self.result.refused:
            self.evidence.append(self.result.refused)
        facts = self._facts(kept, survivors, self._swept(dead.count - before))
        if self.group is not None:
            add_counts(facts, self.group)
        return facts, [data for _, data in kept]

    def _swept(self, reaped: int) -> int:
        """How many outlived the main process, if so many were reaped after it."""
        return reaped

    def _kill_all(self) -> None:
        if self.group is not None:
            self.group.kill()
        if self._post.last_resort():
            self.evidence.append("what was left forked faster than it could be killed one by one: all killed at once")

    def failed(self, error: Exception) -> Facts:
        """The facts of an attempt that could not be started."""
        self._forget()
        self._post.page.clear()
        if self.alive:
            send(self._dead.main, signal.SIGKILL)
        sweep(self._dead.collect)
        facts = self._facts([(nothing_kept(), b""), (nothing_kept(), b"")], 0, 0)
        facts["exit_code"] = facts["signal"] = None
        facts["sandbox_error"] = f"the task could not be started: {error}"
        return facts

    def _forget(self) -> None:
        for fd in (self._pidfd, *(stream.fd for stream in self._streams)):
            with contextlib.suppress(KeyError):
                self._post.poll.unregister(fd)

    def close(self) -> None:
        """Give back every descriptor."""
        for stream in self._streams:
            stream.close()
        self.result.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
        if self.order["call"] is not None:
            self._post.take_result_away()

    def tidy(self) -> bool:
        """Remove what is removed at once. Says whether that was all."""
        gone = True
        if self.order["argv"] is not None:
            try:
                os.unlink(f"{self._base}.result")
            except FileNotFoundError:
                pass
            except OSError:
                gone = False
        return self._post.folders.give_back() and gone

    def clean(self) -> str | None:
        """Remove the working directory with all that is in it, however long that takes. Says what could not be."""
        return tree.remove(f"{self._base}.result") or self._post.folders.remove()

    def _gather(self) -> None:
        """Find what the program left as its result. A call has left it where `prepare` laid it."""
        if self.order["call"] is None:
            self.result.open(f"{self._base}.result")

    def _facts(self, kept: list[tuple[Kept, bytes]], survivors: int, swept: int) -> Facts:
        dead = self._dead
        status = dead.status
        number = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
        error = self._setup_error(number)
        if number == _SIGXCPU and self.order["cpu_s"] is not None:
            self._limit_hit = "cpu_time"
        return {
            "number": self.order["number"],
            "exit_code": None if error or status is None or number is not None else os.WEXITSTATUS(status),
            "signal": None if error else number,
            "sandbox_error": error,
            "stopped_for": self._ladder.reason,
            "oom_kills": None,
            "limit_hit": self._limit_hit,
            "report_bytes": self.result.size,
            "stdout": kept[0][0],
            "stderr": kept[1][0],
            "started_at": self._started_at,
            "wall_s": time.monotonic() - self._began,
            "cpu_s": dead.cpu_s,
            "memory_bytes": dead.peak_bytes,
            "read_bytes": dead.read_bytes,
            "written_bytes": dead.written_bytes,
            "processes": max(self._watch.processes, swept + 1),
            "survivors": survivors,
            "swept": swept,
            "evidence": self.evidence,
            "waits": False,
            "retired": survivors > 0,
        }

    def _setup_error(self, number: int | None) -> str | None:
        """What kept the program from beginning. A call that needs no confining has begun."""
        if self._given is not None and not self._post.confines(self.order):
            return None
        stage, message = self._post.page.read()
        if stage == page.NOT_EXECUTED:
            self.evidence.append(f"not executed: {message}")
        if stage != page.SETTING_UP or self._ladder.reason is not None:
            return None
        return message or f"the task process died before its program began (signal {number})"
