from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.sandbox.trace import Trace
from contract.sandbox.yard import Yard
from holdfast.sandbox.process import ProcessSandbox


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """An open sandbox. Whatever the test does to it: afterwards nothing may be left."""
    trace = Trace(tmp_path / "scratch")
    with asyncio.Runner() as runner:
        sandbox = ProcessSandbox(tmp_path / "scratch")
        runner.run(sandbox.open())
        made = Yard(sandbox, runner, tmp_path)
        try:
            yield made
            assert made.left() == []
        finally:
            runner.run(sandbox.close())
    assert trace.left() == []
