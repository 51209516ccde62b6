"""Limits that the kernel keeps, and the evidence for it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from contract.sandbox.yard import Yard, call, output, python, shell, value
from holdfast.model.launch import Observation
from holdfast.model.limits import Limits

HOSTILE = str(Path(__file__).parent / "hostile.py")
MB = 1_000_000


@pytest.mark.parametrize("kind", ["eat", "eat_memfd"])
def test_memory_over_the_limit_is_killed_and_counted(groups: Yard, kind: str) -> None:
    seen = groups.carry_out(call(f"{HOSTILE}:{kind}", 600), limits=Limits(memory_bytes=200 * MB))
    assert (seen.signal, seen.stopped_for, seen.report) == (signal.SIGKILL, None, None)
    assert seen.oom_kills
    assert seen.usage.memory_bytes is not None and 150 * MB < seen.usage.memory_bytes <= 201 * MB


def test_a_child_killed_for_memory_is_seen_though_the_parent_succeeds(groups: Yard) -> None:
    seen = groups.carry_out(call(f"{HOSTILE}:child_eats", 600), limits=Limits(memory_bytes=200 * MB))
    if seen.exit_code == 0:  # where the kernel kills the whole group, the parent dies too
        assert value(seen) == "never mind"
    assert seen.oom_kills


def test_memory_below_the_limit_is_left_alone(groups: Yard) -> None:
    seen = groups.carry_out(call(f"{HOSTILE}:eat", 100), limits=Limits(memory_bytes=200 * MB))
    assert (value(seen), seen.oom_kills) == (100 << 20, 0)


def test_a_kill_from_outside_is_not_taken_for_want_of_memory(groups: Yard) -> None:
    seen = groups.carry_out(shell("kill -9 $$"), limits=Limits(memory_bytes=200 * MB))
    assert (seen.signal, seen.oom_kills) == (signal.SIGKILL, 0)


def test_a_limit_too_small_to_begin_with_is_want_of_memory_too(groups: Yard) -> None:
    seen = groups.carry_out(shell("exit 0"), limits=Limits(memory_bytes=100_000))
    assert seen.sandbox_error is None
    assert seen.oom_kills


def test_neighbours_of_a_hog_are_not_touched(groups: Yard) -> None:
    go = groups.pipe()

    async def beside() -> tuple[Observation, Observation]:
        good = await groups.start(shell(f"cat {go}; echo well"), limits=Limits(memory_bytes=50 * MB))
        hog = await groups.start(call(f"{HOSTILE}:eat", 600), limits=Limits(memory_bytes=100 * MB))
        seen = await hog.ended()
        go.write_text("")
        return seen, await good.ended()

    hog, good = groups.run(beside())
    assert hog.oom_kills
    assert (good.exit_code, good.oom_kills, output(good.stdout)) == (0, 0, b"well\n")


def test_a_share_of_a_processor_is_no_more_than_that(groups: Yard) -> None:
    burn = "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass"
    seen = groups.carry_out(python(burn), limits=Limits(cpus=0.2))
    assert seen.exit_code == 0
    assert seen.usage.cpu_s < 0.6 * seen.usage.wall_s


def test_processor_time_over_the_limit_is_named(yard: Yard) -> None:
    seen = yard.carry_out(python("while True: pass"), limits=Limits(cpu_s=1, wall_s=60))
    assert (seen.limit_hit, seen.stopped_for) == ("cpu_time", None)
    assert seen.signal in (signal.SIGXCPU, signal.SIGKILL)


def test_processor_time_is_summed_over_all_processes(yard: Yard) -> None:
    burn = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    seen = yard.carry_out(python(burn), limits=Limits(cpu_s=1, wall_s=60))
    assert seen.limit_hit == "cpu_time"
    assert seen.survivors == 0


def test_open_files_over_the_limit_are_refused(yard: Yard) -> None:
    code = (
        "import os\nn = 0\ntry:\n  while True: os.open('/dev/null', 0); n += 1\nexcept OSError as e: print(n, e.errno)"
    )
    seen = yard.carry_out(python(code), limits=Limits(open_files=20))
    assert output(seen.stdout) == b"17 24\n"


def test_nothing_dumps_core(yard: Yard) -> None:
    seen = yard.carry_out(shell("ulimit -Hc; kill -SEGV $$"))
    assert (seen.signal, output(seen.stdout)) == (signal.SIGSEGV, b"0\n")
