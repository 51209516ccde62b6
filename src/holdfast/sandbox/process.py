"""The level `process`: every task in a single-use process of its own, out of a zygote that knows no secrets.

It contains crashes, hangs, floods and stray processes. It is no defence against hostile code.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Final

from holdfast.model.errors import EngineFault
from holdfast.model.launch import Call, Exec, Launch, Observation, StopReason
from holdfast.model.limits import Capabilities, Level, Usage
from holdfast.sandbox.keepers import Keeper
from holdfast.sandbox.offers import offers
from holdfast.sandbox.scratch import Scratch
from holdfast.sandbox.zygote import wire
from holdfast.sandbox.zygotes import Setting, Zygote

OUTPUT_BYTES: Final = 10_000_000
GRACE_S: Final = 0.5
_SOCKET_BYTES: Final = 1 << 20
_TRIES: Final = 3


class Attempt:
    """One started attempt (see `ports.Running`)."""

    def __init__(self, base: str, ending: asyncio.Future[Observation], keeper: Keeper | None) -> None:
        self._base = base
        self._ending = ending
        self._keeper = keeper

    @property
    def pid(self) -> int | None:
        return None

    def usage(self) -> Usage:
        return Usage()

    def output(self) -> tuple[str, str]:
        return f"{self._base}.out", f"{self._base}.err"

    def stop(self, reason: StopReason, at_once: bool = False) -> None:
        if self._keeper is not None and not self._ending.done():
            self._keeper.stop(reason, at_once)

    async def ended(self) -> Observation:
        return await asyncio.shield(self._ending)


class ProcessSandbox:
    """Carries out launches at level `process`.

    `scratch` is a folder for working directories and outputs; each engine has a folder of its own in it, and clears
    away those of dead ones. At most `idle` keepers are kept waiting for work; there is one for each running task.
    """

    def __init__(self, scratch: str | os.PathLike[str], *, python: str = sys.executable, idle: int = 16) -> None:
        self._scratch = Scratch(os.fspath(scratch))
        self._python = python
        self._spare = idle
        self._zygote: Zygote | None = None
        self._idle: list[Keeper] = []
        self._keepers: set[Keeper] = set()
        self._burials: set[asyncio.Task[None]] = set()
        self._hiring = asyncio.Lock()
        self._count = 0
        self._open = False

    async def open(self) -> None:
        """Clear away what dead engines left, and start the zygote. Raises EngineFault."""
        await asyncio.to_thread(self._scratch.open)
        self._open = True
        await self._present_zygote()

    def capabilities(self) -> Capabilities:
        return Capabilities(level=Level.PROCESS, offers=offers())

    async def start(self, launch: Launch) -> Attempt:
        self._count += 1
        name = f"{launch.ref.id}-{self._count}"
        base = f"{self._scratch.path}/{name}"
        try:
            keeper = self._idle.pop() if self._idle else await self._hire()
        except (EngineFault, OSError) as error:
            failed = asyncio.get_running_loop().create_future()
            failed.set_result(Observation(sandbox_error=f"no keeper could be started: {error}"))
            return Attempt(base, failed, None)
        return Attempt(base, keeper.carry_out(self._order(launch, name, base)), keeper)

    async def close(self) -> None:
        self._open = False
        self._idle.clear()
        endings = [keeper.ending for keeper in self._keepers if keeper.ending is not None]
        for keeper in self._keepers:
            keeper.stop(StopReason.ENGINE_STOPPING, at_once=True)
        if endings:
            await asyncio.wait(endings)
        for keeper in list(self._keepers):
            keeper.dismiss()
        if self._zygote is not None:
            await self._zygote.close()
        while self._keepers or self._burials:
            await asyncio.sleep(0)
            if self._burials:
                await asyncio.wait(self._burials)
        await asyncio.to_thread(self._scratch.close)

    async def _present_zygote(self) -> Zygote:
        """The zygote, started anew if it is gone."""
        async with self._hiring:
            if not self._open:
                raise EngineFault("the sandbox is closed")
            if self._zygote is None or not self._zygote.alive:
                if self._zygote is not None:
                    await self._zygote.close()
                path = self._scratch.path
                mark = os.path.basename(path)
                self._zygote = Zygote(Setting(python=self._python, scratch=path, mark=mark, log=f"{path}/zygote.log"))
                await self._zygote.start()
            return self._zygote

    async def _hire(self) -> Keeper:
        for _ in range(_TRIES):
            zygote = await self._present_zygote()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            ours.setblocking(False)
            try:
                with theirs:
                    zygote.hire(theirs)
            except OSError:
                ours.close()
                continue
            loop = asyncio.get_running_loop()
            _, keeper = await loop.create_connection(lambda: Keeper(self._release, self._bury), sock=ours)
            self._keepers.add(keeper)
            return keeper
        raise EngineFault("the zygote dies as soon as it is started")

    def _release(self, keeper: Keeper) -> None:
        if keeper.usable and self._open and len(self._idle) < self._spare:
            self._idle.append(keeper)
        else:
            keeper.dismiss()

    def _bury(self, keeper: Keeper) -> None:
        if keeper in self._idle:
            self._idle.remove(keeper)
        burial = asyncio.get_running_loop().create_task(self._last_rites(keeper))
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

    async def _last_rites(self, keeper: Keeper) -> None:
        """Wait until all that a dead keeper left is dead, before its task counts as ended."""
        if keeper.pid is not None and self._zygote is not None:
            await self._zygote.gone(keeper.pid)
        keeper.fail("the keeper of the task died")
        self._keepers.discard(keeper)

    def _order(self, launch: Launch, name: str, base: str) -> wire.Order:
        environment = dict(launch.environment)
        environment[wire.ENVIRONMENT_MARK] = f"{os.path.basename(self._scratch.path)}/{name}"
        environment["HOLDFAST_WORKDIR"] = base
        argv, call = None, None
        match launch.program:
            case Exec(argv=words):
                argv = list(words)
                environment["HOLDFAST_RESULT"] = f"{base}.result"
            case Call(target=target, arguments=arguments, import_path=import_path):
                call = (target, arguments, list(import_path))
        limits = launch.limits
        return {
            "number": 0,
            "name": name,
            "argv": argv,
            "call": call,
            "environment": environment,
            "stdin": launch.stdin,
            "files": list(launch.files),
            "wall_s": limits.wall_s,
            "grace_s": GRACE_S if limits.grace_s is None else limits.grace_s,
            "output_bytes": OUTPUT_BYTES if limits.output_bytes is None else limits.output_bytes,
            "open_files": limits.open_files,
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "pids": limits.pids,
            "cpus": limits.cpus,
        }
