"""The engine under load: every figure through the public doors, journal at FULL, level `process`."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast import AsyncEngine

NOOP: Mapping[str, Any] = {"agent_type": "python", "context": {"call": "operator:pos", "args": [1]}}
TRUE: Mapping[str, Any] = {"agent_type": "command", "context": {"argv": ["true"]}}


def envelopes(count: int, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """So many envelopes of the same task."""
    return [{"execution": {"task_id": f"bench-{number}", **body}} for number in range(count)]


def chain(length: int) -> dict[str, Any]:
    """A workflow in which each task needs the one before."""
    return {
        "workflow": "chain",
        "tasks": {f"t{n}": {**NOOP, "needs": [f"t{n - 1}"] if n else []} for n in range(length)},
    }


def wide(width: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """A workflow of independent tasks and one that needs them all."""
    tasks: dict[str, Any] = {f"t{n}": body for n in range(width)}
    tasks["join"] = {**body, "needs": list(tasks)}
    return {"workflow": "wide", "tasks": tasks}


async def tasks_per_s(count: int, body: Mapping[str, Any], workers: int) -> float:
    """Tasks per second from submit to the last committed end."""
    with tempfile.TemporaryDirectory(dir="build") as store:
        async with AsyncEngine(store, workers=workers, cpus=workers) as engine:
            await engine.run(envelopes(4 * workers, body)[: 4 * workers])
            started = time.perf_counter()
            await engine.run([{"execution": dict(body)} for _ in range(count)])
            return count / (time.perf_counter() - started)


async def latencies_ms(count: int, body: Mapping[str, Any]) -> list[float]:
    """Submit to result, one after another, in milliseconds."""
    found = []
    with tempfile.TemporaryDirectory(dir="build") as store:
        async with AsyncEngine(store) as engine:
            await engine.run({"execution": dict(body)})
            for _ in range(count):
                started = time.perf_counter()
                await engine.run({"execution": dict(body)})
                found.append((time.perf_counter() - started) * 1000)
    return found


async def workflow_s(document: Mapping[str, Any], workers: int) -> float:
    """Seconds for a whole workflow, from submit to its end."""
    with tempfile.TemporaryDirectory(dir="build") as store:
        async with AsyncEngine(store, workers=workers, cpus=workers) as engine:
            await engine.run({"execution": dict(NOOP)})
            started = time.perf_counter()
            await engine.run(document)
            return time.perf_counter() - started


async def growth(counts: tuple[int, ...], workers: int) -> dict[int, float]:
    """Microseconds per task of wide workflows of growing size, in one store."""
    found = {}
    with tempfile.TemporaryDirectory(dir="build") as store:
        async with AsyncEngine(store, workers=workers, cpus=workers) as engine:
            await engine.run({"execution": dict(NOOP)})
            for count in counts:
                started = time.perf_counter()
                await engine.run(wide(count, NOOP))
                found[count] = (time.perf_counter() - started) / count * 1e6
    return found


async def memory_mb() -> tuple[float, float]:
    """Resident megabytes of the idle engine's own process, and what 100,000 waiting tasks add to it."""
    with tempfile.TemporaryDirectory(dir="build") as store:
        async with AsyncEngine(store, workers=1) as engine:
            await engine.run({"execution": dict(NOOP)})
            idle = _resident_mb()
            blocker = await engine.submit({
                "execution": {"agent_type": "command", "context": {"argv": ["sleep", "600"]}}
            })
            for first in range(0, 100_000, 5_000):
                await engine.submit([{"execution": {"task_id": f"w{n}", **NOOP}} for n in range(first, first + 5_000)])
            waiting = _resident_mb()
            await blocker.cancel()
            return idle, waiting - idle


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def run(coroutine: Any) -> Any:
    """Run one measurement in a loop of its own."""
    return asyncio.run(coroutine)


if __name__ == "__main__":
    sys.exit("run `make bench`")
