"""Finishes what an engine that died left unfinished."""

from __future__ import annotations

import asyncio
from typing import Final

from holdfast.model.event import Event
from holdfast.worker.pipeline import finish, lost_work
from holdfast.worker.rooms import Rooms

_AT_ONCE: Final = 64


async def recover(rooms: Rooms) -> tuple[Event, ...]:
    """End every attempt whose engine is gone as lost; the events say what became of their tasks."""
    orphans = await rooms.journal.orphans()
    events: list[Event] = []
    for start in range(0, len(orphans), _AT_ONCE):
        group = orphans[start : start + _AT_ONCE]
        for moved in await asyncio.gather(*(finish(rooms, lost_work(rooms, claim)) for claim in group)):
            events += moved.events
    return tuple(events)
