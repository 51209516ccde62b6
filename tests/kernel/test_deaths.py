"""Whoever of engine, root zygote and keepers is killed: the tasks die, and the rest goes on."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from contract.sandbox.trace import groups_of
from contract.sandbox.yard import PATIENCE_S, Yard, call, is_alive, output, shell, words
from holdfast.model.launch import Observation
from holdfast.model.limits import Limits
from holdfast.sandbox import keepers
from holdfast.sandbox.process import ProcessSandbox
from holdfast.sandbox.zygote.family import children, stat

HOSTILE = str(Path(__file__).parent / "hostile.py")
ENGINE = str(Path(__file__).parent / "engine.py")


def parent(pid: int) -> int:
    return int(stat(pid)[1])


def await_deaths(pids: Iterable[int]) -> list[int]:
    """Wait until all of them are dead; returns those that are not, if that takes for ever."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        select.select([fd], [], [], PATIENCE_S)
        os.close(fd)
    return [pid for pid in pids if is_alive(pid)]


async def family(yard: Yard) -> tuple[list[int], asyncio.Task[Observation]]:
    """A task with four processes deaf to SIGTERM, underway."""
    pipe = yard.pipe(f"pipe-{os.urandom(4).hex()}")
    running = await yard.start(call(f"{HOSTILE}:stubborn_family", str(pipe)))
    pids = [int(word) for word in await words(pipe)]
    return pids, asyncio.create_task(running.ended())


def test_when_a_keeper_is_killed_its_task_dies_as_the_sandboxs_fault(yard: Yard) -> None:
    async def kill() -> tuple[list[int], Observation, Observation]:
        pids, ending = await family(yard)
        others, other = await family(yard)
        os.kill(parent(pids[0]), signal.SIGKILL)
        seen = await ending
        assert [pid for pid in pids if is_alive(pid)] == [], "ended means: all are dead"
        assert all(is_alive(pid) for pid in others)
        os.kill(others[0], signal.SIGKILL)
        return pids, seen, await other

    _, seen, other = yard.run(kill())
    assert seen.sandbox_error is not None and seen.exit_code is None and seen.signal is None
    assert (other.signal, other.swept) == (signal.SIGKILL, 3)
    assert yard.carry_out(shell("exit 4")).exit_code == 4


def test_when_an_idle_keeper_is_killed_another_one_takes_over(yard: Yard) -> None:
    async def idle() -> int:
        running = await yard.start(shell("echo $PPID"))
        return int(output((await running.ended()).stdout))

    keeper = yard.run(idle())
    os.kill(keeper, signal.SIGKILL)
    assert await_deaths([keeper]) == []
    yard.run(asyncio.sleep(0.05))  # the loop of the engine has to see it, too
    assert yard.carry_out(shell("exit 4")).exit_code == 4


def test_when_the_root_zygote_is_killed_its_tasks_die_and_a_new_one_comes(yard: Yard) -> None:
    async def kill() -> tuple[Observation, Observation]:
        pids, ending = await family(yard)
        root = parent(parent(pids[0]))
        os.kill(root, signal.SIGKILL)
        seen = await ending
        assert [pid for pid in pids if is_alive(pid)] == []
        running = await yard.start(shell("exit 4"))
        return seen, await running.ended()

    seen, following = yard.run(kill())
    assert seen.sandbox_error is not None
    assert following.exit_code == 4


def test_when_root_and_keeper_are_killed_at_once_the_task_dies(yard: Yard) -> None:
    async def kill() -> Observation:
        pids, ending = await family(yard)
        keeper = parent(pids[0])
        root = parent(keeper)
        os.kill(root, signal.SIGSTOP)
        os.kill(keeper, signal.SIGSTOP)
        os.kill(root, signal.SIGKILL)
        os.kill(keeper, signal.SIGKILL)
        seen = await ending
        assert [pid for pid in pids if is_alive(pid)] == []
        return seen

    assert yard.run(kill()).sandbox_error is not None
    assert yard.carry_out(shell("exit 4")).exit_code == 4


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """An engine in a process of its own, with two stubborn tasks underway, and their pids."""
    pipes = [tmp_path / "one", tmp_path / "two"]
    for pipe in pipes:
        os.mkfifo(pipe)
    argv = [sys.executable, ENGINE, str(tmp_path / "scratch"), *map(str, pipes)]
    engine = subprocess.Popen(argv, env=os.environ | {"HOLDFAST_TEST": "lone"})
    pids = [int(word) for pipe in pipes for word in pipe.read_text().split()]
    yield engine, pids
    engine.kill()
    engine.wait()
    assert await_deaths(pids) == []


