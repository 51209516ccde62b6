"""Carries every launch out on this machine, in the sandbox of its level."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from holdfast.model.errors import EngineFault
from holdfast.model.launch import Launch
from holdfast.model.limits import Capabilities, Level
from holdfast.ports import Running, Sandbox


class LocalDispatcher:
    """One sandbox per isolation level, all of them on this machine.

    The one of the `usual` level is opened with the dispatcher, any other when it is first asked for.
    """

    def __init__(self, sandboxes: Mapping[Level, Sandbox], usual: Level) -> None:
        self._sandboxes = dict(sandboxes)
        self._usual = usual
        self._open: set[Level] = set()
        self._opening = asyncio.Lock()

    async def capabilities(self, level: Level) -> Capabilities | None:
        sandbox = self._sandboxes.get(level)
        if sandbox is None:
            return None
        await self._ready(level, sandbox)
        return sandbox.capabilities()

    async def start(self, launch: Launch) -> Running:
        sandbox = self._sandboxes.get(launch.level)
        if sandbox is None:
            raise EngineFault(f"there is no sandbox of level {launch.level} here")
        await self._ready(launch.level, sandbox)
        return await sandbox.start(launch)

    async def open(self) -> None:
        sandbox = self._sandboxes.get(self._usual)
        if sandbox is not None:
            await self._ready(self._usual, sandbox)

    async def close(self) -> None:
        for sandbox in self._sandboxes.values():
            await sandbox.close()

    async def _ready(self, level: Level, sandbox: Sandbox) -> None:
        if level in self._open:
            return
        async with self._opening:
            if level not in self._open:
                await sandbox.open()
                self._open.add(level)
