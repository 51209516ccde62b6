"""What the live view draws, on a screen of our own: as a person would see it."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest
from rich.text import Text

from holdfast.cli.frame import Scene, frame
from holdfast.cli.live import Region
from holdfast.cli.terminal import ASCII, UNICODE, Terminal
from holdfast.cli.track import Track
from holdfast.cli.view import LiveView, PlainView, QuietView, view_for
from holdfast.model.event import EventKind
from holdfast.model.task import TaskState
from unit.cli.screen import Screen
from unit.cli.test_track import Script, task

S, K = TaskState, EventKind


class Stream(io.StringIO):
    """A stream that says it is a terminal, or not."""

    encoding = "utf-8"

    def __init__(self, tty: bool = True) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    def fileno(self) -> int:
        return 2


@pytest.fixture
def terminal_of_size(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a terminal with a stream, and changes its size."""
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def resize(columns: int, lines: int) -> None:
        monkeypatch.setattr(os, "get_terminal_size", lambda fd=0: os.terminal_size((columns, lines)))

    return resize


def mixed() -> Track:
    track = Track([task(name) for name in ("scan", "build", "test", "ship")])
    script = Script(track)
    script.run("scan", 0.0, 1.5)
    script.event(K.CLAIMED, "build", S.RUNNING, 1.0, attempt=1)
    script.event(
        K.ENDED, "build", S.WAITING, 2.0, attempt=1, outcome="crashed", message="killed by SIGSEGV", retry_at=9.0
    )
    script.event(K.CLAIMED, "test", S.RUNNING, 2.0, attempt=2)
    return track


def lines_of(track: Track, width: int, height: int, **scene: Any) -> list[str]:
    return [
        line.plain.rstrip() for line in frame(Scene(track=track, now=5.0, began=0.0, **scene), width, height, UNICODE)
    ]


def test_each_task_has_a_row_with_state_time_memory_and_attempt() -> None:
    assert lines_of(mixed(), 79, 24, memory={"w.test": 31_000_000}) == [
        "✓ scan   succeeded     1.5s           1/3",
        "· build  retry 4.0s    1.0s           1/3  killed by SIGSEGV",
        "● test   running       3.0s    31 MB  2/3",
        "· ship   ready",
        "━━━━━━━───────────────────────  1/4  5.0s",
    ]


@pytest.mark.parametrize("width", [20, 30, 40, 60, 79, 200])
@pytest.mark.parametrize("height", [2, 3, 5, 10, 24, 60])
def test_a_frame_never_leaves_the_terminal(width: int, height: int) -> None:
    track = Track([task(f"a-task-with-a-name-{n}") for n in range(1000)])
    script = Script(track)
    for n in range(300):
        script.run(f"a-task-with-a-name-{n}", n / 10, n / 10 + 1, S.FAILED if n % 7 == 0 else S.SUCCEEDED)
    for n in range(300, 364):
        script.event(K.CLAIMED, f"a-task-with-a-name-{n}", S.RUNNING, 30.0, attempt=1)
    lines = frame(Scene(track=track, now=40.0, began=0.0), width, height, ASCII)
    assert len(lines) <= max(2, height - 2)
    assert all(line.cell_len <= width and line.plain.isascii() for line in lines)


def test_of_many_tasks_the_running_and_the_last_ended_are_shown_and_all_are_counted() -> None:
    track = Track([task(f"t{n}") for n in range(1000)])
    script = Script(track)
    for n in range(40):
        script.run(f"t{n}", n / 10, n / 10 + 1)
    for n in range(40, 44):
        script.event(K.CLAIMED, f"t{n}", S.RUNNING, n / 10, attempt=1)
    lines = lines_of(track, 79, 13)
    assert [line.split()[1] for line in lines[:-2]] == ["t35", "t36", "t37", "t38", "t39", "t40", "t41", "t42", "t43"]
    assert lines[-2] == "4 running · 40 succeeded · 956 waiting"
    assert lines[-1] == "━─────────────────────────────  40/1,000  5.0s  about 2 min left"


def test_one_task_needs_no_bar() -> None:
    assert len(lines_of(Track([task("only")]), 79, 24)) == 1


def test_a_frame_is_drawn_over_the_one_before(terminal_of_size: Any) -> None:
    terminal_of_size(40, 10)
    stream, screen = Stream(), Screen(40, 10)
    region = Region(Terminal(stream))
    drawings = [["one", "two", "three"], ["ONE", "two", "three", "four"], ["1"]]
    for rows in drawings:
        region.draw([Text(row) for row in rows])
    assert screen.feed(stream.getvalue()).text == "1"
    region.clear()
    assert Screen(40, 10).feed(stream.getvalue()).text == ""


