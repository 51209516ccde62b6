from __future__ import annotations

from pathlib import Path

import pytest

from contract.sandbox.conftest import yard
from contract.sandbox.yard import Yard

__all__ = ["yard"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.kernel)


@pytest.fixture
def groups(yard: Yard) -> Yard:
    """A sandbox on a host whose control groups can be used."""
    offers = yard.sandbox.capabilities().offers
    for name in ("memory_limit", "pids_limit", "cpus"):
        if not offers[name].enforced:
            pytest.skip(f"no control group here: {offers[name].remedy}")
    return yard
