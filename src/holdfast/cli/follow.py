"""Follows what a running task prints, from one attempt to the next, until it has ended."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from holdfast.app.control import ask
from holdfast.app.store import Store, Stream
from holdfast.cli.engine_seen import engine_of
from holdfast.cli.terminal import Terminal
from holdfast.model.errors import EngineFault
from holdfast.model.task import Task, TaskState

PAUSE_S: Final = 0.1
PATIENCE: Final = 20
"""After so many looks without an engine, none is to be expected: one that ends takes a moment to write that down."""

CHUNK: Final = 1 << 16

Write = Callable[[Stream, bytes], None]


class NoEngine(EngineFault):
    """A task that is to be followed is driven by nobody."""

    code = "engine.none"
    exit_status = 1


class _Tail:
    """One stream of one attempt: what was shown of it, and the file that it is captured into."""

    def __init__(self, stream: Stream) -> None:
        self._stream: Stream = stream
        self._file: io.FileIO | None = None

    def open(self, captured: Mapping[str, str]) -> None:
        """Look at the capture file; it may not be there yet, or no more."""
        path = captured.get(self._stream)
        if self._file is None and path:
            with contextlib.suppress(OSError):
                self._file = io.FileIO(path)

    def pass_on(self, write: Write) -> None:
        """What was added to the file."""
        while self._file is not None and (data := self._file.read(CHUNK)):
            write(self._stream, data)

    def finish(self, write: Write, store: Store, task_id: str, number: int) -> None:
        """The rest: of the file that was followed, else of what was kept."""
        if self._file is not None:
            self.pass_on(write)
            self._file.close()
        else:
            write(self._stream, store.output(task_id, self._stream, number))


class Follower:
    """Passes on what one task prints. Raises NoEngine where nobody drives it."""

    def __init__(self, store: Store, task_id: str, streams: Sequence[Stream], write: Write) -> None:
        self._store = store
        self._task_id = task_id
        self._streams = streams
        self._write = write
        self._alone = 0

    def to_the_end(self) -> int:
        """Return once the task has ended: 0 where it succeeded, else 1."""
        terminal = Terminal(sys.stderr)
        task = self._store.task(self._task_id)
        shown = max(0, task.attempts - 1)
        if not task.attempts and not task.state.final:
            terminal.say(f"{task.id} has not begun: it is {task.state}", "dim")
        while True:
            for number in range(shown + 1, task.attempts + 1):
                if number > 1:
                    terminal.say(f"==> attempt {number} <==", "bold")
                self._follow(number)
            shown = task.attempts
            task = self._store.task(self._task_id)
            if task.state.final and shown == task.attempts:
                return 0 if task.state is TaskState.SUCCEEDED else 1
            self._rest(task)

    def _follow(self, number: int) -> None:
        tails = [_Tail(stream) for stream in self._streams]
        while self._lives(number):
            captured = self._captured(number)
            for tail in tails:
                tail.open(captured)
                tail.pass_on(self._write)
            self._rest(self._store.task(self._task_id))
        for tail in tails:
            tail.finish(self._write, self._store, self._task_id, number)

    def _lives(self, number: int) -> bool:
        return any(each.number == number and each.ended_at is None for each in self._store.attempts(self._task_id))

    def _captured(self, number: int) -> Mapping[str, str]:
        """The files that the streams of a running attempt are captured into, as its engine says."""
        answer = ask(Path(self._store.path), {"do": "output", "task": self._task_id})
        if not isinstance(answer, Mapping) or answer.get("attempt") != number:
            return {}
        return {stream: path for stream, path in answer.items() if isinstance(path, str)}

    def _rest(self, task: Task) -> None:
        """Wait a moment, unless nobody is there who could go on."""
        self._alone = 0 if task.state.final or engine_of(self._store.path) is not None else self._alone + 1
        if self._alone > PATIENCE:
            raise NoEngine(f"{task.id} is {task.state}, and no engine runs: `holdfast run` of its file continues it")
        time.sleep(PAUSE_S)
