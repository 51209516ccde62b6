"""SIGKILL at any moment: what was acknowledged is there, the rest is whole or absent, and the dead write nothing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contract.journal.conftest import Open
from contract.journal.invariants import check_records
from contract.journal.world import Bench
from holdfast.model.attempt import AttemptState
from holdfast.model.errors import StaleAttempt
from holdfast.model.task import TaskState

VICTIM = Path(__file__).with_name("victim.py")


@dataclass(slots=True)
class Acknowledged:
    """What the killed processes said was done."""

    submitted: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    claimed: set[tuple[str, int]] = field(default_factory=set)
    finished: dict[str, int] = field(default_factory=dict)
    retried: set[tuple[str, int]] = field(default_factory=set)

    def hear(self, line: str) -> None:
        match line.split():
            case ["submit", task_id]:
                self.submitted.add(task_id)
            case ["cancel", task_id]:
                self.cancelled.add(task_id)
            case ["claim", task_id, number]:
                self.claimed.add((task_id, int(number)))
            case ["finish", task_id, number]:
                assert task_id not in self.finished, "two results of one task were acknowledged"
                self.finished[task_id] = int(number)
            case ["retry", task_id, number]:
                self.retried.add((task_id, int(number)))


def run_and_kill(store: Path, seed: str, lines: int, heard: Acknowledged) -> None:
    """Run the victim until it has said so much, kill it, and hear the rest of what it said before it died."""
    command = [sys.executable, str(VICTIM), str(store), seed]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        for _ in range(lines):
            line = process.stdout.readline()
            assert line, "the victim died by itself"
            heard.hear(line)
        process.kill()
        for line in process.stdout:
            if line.endswith("\n"):
                heard.hear(line)


def check_acknowledged(bench: Bench, heard: Acknowledged) -> None:
    tasks = {task.id: task for task in bench.tasks(limit=1_000_000)}
    assert heard.submitted <= tasks.keys()
    for task_id in heard.cancelled:
        assert tasks[task_id].state is TaskState.CANCELLED
    for task_id, number in heard.finished.items():
        task = tasks[task_id]
        assert task.state is TaskState.SUCCEEDED
        assert task.result is not None
        assert task.result.inline == f"{task_id}/{number}".encode()
    for task_id, number in heard.claimed | heard.retried:
        assert tasks[task_id].attempts >= number
    for task_id, number in heard.retried:
        assert bench.attempts(task_id)[number - 1].state is AttemptState.ENDED


@pytest.mark.parametrize("seed", ["first", "second"])
def test_nothing_acknowledged_is_lost_to_a_kill(open_store: Open, tmp_path: Path, seed: str) -> None:
    chance = random.Random(seed)
    heard = Acknowledged()
    for life in range(6):
        run_and_kill(tmp_path / "store", f"{seed}{life}", chance.randrange(1, 400), heard)
    bench = open_store()
    check_acknowledged(bench, heard)
    check_records(bench, limit=1_000_000)
    old = {task.id: bench.attempts(task.id)[-1] for task in bench.tasks(states=(TaskState.RUNNING,))}
    orphans = bench.do(bench.journal.orphans())
    assert {claim.ref.task_id for claim in orphans} == old.keys()
    for claim in orphans:
        assert claim.ref.id == old[claim.ref.task_id].id
        assert claim.ref.epoch > old[claim.ref.task_id].epoch
        bench.finish(claim, "lost", retry_at=60.0)
        with pytest.raises(StaleAttempt):
            bench.finish(claim)
    check_records(bench, limit=1_000_000)
