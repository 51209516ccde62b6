"""The keepers of one engine and the zygote that they come from; all isolation levels share them."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from functools import partial
from itertools import count
from typing import Final

from holdfast.model.errors import EngineFault
from holdfast.model.launch import StopReason
from holdfast.sandbox import scratch
from holdfast.sandbox.keepers import Keeper, Post
from holdfast.sandbox.scratch import Scratch
from holdfast.sandbox.zygotes import Setting, Zygote

MOST_IDLE: Final = 16
"""So many keepers are kept waiting for work."""

_SOCKET_BYTES: Final = 1 << 20
_TRIES: Final = 3


class Crew:
    """Hires keepers, keeps those that are free, and sees out those that die.

    `folder` is for working directories and outputs; each engine has a folder of its own in it, and clears away those
    of dead ones. `control_groups=False` does without them even where the host has them.
    Whoever opens it closes it; it works from the first opening to the last closing.
    """

    def __init__(self, folder: str | os.PathLike[str], *, control_groups: bool = True) -> None:
        self._scratch = Scratch(os.fspath(folder))
        self._control_groups = control_groups
        self._zygote: Zygote | None = None
        self._idle: list[Keeper] = []
        self._keepers: set[Keeper] = set()
        self._slots: set[int] = set()
        self._burials: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._users = 0
        self._count = count(1)

    async def open(self) -> Zygote:
        """Clear away what dead engines left, and start the zygote. Raises EngineFault."""
        self._users += 1
        if self._users == 1:
            try:
                await asyncio.to_thread(self._scratch.open)
            except OSError as error:
                self._users = 0
                raise EngineFault(f"the scratch folder cannot be used: {error}") from error
        return await self._present_zygote()

    def name(self, attempt_id: int) -> tuple[str, str]:
        """A name for the files of an attempt, and what their paths begin with."""
        name = f"{attempt_id}-{next(self._count)}"
        if not os.path.isdir(self._scratch.path):  # a task may have removed it: others need not suffer for that
            os.makedirs(self._scratch.path, 0o700)
        return name, f"{self._scratch.path}/{name}"

    async def take(self, kind: str, shape: object = None) -> Keeper:
        """A keeper of this kind that is free, one that has this shape rather than another. Raises EngineFault."""
        fitting = [keeper for keeper in self._idle if keeper.kind == kind]
        if not fitting:
            return await self._hire(kind)
        chosen = next((keeper for keeper in reversed(fitting) if keeper.shape == shape), fitting[-1])
        self._idle.remove(chosen)
        return chosen

    async def close(self) -> None:
        """Kill what still runs, and release everything; nothing as long as others have it open."""
        self._users -= 1
        if self._users > 0:
            return
        self._users = 0
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
            if not self._users:
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

    async def _hire(self, kind: str) -> Keeper:
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
            post = Post(kind, next(slot for slot in count() if slot not in self._slots))
            self._slots.add(post.slot)
            made = partial(Keeper, zygote, post, self._release, self._bury)
            _, keeper = await loop.create_connection(made, sock=ours)
            self._keepers.add(keeper)
            return keeper
        raise EngineFault("the zygote dies as soon as it is started")

    def _release(self, keeper: Keeper) -> None:
        if keeper.usable and self._users and len(self._idle) < MOST_IDLE:
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
        self._slots.discard(keeper.slot)
