"""Drives one order to its end: shows it, and stops it when asked to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from holdfast.app.engine import AsyncEngine, Glance
from holdfast.app.orders import Order
from holdfast.cli.frame import Scene
from holdfast.cli.interrupts import Interrupts
from holdfast.cli.track import Track
from holdfast.cli.view import View
from holdfast.cli.words import count
from holdfast.worker.deliver import Watcher

REASON: Final = "interrupted"


@dataclass(slots=True)
class Drive:
    """An order on its way. `watcher` was opened before the order was placed, so that no event is missed."""

    engine: AsyncEngine
    order: Order
    watcher: Watcher
    view: View
    interrupts: Interrupts
    track: Track
    began: float

    async def to_the_end(self) -> Track:
        """Return once every task has ended. Raises EngineFault where the engine cannot go on."""
        others = [asyncio.create_task(work) for work in (self._look(), self._stop())]
        telling = asyncio.create_task(self._tell())
        try:
            await self.engine.wait_for(self.order)
        finally:
            self.watcher.close()
            for other in others:
                other.cancel()
            await asyncio.wait([telling, *others])
            self.view.close()
        for other in (telling, *others):
            if not other.cancelled():
                other.result()
        return self.track

    def _scene(self, glances: Iterable[Glance] = ()) -> Scene:
        memory = {glance.task_id: glance.usage.memory_bytes for glance in glances}
        return Scene(track=self.track, now=time.time(), began=self.began, memory=memory)

    async def _tell(self) -> None:
        async for event in self.watcher:
            row = self.track.apply(event)
            if row is not None:
                self.view.moved(row, event.kind, self._scene())

    async def _look(self) -> None:
        while True:
            now = time.time()
            glances = self.engine.glances()
            for glance in glances:
                self.track.seen_running(glance.task_id, glance.number, now)
            self.view.look(self._scene(glances))
            await asyncio.sleep(self.view.pause_s)

    async def _stop(self) -> None:
        """The first signal cancels, with the grace that each task has; the second leaves that out."""
        await self.interrupts.next(0)
        open_tasks = count(self.track.total - self.track.ended, "task")
        self.view.say(Text(f"Stopping {open_tasks}; once more stops them at once.", "yellow"))
        await self.engine.cancel_order(self.order, REASON)
        self.track.settle(await self.engine.tasks_of(self.order))
        await self.interrupts.next(1)
        self.view.say(Text("Stopping at once.", "yellow"))
        await self.engine.cancel_order(self.order, REASON, at_once=True)
