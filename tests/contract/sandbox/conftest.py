from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.sandbox.trace import Trace
from contract.sandbox.yard import Yard
from holdfast.ports import Sandbox
from holdfast.sandbox.probe import found_here
from holdfast.sandbox.process import ProcessSandbox
from holdfast.sandbox.sealed import LinuxSandbox

LEVELS = {"process": ProcessSandbox, "sandbox": LinuxSandbox}


@contextlib.contextmanager
def opened(make: Callable[[Path], Sandbox], folder: Path) -> Iterator[Yard]:
    """An open sandbox. Whatever is done to it: afterwards nothing may be left."""
    trace = Trace(folder / "scratch")
    with asyncio.Runner() as runner:
        sandbox = make(folder / "scratch")
        runner.run(sandbox.open())
        made = Yard(sandbox, runner, folder)
        try:
            yield made
            assert made.left() == []
        finally:
            runner.run(sandbox.close())
    assert trace.left() == []


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Yard]:
    """A yard of level `sandbox`, on a host that can have one."""
    need_the_level()
    with opened(LinuxSandbox, tmp_path) as yard:
        yield yard


@pytest.fixture(params=sorted(LEVELS))
def yard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Yard]:
    """A yard of each level."""
    if request.param == "sandbox":
        need_the_level()
    with opened(LEVELS[request.param], tmp_path) as made:
        yield made


def need_the_level() -> None:
    lacking = found_here().lacking
    if lacking:
        pytest.skip("; ".join(f"no level sandbox here: {item.name}: {item.remedy}" for item in lacking))
