"""Whatever ends a task, nothing of it lives on: the limit, Ctrl-C, `holdfast cancel`, the end of its engine."""

from __future__ import annotations

import os
import secrets
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from story.cli_door import PROGRAM, Door
from story.family import SIZE, Ready, family, members

pytestmark = pytest.mark.kernel


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Ready]:
    signalled = Ready(tmp_path / "ready")
    yield signalled
    signalled.close()


@pytest.fixture
def mark() -> str:
    return secrets.token_hex(8)


def started(door: Door, ready: Ready, mark: str, **resources: object) -> subprocess.Popen[bytes]:
    """`holdfast run` of a family of four, all of them there."""
    door.write("task.json", {"execution": {"task_id": "family", **family(mark, ready.path, **resources)}})
    process = subprocess.Popen(
        [PROGRAM, "run", "task.json", "--json"],
        cwd=door.folder,
        env=door.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    ready.wait()
    assert len(members(mark)) == SIZE
    return process


def outcome_of(door: Door) -> str:
    return str(door.run("status", "family", "--json").json["execution"]["outcome"]["kind"])


def test_a_family_that_outlives_its_limit_is_dead_to_the_last(door: Door, ready: Ready, mark: str) -> None:
    process = started(door, ready, mark, timeout=1)
    process.communicate()
    assert process.returncode == 1
    assert outcome_of(door) == "timed_out"
    assert members(mark) == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_family_is_dead_to_the_last_after_ctrl_c(door: Door, ready: Ready, mark: str, times: int) -> None:
    process = started(door, ready, mark)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert outcome_of(door) == "cancelled"
    assert members(mark) == []


def test_a_family_is_dead_to_the_last_after_cancel_from_another_terminal(door: Door, ready: Ready, mark: str) -> None:
    process = started(door, ready, mark)
    cancelled = door.run("cancel", "family")
    assert cancelled.status == 0, cancelled.err
    process.communicate()
    assert process.returncode == 1
    assert outcome_of(door) == "cancelled"
    assert members(mark) == []


def test_a_family_does_not_outlive_its_engine(door: Door, ready: Ready, mark: str) -> None:
    process = started(door, ready, mark)
    watched = [os.pidfd_open(pid) for pid in members(mark)]
    process.kill()
    process.communicate()
    for handle in watched:
        _wait_for_the_end(handle)
    assert members(mark) == []


def _wait_for_the_end(pidfd: int) -> None:
    try:
        assert select.select([pidfd], [], [], 30)[0], "a process outlived its engine"
    finally:
        os.close(pidfd)
