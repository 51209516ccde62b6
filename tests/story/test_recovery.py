"""`kill -9` of the engine in mid-run, then the same command again: nothing is lost, and nothing finished runs twice."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

from story.cli_door import PROGRAM, Door, shell, workflow

pytestmark = pytest.mark.kernel


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


class Log:
    """A FIFO into which each start of a task writes its name."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.starts: list[str] = []

    def wait_for(self, name: str) -> None:
        while name not in self.starts:
            assert select.select([self._handle], [], [], 60)[0], f"{name} did not start"
            self.starts += os.read(self._handle, 65536).decode().split()

    def rest(self) -> list[str]:
        while select.select([self._handle], [], [], 0)[0]:
            self.starts += os.read(self._handle, 65536).decode().split()
        return self.starts


def noted(name: str, log: Log, then: str = "") -> dict[str, object]:
    """A task that notes its start."""
    return shell(f"echo {name} > {log.path}; {then}")


def interrupted(door: Door, log: Log, until: str) -> None:
    """Run the workflow, and kill its engine the hard way once that task has started."""
    process = subprocess.Popen(
        [PROGRAM, "run", "work.json", "--workers", "2"], cwd=door.folder, env=door.environment, stderr=subprocess.PIPE
    )
    log.wait_for(until)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_the_same_command_continues_an_interrupted_run(door: Door, tmp_path: Path) -> None:
    log, gate = Log(tmp_path / "log"), tmp_path / "gate"
    tasks = {
        "first": noted("first", log),
        "second": {**noted("second", log, f"while [ ! -e {gate} ]; do sleep 0.05; done"), "needs": ["first"]},
        "third": {**noted("third", log), "needs": ["second"]},
    }
    door.write("work.json", workflow("work", **tasks))
    interrupted(door, log, "second")
    gate.touch()
    again = door.run("run", "work.json", "--json")
    assert again.status == 0, again.err
    assert "Continuing the interrupted run" in again.err
    assert {name: task["state"] for name, task in again.json["tasks"].items()} == dict.fromkeys(tasks, "succeeded")
    assert sorted(log.rest()) == ["first", "second", "second", "third"]
    second = again.json["tasks"]["second"]["attempts"]
    assert [attempt["outcome"]["kind"] for attempt in second] == ["lost", "succeeded"]
    assert again.json["tasks"]["first"]["attempts"][0]["outcome"]["kind"] == "succeeded"


def test_an_engine_fault_does_not_spend_the_retry_budget(door: Door, tmp_path: Path) -> None:
    log, gate = Log(tmp_path / "log"), tmp_path / "gate"
    door.write("work.json", workflow("work", only=noted("only", log, f"while [ ! -e {gate} ]; do sleep 0.05; done")))
    for _ in range(2):
        interrupted(door, log, "only")
        log.starts.clear()
    gate.touch()
    again = door.run("run", "work.json", "--json")
    assert again.status == 0, again.err
    kinds = [attempt["outcome"]["kind"] for attempt in again.json["tasks"]["only"]["attempts"]]
    assert kinds == ["lost", "lost", "succeeded"]


def test_a_task_that_ended_is_not_run_again_under_its_id(door: Door, tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    door.write("task.json", {"execution": {"task_id": "once", **noted("once", log)}})
    first = door.run("run", "task.json", "--json")
    second = door.run("run", "task.json", "--json")
    assert (first.status, second.status) == (0, 0)
    assert second.json == first.json
    assert log.rest() == ["once"]
    fresh = door.run("run", "task.json", "--json", "--fresh")
    assert fresh.json["execution"]["task_id"] == "once~2"
    assert log.rest() == ["once", "once"]


def test_a_different_request_under_a_known_id_is_refused(door: Door) -> None:
    door.write("task.json", {"execution": {"task_id": "once", **shell("true")}})
    assert door.run("run", "task.json").status == 0
    door.write("task.json", {"execution": {"task_id": "once", **shell("false")}})
    refused = door.run("run", "task.json")
    assert refused.status == 2
    assert "task.conflict" in refused.err


def test_a_second_engine_on_the_same_store_is_refused(door: Door, tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    door.write("work.json", workflow("work", only=noted("only", log, "sleep 600")))
    process = subprocess.Popen(
        [PROGRAM, "run", "work.json"], cwd=door.folder, env=door.environment, stderr=subprocess.DEVNULL
    )
    log.wait_for("only")
    second = door.run("run", "work.json")
    assert second.status == 2
    assert "store.locked" in second.err
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
