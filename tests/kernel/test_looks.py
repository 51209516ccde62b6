"""Hosts without control groups: limits are looked after, and nobody says that they are enforced."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.sandbox.yard import Yard, call, shell, value
from holdfast.model.limits import Limits
from holdfast.sandbox.crew import Crew
from holdfast.sandbox.process import ProcessSandbox

HOSTILE = str(Path(__file__).parent / "hostile.py")


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Yard]:
    """A sandbox that may not use control groups."""
    with asyncio.Runner() as runner:
        sandbox = ProcessSandbox(crew=Crew(tmp_path / "scratch", control_groups=False))
        runner.run(sandbox.open())
        yard = Yard(sandbox, runner, tmp_path)
        yield yard
        assert yard.left() == []
        runner.run(sandbox.close())


def test_what_is_only_looked_after_is_not_offered_as_enforced(bare: Yard) -> None:
    offers = bare.sandbox.capabilities().offers
    assert {name for name, offer in offers.items() if not offer.enforced} == {"memory_limit", "pids_limit", "cpus"}
    assert all(offer.by for offer in offers.values())
    assert all(offer.remedy for offer in offers.values() if not offer.enforced)
    assert "looks every" in offers["memory_limit"].by


def test_memory_seen_over_the_limit_is_killed(bare: Yard) -> None:
    program = call(f"{HOSTILE}:eat_and_stay", 300)
    seen = bare.carry_out(program, limits=Limits(memory_bytes=100_000_000, wall_s=60))
    assert (seen.signal, seen.limit_hit, seen.oom_kills, seen.stopped_for) == (9, "memory_limit", None, None)


def test_memory_is_summed_over_all_processes(bare: Yard) -> None:
    program = call(f"{HOSTILE}:children_eat_and_stay", 5, 60)
    seen = bare.carry_out(program, limits=Limits(memory_bytes=200_000_000, wall_s=60))
    assert seen.limit_hit == "memory_limit"
    assert seen.survivors == 0


def test_processes_seen_over_the_limit_are_killed(bare: Yard) -> None:
    script = "for i in $(seq 30); do sleep 1000 & done; wait"
    seen = bare.carry_out(shell(script), limits=Limits(pids=20, wall_s=60))
    assert (seen.signal, seen.limit_hit, seen.survivors) == (signal.SIGKILL, "pids_limit", 0)
    assert any("pids_limit" in line for line in seen.evidence)


def test_what_stays_below_the_limits_is_left_alone(bare: Yard) -> None:
    limits = Limits(memory_bytes=200_000_000, pids=10, cpus=0.5, cpu_s=60)
    seen = bare.carry_out(call(f"{HOSTILE}:eat", 50), limits=limits)
    assert (value(seen), seen.limit_hit) == (50 << 20, None)


def test_a_bomb_of_sessions_is_swept_one_by_one(bare: Yard) -> None:
    seen = bare.carry_out(call(f"{HOSTILE}:session_bomb", 7), limits=Limits(wall_s=0.5, grace_s=0.1))
    assert seen.survivors == 0
