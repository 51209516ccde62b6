"""What the file itself refuses, and that no move gets dearer as it grows."""

from __future__ import annotations

from collections.abc import Callable

import apsw
import pytest

from contract.journal.world import ROOMY, Bench, new, workflow
from holdfast.journal.sqlite import statements
from holdfast.journal.sqlite.store import SqliteJournal
from holdfast.model.limits import Capacity


def writing(bench: Bench) -> apsw.Connection:
    assert isinstance(bench.journal, SqliteJournal)
    return bench.journal._writing


@pytest.fixture
def ended(store: Bench) -> apsw.Connection:
    """A store with tasks in every final state, under the hands of somebody who writes SQL."""
    store.submit(new("ok"), new("bad"), new("off"))
    claims = {claim.ref.task_id: claim for claim in store.claim()}
    store.finish(claims["ok"])
    store.finish(claims["bad"], "errored")
    store.finish(claims["off"], "cancelled")
    return writing(store)


# --- what the file refuses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task_id", ["ok", "bad", "off"])
@pytest.mark.parametrize(
    "change",
    [
        "state = 'ready', ready_since = 1, ended_at = NULL, outcome = NULL, result_digest = NULL",
        "state = 'failed', result_digest = NULL",
        "outcome = x'7b7d'",
        "result_digest = 'x'",
        "attempts = attempts + 1",
    ],
)
def test_a_task_that_has_ended_never_changes_even_by_hand(ended: apsw.Connection, task_id: str, change: str) -> None:
    with pytest.raises(apsw.ConstraintError, match="never changes"):
        ended.execute(f"UPDATE task SET {change} WHERE id = ?", (task_id,))


@pytest.mark.parametrize("change", ["state = 'running', ended_at = NULL", "outcome = x'7b7d'", "epoch = epoch + 1"])
def test_an_attempt_that_has_ended_never_changes_even_by_hand(ended: apsw.Connection, change: str) -> None:
    with pytest.raises(apsw.ConstraintError, match="never changes"):
        ended.execute(f"UPDATE attempt SET {change}")


def test_an_event_never_changes_even_by_hand(ended: apsw.Connection) -> None:
    with pytest.raises(apsw.ConstraintError, match="never changes"):
        ended.execute("UPDATE event SET at = 0")


@pytest.mark.parametrize(
    "change",
    [
        "state = 'sleeping'",
        "state = 'ready', ready_since = NULL",
        "state = 'ready', open_needs = 1",
        "open_needs = -1",
        "state = 'succeeded'",
        "state = 'succeeded', ended_at = 5",
        "state = 'waiting', due_at = NULL, open_needs = 0",
        "ended_at = 5",
        "engine_faults = attempts + 1",
        "result_digest = 'x', state = 'failed', ended_at = 5, outcome = x'7b7d'",
        "cpus = -1",
        "memory_bytes = 'much'",
        "name = NULL",
    ],
)
def test_a_task_row_that_makes_no_sense_is_refused(store: Bench, change: str) -> None:
    store.submit(new("a"))
    with pytest.raises(apsw.ConstraintError):
        writing(store).execute(f"UPDATE task SET {change}")


@pytest.mark.parametrize("change", ["state = 'paused'", "state = 'ended'", "ended_at = 5", "state = 'running'"])
def test_an_attempt_row_that_makes_no_sense_is_refused(store: Bench, change: str) -> None:
    store.submit(new("a"))
    store.claim()
    with pytest.raises(apsw.ConstraintError):
        writing(store).execute(f"UPDATE attempt SET {change}")


def test_no_task_has_two_live_attempts(store: Bench) -> None:
    store.submit(new("a"))
    store.claim()
    with pytest.raises(apsw.ConstraintError, match="UNIQUE"):
        writing(store).execute(
            "INSERT INTO attempt (id, task, number, epoch, state, claimed_at) VALUES (99, 1, 2, 1, 'claimed', 1)"
        )


