"""The program in a real terminal: what is on its screen, and how it is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from story.cli_door import PROGRAM, Door, envelope, shell, workflow
from unit.cli.screen import Screen

COLUMNS, LINES = 80, 24


class Terminal:
    """The program in a terminal of its own."""

    def __init__(self, door: Door, *arguments: str, **variables: str) -> None:
        environment = {**door.environment, "TERM": "xterm-256color", **variables}
        self.child: Any = pexpect.spawn(
            PROGRAM, list(arguments), cwd=str(door.folder), env=environment, dimensions=(LINES, COLUMNS), timeout=60
        )
        self.written = b""

    def wait_for(self, text: str) -> None:
        """Read until this is written."""
        self.child.expect_exact(text.encode())
        self.written += self.child.before + self.child.after

    def end(self) -> int:
        """Read to the end; the exit status, or 128 + the signal."""
        self.child.expect(pexpect.EOF)
        self.written += self.child.before
        self.child.wait()
        return int(self.child.exitstatus if self.child.signalstatus is None else 128 + self.child.signalstatus)

    @property
    def screen(self) -> Screen:
        return Screen(COLUMNS, LINES).feed(self.written.decode().replace("\r\n", "\n"))


class Signpost:
    """A named pipe on which a task says that it has come so far, with its process id."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "signpost"
        os.mkfifo(self.path)

    def say(self) -> str:
        """The line of shell that says it."""
        return f'echo $$ > "{self.path}"'

    def pid(self) -> int:
        """Wait until a task says so."""
        return int(self.path.read_text().split()[0])


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.fixture
def signpost(tmp_path: Path) -> Signpost:
    return Signpost(tmp_path)


