"""The level `process`: every task in a single-use process of its own, out of a zygote that knows no secrets.

It contains crashes, hangs, floods and stray processes. It is no defence against hostile code.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from functools import partial
from typing import Final

from holdfast.model.errors import EngineFault
from holdfast.model.launch import Launch, Observation, StopReason
from holdfast.model.limits import Capabilities, Level, Usage
from holdfast.sandbox import measure, scratch
from holdfast.sandbox.keepers import Keeper
from holdfast.sandbox.offers import offers
from holdfast.sandbox.order import order
from holdfast.sandbox.scratch import Scratch
from holdfast.sandbox.zygote import wire
from holdfast.sandbox.zygotes import Setting, Zygote

MOST_IDLE: Final = 16
"""So many keepers are kept waiting for work."""

_SOCKET_BYTES: Final = 1 << 20
_TRIES: Final = 3


class Attempt:
    """One started attempt (see `ports.Running`). `group` is the file that tells the memory of its control group."""

    def __init__(
        self, base: str, group: str | None, keeper: Keeper | None, ending: asyncio.Future[Observation]
    ) -> None:
        self._base = base
        self._group = group
        self._keeper = keeper
        self._ending = ending
        self._began = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The main process, as the host sees it; None before it is there and after its end."""
        return None if self._present is None else measure.main_process(self._present)

    def usage(self) -> Usage:
        wall_s = time.monotonic() - self._began
        return Usage(wall_s=wall_s) if self._present is None else measure.usage(self._present, wall_s, self._group)

    def output(self) -> tuple[str, str]:
        return f"{self._base}.out", f"{self._base}.err"

    def stop(self, reason: StopReason, at_once: bool = False) -> None:
        if self._keeper is not None and not self._ending.done():
            self._keeper.stop(reason, at_once)

    async def ended(self) -> Observation:
        return await asyncio.shield(self._ending)

    @property
    def _present(self) -> int | None:
        """The pid of the keeper, as long as it is at this task."""
        return None if self._keeper is None or self._ending.done() else self._keeper.pid


class ProcessSandbox:
    """Carries out launches at level `process`.

    `folder` is for working directories and outputs; each engine has a folder of its own in it, and clears away those
    of dead ones. `control_groups=False` does without them even where the host has them.
    """

    def __init__(self, folder: str | os.PathLike[str], *, control_groups: bool = True) -> None:
        self._scratch = Scratch(os.fspath(folder))
        self._control_groups = control_groups
        self._zygote: Zygote | None = None
        self._capabilities: Capabilities | None = None
        self._idle: list[Keeper] = []
        self._keepers: set[Keeper] = set()
        self._burials: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._count = 0
        self._open = False

    async def open(self) -> None:
        """Clear away what dead engines left, start the zygote, find out what can be enforced. Raises EngineFault."""
        try:
            await asyncio.to_thread(self._scratch.open)
        except OSError as error:
            raise EngineFault(f"the scratch folder cannot be used: {error}") from error
        self._open = True
        zygote = await self._present_zygote()
        made = offers(zygote.layout, zygote.reasons)
        self._capabilities = Capabilities(level=Level.PROCESS, offers=made)

    def capabilities(self) -> Capabilities:
        if self._capabilities is None:
            raise EngineFault("the sandbox is not open")
        return self._capabilities

    async def start(self, launch: Launch) -> Attempt:
        self._count += 1
        name = f"{launch.ref.id}-{self._count}"
        base = f"{self._scratch.path}/{name}"
        try:
            keeper = self._idle.pop() if self._idle else await self._hire()
        except (EngineFault, OSError) as error:
            failed: asyncio.Future[Observation] = asyncio.get_running_loop().create_future()
            failed.set_result(Observation(sandbox_error=f"no keeper could be started: {error}"))
            return Attempt(base, None, None, failed)
        layout = keeper.zygote.layout
        made = order(launch, name, base, layout)
        made["environment"][wire.ENVIRONMENT_MARK] = f"{keeper.zygote.mark}{name}"
        group = measure.memory_group(layout, name) if "memory" in made["groups"] else None
        return Attempt(base, group, keeper, keeper.carry_out(made))

    async def close(self) -> None:
        self._open = False
        self._idle.clear()
        endings = [keeper.ending for keeper in self._keepers if keeper.ending is not None]
        for keeper in self._keepers:
            keeper.stop(StopReason.ENGINE_STOPPING, at_once=True)
        if endings:
            await asyncio.wait(endings)
        for keeper in self._keepers:
            keeper.dismiss()
        if self._zygote is not None:
            await self._zygote.close()
        while self._keepers:
            await asyncio.gather(*(keeper.closed for keeper in self._keepers))
            await asyncio.gather(*self._burials)
        await asyncio.to_thread(self._scratch.close)

    async def _present_zygote(self) -> Zygote:
        """The zygote, started anew if it is gone."""
        async with self._starting:
            if not self._open:
                raise EngineFault("the sandbox is closed")
            if self._zygote is None or not self._zygote.alive:
                if self._zygote is not None:
                    await self._zygote.close()
                self._zygote = Zygote(self._setting())
                await self._zygote.start()
            return self._zygote

    def _setting(self) -> Setting:
        path = self._scratch.path
        return Setting(
            python=sys.executable,
            scratch=path,
            mark=self._scratch.zygote_mark(),
            log=f"{path}/zygote.log",
            use_groups=self._control_groups,
        )

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
            _, keeper = await loop.create_connection(partial(Keeper, zygote, self._release, self._bury), sock=ours)
            self._keepers.add(keeper)
            return keeper
        raise EngineFault("the zygote dies as soon as it is started")

    def _release(self, keeper: Keeper) -> None:
        if keeper.usable and self._open and len(self._idle) < MOST_IDLE:
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
        if keeper.ending is not None:
            told = None if keeper.pid is None else await keeper.zygote.gone(keeper.pid)
            if told is None and not keeper.zygote.alive:  # nobody else is left to kill what it left
                await asyncio.to_thread(scratch.kill_marked, keeper.zygote.mark, scratch.PATIENCE_S)
            how = told or ("together with the zygote" if not keeper.zygote.alive else "nobody knows how")
            keeper.fail(f"the keeper of the task died ({how}) {keeper.zygote.last_words()}".rstrip())
        self._keepers.discard(keeper)
