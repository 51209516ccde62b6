"""A started attempt, as the engine sees it."""

from __future__ import annotations

import asyncio
import time

from holdfast.model.launch import Observation, StopReason
from holdfast.model.limits import Usage
from holdfast.sandbox import measure
from holdfast.sandbox.keepers import Keeper


class Attempt:
    """One started attempt (see `ports.Running`). `group` is the file that tells the memory of its control group.

    `base` is what the paths of its files begin with. `sealed`: there is a pid 1 between the keeper and the task.
    """

    def __init__(self, base: str, keeper: Keeper, *, group: str | None = None, sealed: bool = False) -> None:
        self._base = base
        self._keeper = keeper
        self._group = group
        self._sealed = sealed
        self._ending = keeper.ending or _nothing()
        self._began = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The main process, as the host sees it; None before it is there and after its end."""
        above = self._above
        return None if above is None else measure.main_process(above)

    def usage(self) -> Usage:
        wall_s = time.monotonic() - self._began
        above = self._above
        return Usage(wall_s=wall_s) if above is None else measure.usage(above, wall_s, self._group)

    def output(self) -> tuple[str, str]:
        return f"{self._base}.out", f"{self._base}.err"

    def stop(self, reason: StopReason, at_once: bool = False) -> None:
        if not self._ending.done():
            self._keeper.stop(reason, at_once)

    async def ended(self) -> Observation:
        return await asyncio.shield(self._ending)

    @property
    def _above(self) -> int | None:
        """The process from which all of the task descend, as long as there is a task."""
        keeper = None if self._ending.done() else self._keeper.pid
        return keeper if keeper is None or not self._sealed else measure.main_process(keeper)


class Failed:
    """An attempt that could not be started (see `ports.Running`)."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    @property
    def pid(self) -> int | None:
        return None

    def usage(self) -> Usage:
        return Usage()

    def output(self) -> tuple[str, str]:
        return "", ""

    def stop(self, reason: StopReason, at_once: bool = False) -> None:
        """Nothing: it has ended."""

    async def ended(self) -> Observation:
        return Observation(sandbox_error=self._reason)


def _nothing() -> asyncio.Future[Observation]:
    ending: asyncio.Future[Observation] = asyncio.get_running_loop().create_future()
    ending.set_result(Observation(sandbox_error="the keeper has no task"))
    return ending
