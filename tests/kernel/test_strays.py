"""Processes that would outlive their task: none does."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from contract.sandbox.yard import Yard, call, is_alive, output, shell, value, words
from holdfast.model.launch import Observation, Program, StopReason
from holdfast.model.limits import Limits
from holdfast.sandbox import keepers

HOSTILE = str(Path(__file__).parent / "hostile.py")
SOON = Limits(wall_s=0.3, grace_s=0.1)


def meet(yard: Yard, program: Program, pipe: Path, limits: Limits) -> tuple[list[int], Observation]:
    """Carry out a task that tells the pids of its processes, of which there must be four."""

    async def and_listen() -> tuple[list[int], Observation]:
        running = await yard.start(program, limits=limits)
        pids = [int(word) for word in await words(pipe)]
        return pids, await running.ended()

    pids, seen = yard.run(and_listen())
    assert len(set(pids)) == 4, pids
    return pids, seen


@pytest.mark.parametrize("kind", ["family_then_hang", "stubborn_family", "stopped_family"])
def test_at_the_time_limit_child_session_and_daemon_die_with_the_task(yard: Yard, kind: str) -> None:
    pipe = yard.pipe()
    pids, seen = meet(yard, call(f"{HOSTILE}:{kind}", str(pipe)), pipe, SOON)
    assert seen.stopped_for is StopReason.TIMED_OUT
    assert seen.survivors == 0
    assert [pid for pid in pids if is_alive(pid)] == []


def test_when_cancelled_child_session_and_daemon_die_with_the_task(yard: Yard) -> None:
    pipe = yard.pipe()

    async def cancel() -> tuple[list[int], Observation]:
        running = await yard.start(call(f"{HOSTILE}:stubborn_family", str(pipe)), limits=Limits(grace_s=0.05))
        pids = [int(word) for word in await words(pipe)]
        running.stop(StopReason.CANCELLED)
        return pids, await running.ended()

    pids, seen = yard.run(cancel())
    assert seen.stopped_for is StopReason.CANCELLED
    assert [pid for pid in pids if is_alive(pid)] == []


def test_after_a_success_what_it_left_is_swept_and_counted(yard: Yard) -> None:
    pipe = yard.pipe()
    pids, seen = meet(yard, call(f"{HOSTILE}:family", str(pipe)), pipe, Limits())
    assert value(seen) == pids
    assert (seen.exit_code, seen.swept, seen.survivors) == (0, 3, 0)
    assert [pid for pid in pids if is_alive(pid)] == []


def test_a_task_that_is_its_own_subreaper_is_swept_like_any_other(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{HOSTILE}:own_subreaper"))
    assert not is_alive(int(str(value(seen))))
    assert seen.swept == 1


def test_pipes_held_by_a_grandchild_delay_nothing(yard: Yard) -> None:
    pipe = yard.pipe()

    async def and_listen() -> tuple[list[str], Observation]:
        running = await yard.start(call(f"{HOSTILE}:leave_pipes_open", str(pipe)))
        return await words(pipe), await running.ended()

    [pid], seen = yard.run(and_listen())
    assert (value(seen), seen.swept) == ("done", 1)
    assert not is_alive(int(pid))


def test_the_clock_runs_on_when_every_descriptor_is_closed(yard: Yard) -> None:
    pipe = yard.pipe()

    async def and_listen() -> tuple[list[str], Observation]:
        running = await yard.start(call(f"{HOSTILE}:close_all_and_hang", str(pipe)), limits=SOON)
        return await words(pipe), await running.ended()

    [pid], seen = yard.run(and_listen())
    assert (seen.stopped_for, seen.signal) == (StopReason.TIMED_OUT, signal.SIGTERM)
    assert not is_alive(int(pid))


def test_a_fork_bomb_stops_at_the_limit_and_is_swept(groups: Yard) -> None:
    seen = groups.carry_out(call(f"{HOSTILE}:fork_bomb"), limits=Limits(pids=30))
    assert value(seen) == 29
    assert (seen.exit_code, seen.swept, seen.survivors) == (0, 29, 0)
    assert seen.usage.processes == 30
    assert any("pids_limit" in line for line in seen.evidence)
    assert seen.limit_hit is None, "it succeeded all the same"


def test_a_task_that_fails_at_the_limit_of_processes_is_said_to(groups: Yard) -> None:
    seen = groups.carry_out(shell("for i in $(seq 50); do sleep 1000 & done"), limits=Limits(pids=10, wall_s=20))
    assert seen.exit_code not in (0, None)
    assert seen.limit_hit == "pids_limit"


def test_many_sessions_without_a_limit_are_swept(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{HOSTILE}:session_bomb", 8), limits=SOON)
    assert seen.stopped_for is StopReason.TIMED_OUT
    assert seen.survivors == 0
    assert seen.usage.processes is not None and seen.usage.processes > 200


def test_a_process_that_is_never_where_it_was_seen_is_caught(yard: Yard) -> None:
    pipe = yard.pipe()

    async def and_listen() -> Observation:
        running = await yard.start(call(f"{HOSTILE}:rabbit", str(pipe)))
        await words(pipe)
        return await running.ended()

    seen = yard.run(and_listen())
    assert (seen.exit_code, seen.survivors) == (0, 0)
    assert seen.swept > 0


def test_many_such_processes_are_caught(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{HOSTILE}:rabbits", 40))
    assert (seen.exit_code, seen.survivors) == (0, 0)
    assert yard.carry_out(shell("exit 4")).exit_code == 4


def test_neighbours_are_not_touched(yard: Yard) -> None:
    go = [yard.pipe("one"), yard.pipe("two")]

    async def beside() -> list[Observation]:
        good = [await yard.start(shell(f"cat {pipe}; echo well")) for pipe in go]
        bad = await yard.start(call(f"{HOSTILE}:session_bomb", 6), limits=SOON)
        await bad.ended()
        for pipe in go:
            pipe.write_text("")
        return [await one.ended() for one in good]

    for seen in yard.run(beside()):
        assert (seen.exit_code, output(seen.stdout), seen.swept) == (0, b"well\n", 0)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTERM])
def test_whoever_stops_or_ends_the_keeper_gains_nothing(
    yard: Yard, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keeper that is ended takes its task along; one that is stopped is killed by the engine."""
    monkeypatch.setattr(keepers, "STALL_S", 0.2)
    seen = yard.carry_out(call(f"{HOSTILE}:kill_parent", int(number)), limits=SOON)
    assert seen.sandbox_error is not None
    assert f"signal {signal.SIGKILL if number == signal.SIGSTOP else number}" in seen.sandbox_error
    assert yard.carry_out(shell("exit 4")).exit_code == 4
