"""The keeper: takes one order at a time from the engine, and reports when no process of it is left."""

from __future__ import annotations

import _socket
import gc
import marshal
import math
import os
import select
import sys
import time

from .attempt import Attempt
from .kernel import SET_CHILD_SUBREAPER, prctl
from .places import empty_pen, make_pen
from .post import Post
from .sealed import SealedAttempt
from .shell import Shell
from .sweep import Dead, sweep
from .wire import ENDED, HEADER, HELLO, LEAVE, LENGTH, READY, REPORT_BYTES, RUN, SHAPE, STOP, write_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from .cgroup import Group, Layout
    from .wire import Facts, Order, Settings

_CHUNK_BYTES = 64 * 1024
_COLLECT_EVERY = 500  # tasks; the collector never runs by itself here, as it would write into every object
_LINGER_TURNS = 3  # sweeps of `sweep.SWEEP_S` each, for processes that could not be killed


class Inbox:
    """Puts the engine's frames together."""

    def __init__(self, sock: _socket.socket) -> None:
        self._sock = sock
        self._chunk = bytearray(_CHUNK_BYTES)
        self._buffer = bytearray()
        self.ended = False

    def receive(self) -> None:
        """Take in what has arrived; waits if nothing has."""
        try:
            size = self._sock.recv_into(self._chunk)
        except ConnectionResetError:
            size = 0
        self._buffer += memoryview(self._chunk)[:size]
        self.ended = not size

    def take(self) -> tuple[Any, ...] | None:
        """The next whole message, if there is one."""
        if len(self._buffer) < LENGTH.size:
            return None
        (size,) = LENGTH.unpack_from(self._buffer)
        end = LENGTH.size + size
        if len(self._buffer) < end:
            return None
        message: tuple[Any, ...] = marshal.loads(memoryview(self._buffer)[LENGTH.size : end])
        del self._buffer[:end]
        return message


