"""Cancelling from outside: through the engine that has the store open, or by opening the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from holdfast.app.control import ask
from holdfast.app.engine import AsyncEngine
from holdfast.app.store import Store


def cancel(store: Path, ids: Sequence[str], reason: str) -> tuple[str, ...]:
    """Cancel tasks, or all tasks of workflows; the ids of the tasks that it changed something for.

    What runs in an engine is stopped by that engine, which has its grace for it: it may still run when this returns.
    Raises UnknownTask where an id is not known (then nothing is cancelled), StoreUnusable where there is no store.
    """
    with Store(store) as known:
        known.task_ids(ids)
    answer = ask(store, {"do": "cancel", "ids": list(ids), "reason": reason})
    if isinstance(answer, list):
        return tuple(str(task_id) for task_id in answer)
    return asyncio.run(_cancel_here(store, ids, reason))


async def _cancel_here(store: Path, ids: Sequence[str], reason: str) -> tuple[str, ...]:
    """No engine runs. Opening the store recovers what a dead one left running, so that it can be cancelled too."""
    async with AsyncEngine(store) as engine:
        moved = await engine.cancel(ids, reason)
    return tuple(event.task_id for event in moved.events)
