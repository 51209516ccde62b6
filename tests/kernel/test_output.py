"""What a task writes: kept within its limit, as bytes, whatever they are and however they come."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contract.sandbox.yard import Start, Yard, call, output, shell, value
from holdfast.model.launch import Observation
from holdfast.model.limits import Limits
from holdfast.sandbox.zygote.wire import INLINE_BYTES

HOSTILE = str(Path(__file__).parent / "hostile.py")


def flood(total: int) -> bytes:
    return b"".join(b"%015d\n" % number for number in range(total // 16))


@pytest.mark.parametrize("stream", [1, 2])
@pytest.mark.parametrize("total", [16, INLINE_BYTES, INLINE_BYTES + 16, 1_000_000])
def test_what_fits_is_kept_whole(yard: Yard, stream: int, total: int) -> None:
    seen = yard.carry_out(call(f"{HOSTILE}:flood", stream, total))
    kept = seen.stdout if stream == 1 else seen.stderr
    assert output(kept) == flood(total // 16 * 16)
    assert kept.kept == kept.total == total // 16 * 16
    assert (kept.path is None) == (total <= INLINE_BYTES)


@pytest.mark.parametrize("cap", [0, 1, 100, 1023, 1024, 5000, 100_000, 1_000_000])
@pytest.mark.parametrize("total", [16, 1024, 100_000, 1_000_000])
def test_of_too_much_head_and_tail_are_kept(yard: Yard, cap: int, total: int) -> None:
    total = total // 16 * 16
    seen = yard.carry_out(call(f"{HOSTILE}:flood", 1, total), limits=Limits(output_bytes=cap))
    data, everything = output(seen.stdout), flood(total)
    assert value(seen) == total
    assert seen.stdout.total == total
    assert seen.stdout.kept == len(data) <= max(cap, 0)
    if total <= cap:
        assert data == everything
    elif cap < 1024:
        assert data == everything[:cap]
    else:
        head, _, rest = data.partition(b"\n[")
        left_out, _, tail = rest.partition(b" bytes left out here]\n")
        assert everything.startswith(head)
        assert everything.endswith(tail)
        assert len(head) > cap // 2
        assert len(tail) >= min(cap // 4, 64 * 1024)
        assert len(head) + int(left_out) + len(tail) == total


def test_a_flood_is_drained_in_constant_memory(yard: Yard) -> None:
    """A gigabyte through a keeper whose own memory may not grow: children inherit its size."""

    async def around() -> tuple[Observation, Observation, Observation]:
        seen = []
        for program in (shell("exit 0"), shell("head -c 1000000000 /dev/zero"), shell("exit 0")):
            running = await yard.start(program)
            seen.append(await running.ended())
        return seen[0], seen[1], seen[2]

    before, during, after = yard.run(around())
    assert during.stdout.total == 1_000_000_000
    assert during.stdout.kept <= 10_000_000
    assert before.usage.memory_bytes is not None and after.usage.memory_bytes is not None
    assert after.usage.memory_bytes < before.usage.memory_bytes + 4_000_000


def test_bytes_stay_bytes(yard: Yard) -> None:
    data = bytes(range(256)) + b"\xff\xfe\x00\x1b]0;title\x07\x1b[2J"
    assert output(yard.carry_out(call(f"{HOSTILE}:write_bytes", data.hex())).stdout) == data


def test_bytes_that_come_one_by_one_are_all_kept(yard: Yard) -> None:
    text = "never a newline " * 50
    assert output(yard.carry_out(call(f"{HOSTILE}:one_by_one", text)).stdout) == text.encode()


def test_both_streams_are_drained_at_once(yard: Yard) -> None:
    seen = yard.carry_out(shell("head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero"))
    assert (seen.exit_code, seen.stdout.total, seen.stderr.total) == (0, 3_000_000, 3_000_000)


def test_large_input_comes_in_whole(yard: Yard) -> None:
    data = bytes(range(256)) * 20_000
    seen = yard.carry_out(shell("cat"), Start(stdin=data))
    assert output(seen.stdout) == data


def test_output_of_neighbours_is_not_mixed_up(yard: Yard) -> None:
    async def side_by_side() -> list[Observation]:
        running = [await yard.start(shell(f"for i in $(seq 200); do echo {name}; done")) for name in "abcd"]
        return list(await asyncio.gather(*(one.ended() for one in running)))

    for name, seen in zip("abcd", yard.run(side_by_side()), strict=True):
        assert output(seen.stdout) == f"{name}\n".encode() * 200
