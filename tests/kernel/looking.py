"""Tasks that look for what they should not find."""

from __future__ import annotations

import os
import re
from pathlib import Path


def environments(name: str) -> dict[str, list[int]]:
    """The processes above this one whose environment names a variable, as far up as the root zygote."""
    found = {"seen": [], "with": []}
    pid = os.getpid()
    for _ in range(3):  # itself, its keeper, the root zygote
        found["seen"].append(pid)
        try:
            if name.encode() + b"=" in Path(f"/proc/{pid}/environ").read_bytes():
                found["with"].append(pid)
        except PermissionError:  # all the better
            pass
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
    return found


def memory(first: str, second: str) -> int:
    """How often a text stands in this process's memory. It comes in halves, so as not to find itself."""
    found = 0
    needle = re.compile(re.escape(first.encode()) + re.escape(second.encode()))
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as mem:
        for line in maps:
            span, mode, *_ = line.split()
            if not mode.startswith("rw"):
                continue
            start, end = (int(word, 16) for word in span.split("-"))
            mem.seek(start)
            try:
                found += len(needle.findall(mem.read(end - start)))
            except OSError:
                continue
    return found


def environment() -> dict[str, str]:
    return dict(os.environ)


def descriptors() -> list[str]:
    """What is open, but for 0, 1, 2, the result and the folder that this is read from."""
    names = [name for name in os.listdir("/proc/self/fd") if int(name) > 3]
    return [os.readlink(f"/proc/self/fd/{name}") for name in names if os.path.exists(f"/proc/self/fd/{name}")]


def numbers() -> list[float]:
    import random
    import uuid

    return [random.random(), random.getrandbits(52), uuid.uuid4().int % 2**50]


def modules() -> list[str]:
    import sys

    return sorted(sys.modules)


def patch_the_library() -> None:
    import json

    json.dumps = None


def use_the_library() -> str:
    import json

    return json.dumps({"still": "there"})
