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
from holdfast.cli.terminal import Terminal
from holdfast.model.task import Task, TaskState

PAUSE_S: Final = 0.1
CHUNK: Final = 1 << 16

Write = Callable[[Stream, bytes], None]


class _Tail:
    """One stream of one attempt: what was shown of it, and the file that it is captured into."""

    def __init__(self, stream: Stream) -> None:
        self._stream: Stream = stream
        self._file: io.FileIO | None = None
        self._shown = 0

    def open(self, captured: Mapping[str, str]) -> None:
        """Look at the capture file; it may not be there yet, or no more."""
        path = captured.get(self._stream)
        if self._file is None and path:
            with contextlib.suppress(OSError):
                self._file = io.FileIO(path)

    def pass_on(self, write: Write) -> None:
        """What was added to the file."""
        while self._file is not None and (data := self._file.read(CHUNK)):
            self._shown += len(data)
            write(self._stream, data)

    def finish(self, write: Write, store: Store, task_id: str, number: int) -> None:
        """The rest: of the file that was followed, else of what was kept."""
        if self._file is not None:
            self.pass_on(write)
            self._file.close()
        else:
            write(self._stream, store.output(task_id, self._stream, number))


def follow(store: Store, task: Task, streams: Sequence[Stream], write: Write) -> int:
    """Pass on what the task prints until it has ended; 0 where it succeeded, else 1."""
    terminal = Terminal(sys.stderr)
    shown = max(0, task.attempts - 1)
    while True:
        task = store.task(task.id)
        while shown < task.attempts:
            shown += 1
            if shown > 1:
                terminal.say(f"==> attempt {shown} <==", "bold")
            _follow_attempt(store, task.id, shown, [_Tail(stream) for stream in streams], write)
            task = store.task(task.id)
        if task.state.final:
            return 0 if task.state is TaskState.SUCCEEDED else 1
        time.sleep(PAUSE_S)


def _follow_attempt(store: Store, task_id: str, number: int, tails: Sequence[_Tail], write: Write) -> None:
    while True:
        attempt = next(each for each in store.attempts(task_id) if each.number == number)
        if attempt.ended_at is not None:
            break
        captured = _captured(store.path, task_id, number)
        for tail in tails:
            tail.open(captured)
            tail.pass_on(write)
        time.sleep(PAUSE_S)
    for tail in tails:
        tail.finish(write, store, task_id, number)


def _captured(store: Path, task_id: str, number: int) -> Mapping[str, str]:
    """The files that the streams of a running attempt are captured into, as its engine says."""
    answer = ask(store, {"do": "output", "task": task_id})
    if not isinstance(answer, Mapping) or answer.get("attempt") != number:
        return {}
    return {stream: path for stream, path in answer.items() if isinstance(path, str)}
