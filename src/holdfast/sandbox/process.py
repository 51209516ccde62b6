"""The level `process`: every task in a single-use process of its own, out of a zygote that knows no secrets.

It contains crashes, hangs, floods and stray processes. It is no defence against hostile code.
"""

from __future__ import annotations

import os

from holdfast.model.errors import EngineFault
from holdfast.model.launch import Launch
from holdfast.model.limits import Capabilities, Level
from holdfast.ports import Running
from holdfast.sandbox import measure
from holdfast.sandbox.crew import Crew
from holdfast.sandbox.offers import offers
from holdfast.sandbox.order import order
from holdfast.sandbox.running import Attempt, Failed
from holdfast.sandbox.zygote import wire


class ProcessSandbox:
    """Carries out launches at level `process`; `folder` is for what they need on disk, unless a crew is given."""

    def __init__(self, folder: str | os.PathLike[str] = "", *, crew: Crew | None = None) -> None:
        self._crew = Crew(folder) if crew is None else crew
        self._capabilities: Capabilities | None = None
        self._open = False

    async def open(self) -> None:
        """Have the crew ready, and find out what can be enforced. Raises EngineFault."""
        self._open = True
        zygote = await self._crew.open()
        self._capabilities = Capabilities(level=Level.PROCESS, offers=offers(zygote.layout, zygote.reasons))

    def capabilities(self) -> Capabilities:
        if self._capabilities is None:
            raise EngineFault("the sandbox is not open")
        return self._capabilities

    async def start(self, launch: Launch) -> Running:
        try:
            keeper = await self._crew.take(Level.PROCESS)
        except (EngineFault, OSError) as error:
            return Failed(f"no keeper could be started: {error}")
        name, base = self._crew.name(launch.ref.id)
        layout = keeper.zygote.layout
        made = order(launch, name, f"{base}.result", layout)
        made["environment"][wire.ENVIRONMENT_MARK] = f"{keeper.zygote.mark}{name}"
        keeper.carry_out(made)
        return Attempt(base, keeper, group=measure.memory_group(layout, name) if "memory" in made["groups"] else None)

    async def close(self) -> None:
        if self._open:
            self._open = False
            await self._crew.close()
