"""What each isolation level can enforce on this host, found by trying."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from holdfast.app.compose import lacking, sandboxes_in
from holdfast.model.json import Json
from holdfast.model.limits import Capabilities, Offer


def examine() -> tuple[Capabilities, ...]:
    """The capabilities of every level, weakest first; of one that cannot be had, what it lacks. Raises EngineFault."""
    return asyncio.run(_examine())


def document(found: tuple[Capabilities, ...]) -> dict[str, Json]:
    """The same as data: per level and limit whether it is enforced, by what, and what would help."""
    return {
        "levels": {
            each.level.value: {
                name: {"enforced": offer.enforced, "by": offer.by, "remedy": offer.remedy}
                for name, offer in each.offers.items()
            }
            for each in found
        }
    }


def sound(found: tuple[Capabilities, ...]) -> bool:
    """Whether every limit is enforced at every level."""
    return all(offer.enforced for each in found for offer in each.offers.values())


async def _examine() -> tuple[Capabilities, ...]:
    with tempfile.TemporaryDirectory(prefix="holdfast-doctor-") as folder:
        found = []
        for level, sandbox in sandboxes_in(Path(folder)).items():
            missing = {name: Offer(False, f"not to be had: {why}", remedy) for name, why, remedy in lacking(level)}
            if missing:
                found.append(Capabilities(level=level, offers=missing))
                continue
            await sandbox.open()
            try:
                found.append(sandbox.capabilities())
            finally:
                await sandbox.close()
        return tuple(found)
