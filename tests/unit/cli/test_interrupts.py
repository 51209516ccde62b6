from __future__ import annotations

import signal
import subprocess
import sys

import pytest

STUCK = """
import asyncio
from holdfast.cli.interrupts import Interrupts

async def main():
    with Interrupts() as interrupts:
        print("ready", flush=True)
        for seen in range(3):
            await interrupts.next(seen)
            print(seen + 1, interrupts.status, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_two_signals_are_counted_and_the_third_ends_it_whatever_it_does(number: int, status: int) -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for seen in (1, 2):
            process.send_signal(number)
            assert process.stdout.readline() == f"{seen} {status}\n"
        process.send_signal(number)
    assert process.returncode == -number


def test_what_is_ignored_stays_ignored() -> None:
    script = 'trap \'\' HUP; exec "$0" -c "$1"'
    with subprocess.Popen(["sh", "-c", script, sys.executable, STUCK], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "1 143\n"
        process.kill()
