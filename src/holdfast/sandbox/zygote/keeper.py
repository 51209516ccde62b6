"""The keeper: takes one order at a time from the engine, and reports when no process of it is left."""

from __future__ import annotations

import _socket
import json
import marshal
import math
import os
import select
import signal
import time

from .attempt import Attempt
from .child import Page
from .kernel import SET_CHILD_SUBREAPER, prctl
from .sweep import Dead, sweep
from .tree import BadName
from .wire import ENDED, HEADER, HELLO, LEAVE, LENGTH, READY, REPORT_BYTES, RUN, STOP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from .wire import Facts, Order, Settings

_LINGER_TURNS = 3  # sweeps of `sweep.SWEEP_S` each, for processes that could not be killed


class Inbox:
    """Puts the engine's frames together."""

    def __init__(self, sock: _socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self.ended = False

    def receive(self) -> None:
        """Take in what has arrived; waits if nothing has."""
        data = self._sock.recv(1 << 20)
        self._buffer += data
        self.ended = not data

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
    """One keeper process. `root` and `engine` are pidfds: when one of them ends, so does the keeper."""

    def __init__(self, sock: _socket.socket, settings: Settings, root: int, engine: int) -> None:
        self._sock = sock
        self._settings = settings
        self._inbox = Inbox(sock)
        self._masters = (root, engine)
        self._page = Page()
        self._nothing = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self._poll = select.poll()
        for fd in (sock.fileno(), root, engine):
            self._poll.register(fd, select.POLLIN)

    def serve(self) -> None:
        """Carry out orders until told to leave, or until nobody is there to give any."""
        self._send(HELLO, {"pid": os.getpid()})
        while True:
            message = self._inbox.take()
            if message is None:
                self._wait(None)
                if self._inbox.ended:
                    return
            elif message[0] == RUN:
                self._carry_out(message[1])
            elif message[0] == LEAVE:
                return

    def _carry_out(self, order: Order) -> None:
        attempt = Attempt(order, self._settings, self._page, self._nothing)
        try:
            attempt.start(self._poll)
        except (OSError, BadName) as error:
            facts, parts = attempt.failed(error), [b"", b""]
        else:
            self._watch(attempt)
            facts, parts = attempt.end(self._poll)
        if self._inbox.ended:
            attempt.clean()
            return
        facts["waits"] = not attempt.tidy()
        self._send(ENDED, facts, attempt.report, parts)
        attempt.close()
        if facts["retired"]:
            self._linger()
        if facts["waits"]:
            attempt.clean()
            self._send(READY, {})

    def _watch(self, attempt: Attempt) -> None:
        while attempt.alive:
            due = attempt.next()
            timeout = None if due == math.inf else max(0, math.ceil((due - time.monotonic()) * 1000))
            ready = self._wait(timeout)
            while (message := self._inbox.take()) is not None:
                if message[0] == LEAVE:
                    self._inbox.ended = True
                elif message[0] == STOP and message[1] == attempt.order["number"]:
                    attempt.stop(message[2], at_once=message[3])
            if self._inbox.ended:
                attempt.stop("engine_stopping", at_once=True)
            if attempt.alive:
                attempt.turn(ready, time.monotonic())

    def _wait(self, timeout_ms: int | None) -> list[int]:
        """Wait for something to happen. The end of a master counts as the end of the engine's messages."""
        ready = [fd for fd, _ in self._poll.poll(timeout_ms)]
        if self._sock.fileno() in ready:
            self._inbox.receive()
        if self._masters[0] in ready or self._masters[1] in ready:
            self._inbox.ended = True
        return ready

    def _send(self, kind: int, facts: Facts | dict[str, int], report: int = -1, parts: Sequence[bytes] = ()) -> None:
        body = json.dumps(facts).encode()
        size = int(facts.get("report_bytes", 0))
        size = size if report >= 0 and size <= REPORT_BYTES else 0
        out, err = parts or (b"", b"")
        self._sock.sendall(HEADER.pack(kind, len(body), size, len(out), len(err)) + body)
        offset = 0
        while offset < size:
            offset += os.sendfile(self._sock.fileno(), report, offset, size - offset)
        if out or err:
            self._sock.sendall(out + err)

    def _linger(self) -> NoReturn:
        dead = Dead(-1)
        for _ in range(_LINGER_TURNS):
            if sweep(dead.collect) == 0:
                break
        os._exit(0)


def keep(sock: _socket.socket, settings: Settings, engine: int) -> NoReturn:
    """Be a keeper. Runs in a process just forked from the root zygote, and never returns."""
    try:
        root = os.pidfd_open(os.getppid())
        os.setsid()
        prctl(SET_CHILD_SUBREAPER, 1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        Keeper(sock, settings, root, engine).serve()
    except BrokenPipeError:
        pass  # the engine is gone
    finally:
        os._exit(0)
