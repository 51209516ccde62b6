from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from kernel.linux.cells import Place, User, prepare, probe_as, users


@pytest.fixture(scope="session", params=users(), ids=lambda user: user.name)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A keeper's place, once per kind of user."""
    user: User = request.param
    folder = prepare(user)
    findings = probe_as(user, folder)
    if not findings.usable:
        pytest.skip("; ".join(f"{item.name}: {item.detail}" for item in findings.items if not item.works))
    yield Place(user, folder, findings)
    shutil.rmtree(folder)
