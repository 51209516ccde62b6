"""What each isolation level can enforce on this host, found by trying."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from holdfast.app.compose import sandboxes_in
from holdfast.model.json import Json
from holdfast.model.limits import Capabilities
from holdfast.rules.launch import LIMIT_NAMES


def examine() -> tuple[Capabilities, ...]:
    """The capabilities of every level that works here, weakest first. Raises EngineFault where none does."""
    return asyncio.run(_examine())


def document(found: tuple[Capabilities, ...]) -> dict[str, Json]:
    """The same as data: per level and limit whether it is enforced, by what, and what would help."""
    return {
        "levels": {
            each.level.value: {
                name: {"enforced": offer.enforced, "by": offer.by, "remedy": offer.remedy}
                for name in LIMIT_NAMES
                if (offer := each.offers.get(name)) is not None
            }
            for each in found
        }
    }


def sound(found: tuple[Capabilities, ...]) -> bool:
    """Whether every limit is enforced at every level that works here."""
    return all(offer.enforced for each in found for offer in each.offers.values())


async def _examine() -> tuple[Capabilities, ...]:
    with tempfile.TemporaryDirectory(prefix="holdfast-doctor-") as folder:
        found = []
        for sandbox in sandboxes_in(Path(folder)).values():
            await sandbox.open()
            try:
                found.append(sandbox.capabilities())
            finally:
                await sandbox.close()
        return tuple(found)