class Keeper:
    """One keeper process. `masters` are pidfds of root and engine: when one of them ends, so does the keeper."""

    def __init__(self, sock: _socket.socket, settings: Settings, layout: Layout, masters: tuple[int, int]) -> None:
        self._sock = sock
        self._environment = dict(os.environ)
        self._inbox = Inbox(sock)
        self._masters = masters
        self._post = Post(settings, layout, self._last_resort)
        self._poll = self._post.poll
        self._shell = Shell(self._post.page)
        self._pen = make_pen(layout)
        self._worn = False
        self._carried_out = 0
        self._groups: list[Group] = []
        for fd in (sock.fileno(), *masters):
            self._poll.register(fd, select.POLLIN)

    def serve(self) -> None:
        """Carry out orders until told to leave, or until nobody is there to give any."""
        self._send(HELLO, {"pid": self._post.keeper})
        while True:
            message = self._inbox.take()
            if message is None:
                self._hear(self._poll.poll())
                if self._inbox.ended:
                    break
            elif message[0] == RUN:
                self._carry_out(message[1])
            elif message[0] == SHAPE:
                self._shell.take_shape(message[1])
            elif message[0] == LEAVE:
                break
        self._shell.close()
        self._post.folders.remove()

    def _carry_out(self, order: Order) -> None:
        attempt = SealedAttempt(order, self._post, self._shell) if order["sealed"] else Attempt(order, self._post)
        try:
            if not order["sealed"]:
                self._furnish(order)
            attempt.prepare()
            events = attempt.start(_milliseconds(attempt.next()))
        except (OSError, ValueError) as error:
            facts, parts = attempt.failed(error), [b"", b""]
        else:
            self._watch(attempt, events)
            facts, parts = attempt.end()
        facts["retired"] = facts["retired"] or self._worn or self._shell.broken is not None
        facts["waits"] = not attempt.tidy()
        if not self._inbox.ended:
            self._send(ENDED, facts, attempt.result.fd, parts)
        attempt.close()
        self._clean_up(attempt, facts)
        if facts["retired"]:
            self._linger()
        self._carried_out += 1
        if self._carried_out % _COLLECT_EVERY == 0:
            gc.collect()
        if order["sealed"]:
            self._shell.look_ahead()

    def _furnish(self, order: Order) -> None:
        """Name the working directory, and make the environment of a call our own: its process is a copy of this one."""
        order["environment"]["HOLDFAST_WORKDIR"] = self._post.folders.take()
        if order["call"] is not None:
            self._adopt(order["environment"])

    def _clean_up(self, attempt: Attempt, facts: Facts) -> None:
        """Remove what takes its time, after the report."""
        if facts["waits"]:
            attempt.clean()
            if not self._inbox.ended:
                self._send(READY, {})
        if attempt.group is not None:
            self._groups.append(attempt.group)
        self._groups = [group for group in self._groups if not group.remove()]

    def _last_resort(self) -> bool:
        """Step out of the pen, and have the kernel kill everything in it."""
        self._worn = self._pen is not None and empty_pen(self._pen)
        return self._worn

    def _adopt(self, environment: dict[str, str]) -> None:
        """Make this environment the keeper's own, for the task to inherit; from task to task little of it changes."""
        current = self._environment
        for name in [name for name in current if name not in environment]:
            del os.environ[name], current[name]
        for name, value in environment.items():
            if current.get(name) != value:
                os.environ[name] = current[name] = value

    def _watch(self, attempt: Attempt, events: list[tuple[int, int]]) -> None:
        while True:
            ready = self._hear(events)
            while (message := self._inbox.take()) is not None:
                if message[0] == LEAVE:
                    self._inbox.ended = True
                elif message[0] == STOP and message[1] == attempt.order["number"]:
                    attempt.stop(message[2], at_once=message[3])
            if self._inbox.ended:
                attempt.stop("engine_stopping", at_once=True)
            if attempt.alive:
                attempt.turn(ready, time.monotonic())
            if not attempt.alive:
                return
            events = self._poll.poll(_milliseconds(attempt.next()))

    def _hear(self, events: list[tuple[int, int]]) -> list[int]:
        """Take in what the engine says. The end of a master counts as the end of the engine's messages."""
        ready = [fd for fd, _ in events]
        if self._sock.fileno() in ready:
            self._inbox.receive()
        if self._masters[0] in ready or self._masters[1] in ready:
            self._inbox.ended = True
        return ready

    def _send(self, kind: int, facts: Facts | dict[str, int], report: int = -1, parts: Sequence[bytes] = ()) -> None:
        body = write_json(facts).encode("utf-8", "replace")
        size = int(facts.get("report_bytes", 0))
        size = size if report >= 0 and size <= REPORT_BYTES else 0
        out, err = parts or (b"", b"")
        data = HEADER.pack(kind, len(body), size, len(out), len(err)) + body
        if size <= _CHUNK_BYTES:
            data += os.pread(report, size, 0) if size else b""
        else:
            self._sock.sendall(data)
            data = b""
            offset = 0
            while offset < size:
                offset += os.sendfile(self._sock.fileno(), report, offset, size - offset)
        self._sock.sendall(data + out + err)

    def _linger(self) -> NoReturn:
        dead = Dead()
        for _ in range(_LINGER_TURNS):
            if sweep(dead.collect) == 0:
                break
        os._exit(0)


def _milliseconds(due: float) -> int:
    """The time until then, as poll takes it."""
    return max(0, math.ceil((due - time.monotonic()) * 1000))


def keep(sock: _socket.socket, settings: Settings, layout: Layout, engine: int) -> NoReturn:
    """Be a keeper. Runs in a process just forked from the root zygote, and never returns."""
    log = os.dup(2)  # 2 itself is that of the tasks from now on
    try:
        root = os.pidfd_open(os.getppid())
        os.setsid()
        prctl(SET_CHILD_SUBREAPER, 1)
        Keeper(sock, settings, layout, (root, engine)).serve()
    except BrokenPipeError:
        pass  # the engine is gone
    finally:
        if sys.exc_info()[0] is not None:
            import traceback

            os.write(log, f"keeper {os.getpid()}: {traceback.format_exc()}".encode())
        os._exit(0)