@contextlib.contextmanager
def started(door: Door, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program in the background; it does not outlive the test."""
    process = subprocess.Popen(
        [PROGRAM, *arguments],
        cwd=door.folder,
        env=door.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_progress_is_drawn_and_gives_way_to_the_table(door: Door, signpost: Signpost) -> None:
    tasks = {
        "first": shell("true"),
        "slow": {**shell(f"{signpost.say()}; read -r _ < '{signpost.path}'"), "needs": ["first"]},
    }
    door.write("flow.json", workflow("flow", **tasks))
    terminal = Terminal(door, "run", "flow.json")
    signpost.pid()
    terminal.wait_for("1/2")
    terminal.wait_for("running")
    terminal.wait_for("1/2")
    screen = terminal.screen
    assert "✓ first" in screen.visible
    assert "● slow" in screen.visible
    signpost.path.write_text("go\n")
    assert terminal.end() == 0
    left = terminal.screen.text
    assert "1/2" not in left
    assert "2 of 2 tasks succeeded" in left
    assert left.count("first") == 1


def test_a_terminal_made_narrower_is_drawn_to_its_new_width(door: Door, signpost: Signpost) -> None:
    tasks = {f"a-task-with-quite-a-long-name-{n}": shell(f"{signpost.say()}; exec sleep 600") for n in range(2)}
    door.write("flow.json", workflow("flow", **tasks))
    terminal = Terminal(door, "run", "flow.json", "--workers", "1")
    signpost.pid()
    terminal.wait_for("0/2")
    terminal.child.setwinsize(10, 40)
    terminal.wait_for("…")
    narrow = Terminal.__new__(Terminal)
    narrow.child, narrow.written = terminal.child, b""
    narrow.wait_for("0/2")
    narrow.wait_for("\x1b[J")
    drawn = Screen(1000).feed(narrow.written.decode().replace("\r\n", "\n")).text
    assert max(map(len, drawn.splitlines())) < 40
    terminal.child.sendintr()
    assert terminal.end() == 130


def test_what_a_task_prints_cannot_touch_the_terminal(door: Door) -> None:
    door.write(
        "task.json", envelope("evil", r"""printf '\033]0;owned\007\033[2J\033[31mred\n'; printf '\033c' >&2; exit 1""")
    )
    run = Terminal(door, "run", "task.json")
    assert run.end() == 1
    logs = Terminal(door, "logs", "evil")
    assert logs.end() == 0
    assert b"\x1b]0" not in run.written + logs.written
    assert b"\x1bc" not in run.written + logs.written
    assert b"\x1b[2J" not in logs.written
    assert r"\x1b]0;owned\a\x1b[2J\x1b[31mred" in logs.screen.text


def test_a_terminal_without_a_cursor_gets_lines(door: Door) -> None:
    door.write("flow.json", workflow("flow", a=shell("true")))
    terminal = Terminal(door, "run", "flow.json", TERM="dumb")
    assert terminal.end() == 0
    assert b"\x1b" not in terminal.written


def test_no_color_means_none(door: Door) -> None:
    door.write("flow.json", workflow("flow", a=shell("exit 1")))
    terminal = Terminal(door, "run", "flow.json", NO_COLOR="1")
    assert terminal.end() == 1
    assert b"\x1b[3" not in terminal.written


def test_the_first_ctrl_c_lets_tasks_end_well(door: Door, signpost: Signpost) -> None:
    script = f"trap 'echo saved; exit 1' TERM; {signpost.say()}; while :; do sleep 0.05; done"
    door.write("flow.json", workflow("flow", a=shell(script, grace=30), b={**shell("true"), "needs": ["a"]}))
    terminal = Terminal(door, "run", "flow.json")
    pid = signpost.pid()
    terminal.child.sendintr()
    terminal.wait_for("Stopping 2 tasks")
    assert terminal.end() == 130
    assert not alive(pid)
    tasks = {task["name"]: task for task in door.run("list", "--json").json["tasks"]}
    assert {name: task["state"] for name, task in tasks.items()} == {"a": "cancelled", "b": "cancelled"}
    assert door.run("logs", tasks["a"]["task_id"]).out == "saved\n"
    assert "cancelled" in terminal.screen.text


def test_the_second_ctrl_c_stops_at_once(door: Door, signpost: Signpost) -> None:
    daemon = f"setsid sleep 600 & echo $! > '{door.folder}/daemon'"
    stubborn = f"trap '' TERM INT HUP; {daemon}; {signpost.say()}; while :; do sleep 600; done"
    door.write("flow.json", workflow("flow", a=shell(stubborn, grace=600)))
    terminal = Terminal(door, "run", "flow.json")
    pid = signpost.pid()
    terminal.child.sendintr()
    terminal.wait_for("once more")
    terminal.child.sendintr()
    assert terminal.end() == 130
    assert "at once" in terminal.screen.text
    assert not alive(pid)
    assert not alive(int((door.folder / "daemon").read_text()))


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_cancels_without_a_terminal_too(door: Door, signpost: Signpost, number: int, status: int) -> None:
    door.write("flow.json", workflow("flow", a=shell(f"{signpost.say()}; exec sleep 600")))
    with started(door, "run", "flow.json", "--json") as process:
        pid = signpost.pid()
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == status
    assert b'"cancelled"' in out
    assert b"Stopping 1 task" in err
    assert not alive(pid)


def test_an_interrupted_engine_is_continued(door: Door, signpost: Signpost) -> None:
    count = f'echo x >> "{door.folder}/first-ran"'
    wait = f'[ "$HOLDFAST_ATTEMPT" = 1 ] || exit 0; {signpost.say()}; exec sleep 600'
    door.write("flow.json", workflow("flow", first=shell(count), second={**shell(wait), "needs": ["first"]}))
    with started(door, "run", "flow.json", "--quiet") as process:
        pid = signpost.pid()
        process.kill()
    ran = door.run("run", "flow.json")
    assert ran.status == 0
    assert "Continuing the interrupted run of flow" in ran.err
    assert "1 of them ended before" in ran.err
    assert (door.folder / "first-ran").read_text() == "x\n"
    assert not alive(pid)


def test_who_follows_a_task_that_lost_its_engine_is_told(door: Door, signpost: Signpost) -> None:
    door.write("task.json", envelope("lost", f"echo here; {signpost.say()}; exec sleep 600"))
    with started(door, "run", "task.json") as process:
        signpost.pid()
        follower = Terminal(door, "logs", "-f", "lost")
        follower.wait_for("here")
        process.kill()
        assert follower.end() == 1
    assert "no engine runs" in follower.screen.text


def test_nobody_reading_the_progress_stops_nothing(door: Door) -> None:
    door.write("task.json", envelope("task", 'echo 1 > "$HOLDFAST_RESULT"'))
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [PROGRAM, "run", "task.json"], cwd=door.folder, env=door.environment, stdout=subprocess.PIPE, stderr=writing
    ) as process:
        os.close(writing)
        assert process.communicate()[0] == b"1\n"
    assert process.returncode == 0


def test_a_running_task_is_seen_followed_and_cancelled_from_beside(door: Door, signpost: Signpost) -> None:
    script = f'echo one; echo two >&2; {signpost.say()}; read -r _ < "{signpost.path}"; echo three; exec sleep 600'
    door.write("task.json", envelope("long", script))
    with started(door, "run", "task.json", "--quiet") as process:
        pid = signpost.pid()
        status = door.run("status", "--json").json
        assert status["engine"] == {"pid": process.pid, "running": ["long"]}
        assert "still runs" in door.run("logs", "long").err
        follower = Terminal(door, "logs", "-f", "long")
        follower.wait_for("one")
        signpost.path.write_text("go\n")
        follower.wait_for("three")
        second = door.run("run", "task.json")
        assert second.status == 2
        assert "engine" in second.err
        cancelled = door.run("cancel", "long", "--reason", "tired of it")
        assert cancelled.status == 0
        assert process.wait() == 1
        assert follower.end() == 1
    assert not alive(pid)
    assert "tired of it" in door.run("status", "long").out
