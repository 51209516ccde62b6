"""What a worker works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.model.limits import Capacity, Level
from holdfast.ports import Agent, Blobs, Clock, Dispatcher, Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """The rooms of one engine. `level` is that of tasks which ask for none; `total` is what may be in use at once."""

    journal: Journal
    blobs: Blobs
    dispatcher: Dispatcher
    agents: Mapping[str, Agent]
    clock: Clock
    level: Level
    total: Capacity
