"""Opening a store: one engine at a time, readers beside it, and clear refusals of what is not ours to touch."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from contract.journal.conftest import Open
from contract.journal.world import Bench, new
from holdfast.journal.sqlite import migrations
from holdfast.journal.sqlite.connection import connect_writing
from holdfast.journal.sqlite.migrations import STEPS, bring_up, check
from holdfast.journal.sqlite.store import SqliteJournal, open_reader
from holdfast.model.errors import StaleAttempt, StoreFault, StoreUnusable
from holdfast.model.query import TaskQuery
from holdfast.model.task import TaskState

HOLD = """
import asyncio, sys
from holdfast.journal.sqlite.store import SqliteJournal
async def main():
    await SqliteJournal.open(sys.argv[1])
    print("open", flush=True)
    sys.stdin.read()
asyncio.run(main())
"""


def close(bench: Bench) -> None:
    assert isinstance(bench.journal, SqliteJournal)
    bench.do(bench.journal.close())


def refusal(runner: asyncio.Runner, folder: Path) -> StoreUnusable:
    with pytest.raises(StoreUnusable) as refused:
        runner.run(SqliteJournal.open(folder))
    return refused.value


@contextmanager
def held_by_another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the store open until the end of the block."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_new_store_is_for_its_owner_alone(store: Bench, tmp_path: Path) -> None:
    store.submit(new("a"))
    for path in (tmp_path / "store", *(tmp_path / "store").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_what_was_written_is_there_after_reopening(open_store: Open) -> None:
    first = open_store()
    first.submit(new("a"), new("b", "a"))
    first.end("a")
    before = first.tasks(), first.attempts("a"), first.events()
    close(first)
    second = open_store()
    assert (second.tasks(), second.attempts("a"), second.events()) == before


def test_a_second_engine_is_refused_and_told_who_has_the_store(runner: asyncio.Runner, tmp_path: Path) -> None:
    with held_by_another(tmp_path) as process:
        refused = refusal(runner, tmp_path)
        assert refused.code == "store.locked"
        assert f"process {process.pid}" in str(refused)
        lock = json.loads((tmp_path / "engine.lock").read_text())
        assert lock["pid"] == process.pid
        if Path("/proc/self/stat").exists():
            assert lock["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            assert lock["started_ticks"] > 0


def test_a_killed_engine_leaves_no_lock(runner: asyncio.Runner, tmp_path: Path) -> None:
    with held_by_another(tmp_path):
        pass
    journal = runner.run(SqliteJournal.open(tmp_path))
    runner.run(journal.close())


def test_a_second_engine_in_the_same_process_is_refused(store: Bench, tmp_path: Path) -> None:
    assert refusal(store.runner, tmp_path / "store").code == "store.locked"


def test_a_refused_opening_leaves_nothing_open(runner: asyncio.Runner, tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"no database" * 1000)
    assert refusal(runner, tmp_path).code == "store.damaged"
    (tmp_path / "journal.db").unlink()
    runner.run(runner.run(SqliteJournal.open(tmp_path)).close())


def test_a_closed_store_says_so(store: Bench) -> None:
    close(store)
    close(store)
    for question in (store.tasks, lambda: store.submit(new("a"))):
        with pytest.raises(StoreFault) as fault:
            question()
        assert fault.value.code == "store.closed"


# --- epochs ---------------------------------------------------------------------------------------------------------


def test_attempts_of_an_engine_that_is_gone_are_taken_over_once(open_store: Open) -> None:
    first = open_store()
    first.submit(new("a"), new("b"), new("c"))
    a, b, c = first.claim()
    first.advance(b)
    first.finish(c, "lost", retry_at=51.0)
    close(first)
    second = open_store()
    orphans = second.do(second.journal.orphans())
    assert [(claim.ref.id, claim.ref.task_id, claim.ref.number) for claim in orphans] == [
        (a.ref.id, "a", 1),
        (b.ref.id, "b", 1),
    ]
    assert {claim.ref.epoch for claim in orphans} == {a.ref.epoch + 1}
    assert [(claim.spec, claim.digest, claim.name) for claim in orphans] == [
        (claim.spec, claim.digest, claim.name) for claim in (a, b)
    ]
    assert second.do(second.journal.orphans()) == ()
    for old in (a, b):
        with pytest.raises(StaleAttempt):
            second.finish(old)
    for claim in orphans:
        second.finish(claim, "lost", retry_at=60.0)
    assert [task.state for task in second.tasks()] == [TaskState.WAITING] * 3


def test_an_orphan_knows_what_earlier_attempts_cost(open_store: Open) -> None:
    first = open_store()
    first.submit(new("a"))
    for kind in ("errored", "lost"):
        first.end("a", kind, retry_at=51.0)
        first.wake(now=51.0)
    claim = first.claim_one("a")
    close(first)
    second = open_store()
    (orphan,) = second.do(second.journal.orphans())
    assert (orphan.ref.number, orphan.spent, orphan.engine_faults) == (3, 1, 1)
    assert (claim.spent, claim.engine_faults) == (1, 1)


def test_an_attempt_that_nobody_took_over_cannot_be_written_by_its_old_claim(open_store: Open) -> None:
    first = open_store()
    first.submit(new("a"))
    claim = first.claim_one("a")
    close(first)
    second = open_store()
    assert second.claim() == ()
    second.do(second.journal.orphans())
    with pytest.raises(StaleAttempt):
        second.advance(claim)
    assert second.attempts("a")[0].started_at is None


def test_each_opening_has_an_epoch_of_its_own(open_store: Open) -> None:
    epochs = []
    for number in range(3):
        bench = open_store()
        bench.submit(new(f"t{number}"))
        epochs.append(bench.claim_one(f"t{number}").ref.epoch)
        close(bench)
    assert epochs == sorted(set(epochs))


# --- readers --------------------------------------------------------------------------------------------------------


def test_a_reader_sees_what_a_running_engine_has_committed(store: Bench, tmp_path: Path) -> None:
    reader = open_reader(tmp_path / "store")
    store.submit(new("a"))
    assert store.do(reader.task("a")) == store.task("a")
    store.end("a")
    assert store.do(reader.tasks(TaskQuery())) == store.tasks()
    store.do(reader.close())


def test_a_reader_works_where_no_engine_runs_and_changes_nothing(open_store: Open, tmp_path: Path) -> None:
    bench = open_store()
    bench.submit(new("a"))
    close(bench)
    file = tmp_path / "store" / "journal.db"
    assert sorted(path.name for path in file.parent.iterdir()) == ["engine.lock", "journal.db"]
    before = file.read_bytes()
    reader = open_reader(file.parent)
    assert [task.id for task in bench.do(reader.tasks(TaskQuery()))] == ["a"]
    bench.do(reader.close())
    assert file.read_bytes() == before


def test_a_reader_sees_what_a_killed_engine_left_in_its_log(runner: asyncio.Runner, tmp_path: Path) -> None:
    script = HOLD.replace('print("open"', 'print("open" if await fill(journal) else ""').replace(
        "    await SqliteJournal", "    journal = await SqliteJournal"
    )
    script = FILL + script
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        process.kill()
    assert (tmp_path / "journal.db-wal").stat().st_size > 0
    reader = open_reader(tmp_path)
    assert [task.id for task in runner.run(reader.tasks(TaskQuery()))] == ["a"]
    runner.run(reader.close())


FILL = """
from holdfast.model.query import Submission
from holdfast.model.task import NewTask, TaskSpec
async def fill(journal):
    return await journal.submit(Submission(tasks=(NewTask(id="a", spec=TaskSpec(agent_type="x"), digest="d"),)))
