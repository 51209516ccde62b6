"""What the live view shows at one moment: rows, counts, a bar. Never more lines than the terminal has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from holdfast.cli.columns import Cell, Column, aligned
from holdfast.cli.estimate import remaining_s
from holdfast.cli.terminal import Glyphs
from holdfast.cli.track import Row, Track
from holdfast.cli.words import duration, rough, size
from holdfast.model.task import TaskState

STYLES: Final[Mapping[TaskState, str]] = MappingProxyType({
    TaskState.RUNNING: "cyan",
    TaskState.SUCCEEDED: "green",
    TaskState.FAILED: "red",
    TaskState.CANCELLED: "yellow",
})
COLUMNS: Final = (
    Column("", least=1, gap=1),
    Column("task", cut=True),
    Column("state", least=10),
    Column("time", rank=1, right=True, least=6),
    Column("memory", rank=2, right=True, least=7),
    Column("try", rank=3, right=True),
    Column("", rank=4, cut=True, floor=16),
)
_COUNTED: Final = (
    TaskState.RUNNING,
    TaskState.FAILED,
    TaskState.CANCELLED,
    TaskState.HELD,
    TaskState.SUCCEEDED,
)
_BAR: Final = 30
_LEAST_BAR: Final = 10
_ENDED_SHOWN: Final = 3
"""So many of the last ended stay in sight where there is room for few rows only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that a frame is made of. `now` and `began` are Unix seconds; `memory` is bytes now, by task id."""

    track: Track
    now: float
    began: float
    memory: Mapping[str, int | None] = field(default_factory=dict)


def frame(scene: Scene, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """At most `height` - 2 lines of at most `width` cells.

    One line is the cursor's, and one above stays: clearing all of the screen, some terminals keep a copy of it.
    """
    track = scene.track
    foot = [] if track.total == 1 else [_bar(scene, width, glyphs)]
    room = max(1, height - 2 - len(foot))
    chosen: Iterable[Row] = track.rows.values()
    if track.total > room:
        foot = [_counts(track, width, glyphs), _bar(scene, width, glyphs, failed=False)] if room > 3 else foot
        chosen = _chosen(track, max(1, height - 2 - len(foot)))
    return [*aligned(COLUMNS, [_row(row, scene, glyphs) for row in chosen], width, glyphs.cut), *foot]


def mark(row: Row, glyphs: Glyphs) -> str:
    """The sign of a state."""
    return {
        TaskState.RUNNING: glyphs.running,
        TaskState.SUCCEEDED: glyphs.succeeded,
        TaskState.FAILED: glyphs.failed,
        TaskState.CANCELLED: glyphs.cancelled,
    }.get(row.state, glyphs.waiting)


def counted(track: Track) -> list[tuple[str, TaskState]]:
    """`3 running`, `1 failed`, …: what there is any of, those that ask for a look first."""
    parts = [(f"{track.counts[state]:,} {state}", state) for state in _COUNTED if track.counts[state]]
    waiting = track.counts[TaskState.WAITING] + track.counts[TaskState.READY]
    return [*parts, (f"{waiting:,} waiting", TaskState.WAITING)] if waiting else parts


def attempts(row: Row) -> str:
    """`2/3`, and nothing where one attempt is all there was and will be."""
    if row.attempt <= 1 and row.max_attempts <= 1:
        return ""
    return f"{row.attempt}/{max(row.attempt, row.max_attempts)}" if row.attempt else ""


def _chosen(track: Track, room: int) -> Sequence[Row]:
    """What runs, longest first, then what ended last; in the order in which they began."""
    running = sorted(track.running.values(), key=lambda row: row.since or 0.0)
    ended = [row for row in reversed(track.recent) if row.state.final]
    kept = min(len(ended), max(_ENDED_SHOWN if room > 2 * _ENDED_SHOWN else 0, room - len(running)))
    return [*reversed(ended[:kept]), *running[: room - kept]]


def _row(row: Row, scene: Scene, glyphs: Glyphs) -> list[Cell]:
    style = STYLES.get(row.state, "dim")
    quiet = "" if row.state is TaskState.RUNNING else "dim"
    memory = scene.memory.get(row.id) if row.state is TaskState.RUNNING else None
    elapsed = row.elapsed_s(scene.now)
    return [
        (mark(row, glyphs), style),
        (row.name, "" if row.attempt or row.state.final else "dim"),
        (_state(row, scene.now), style),
        ("" if elapsed is None else duration(elapsed), quiet),
        ("" if memory is None else size(memory), quiet),
        (attempts(row), "yellow" if row.attempt > 1 and not row.state.final else "dim"),
        ("" if row.state is TaskState.SUCCEEDED else row.message, "dim"),
    ]


def _state(row: Row, now: float) -> str:
    if row.state.final:
        return row.outcome or row.state.value
    if row.cancelling:
        return "stopping"
    if row.retry_at is not None:
        return f"retry {duration(row.retry_at - now)}" if row.retry_at > now else "waiting"
    return row.state.value


def _counts(track: Track, width: int, glyphs: Glyphs) -> Text:
    line = Text()
    for at, (words, state) in enumerate(counted(track)):
        if line.cell_len + len(words) + 3 > width:
            break
        line.append(f" {glyphs.dot} " if at else "", "dim").append(words, STYLES.get(state, "dim"))
    return line


def _bar(scene: Scene, width: int, glyphs: Glyphs, *, failed: bool = True) -> Text:
    """How far it has come; `failed` says whether the failures are counted here too."""
    track = scene.track
    left_s = remaining_s(track, scene.now)
    parts = [(f"{track.ended:,}/{track.total:,}", "bold")]
    if failed and track.counts[TaskState.FAILED]:
        parts.append((f"{track.counts[TaskState.FAILED]:,} failed", "red"))
    parts += [(duration(scene.now - scene.began), "")]
    parts += [(f"{rough(left_s)} left", "cyan")] if left_s is not None else []
    while len(parts) > 1 and sum(2 + cell_len(text) for text, _ in parts) > width:
        parts.pop()
    room = min(_BAR, width - sum(2 + cell_len(text) for text, _ in parts))
    line = Text()
    if room >= _LEAST_BAR:
        full = room * track.ended // max(1, track.total)
        line.append(glyphs.full * full, "green" if not track.counts[TaskState.FAILED] else "yellow")
        line.append(glyphs.empty * (room - full), "dim")
    for text, style in parts:
        line.append("  " if line.plain else "").append(text, style)
    return line
