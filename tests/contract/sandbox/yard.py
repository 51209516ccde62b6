"""A sandbox, a loop to drive it, and eyes to see whether anything is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import TypeVar

from holdfast.model.attempt import AttemptRef
from holdfast.model.launch import Call, Captured, Exec, Launch, Observation, Program
from holdfast.model.limits import Limits
from holdfast.ports import Running, Sandbox

T = TypeVar("T")

PATIENCE_S = 60.0
"""No test measures time; this only ends one that hangs."""


def python(code: str, *words: str) -> Exec:
    """A program of its own in Python."""
    return Exec(argv=(sys.executable, "-I", "-S", "-c", dedent(code), *words))


def shell(script: str) -> Exec:
    return Exec(argv=("sh", "-c", dedent(script)))


def call(target: str, *args: object, **kwargs: object) -> Call:
    return Call(target=target, arguments=json.dumps({"args": args, "kwargs": kwargs}).encode())


@dataclass(slots=True, kw_only=True)
class Start:
    """What a launch has beside program and limits."""

    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Yard:
    """Carries out programs in `sandbox`, each marked so that whatever is left of it can be found."""

    sandbox: Sandbox
    runner: asyncio.Runner
    folder: Path
    mark: str = field(default_factory=lambda: f"yard-{uuid.uuid4().hex}")

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Drive a coroutine to its end."""
        return self.runner.run(asyncio.wait_for(work, PATIENCE_S))

    def launch(self, program: Program, start: Start | None = None, limits: Limits | None = None) -> Launch:
        start = start or Start()
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOLDFAST_TEST": self.mark, **start.environment}
        return Launch(
            ref=AttemptRef(id=1, epoch=1, task_id="t", number=1),
            level=self.sandbox.capabilities().level,
            program=program,
            environment=tuple(environment.items()),
            stdin=start.stdin,
            files=tuple(start.files.items()),
            limits=limits or Limits(),
            enforcement=(),
            deadline=None,
            digest="",
            folder=str(self.folder / "shown"),
        )

    async def start(self, program: Program, start: Start | None = None, limits: Limits | None = None) -> Running:
        return await self.sandbox.start(self.launch(program, start, limits))

    def carry_out(self, program: Program, start: Start | None = None, limits: Limits | None = None) -> Observation:
        """Run a program to its end."""

        async def to_the_end() -> Observation:
            running = await self.start(program, start, limits)
            return await running.ended()

        return self.run(to_the_end())

    def left(self) -> list[str]:
        """The processes that are left of anything that was carried out."""
        return [f"{pid} {_command(pid)}" for pid in processes() if self.mark.encode() in _environment(pid)]

    def gate(self, name: str = "gate") -> Path:
        """A file that tasks can see come; at level `sandbox` this is how to tell them something."""
        shown = self.folder / "shown"
        shown.mkdir(exist_ok=True)
        return shown / name

    def pipe(self, name: str = "pipe") -> Path:
        """A named pipe, for a task to tell how far it is."""
        path = self.folder / name
        os.mkfifo(path)
        return path


async def words(pipe: Path) -> list[str]:
    """Wait until someone has written to the pipe and closed it."""
    return (await asyncio.to_thread(pipe.read_text)).split()


async def said(running: Running) -> bytes:
    """What an attempt prints first, while it runs."""
    return await asyncio.to_thread(first_bytes, Path(running.output()[0]))


def waiting(gate: Path) -> str:
    """Shell text that waits for the gate."""
    return f"until [ -e {gate} ]; do sleep 0.01; done"


def own_view(pid: int) -> int:
    """The pid that a process has in its own eyes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1])


def first_bytes(path: Path) -> bytes:
    """Wait for a file that is about to come, with something in it."""
    while not path.exists() or not path.stat().st_size:
        time.sleep(0.005)
    return path.read_bytes()


def output(captured: Captured) -> bytes:
    """What was kept of a stream."""
    return captured.inline if captured.path is None else Path(captured.path).read_bytes()


def value(seen: Observation) -> object:
    """What a call returned."""
    assert seen.report is not None, seen
    document = json.loads(seen.report)
    assert "ok" in document, document
    return document["ok"]


def error(seen: Observation) -> Mapping[str, str]:
    """What a call raised."""
    assert seen.report is not None, seen
    document: Mapping[str, Mapping[str, str]] = json.loads(seen.report)
    assert "error" in document, document
    return document["error"]


def processes() -> Sequence[int]:
    """All processes that run."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and is_alive(int(name))]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    return state not in ("Z", "X")


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")[:100]
    except OSError:
        return ""
