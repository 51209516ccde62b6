"""Claims what is ready and fits, drives each attempt, and sleeps when there is nothing to do."""

from __future__ import annotations

import asyncio
from typing import Final

from holdfast.model.attempt import Claim
from holdfast.model.errors import EngineFault, StaleAttempt
from holdfast.model.launch import StopReason
from holdfast.model.query import Moved
from holdfast.model.task import TaskState
from holdfast.worker.deliver import Delivery
from holdfast.worker.pipeline import Work, carry_out, finish
from holdfast.worker.reaper import recover
from holdfast.worker.rooms import Rooms
from holdfast.worker.supervise import Supervisor

COMMIT_TRIES: Final = 5
"""So often is a failed commit tried before the engine gives up its store."""

COMMIT_PAUSE_S: Final = 0.1
"""The pause after the first failed commit; it doubles with each further one."""


class Worker:
    """One engine's claiming and driving; `delivery` learns of every move.

    With `session`, only tasks of that session are claimed; None means all that the store holds.
    """

    def __init__(self, rooms: Rooms, supervisor: Supervisor, delivery: Delivery, session: str | None) -> None:
        self._rooms = rooms
        self._supervisor = supervisor
        self._delivery = delivery
        self._session = session
        self._nudged = asyncio.Event()
        self._drives: set[asyncio.Task[None]] = set()
        self._busy = 0
        self._closing = False
        self._look_for_due = True
        self._next_due: float | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Recover what a dead engine left, then begin to serve."""
        self._delivery.publish(await recover(self._rooms))
        self._serving = asyncio.create_task(self._serve(), name="holdfast-worker")

    def nudge(self) -> None:
        """Something changed: look for work. Cheap, and safe to call at any time."""
        self._nudged.set()

    def note(self, moved: Moved) -> None:
        """Moves made elsewhere (submit, cancel): tell the watchers, and look for work."""
        self._published(moved)
        self.nudge()

    async def close(self) -> None:
        """Claim nothing more, stop what runs (it is lost to this engine, not to its task), and wait for the ends."""
        self._closing = True
        self.nudge()
        if self._serving is not None:
            await self._serving
        self._supervisor.stop_all(StopReason.ENGINE_STOPPING)
        if self._drives:
            await asyncio.gather(*self._drives, return_exceptions=True)

    async def _serve(self) -> None:
        try:
            while not self._closing:
                self._nudged.clear()
                await self._wake_due()
                await self._claim()
                await self._rest()
        except EngineFault as fault:
            self._give_up(fault)

    async def _wake_due(self) -> None:
        now = self._rooms.clock.now()
        if self._look_for_due or (self._next_due is not None and self._next_due <= now):
            self._look_for_due = False
            moved, self._next_due = await self._rooms.journal.wake(now)
            self._published(moved)

    async def _claim(self) -> None:
        if self._busy >= self._rooms.total.slots:
            return
        now = self._rooms.clock.now()
        for claim in await self._rooms.journal.claim(self._rooms.total, now, self._session):
            self._busy += 1
            drive = asyncio.create_task(self._drive(claim))
            self._drives.add(drive)
            drive.add_done_callback(self._drives.discard)

    async def _rest(self) -> None:
        """Sleep until nudged, or until the next task is due."""
        if self._look_for_due:
            return
        timeout = None if self._next_due is None else max(0.0, self._next_due - self._rooms.clock.now())
        try:
            async with asyncio.timeout(timeout):
                await self._nudged.wait()
        except TimeoutError:
            pass

    async def _drive(self, claim: Claim) -> None:
        """Drive one attempt. Its slot is free as soon as its end is on the way to the journal.

        The nudge takes effect in the next turn of the loop: the claim that it leads to stands behind this end in the
        same group commit, and sees what the end made ready.
        """
        work = await carry_out(self._rooms, self._supervisor, claim)
        self._busy -= 1
        self.nudge()
        await self._finish(work)

    async def _finish(self, work: Work) -> None:
        pause_s = COMMIT_PAUSE_S
        for tries_left in reversed(range(COMMIT_TRIES)):
            try:
                self._published(await finish(self._rooms, work))
                return
            except StaleAttempt:
                return
            except EngineFault as fault:
                if not tries_left:
                    self._give_up(fault)
                    return
            await asyncio.sleep(pause_s)
            pause_s *= 2

    def _published(self, moved: Moved) -> None:
        self._delivery.publish(moved.events)
        if any(event.state == TaskState.WAITING for event in moved.events):
            self._look_for_due = True
            self.nudge()

    def _give_up(self, fault: EngineFault) -> None:
        """The store does not take our writes: tell everybody who waits, and serve no more."""
        self._closing = True
        self.nudge()
        self._delivery.fail(fault)
