"""The engine's end of the root zygote."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from holdfast.model.errors import EngineFault
from holdfast.sandbox.zygote import wire

if TYPE_CHECKING:
    from holdfast.sandbox.zygote.cgroup import Layout

_START_S: Final = 20.0
_GONE_S: Final = 12.0
_PACKAGE: Final = Path(__file__).parent
_BOOT: Final = "import sys; sys.path.insert(0, sys.argv.pop()); from sandbox.zygote.root import main; main()"
_INHERITED: Final = ("LD_LIBRARY_PATH",)  # an interpreter may not start without it


class _Place(msgspec.Struct):
    """See `zygote.cgroup.Place`."""

    base: str
    version: int


class _News(msgspec.Struct):
    """What the root zygote says: `pid` once at the start, then the keepers that are `gone`."""

    pid: int | None = None
    layout: dict[str, _Place] = {}
    reasons: tuple[str, ...] = ()
    gone: int | None = None
    code: int = 0
    survivors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where a root zygote works: `scratch` for its files, `mark` to tell its processes from others."""

    python: str
    scratch: str
    mark: str
    log: str
    use_groups: bool


class Zygote:
    """A root zygote: started by `start`, hires keepers, and says when one is gone with all that it had."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._loop = asyncio.get_running_loop()
        self._hello: asyncio.Future[None] = self._loop.create_future()
        self.layout: Layout = {}
        self.reasons: tuple[str, ...] = ()
        self._gone: dict[int, asyncio.Future[str]] = {}
        self._sock: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether it can hire."""
        return self._sock is not None

    @property
    def mark(self) -> str:
        """What the environment of its processes is marked with."""
        return self._setting.mark

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process. Raises EngineFault if it does not come up."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            with theirs:
                self._process = _spawn(self._setting, theirs.fileno())
        except OSError as error:
            ours.close()
            raise EngineFault(f"the zygote did not start: {error}") from error
        self._sock = ours
        self._loop.add_reader(ours, self._read)
        ours.send(wire.pack(_settings(self._setting)))
        try:
            await asyncio.wait_for(asyncio.shield(self._hello), _START_S)
        except (TimeoutError, EngineFault) as error:
            await self.close()
            raise EngineFault(f"the zygote did not come up: {self.last_words() or error}") from error

    def hire(self, end: socket.socket) -> None:
        """Have a keeper forked that serves the other end of this socket. Raises OSError."""
        if self._sock is None:
            raise BrokenPipeError("the zygote is gone")
        socket.send_fds(self._sock, [b"hire"], [end.fileno()])

    async def gone(self, keeper: int) -> str | None:
        """Wait until a keeper and all that it had are dead. Returns how it ended; None if nobody can tell."""
        future = self._gone.setdefault(keeper, self._loop.create_future())
        if not self.alive and not future.done():
            return None
        try:
            return await asyncio.wait_for(asyncio.shield(future), _GONE_S)
        except (TimeoutError, EngineFault):
            return None
        finally:
            self._gone.pop(keeper, None)

    def kill(self) -> None:
        """It does not answer: kill it, so that another is started. Its keepers notice, and leave with their tasks."""
        if self._process is not None:
            self._process.kill()

    async def close(self) -> None:
        """Let it go, and wait until it has seen its keepers out."""
        self._hang_up()
        process = self._process
        if process is None or process.returncode is not None:
            return
        ended: asyncio.Future[None] = self._loop.create_future()
        fd = os.pidfd_open(process.pid)
        self._loop.add_reader(fd, _resolve, ended)
        try:
            await asyncio.wait_for(ended, _GONE_S)
        except TimeoutError:
            process.kill()
        finally:
            self._loop.remove_reader(fd)
            os.close(fd)
        process.wait()

    def _read(self) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return
        news = msgspec.json.decode(data, type=_News)
        if news.pid is not None and not self._hello.done():
            self.layout = {use: {"base": place.base, "version": place.version} for use, place in news.layout.items()}
            self.reasons = news.reasons
            self._hello.set_result(None)
        if news.gone is not None:
            future = self._gone.setdefault(news.gone, self._loop.create_future())
            if not future.done():
                left = f"; {news.survivors} of its processes could not be killed" if news.survivors else ""
                future.set_result((f"signal {-news.code}" if news.code < 0 else f"exit code {news.code}") + left)

    def _hang_up(self) -> None:
        if self._sock is None:
            return
        self._loop.remove_reader(self._sock)
        self._sock.close()
        self._sock = None
        waiting: list[asyncio.Future[None] | asyncio.Future[str]] = [self._hello, *self._gone.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(EngineFault("the zygote is gone"))
                future.exception()  # not everyone waits for it

    def last_words(self) -> str:
        """The end of what it and its keepers wrote when something went wrong."""
        try:
            return Path(self._setting.log).read_text(errors="replace")[-2000:].strip()
        except OSError:
            return ""


def _spawn(setting: Setting, end: int) -> subprocess.Popen[bytes]:
    argv = [setting.python, "-I", "-S", "-X", "utf8", "-c", _BOOT, str(end), str(_PACKAGE.parent)]
    with open(setting.log, "ab") as log:
        return subprocess.Popen(
            argv,
            env=_environment(setting.mark),
            pass_fds=[end],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _environment(mark: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**kept, "LD_BIND_NOW": "1", wire.ENVIRONMENT_MARK: mark}  # see zygote.root on the first touch of pages


def _settings(setting: Setting) -> wire.Settings:
    return {
        "engine_pid": os.getpid(),
        "scratch": setting.scratch,
        "mark": setting.mark,
        "use_groups": setting.use_groups,
        "import_path": [os.path.abspath(entry) for entry in sys.path],
        "prefix": sys.prefix,
        "exec_prefix": sys.exec_prefix,
        "write_bytecode": not sys.dont_write_bytecode,
    }