def test_what_is_typed_meanwhile_is_drawn_over(terminal_of_size: Any) -> None:
    terminal_of_size(40, 10)
    stream = Stream()
    region = Region(Terminal(stream))
    region.draw([Text("row")])
    stream.write("^C")
    region.draw([Text("row")])
    assert Screen(40, 10).feed(stream.getvalue()).text == "row"


def test_a_terminal_made_narrower_is_cleared_of_the_broken_lines(terminal_of_size: Any) -> None:
    terminal_of_size(40, 10)
    stream = Stream()
    region = Region(Terminal(stream))
    region.draw([Text("x" * 39), Text("y" * 39)])
    terminal_of_size(20, 10)
    narrow = Screen(20, 10).feed("x" * 39 + "\n" + "y" * 39 + "\n")  # as a terminal breaks them by itself
    before = len(stream.getvalue())
    region.draw([Text("x" * 19), Text("y" * 19)])
    assert narrow.feed(stream.getvalue()[before:]).text == "x" * 19 + "\n" + "y" * 19


def test_messages_stay_above_the_region(terminal_of_size: Any) -> None:
    terminal_of_size(80, 10)
    stream = Stream()
    view, scene = LiveView(Terminal(stream)), Scene(track=mixed(), now=5.0, began=0.0)
    view.look(scene)
    view.say(Text("Stopping 2 tasks", "yellow"))
    view.look(scene)
    rows = Screen(80, 10).feed(stream.getvalue()).text.splitlines()
    assert rows[0] == "Stopping 2 tasks"
    assert [row.split()[1] for row in rows[1:-1]] == ["scan", "build", "test", "ship"]
    view.close()
    assert Screen(80, 10).feed(stream.getvalue()).text == "Stopping 2 tasks"


def test_without_colour_nothing_but_the_cursor_is_told(terminal_of_size: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal_of_size(80, 24)
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Stream()
    LiveView(Terminal(stream)).look(Scene(track=mixed(), now=5.0, began=0.0))
    assert "\x1b[3" not in stream.getvalue()


@pytest.mark.parametrize("variable, value", [("LC_ALL", "C"), ("LC_ALL", "POSIX")])
def test_a_locale_without_unicode_gets_ascii(
    terminal_of_size: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    terminal_of_size(80, 24)
    monkeypatch.setenv(variable, value)
    stream = Stream()
    view = LiveView(Terminal(stream))
    view.say(Text("ünïcode ✓"))
    view.look(Scene(track=mixed(), now=5.0, began=0.0))
    assert stream.getvalue().isascii()


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    terminal_of_size: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(view_for(Terminal(Stream()), quiet=False), PlainView)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(view_for(Terminal(Stream()), quiet=False), LiveView)
    assert isinstance(view_for(Terminal(Stream(tty=False)), quiet=False), PlainView)
    assert isinstance(view_for(Terminal(Stream()), quiet=True), QuietView)


def told(total: int, failing: int = 0, wait_s: float = 0.0) -> list[str]:
    """What is written where there is no terminal, while `total` tasks run one after another."""
    stream = Stream(tty=False)
    view = PlainView(Terminal(stream))
    track = Track([task(f"t{n}") for n in range(total)])
    script = Script(track)
    view.look(Scene(track=track, now=0.0, began=0.0))
    for n in range(total):
        name, state = f"t{n}", S.FAILED if n < failing else S.SUCCEEDED
        script.run(name, n, n + 1, state)
        now = n + 1.0 + wait_s
        view.moved(track.rows[f"w.{name}"], K.ENDED, Scene(track=track, now=now, began=0.0))
    view.look(Scene(track=track, now=total + 100.0, began=0.0))
    return stream.getvalue().splitlines()


def test_without_a_terminal_each_end_has_a_line() -> None:
    assert told(3, failing=1)[:3] == ["✗ t0 succeeded after 1.0s", "✓ t1 succeeded in 1.0s", "✓ t2 succeeded in 1.0s"]


def test_without_a_terminal_a_long_silence_is_broken() -> None:
    assert told(1)[-1] == "1/1 ended: 1 succeeded"


def test_without_a_terminal_a_thousand_tasks_are_told_in_few_lines() -> None:
    lines = told(1000, failing=100)
    assert len(lines) <= 33
    assert lines[20] == "further failures are counted, not listed: `holdfast list --state failed` lists them"
    assert lines[-2] == "1,000/1,000 ended: 100 failed, 900 succeeded"


def test_a_retry_is_told_with_the_attempt_and_the_wait() -> None:
    stream = Stream(tty=False)
    track = mixed()
    PlainView(Terminal(stream)).moved(track.rows["w.build"], K.ENDED, Scene(track=track, now=5.0, began=0.0))
    assert stream.getvalue() == "· build crashed after 1.0s (attempt 1 of 3, again in 4.0s): killed by SIGSEGV\n"
