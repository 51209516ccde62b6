"""`holdfast list`."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import click

from holdfast.app.store import Store
from holdfast.cli import options
from holdfast.cli.columns import Cell, Column, table
from holdfast.cli.find import complete_id
from holdfast.cli.frame import STYLES
from holdfast.cli.output import emit_json
from holdfast.cli.summary import why
from holdfast.cli.terminal import Terminal
from holdfast.cli.words import ago, duration
from holdfast.model.json import Json
from holdfast.model.outcome import Outcome
from holdfast.model.query import TaskQuery
from holdfast.model.task import Task, TaskState

COLUMNS = (
    Column("id"),
    Column("state"),
    Column("submitted", rank=2),
    Column("time", rank=1, right=True),
    Column("attempts", rank=4, right=True),
    Column("what went wrong", rank=3, cut=True, floor=16),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of `holdfast list`."""

    state: tuple[str, ...]
    workflow: str | None
    limit: int
    as_json: bool
    store: str | None


@click.command("list")
@click.option(
    "--state", multiple=True, type=click.Choice([each.value for each in TaskState]), help="Only tasks in this state."
)
@click.option("--workflow", metavar="ID", shell_complete=complete_id, help="Only tasks of this workflow.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="At most so many."
)
@options.as_json
@options.store
@options.gathered(Asked)
def command(asked: Asked) -> int:
    """List tasks, newest first."""
    with Store(asked.store) as store:
        if asked.workflow is not None:
            store.workflow(asked.workflow)
        query = TaskQuery(states=tuple(map(TaskState, asked.state)), workflow_id=asked.workflow, limit=asked.limit + 1)
        found = store.tasks(query)
    tasks = found[: asked.limit]
    if asked.as_json:
        emit_json({"tasks": [_entry(task) for task in tasks], "more": len(found) > len(tasks)})
        return 0
    terminal = Terminal(sys.stdout)
    if tasks:
        terminal.print(table(COLUMNS, [_row(task, time.time()) for task in tasks], terminal.width, terminal.glyphs.cut))
    if not tasks:
        Terminal(sys.stderr).say("no tasks", "dim")
    elif len(found) > len(tasks):
        Terminal(sys.stderr).say(f"there are more: --limit {asked.limit * 10} shows them", "dim")
    return 0


def _row(task: Task, now: float) -> list[Cell]:
    started, ended = task.started_at, task.ended_at
    took = None if started is None else (now if ended is None else ended) - started
    outcome = task.outcome if task.state in (TaskState.FAILED, TaskState.CANCELLED) else None
    return [
        task.id,
        (task.state if outcome is None else outcome.kind, STYLES.get(task.state, "dim")),
        (ago(now - task.submitted_at), "dim"),
        duration(took),
        str(task.attempts),
        ("" if outcome is None else why(task), "dim"),
    ]


def _entry(task: Task) -> dict[str, Json]:
    outcome = task.outcome
    return {
        "task_id": task.id,
        "name": task.name or None,
        "workflow_id": task.workflow_id,
        "agent_type": task.spec.agent_type,
        "state": task.state,
        "submitted_at": task.submitted_at,
        "started_at": task.started_at,
        "ended_at": task.ended_at,
        "attempts": task.attempts,
        "outcome": None if outcome is None else _end(outcome),
    }


def _end(outcome: Outcome) -> dict[str, Json]:
    return {"kind": outcome.kind, "fault": outcome.fault, "message": outcome.message}
