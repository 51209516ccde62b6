"""The three ways of telling how a run goes on: drawn over and over, line by line, or not at all."""

from __future__ import annotations

from typing import Final, Protocol

from rich.text import Text

from holdfast.cli.frame import STYLES, Scene, counted, frame, mark
from holdfast.cli.live import Region
from holdfast.cli.terminal import Terminal, wrapped
from holdfast.cli.track import Row
from holdfast.cli.words import duration, one_line
from holdfast.model.event import EventKind
from holdfast.model.task import TaskState

LIVE_S: Final = 0.2
PLAIN_S: Final = 1.0
EVERY_LINE: Final = 50
"""Up to so many tasks, each end has a line of its own where nothing can be drawn over."""

FAILURE_LINES: Final = 20
"""Of larger orders, so many failures have one; the others are counted."""

SILENCE_S: Final = 30.0
"""After so long without a line, one says that it still goes on."""


class View(Protocol):
    """Told of everything that happens; shows what it sees fit."""

    pause_s: float
    """How long to wait between two looks."""

    def say(self, text: Text) -> None:
        """A message that stays."""

    def moved(self, row: Row, kind: EventKind, scene: Scene) -> None:
        """A task moved."""

    def look(self, scene: Scene) -> None:
        """Time has passed."""

    def close(self) -> None:
        """The end: what is drawn over and over goes away."""


class LiveView:
    """Draws the running tasks and a bar, a few times a second."""

    pause_s = LIVE_S

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._region = Region(terminal)

    def say(self, text: Text) -> None:
        self._region.clear()
        self._terminal.say(text)

    def moved(self, row: Row, kind: EventKind, scene: Scene) -> None:
        pass  # the next look shows it

    def look(self, scene: Scene) -> None:
        columns, lines = self._terminal.size
        self._region.draw(frame(scene, columns - 1, lines, self._terminal.glyphs))

    def close(self) -> None:
        self._region.clear()


class PlainView:
    """One line for each end and each failed attempt; of many tasks, the failures and a count every tenth."""

    pause_s = PLAIN_S

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._failures = 0
        self._tenth = 0
        self._said_at: float | None = None

    def say(self, text: Text) -> None:
        self._terminal.print(wrapped(text, self._terminal.width))

    def moved(self, row: Row, kind: EventKind, scene: Scene) -> None:
        if kind not in (EventKind.ENDED, EventKind.CANCELLED, EventKind.EXPIRED):
            return
        if scene.track.total == 1 and row.state.final:
            return  # the last line says it
        if scene.track.total <= EVERY_LINE:
            self._line(end_line(row, scene.now), row, scene.now)
            return
        if row.state is not TaskState.SUCCEEDED and kind is not EventKind.CANCELLED:
            self._failure(row, scene.now)
        tenth = 10 * scene.track.ended // scene.track.total
        if tenth > self._tenth:
            self._tenth = tenth
            self._count(scene)

    def look(self, scene: Scene) -> None:
        if self._said_at is None:
            self._said_at = scene.now
        if scene.now - self._said_at >= SILENCE_S:
            self._count(scene)

    def close(self) -> None:
        pass

    def _failure(self, row: Row, now: float) -> None:
        self._failures += 1
        if self._failures <= FAILURE_LINES:
            self._line(end_line(row, now), row, now)
        elif self._failures == FAILURE_LINES + 1:
            self.say(Text("further failures are counted, not listed: `holdfast list --state failed` lists them"))

    def _count(self, scene: Scene) -> None:
        track = scene.track
        self.say(Text(f"{track.ended:,}/{track.total:,} ended: {', '.join(words for words, _ in counted(track))}"))
        self._said_at = scene.now

    def _line(self, text: str, row: Row, now: float) -> None:
        line = Text(f"{mark(row, self._terminal.glyphs)} ", STYLES.get(row.state, "yellow")).append(text, "default")
        self._terminal.print(wrapped(line, self._terminal.width, indent=2))
        self._said_at = now


class QuietView:
    """Shows nothing."""

    pause_s = SILENCE_S

    def say(self, text: Text) -> None:
        pass

    def moved(self, row: Row, kind: EventKind, scene: Scene) -> None:
        pass

    def look(self, scene: Scene) -> None:
        pass

    def close(self) -> None:
        pass


def end_line(row: Row, now: float) -> str:
    """`build timed_out after 2.5s (attempt 1 of 3, again in 4.0s): still running at its time limit of 2 s`."""
    elapsed = row.elapsed_s(now)
    words = [row.name, row.outcome or row.state.value]
    if elapsed is not None:
        words += ["in" if row.state is TaskState.SUCCEEDED else "after", duration(elapsed)]
    notes = [f"attempt {row.attempt} of {max(row.attempt, row.max_attempts)}"] if _tried_again(row) else []
    if row.retry_at is not None:
        notes.append(f"again in {duration(row.retry_at - now)}")
    text = " ".join(words) + (f" ({', '.join(notes)})" if notes else "")
    return text if row.state is TaskState.SUCCEEDED or not row.message else f"{text}: {one_line(row.message)}"


def view_for(terminal: Terminal, *, quiet: bool) -> View:
    """The view that suits the terminal and the wish."""
    if quiet:
        return QuietView()
    return LiveView(terminal) if terminal.moves else PlainView(terminal)


def _tried_again(row: Row) -> bool:
    return row.attempt > 1 or row.retry_at is not None
