"""Many moves, one commit: who shares it, who does not, and what a failing disk does to them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from contract.journal.conftest import Open
from contract.journal.world import ROOMY, Bench, ending, new
from holdfast.journal.sqlite import writer
from holdfast.journal.sqlite.store import SqliteJournal, open_reader
from holdfast.model.attempt import AttemptState
from holdfast.model.errors import Refused, StaleAttempt, StoreFault
from holdfast.model.query import Submission, Submitted


def submission(*names: str) -> Submission:
    return Submission(tasks=tuple(map(new, names)))


def journal_of(bench: Bench) -> SqliteJournal:
    assert isinstance(bench.journal, SqliteJournal)
    return bench.journal


async def together(*moves: Awaitable[object]) -> list[object]:
    return await asyncio.gather(*moves, return_exceptions=True)


@dataclass(slots=True)
class Commits:
    """Counts commits, and holds them back where told to."""

    count: int = 0
    entered: threading.Event | None = None
    release: threading.Event | None = None

    def __call__(self) -> bool:
        self.count += 1
        if self.entered is not None and self.release is not None:
            self.entered.set()
            self.release.wait()
        return False


@pytest.fixture
def commits(store: Bench) -> Iterator[Commits]:
    found = Commits()
    journal_of(store)._writing.set_commit_hook(found)
    yield found
    if found.release is not None:
        found.release.set()


@pytest.fixture(params=["fast", "slow"], autouse=True)
def speed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The disk as the writer takes it to be: fast enough to be waited for on the loop, or not."""
    speed: str = request.param
    monkeypatch.setattr(writer, "SLOW_S", float("inf") if speed == "fast" else -1.0)
    return speed


@pytest.fixture
def slow(speed: str, store: Bench, commits: Commits) -> Commits:
    """Commits in the thread: what comes meanwhile can be watched."""
    assert speed == "slow"
    store.submit(new("first"))
    commits.count = 0
    return commits


def test_moves_asked_for_together_share_one_commit(store: Bench, commits: Commits) -> None:
    results = store.do(together(*(store.journal.submit(submission(f"t{n}")) for n in range(200))))
    assert all(isinstance(result, Submitted) for result in results)
    assert commits.count == 1
    assert [event.task_id for event in store.events()] == [f"t{n}" for n in range(200)]


