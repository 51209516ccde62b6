"""Sandboxes per second beside the bare floor of the same namespaces, in the same run: `python -m bench.cells`."""

from __future__ import annotations

import json
import marshal
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from holdfast.sandbox import linux
from holdfast.sandbox.linux import calls
from holdfast.sandbox.plan import seccomp
from holdfast.sandbox.plan.operations import encode
from holdfast.sandbox.plan.planner import plan
from holdfast.sandbox.plan.policy import Host, Network, Policy
from holdfast.sandbox.probe import probe

COUNT: Final = 300
LOOP: Final = Path(__file__).parent / "cells_loop.py"
CASES: Final = (
    ("bare floor", "bare", Network.NONE),
    ("cell", "cold", Network.NONE),
    ("cell, from hand-over", "prebuilt", Network.NONE),
    ("bare floor, own network", "bare", Network.LOOPBACK),
    ("cell, own network", "cold", Network.LOOPBACK),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as base:
        host = probe(base).host
        print(f"{'what':26} {'in flight':>9} {'per second':>10} {'p50 ms':>8} {'p95 ms':>8}")
        for name, what, network in CASES:
            for width in (1, 2):
                print_row(name, width, *measure(script(host, what, network), width))


def print_row(name: str, width: int, rate: float, seconds: list[float]) -> None:
    cuts = statistics.quantiles(seconds, n=20)
    print(f"{name:26} {width:9} {rate:10.0f} {cuts[9] * 1e3:8.2f} {cuts[18] * 1e3:8.2f}", flush=True)


def script(host: Host, what: str, network: Network) -> dict[str, Any]:
    planned = plan(Policy(network=network), host)
    return {
        "package": str(Path(str(linux.__file__)).parents[1]),
        "what": what,
        "count": COUNT,
        "enter": encode(planned.enter),
        "root": encode(planned.root),
        "flags": planned.flags,
        "cell": encode(planned.cell),
        "confinement": encode(planned.confinement),
        "base": host.base,
        "ids": (os.getuid(), os.getgid()),
        "network": calls.NEWNET if network is Network.LOOPBACK else 0,
        "filter": seccomp.program(host.machine, network),
    }


def measure(work: dict[str, Any], width: int) -> tuple[float, list[float]]:
    """Cells per second over all loops at once, and the seconds of each."""
    argv = [sys.executable, "-I", "-S", str(LOOP)]
    began = time.perf_counter()
    loops = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(width)]
    for loop in loops:
        assert loop.stdin
        loop.stdin.write(marshal.dumps(work))
        loop.stdin.close()
    found = [json.load(loop.stdout) for loop in loops if loop.stdout]
    for loop in loops:
        assert loop.wait() == 0
    total = time.perf_counter() - began
    busy = max(sum(each) for each in found) if work["what"] != "prebuilt" else total
    return sum(map(len, found)) / busy, [seconds for each in found for seconds in each]


if __name__ == "__main__":
    main()
