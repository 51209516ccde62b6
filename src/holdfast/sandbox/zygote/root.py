"""The root zygote: forks keepers, and kills whatever a dead keeper leaves behind."""

from __future__ import annotations

import _socket
import builtins
import contextlib
import gc
import os
import resource
import select
import signal
import struct
import sys
from _sitebuiltins import Quitter

from . import call, keeper, places
from .family import children
from .kernel import SET_CHILD_SUBREAPER, SET_DUMPABLE, WAIT_ALL, prctl
from .sweep import sweep
from .wire import unpack, write_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .wire import Settings

HIRE = b"hire"
_MESSAGE_BYTES = 1 << 16
_OOM_SCORE = b"300"  # where the host runs out of memory, tasks are to die before the engine; keepers inherit it
_WARM_TURNS = 20
_FAREWELL_MS = 1500
_RETRY_MS = 500


class Root:
    """The root zygote. It ends when the engine does, after the last keeper."""

    def __init__(self, sock: _socket.socket, settings: Settings) -> None:
        self._sock = sock
        self._settings = settings
        self._layout, self._reasons = places.detect(settings) if settings["use_groups"] else ({}, [])
        self._engine = os.pidfd_open(settings["engine_pid"])
        self._keepers: dict[int, int] = {}  # pidfd -> pid
        self._strays = False
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)
        self._poll.register(self._engine, select.POLLIN)

    def serve(self) -> None:
        """Fork keepers until the engine is gone, then see them out."""
        self._tell({"pid": os.getpid(), "layout": self._layout, "reasons": self._reasons})
        while self._turn(_RETRY_MS if self._strays else None):
            pass
        self._poll.unregister(self._sock.fileno())
        self._poll.unregister(self._engine)
        self._sock.close()
        while self._keepers and (ready := self._poll.poll(_FAREWELL_MS)):
            for fd, _ in ready:
                self._bury(fd)
        self._keepers.clear()
        self._sweep()
        places.leave(self._settings["engine_pid"], self._layout)

    def _turn(self, timeout_ms: int | None) -> bool:
        for fd, _ in self._poll.poll(timeout_ms):
            if fd == self._engine:
                return False
            if fd == self._sock.fileno():
                if not self._receive():
                    return False
            else:
                pid, code = self._bury(fd)
                self._tell({"gone": pid, "code": code, "survivors": self._sweep()})
        if self._strays:
            self._sweep()
        return True

    def _receive(self) -> bool:
        size = struct.calcsize("i")
        data, ancillary, _, _ = self._sock.recvmsg(64, _socket.CMSG_SPACE(size), _socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in ancillary:
            if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
                self._hire(int.from_bytes(content[:size], sys.byteorder))
        return bool(data)

    def _hire(self, fd: int) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                self._sock.close()
                for pidfd in self._keepers:
                    os.close(pidfd)
                keeper.keep(_socket.socket(fileno=fd), self._settings, self._layout, self._engine)
            finally:
                os._exit(1)
        os.close(fd)
        pidfd = os.pidfd_open(pid)
        self._keepers[pidfd] = pid
        self._poll.register(pidfd, select.POLLIN)

    def _bury(self, pidfd: int) -> tuple[int, int]:
        """Reap a dead keeper. Returns its pid and its exit code, negative for a signal."""
        pid = self._keepers.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if "kill" in self._layout:
            with contextlib.suppress(OSError):
                os.rmdir(places.pen_of(self._layout, pid))
        return pid, code

    def _sweep(self) -> int:
        """Kill all children but the keepers: they are what a dead keeper left."""
        spare = frozenset(self._keepers.values())
        survivors = sweep(lambda: _reap_strays(spare), spare)
        self._strays = survivors > 0
        return survivors

    def _tell(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # the engine may be gone, which the next turn sees
            self._sock.send(write_json(message).encode("utf-8", "replace"))


def _reap_strays(spare: frozenset[int]) -> bool:
    """Reap the dead but those in `spare`. Says whether one of the others is left."""
    left = False
    for pid in children(os.getpid()):
        if pid not in spare and os.waitpid(pid, os.WNOHANG | WAIT_ALL)[0] == 0:
            left = True
    return left


def _settle(settings: Settings) -> None:
    """Make this process a good ancestor: nothing that it has or is may be of use to a task."""
    prctl(SET_CHILD_SUBREAPER, 1)
    prctl(SET_DUMPABLE, 0)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) in (signal.SIG_IGN, None):
            signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # without effect, as in every Python; but gone after an exec
        signal.signal(number, _do_nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    os.chdir("/")
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, _OOM_SCORE)
        os.close(fd)
    except OSError:
        pass  # the engine itself is to die first, and this may not be lowered
    _forbid_cores()
    for name in [name for name in sys.modules if name.startswith(__name__.partition(".")[0])]:
        del sys.modules[name]  # a task may have modules of these names
    sys.path[:] = settings["import_path"]
    sys.prefix, sys.exec_prefix = settings["prefix"], settings["exec_prefix"]
    sys.dont_write_bytecode = not settings["write_bytecode"]
    _add_quitters()
    _warm_up()
    gc.disable()  # a collection would write into every object; a task gets it back
    gc.collect()
    gc.freeze()


def _forbid_cores() -> None:
    """One byte, not none: at none, a core_pattern that is a pipe is still started, as root; at one it is not."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    most = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def _do_nothing(number: int, frame: object) -> None:
    """A handler: the system call that caused the signal fails, which is what Python code expects."""


def _add_quitters() -> None:
    """Give tasks the `exit` and `quit` that scripts count on, and that only `site` makes, which is not loaded."""
    for name in ("exit", "quit"):
        setattr(builtins, name, Quitter(name, "Ctrl-D (i.e. EOF)"))


def _warm_up() -> None:
    """Go through what every child will do, so that it finds names bound and bytecode specialised: both write pages."""
    for _ in range(_WARM_TURNS):
        call.rehearse()
        prctl(SET_CHILD_SUBREAPER, 1)


def _keep_three(end: int) -> int:
    """Occupy descriptor 3, which is for the results of tasks. Returns the number that the socket has from now on."""
    nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    if nothing == 3:
        os.set_inheritable(end, False)
        return end
    moved = os.dup(end)
    os.dup2(nothing, 3, inheritable=False)
    os.close(nothing)
    return moved


def main() -> NoReturn:
    """Be the root zygote. The only argument is the descriptor of the socket to the engine."""
    sock = _socket.socket(fileno=_keep_three(int(sys.argv[1])))
    settings = unpack(sock.recv(_MESSAGE_BYTES))
    _settle(settings)
    Root(sock, settings).serve()
    os._exit(0)
