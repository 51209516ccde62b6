"""Carries every launch out on this machine, in the sandbox of its level."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.model.errors import EngineFault
from holdfast.model.launch import Launch
from holdfast.model.limits import Capabilities, Level
from holdfast.ports import Running, Sandbox


class LocalDispatcher:
    """One sandbox per isolation level, all of them on this machine."""

    def __init__(self, sandboxes: Mapping[Level, Sandbox]) -> None:
        self._sandboxes = dict(sandboxes)

    def capabilities(self, level: Level) -> Capabilities | None:
        sandbox = self._sandboxes.get(level)
        return None if sandbox is None else sandbox.capabilities()

    async def start(self, launch: Launch) -> Running:
        sandbox = self._sandboxes.get(launch.level)
        if sandbox is None:
            raise EngineFault(f"there is no sandbox of level {launch.level} here")
        return await sandbox.start(launch)

    async def open(self) -> None:
        for sandbox in self._sandboxes.values():
            await sandbox.open()

    async def close(self) -> None:
        for sandbox in self._sandboxes.values():
            await sandbox.close()