@pytest.mark.parametrize(
    "row",
    [
        "INSERT INTO edge (needs, task) VALUES (1, 77)",
        "INSERT INTO event (seq, at, kind, task, state) VALUES (99, 1, 'due', 77, 'ready')",
        "INSERT INTO attempt (id, task, number, epoch, state, claimed_at) VALUES (99, 77, 1, 1, 'claimed', 1)",
    ],
)
def test_rows_of_tasks_that_are_not_there_are_refused(store: Bench, row: str) -> None:
    store.submit(new("a"))
    with pytest.raises(apsw.ConstraintError, match="FOREIGN KEY"):
        writing(store).execute(row)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("mmap_size", 0),
        ("application_id", 0x486F6C64),
    ],
)
def test_the_connection_that_writes_is_set_up_to_keep_what_it_acknowledges(
    store: Bench, pragma: str, value: object
) -> None:
    (found,) = writing(store).execute(f"PRAGMA {pragma}").fetchone() or (0,)
    assert found == value


@pytest.mark.parametrize("setting", [apsw.SQLITE_DBCONFIG_ENABLE_QPSG, apsw.SQLITE_DBCONFIG_DEFENSIVE])
def test_statements_are_planned_once_and_the_schema_is_safe_from_them(store: Bench, setting: int) -> None:
    assert writing(store).config(setting, -1) == 1


# --- growth ---------------------------------------------------------------------------------------------------------

LINES = ("task_ready", "task_ready_by_session", "task_due", "attempt_open")
"""Indexes that hold only what waits or runs now: these may be read from their start."""

READ_IN_ORDER = {"TASKS", "WORKFLOWS", "NEWEST_WORKFLOWS", "HIGHEST"}
"""These read as many rows as are asked for, from the end of a table."""

SORTED = {"ORPHANS", "COUNTS"}
"""These sort what they found: the attempts of an engine that is gone, the states of one workflow."""


def sql_of_moves() -> list[str]:
    texts = {name: text for name, text in vars(statements).items() if name.isupper() and isinstance(text, str)}
    return [name for name in texts if not name.startswith("_") and not texts[name].startswith(" ")]


@pytest.mark.parametrize("name", sorted({*sql_of_moves()} - READ_IN_ORDER))
def test_no_statement_reads_a_table_from_end_to_end(store: Bench, name: str) -> None:
    text: str = getattr(statements, name)
    values = (1,) * (3 if "?1" in text else text.count("?"))
    plan = [row[3] for row in writing(store).execute(f"EXPLAIN QUERY PLAN {text}", values)]
    for step in plan:
        assert name in SORTED or "TEMP B-TREE" not in step, plan
        assert not step.startswith("SCAN") or any(f"INDEX {line}" in step for line in LINES), plan


def steps(bench: Bench, move: Callable[[], object]) -> int:
    """How many instructions SQLite needs for a move."""
    count = 0

    def tick() -> bool:
        nonlocal count
        count += 1
        return False

    connection = writing(bench)
    connection.set_progress_handler(tick, 1)
    move()
    connection.set_progress_handler(None)
    return count


def costs(bench: Bench, mark: str) -> list[int]:
    """What submitting, claiming, starting, failing, waking and finishing a task of a workflow costs."""
    room = Capacity(cpus=1e9, memory_bytes=1 << 60, slots=1)
    bench.submit(session="x", take_over="w")
    found = [steps(bench, lambda: bench.submit(new(f"{mark}1"), new(f"{mark}2", f"{mark}1"), session=mark))]
    claims = []
    found.append(steps(bench, lambda: claims.extend(bench.claim(room, session=mark))))
    found.append(steps(bench, lambda: bench.advance(claims[0])))
    found.append(steps(bench, lambda: bench.finish(claims[0], "errored", retry_at=55.0)))
    found.append(steps(bench, lambda: bench.wake(now=55.0)))
    found.append(steps(bench, lambda: claims.extend(bench.claim(room, session=mark))))
    found.append(steps(bench, lambda: bench.finish(claims[1])))
    found.append(steps(bench, lambda: bench.cancel(f"{mark}2")))
    return found


def test_no_move_gets_dearer_as_the_store_grows(store: Bench) -> None:
    for size in (1, 20):
        names = [f"s{size}n{n}" for n in range(size * 500)]
        store.submit(*(new(name) for name in names[::2]), workflow=workflow())
        store.submit(*(new(name, not_before=1e9) for name in names[1::2]))
    few, many = [], []
    for mark, found in (("p", few), ("q", many)):
        found += costs(store, mark)
        if mark == "p":
            store.submit(*(new(f"t{n}") for n in range(10_000)), *(new(f"u{n}", f"t{n}") for n in range(10_000)))
            for _ in range(4):
                for claim in store.claim(ROOMY):
                    store.finish(claim)
    for before, after in zip(few, many, strict=True):
        assert after <= before * 1.1 + 20
