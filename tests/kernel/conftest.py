from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.sandbox.conftest import opened, sealed
from contract.sandbox.yard import Yard
from holdfast.sandbox.process import ProcessSandbox

__all__ = ["sealed"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.kernel)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """A yard of level `process`."""
    with opened(ProcessSandbox, tmp_path) as made:
        yield made


@pytest.fixture
def groups(yard: Yard) -> Yard:
    """A sandbox on a host whose control groups can be used."""
    offers = yard.sandbox.capabilities().offers
    for name in ("memory_limit", "pids_limit", "cpus"):
        if not offers[name].enforced:
            pytest.skip(f"no control group here: {offers[name].remedy}")
    return yard
