from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.journal.world import Bench
from holdfast.journal.memory import MemoryJournal
from holdfast.journal.sqlite.store import SqliteJournal

Open = Callable[[], Bench]


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def open_store(runner: asyncio.Runner, tmp_path: Path) -> Iterator[Open]:
    """Opens the SQLite store of this test; an earlier opening of it has to be closed first."""
    opened: list[SqliteJournal] = []

    def open_one() -> Bench:
        now = [10.0]
        journal = runner.run(SqliteJournal.open(tmp_path / "store", now=lambda: now[0]))
        opened.append(journal)
        return Bench(journal, runner, now)

    yield open_one
    for journal in opened:
        runner.run(journal.close())


@pytest.fixture
def store(open_store: Open) -> Bench:
    """A SQLite journal, for what only it has."""
    return open_store()


@pytest.fixture(params=["memory", "sqlite"])
def bench(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Bench:
    """A journal of each kind: what holds for one holds for the other."""
    if request.param == "sqlite":
        open_store: Open = request.getfixturevalue("open_store")
        return open_store()
    now = [10.0]
    return Bench(MemoryJournal(now=lambda: now[0]), runner, now)