"""


def test_a_reader_cannot_write(store: Bench, tmp_path: Path) -> None:
    reader = open_reader(tmp_path / "store")
    with pytest.raises(apsw.ReadOnlyError):
        reader._connection.execute("UPDATE meta SET value = 99")
    store.do(reader.close())


def test_there_is_nothing_to_read_where_nothing_was_written(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(StoreUnusable) as refused:
            open_reader(folder)
        assert refused.value.code == "store.missing"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_reader_that_may_not_use_the_folder_is_told_so(runner: asyncio.Runner, mode: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        folder = Path(place) / "store"
        runner.run(runner.run(SqliteJournal.open(folder)).close())
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(mode)
        os.seteuid(65534)
        try:
            with pytest.raises(StoreUnusable) as refused:
                open_reader(folder)
        finally:
            os.seteuid(0)
        assert refused.value.code == "store.unreachable"
        assert "writable" in refused.value.remedy


# --- files that are not ours ----------------------------------------------------------------------------------------


def made(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement)
    connection.close()


FILES = {
    "store.newer": (
        f"PRAGMA application_id = {0x486F6C64}",
        f"PRAGMA user_version = {len(STEPS) + 1}",
        "CREATE TABLE t (x)",
    ),
    "store.foreign": ("PRAGMA application_id = 77", "CREATE TABLE t (x)"),
    "store.damaged": (f"PRAGMA application_id = {0x486F6C64}", f"PRAGMA user_version = {len(STEPS)}"),
}


@pytest.mark.parametrize("code", FILES)
def test_what_is_not_ours_is_refused_and_left_as_it_is(runner: asyncio.Runner, tmp_path: Path, code: str) -> None:
    file = tmp_path / "journal.db"
    made(file, *FILES[code])
    before = file.read_bytes()
    assert refusal(runner, tmp_path).code == code
    with pytest.raises(StoreUnusable) as refused:
        open_reader(tmp_path)
    assert refused.value.code == code
    assert file.read_bytes() == before


def test_a_database_without_a_mark_is_another_programs(runner: asyncio.Runner, tmp_path: Path) -> None:
    made(tmp_path / "journal.db", "CREATE TABLE t (x)")
    assert refusal(runner, tmp_path).code == "store.foreign"


@pytest.mark.parametrize("harm", ["garbage", "truncated", "header"])
def test_a_damaged_store_is_refused(open_store: Open, tmp_path: Path, harm: str) -> None:
    bench = open_store()
    bench.submit(*(new(f"t{n}") for n in range(200)))
    close(bench)
    file = tmp_path / "store" / "journal.db"
    data = file.read_bytes()
    file.write_bytes(
        {"garbage": os.urandom(len(data)), "truncated": data[: len(data) // 2], "header": b"\0" * 100 + data[100:]}[
            harm
        ]
    )
    assert refusal(bench.runner, file.parent).code == "store.damaged"
    with pytest.raises(StoreUnusable) as refused:
        open_reader(file.parent)
    assert refused.value.code == "store.damaged"


def test_damage_met_later_is_a_fault_of_its_own(open_store: Open, tmp_path: Path) -> None:
    bench = open_store()
    bench.submit(*(new(f"t{n}") for n in range(2000)))
    close(bench)
    file = tmp_path / "store" / "journal.db"
    data = bytearray(file.read_bytes())
    for page in range(60, len(data) // 4096):
        data[page * 4096 : page * 4096 + 4096] = b"\xff" * 4096
    file.write_bytes(data)
    reader = open_reader(file.parent)
    with pytest.raises(StoreFault) as fault:
        bench.do(reader.tasks(TaskQuery(limit=5000)))
    assert fault.value.code == "store.damaged"
    bench.do(reader.close())


def test_a_folder_that_cannot_be_made_is_refused(runner: asyncio.Runner, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(runner, tmp_path / "file" / "store").code == "store.unreachable"
    assert refusal(runner, tmp_path / "file").code == "store.unreachable"


# --- migrations -----------------------------------------------------------------------------------------------------

NEXT = (*STEPS, "ALTER TABLE task ADD COLUMN priority INTEGER NOT NULL DEFAULT 0")


@pytest.fixture
def old(open_store: Open, tmp_path: Path) -> Path:
    """The file of a store of this version, with a task in it."""
    bench = open_store()
    bench.submit(new("a"))
    close(bench)
    return tmp_path / "store" / "journal.db"


def test_an_older_store_is_brought_up_after_a_copy_was_made(old: Path) -> None:
    connection = connect_writing(old)
    bring_up(connection, old, NEXT)
    assert connection.execute("SELECT id, priority FROM task").fetchall() == [("a", 0)]
    assert connection.execute("PRAGMA user_version").fetchall() == [(len(NEXT),)]
    connection.close()
    copy = apsw.Connection(str(old.with_name(f"journal.db.v{len(STEPS)}")))
    assert copy.execute("PRAGMA user_version").fetchall() == [(len(STEPS),)]
    assert copy.execute("PRAGMA application_id").fetchall() == [(0x486F6C64,)]
    assert copy.execute("SELECT id FROM task").fetchall() == [("a",)]
    copy.close()


def test_a_migration_that_fails_leaves_the_store_as_it_was(old: Path) -> None:
    connection = connect_writing(old)
    with pytest.raises(apsw.SQLError):
        bring_up(connection, old, (*STEPS, "CREATE TABLE extra (x); SELECT no_such_column FROM task"))
    assert connection.execute("PRAGMA user_version").fetchall() == [(len(STEPS),)]
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").fetchall() == [(0,)]
    bring_up(connection, old, NEXT)
    assert connection.execute("PRAGMA user_version").fetchall() == [(len(NEXT),)]
    connection.close()


def test_an_unfinished_copy_is_made_anew(old: Path) -> None:
    old.with_name("journal.db.copying").write_bytes(b"half a copy")
    connection = connect_writing(old)
    bring_up(connection, old, NEXT)
    connection.close()
    assert not old.with_name("journal.db.copying").exists()


def test_an_older_store_is_not_read_before_it_is_brought_up(old: Path) -> None:
    connection = connect_writing(old)
    with pytest.raises(StoreUnusable) as refused:
        check(connection, old, NEXT)
    assert refused.value.code == "store.older"
    connection.close()


def test_a_store_of_this_version_needs_no_copy(old: Path) -> None:
    connection = connect_writing(old)
    migrations.bring_up(connection, old)
    connection.close()
    assert not list(old.parent.glob("*.v*"))
