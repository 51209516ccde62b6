"""Reads what `holdfast run --json` says of the unruly workflow and compares it with what should be.

    holdfast run workflow.yaml --json | python3 check.py --marker holdfast-unruly-daemon

Prints one line per task. Exits 0 if everything is as expected, else 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

EXPECTED = {
    "behaves": "succeeded",
    "hangs": "timed_out",
    "eats_memory": "over_limit",
    "leaves_daemon": "succeeded",
    "crashes": "crashed",
    "raises": "errored",
    "flaky": "succeeded",
}
RESULTS = {
    "behaves": {"primes": 78498},
    "leaves_daemon": {"daemon_started": True},
    "flaky": {"answered_at_attempt": 2},
}
# Where memory could not be limited, the greedy task may get what it wants.
ADVISORY_MEMORY = frozenset({"succeeded", "over_limit", "errored", "crashed"})


@dataclass(frozen=True)
class Line:
    name: str
    expected: str
    seen: str
    passed: bool
    remark: str


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks the outcomes of the unruly workflow.")
    parser.add_argument("--marker", help="an argument by which the daemon is known")
    marker = parser.parse_args().marker
    try:
        document = json.load(sys.stdin)
    except ValueError as error:
        print(f"check: standard input is not one JSON document: {error}", file=sys.stderr)
        return 1
    lines = [check_task(name, document.get("tasks", {}).get(name)) for name in EXPECTED]
    lines.append(check_workflow(document))
    if marker is not None:
        lines.append(check_daemon(marker))
    show(lines)
    return 0 if all(line.passed for line in lines) else 1


def check_task(name: str, entry: Json | None) -> Line:
    """One task's outcome against EXPECTED and its result against RESULTS."""
    expected = EXPECTED[name]
    execution = (entry or {}).get("execution", entry) or {}
    outcome = execution.get("outcome") or {}
    seen = outcome.get("kind", "nothing")
    remark = str(outcome.get("message") or "")
    if name == "eats_memory" and memory_is_advisory(execution):
        return Line(name, expected, seen, seen in ADVISORY_MEMORY, "memory limits are only advisory on this host")
    if seen != expected:
        return Line(name, expected, seen, False, remark)
    if seen == "over_limit" and "memory" not in json.dumps(outcome):
        return Line(name, expected, seen, False, f"does not name memory: {remark}")
    if name in RESULTS and execution.get("result") != RESULTS[name]:
        wanted, got = json.dumps(RESULTS[name]), json.dumps(execution.get("result"))
        return Line(name, expected, seen, False, f"result {got} instead of {wanted}")
    return Line(name, expected, seen, True, remark)


def memory_is_advisory(execution: Json) -> bool:
    """Whether the engine said that it could not enforce the memory limit on this host."""
    entries = [e for e in execution.get("enforcement") or [] if "memory" in e["limit"]]
    return bool(entries) and not any(e["enforced"] for e in entries)


def check_workflow(document: Json) -> Line:
    seen = str(document.get("state"))
    return Line("(the workflow)", "failed", seen, seen == "failed", "")


def check_daemon(marker: str) -> Line:
    """That no process is left which has `marker` among its arguments."""
    if not Path("/proc/self/cmdline").exists():
        return Line("(the daemon)", "gone", "unknown", True, "this system has no /proc to look in")
    left = list(processes_with(marker))
    seen = "gone" if not left else f"alive: {', '.join(map(str, left))}"
    return Line("(the daemon)", "gone", seen, not left, "")


def processes_with(argument: str) -> Iterator[int]:
    """The ids of other processes that were started with `argument`."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended while we looked
        if argument.encode() in arguments and int(folder.name) != os.getpid():
            yield int(folder.name)


def show(lines: list[Line]) -> None:
    print(f"      {'task':<16}{'expected':<13}{'seen':<13}".rstrip())
    for line in lines:
        mark = "ok" if line.passed else "WRONG"
        print(f"{mark:<6}{line.name:<16}{line.expected:<13}{line.seen:<13}{line.remark[:100]}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