def keepers_and_root(pids: list[int]) -> tuple[set[int], int]:
    keepers = {parent(pids[0]), parent(pids[4])}
    [root] = {parent(keeper) for keeper in keepers}
    return keepers, root


def reopen(folder: Path) -> None:
    """Another engine over the same folder clears away whatever the first one left there."""

    async def open_and_close() -> None:
        sandbox = ProcessSandbox(folder)
        await sandbox.open()
        assert len([name for name in os.listdir(folder) if name.startswith("engine-")]) == 1
        await sandbox.close()

    asyncio.run(open_and_close())
    assert os.listdir(folder) == [".lock"]


def test_when_the_engine_is_killed_everyone_dies(
    lone: tuple[subprocess.Popen[bytes], list[int]], tmp_path: Path
) -> None:
    engine, pids = lone
    keepers, root = keepers_and_root(pids)
    engine.kill()
    assert await_deaths([*pids, *keepers, root]) == []
    engine.wait()
    reopen(tmp_path / "scratch")
    assert groups_of(engine.pid) == set()


def test_when_the_engine_is_stopped_the_clocks_of_its_tasks_run_on(yard: Yard) -> None:
    """In its own process that is hard to show; here the loop is blocked instead, which is the same to a keeper."""
    pipe = yard.pipe()

    async def block() -> Observation:
        running = await yard.start(shell(f"echo $$ > {pipe}; sleep 1000"), limits=Limits(wall_s=0.2))
        [pid] = await words(pipe)
        assert await_deaths([int(pid)]) == []  # blocks: nothing of the engine runs meanwhile
        return await running.ended()

    assert yard.run(block()).stopped_for is not None


def test_what_is_left_when_all_are_killed_at_once_is_swept_at_the_next_start(
    lone: tuple[subprocess.Popen[bytes], list[int]], tmp_path: Path
) -> None:
    engine, pids = lone
    keepers, root = keepers_and_root(pids)
    everyone = [root, *keepers, engine.pid]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in everyone:
            os.kill(pid, number)
    assert await_deaths([pids[0], pids[4]]) == [], "the main processes die with their keepers"
    engine.wait()
    reopen(tmp_path / "scratch")
    assert [pid for pid in pids if is_alive(pid)] == []
    assert groups_of(engine.pid) == set()


def test_a_living_engine_is_left_alone_by_the_next_one(
    lone: tuple[subprocess.Popen[bytes], list[int]], tmp_path: Path
) -> None:
    _, pids = lone

    async def open_and_close() -> None:
        sandbox = ProcessSandbox(tmp_path / "scratch")
        await sandbox.open()
        await sandbox.close()

    asyncio.run(open_and_close())
    assert all(is_alive(pid) for pid in pids)


def test_the_root_zygote_leaves_last(yard: Yard) -> None:
    yard.carry_out(shell("exit 0"))
    [root] = [pid for pid in children(os.getpid()) if b"zygote.root" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    keepers = children(root)
    assert keepers
    yard.run(yard.sandbox.close())
    assert [pid for pid in (root, *keepers) if is_alive(pid)] == []


def test_a_keeper_that_was_stopped_does_not_stop_the_clock(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keepers, "STALL_S", 0.2)
    seen = yard.carry_out(shell("kill -STOP $PPID; sleep 600"), limits=Limits(wall_s=0.2, grace_s=0.1))
    assert seen.sandbox_error is not None
    assert yard.carry_out(shell("exit 4")).exit_code == 4
