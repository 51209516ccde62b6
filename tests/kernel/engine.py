"""A small engine in a process of its own: carries out stubborn tasks until it is killed.

Arguments: the scratch folder, then one pipe per task, into which the task tells its pids.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from contract.sandbox.yard import Yard, call
from holdfast.model.limits import Limits
from holdfast.sandbox.process import ProcessSandbox

HOSTILE = str(Path(__file__).parent / "hostile.py")


async def main(scratch: str, *pipes: str) -> None:
    sandbox = ProcessSandbox(scratch)
    await sandbox.open()
    yard = Yard(sandbox, asyncio.Runner(), Path(scratch), mark=os.environ["HOLDFAST_TEST"])
    limits = Limits(memory_bytes=500_000_000) if sandbox.capabilities().offers["memory_limit"].enforced else None
    running = [await yard.start(call(f"{HOSTILE}:stubborn_family", pipe), limits=limits) for pipe in pipes]
    await asyncio.gather(*(one.ended() for one in running))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