@pytest.mark.parametrize("speed", ["slow"], indirect=True)
def test_moves_that_come_during_a_commit_share_the_next_one(store: Bench, slow: Commits) -> None:
    async def scenario() -> None:
        slow.entered, slow.release = threading.Event(), threading.Event()
        first = asyncio.ensure_future(store.journal.submit(submission("a")))
        await asyncio.to_thread(slow.entered.wait)
        others = [asyncio.ensure_future(store.journal.submit(submission(f"t{n}"))) for n in range(50)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert slow.count == 1
        assert not first.done()
        assert await store.journal.task("a") is None  # nobody sees what is not on disk
        slow.release.set()
        await asyncio.gather(first, *others)

    store.do(scenario())
    assert slow.count == 2


def test_a_move_that_fails_spoils_none_of_those_beside_it(store: Bench, commits: Commits) -> None:
    store.submit(new("a"), new("b"))
    a, b = store.claim()
    store.finish(a)
    commits.count = 0
    results = store.do(
        together(
            store.journal.submit(submission("x")),
            store.journal.finish(ending(a.ref)),
            store.journal.submit(Submission(tasks=(new("y"), new("b", digest="other")))),
            store.journal.finish(ending(b.ref)),
            store.journal.submit(submission("z")),
        )
    )
    assert [type(result).__name__ for result in results] == [
        "Submitted",
        "StaleAttempt",
        "Refused",
        "Moved",
        "Submitted",
    ]
    assert isinstance(results[1], StaleAttempt)
    assert isinstance(results[2], Refused)
    assert commits.count == 1
    assert [task.id for task in store.tasks()] == ["z", "x", "b", "a"]
    assert [event.seq for event in store.events()] == list(range(1, len(store.events()) + 1))


def test_two_ends_of_one_attempt_in_one_commit_are_one_end(store: Bench, commits: Commits) -> None:
    store.submit(new("a"))
    claim = store.claim_one("a")
    commits.count = 0
    kinds = ("succeeded", "errored", "cancelled")
    results = store.do(together(*(store.journal.finish(ending(claim.ref, kind)) for kind in kinds)))
    assert [type(result).__name__ for result in results] == ["Moved", "StaleAttempt", "StaleAttempt"]
    assert commits.count == 1
    assert len(store.attempts("a")) == 1


@pytest.mark.parametrize("speed", ["slow"], indirect=True)
def test_a_caller_that_stops_waiting_leaves_the_others_their_moves(store: Bench, slow: Commits) -> None:
    async def scenario() -> None:
        slow.entered, slow.release = threading.Event(), threading.Event()
        written = asyncio.ensure_future(store.journal.submit(submission("written")))
        await asyncio.to_thread(slow.entered.wait)
        never = asyncio.ensure_future(store.journal.submit(submission("never")))
        other = asyncio.ensure_future(store.journal.submit(submission("other")))
        await asyncio.sleep(0)
        written.cancel()
        never.cancel()
        await asyncio.sleep(0)
        slow.release.set()
        await other

    store.do(scenario())
    assert {task.id for task in store.tasks()} == {"first", "written", "other"}


def test_a_start_shares_the_commit_of_the_next_move(store: Bench, commits: Commits) -> None:
    store.submit(new("a"))
    claim = store.claim_one("a")
    commits.count = 0

    async def scenario() -> None:
        started = store.journal.advance(claim.ref, AttemptState.RUNNING, 31.0)
        await asyncio.sleep(0)
        await store.journal.finish(ending(claim.ref))
        await started

    store.do(scenario())
    assert commits.count == 1


def test_a_start_is_committed_also_where_no_other_move_follows(store: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RIDE_S", 0.0)
    store.submit(new("a"))
    store.advance(store.claim_one("a"), now=31.0)
    assert store.task("a").started_at == 31.0


def test_closing_commits_a_start_that_waits_for_company(open_store: Open) -> None:
    bench = open_store()
    bench.submit(new("a"))
    claim = bench.claim_one("a")

    async def scenario() -> None:
        bench.journal.advance(claim.ref, AttemptState.RUNNING, 31.0)
        await journal_of(bench).close()

    bench.do(scenario())
    assert open_store().task("a").started_at == 31.0


def test_a_move_that_fails_halfway_is_taken_back_alone(store: Bench, commits: Commits) -> None:
    """Its events and its task are refused by the file only after other rows of it were written."""
    store.submit(new("a"))
    journal_of(store)._writing.execute(
        "CREATE TEMP TRIGGER spoil BEFORE INSERT ON spec WHEN instr(NEW.body, 'poison') "
        "BEGIN SELECT RAISE(ABORT, 'spoiled'); END"
    )
    commits.count = 0
    results = store.do(
        together(
            store.journal.submit(submission("x")),
            store.journal.submit(Submission(tasks=(new("y"), new("z", context={"text": "poison"})))),
            store.journal.submit(submission("v")),
            store.journal.submit(Submission(tasks=(new("w"), new("a", digest="other")))),
        )
    )
    assert [type(result).__name__ for result in results] == ["Submitted", "StoreFault", "Submitted", "Refused"]
    assert commits.count == 1
    assert [task.id for task in store.tasks()] == ["v", "x", "a"]
    assert [event.seq for event in store.events()] == [1, 2, 3]


def test_a_large_submission_lets_the_loop_turn(store: Bench) -> None:
    async def scenario() -> int:
        turns = 0
        move = asyncio.ensure_future(store.journal.submit(submission(*(f"t{n}" for n in range(5000)))))
        while not move.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert store.do(scenario()) > 20


def test_closing_finishes_what_was_asked_for(open_store: Open) -> None:
    bench = open_store()

    async def scenario() -> object:
        move = asyncio.ensure_future(bench.journal.submit(submission("a")))
        await asyncio.sleep(0)
        await journal_of(bench).close()
        return await move

    assert isinstance(bench.do(scenario()), Submitted)
    assert [task.id for task in open_store().tasks()] == ["a"]


def test_a_journal_serves_one_loop_after_another(store: Bench) -> None:
    for name in "abc":
        asyncio.run(_submit(store, name))
    assert len(store.tasks()) == 3


async def _submit(bench: Bench, name: str) -> None:
    await bench.journal.submit(submission(name))


# --- a failing disk -------------------------------------------------------------------------------------------------


class FaultyDisk(apsw.VFS):
    """The disk, until it fails."""

    def __init__(self) -> None:
        self.fails: set[str] = set()
        self.real = apsw.vfs_names()[0]
        super().__init__("faulty", self.real, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> FaultyFile:
        return FaultyFile(self, name, flags)


class FaultyFile(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        super().__init__(disk.real, name, flags)

    def xSync(self, flags: int) -> None:
        if "sync" in self._disk.fails:
            raise apsw.IOError("the disk is gone")
        super().xSync(flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if "write" in self._disk.fails:
            raise apsw.FullError("no space left")
        super().xWrite(data, offset)


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    found = FaultyDisk()
    yield found
    found.unregister()


@pytest.mark.parametrize(("failure", "code"), [("sync", "store.io"), ("write", "store.full")])
def test_when_the_disk_fails_every_caller_of_that_commit_is_told_and_none_is_acknowledged(
    disk: FaultyDisk, open_store: Open, failure: str, code: str
) -> None:
    bench = open_store()
    bench.submit(new("a"))
    claim = bench.claim_one("a")
    disk.fails.add(failure)
    moves = [bench.journal.submit(submission(f"t{n}")) for n in range(3)]
    results = bench.do(together(bench.journal.finish(ending(claim.ref)), *moves))
    for result in results:
        assert isinstance(result, StoreFault)
        assert result.code == code
        assert result.remedy
    disk.fails.clear()
    assert [task.id for task in bench.tasks()] == ["a"]
    assert bench.attempts("a")[0].outcome is None
    bench.finish(claim)
    bench.submit(new("t0"))
    journal = journal_of(bench)
    bench.do(journal.close())
    assert [task.id for task in open_store().tasks()] == ["t0", "a"]


def test_a_move_that_changes_nothing_needs_no_disk(disk: FaultyDisk, open_store: Open) -> None:
    bench = open_store()
    bench.submit(new("a"))
    bench.claim()
    disk.fails |= {"sync", "write"}
    assert bench.wake(now=5.0)[1] is None
    assert bench.claim() == ()
    disk.fails.clear()


def test_a_full_store_takes_no_more_and_goes_on_once_there_is_room(store: Bench) -> None:
    connection = journal_of(store)._writing
    store.submit(new("a"))
    (pages,) = connection.execute("PRAGMA page_count").fetchone() or (0,)
    connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    accepted = 0
    with pytest.raises(StoreFault) as fault:
        for accepted in range(1000):
            store.submit(new(f"t{accepted}", context={"text": "x" * 500}))
    assert fault.value.code == "store.full"
    assert len(store.tasks()) == accepted + 1
    connection.execute("PRAGMA max_page_count = 100000")
    store.submit(new(f"t{accepted}"), new("more"))
    assert len(store.tasks()) == accepted + 3


def test_a_full_store_fails_a_large_submission_whole(store: Bench) -> None:
    connection = journal_of(store)._writing
    (pages,) = connection.execute("PRAGMA page_count").fetchone() or (0,)
    connection.execute(f"PRAGMA max_page_count = {pages + 40}")
    with pytest.raises(StoreFault) as fault:
        store.submit(*(new(f"t{n}") for n in range(5000)))
    assert fault.value.code == "store.full"
    assert store.tasks() == ()
    connection.execute("PRAGMA max_page_count = 100000")
    assert len(store.submit(*(new(f"t{n}") for n in range(100))).events) == 100


def test_a_move_waits_for_another_program_that_writes_the_file(store: Bench) -> None:
    intruder = apsw.Connection(journal_of(store)._writing.filename)
    intruder.execute("BEGIN IMMEDIATE")

    async def scenario() -> object:
        move = asyncio.ensure_future(store.journal.submit(submission("a")))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not move.done()
        intruder.execute("COMMIT")
        return await move

    assert isinstance(store.do(scenario()), Submitted)
    intruder.close()


def test_a_program_that_does_not_let_go_is_reported(store: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BUSY_MS", 1)
    intruder = apsw.Connection(journal_of(store)._writing.filename)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFault) as fault:
        store.submit(new("a"))
    assert fault.value.code == "store.busy"
    intruder.execute("COMMIT")
    intruder.close()
    store.submit(new("a"))


def test_the_log_is_moved_into_the_main_file_as_it_grows(store: Bench) -> None:
    file = Path(journal_of(store)._writing.filename)
    longest = 0
    for n in range(400):
        store.submit(*(new(f"t{n}.{k}", context={"text": "x" * 2000}) for k in range(20)))
        longest = max(longest, file.with_name("journal.db-wal").stat().st_size)
    assert longest < 4096 * (writer.LOG_PAGES + 1000)
    assert file.stat().st_size > 2 * longest


def test_a_reader_with_an_old_view_holds_up_nothing(store: Bench) -> None:
    reader = open_reader(journal_of(store)._writing.filename.removesuffix("/journal.db"))
    reader._connection.execute("BEGIN")
    reader._connection.execute("SELECT count(*) FROM task").fetchall()
    for n in range(300):
        store.submit(new(f"t{n}"))
    assert reader._connection.execute("SELECT count(*) FROM task").fetchall() == [(0,)]
    reader._connection.execute("COMMIT")
    assert reader._connection.execute("SELECT count(*) FROM task").fetchall() == [(300,)]
    assert len(store.claim(ROOMY)) == 256
    store.do(reader.close())
