"""`make bench`: every figure beside its floor, in the same run, as a table and as JSON under build/."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench import engine, floor

IN_FLIGHT: Final = 4
RESULTS: Final = Path("build/bench.json")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what, how much, of which floor's figure, and what we aim at."""

    what: str
    value: float
    unit: str
    floor: float | None = None
    aim: str = ""

    def cells(self) -> tuple[str, str, str, str, str]:
        """As text for the table."""
        ratio = "" if not self.floor else f"{self.value / self.floor:.2f}"
        against = "" if self.floor is None else f"{self.floor:,.4g}"
        return self.what, f"{self.value:,.4g} {self.unit}", against, ratio, self.aim


def throughput() -> list[Row]:
    """No-op tasks per second: fresh process each, journal at FULL."""
    best = floor.durable_per_s(4000, IN_FLIGHT, 16)
    calls = engine.run(engine.tasks_per_s(4000, engine.NOOP, IN_FLIGHT))
    commands = engine.run(engine.tasks_per_s(1000, engine.TRUE, IN_FLIGHT))
    return [
        Row("bare forks, nothing stored", floor.forks_per_s(4000, IN_FLIGHT), "/s"),
        Row("bare forks, a row each, groups of 16", best, "/s"),
        Row("python no-op tasks", calls, "/s", best, "0.5 of the floor"),
        Row("command tasks (`true`)", commands, "/s", best),
    ]


def latency() -> list[Row]:
    """Submit to result, one after another."""
    bare = statistics.median(floor.fork_ms(500))
    found = engine.run(engine.latencies_ms(500, engine.NOOP))
    ordered = sorted(found)
    return [
        Row("bare fork and answer, p50", bare, "ms"),
        Row("one task, p50", statistics.median(found), "ms", bare, "1.5 ms"),
        Row("one task, p99", ordered[int(len(ordered) * 0.99)], "ms", bare),
    ]


def workflows() -> list[Row]:
    """Whole workflows, beside the time that the floor needs for as many tasks."""
    best = floor.durable_per_s(2000, IN_FLIGHT, 1)
    one = floor.durable_per_s(1000, 1, 1)
    many, programs = engine.wide(1000, engine.NOOP), engine.wide(1000, engine.TRUE)
    return [
        Row("chain of 200", engine.run(engine.workflow_s(engine.chain(200), IN_FLIGHT)), "s", 200 / one, "0.3 s"),
        Row(
            "wide of 1,000",
            engine.run(engine.workflow_s(many, IN_FLIGHT)),
            "s",
            1000 / best,
            "1.0 s",
        ),
        Row(
            "wide of 1,000 commands",
            engine.run(engine.workflow_s(programs, IN_FLIGHT)),
            "s",
            1000 / best,
        ),
    ]


def growth() -> list[Row]:
    """Time per task as the store grows."""
    found = engine.run(engine.growth((1_000, 5_000, 20_000), IN_FLIGHT))
    first = found[1_000]
    return [Row(f"µs per task, workflow of {count:,}", value, "µs", first, "flat") for count, value in found.items()]


def memory() -> list[Row]:
    """Resident memory of the engine's own process."""
    idle, added = engine.run(engine.memory_mb())
    return [Row("idle engine", idle, "MB", aim="40 MB"), Row("100,000 waiting tasks add", added, "MB", aim="50 MB")]


def startup() -> list[Row]:
    """Whole processes, median of 11."""
    bare = _median_ms([sys.executable, "-c", "pass"])
    program = str(Path(sys.executable).with_name("holdfast"))
    imported = _median_ms([sys.executable, "-c", "import holdfast"])
    engine_too = _median_ms([sys.executable, "-c", "from holdfast import Engine"])
    return [
        Row("python -c pass", bare, "ms"),
        Row("import holdfast, over bare Python", imported - bare, "ms", aim="60 ms"),
        Row("from holdfast import Engine, over bare Python", engine_too - bare, "ms"),
        Row("holdfast version", _median_ms([program, "version"]), "ms", aim="150 ms"),
    ]


def _median_ms(argv: list[str]) -> float:
    found = []
    for _ in range(11):
        started = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found.append((time.perf_counter() - started) * 1000)
    return statistics.median(found)


SECTIONS: Final = (throughput, latency, workflows, growth, memory, startup)


def main(chosen: list[str]) -> None:
    """Run the sections named (all by default), each in a process of its own, print tables, keep the figures."""
    rows = []
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    for section in SECTIONS:
        if not chosen or section.__name__ in chosen:
            argv = [sys.executable, "-m", "bench", "--section", section.__name__]
            done = subprocess.run(argv, check=True, stdout=subprocess.PIPE)
            found = [Row(**row) for row in json.loads(done.stdout)]
            rows += found
            _print(section.__doc__ or "", found)
    host = {"python": platform.python_version(), "kernel": platform.release(), "machine": platform.machine()}
    RESULTS.write_text(json.dumps({"host": host, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    print(f"\nfigures: {RESULTS}")


def one_section(name: str) -> None:
    """Run one section and write its rows to stdout as JSON."""
    section = next(section for section in SECTIONS if section.__name__ == name)
    print(json.dumps([asdict(row) for row in section()]))


def _print(title: str, rows: list[Row]) -> None:
    print(f"\n{title}")
    head = ("what", "measured", "floor", "ratio", "aim")
    table = [head, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    for line in table:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--section"]:
        one_section(sys.argv[2])
    else:
        main(sys.argv[1:])
