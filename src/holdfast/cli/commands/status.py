"""`holdfast status`."""

from __future__ import annotations

import sys
import time
from typing import Final

import click
from rich.text import Text

from holdfast.app.report import state_of
from holdfast.app.store import Store
from holdfast.cli import options
from holdfast.cli.columns import Cell, Column, table
from holdfast.cli.detail import show_task, show_workflow
from holdfast.cli.engine_seen import EngineSeen, engine_of
from holdfast.cli.find import complete_id, find
from holdfast.cli.frame import STYLES
from holdfast.cli.output import emit_json
from holdfast.cli.summary import tally
from holdfast.cli.terminal import Terminal
from holdfast.cli.words import ago, count, duration
from holdfast.model.json import Json
from holdfast.model.query import TaskQuery, WorkflowQuery
from holdfast.model.task import Task, TaskState
from holdfast.model.workflow import Workflow

RECENT: Final = 10
COUNTED: Final = 10_000
COLUMNS: Final = (
    Column("workflow", cut=True),
    Column("id"),
    Column("state"),
    Column("tasks", rank=1, cut=True),
    Column("submitted", rank=2),
    Column("time", rank=3, right=True),
)


@click.command("status")
@click.argument("some_id", metavar="[ID]", required=False, shell_complete=complete_id)
@options.as_json
@options.store
def command(some_id: str | None, as_json: bool, store: str | None) -> int:
    """Show what the store holds, or how a task or workflow stands."""
    with Store(store) as opened:
        if some_id is None:
            (_print_json if as_json else _print)(opened)
            return 0
        found = find(opened, some_id)
        if as_json:
            emit_json(opened.execution(some_id) if isinstance(found, Task) else opened.workflow_document(some_id))
        elif isinstance(found, Task):
            show_task(opened, found, Terminal(sys.stdout))
        else:
            show_workflow(opened, found, Terminal(sys.stdout))
    return 0


def _print(store: Store) -> None:
    terminal, now = Terminal(sys.stdout), time.time()
    engine = engine_of(store.path)
    counts = _counts(store)
    terminal.say(Text("store   ", "dim").append(str(store.path), "default"))
    terminal.say(Text("engine  ", "dim").append(_engine_words(engine), "default"))
    words = ", ".join(_counted(counts[state], state) for state in TaskState if counts[state]) or "none"
    terminal.say(Text("tasks   ", "dim").append(words, "default"))
    workflows = store.workflows(WorkflowQuery(limit=RECENT))
    if workflows:
        terminal.say()
        rows = [_row(workflow, now) for workflow in workflows]
        terminal.print(table(COLUMNS, rows, terminal.width, terminal.glyphs.cut))


def _counts(store: Store) -> dict[TaskState, int]:
    """Tasks by state, each counted up to COUNTED."""
    return {state: len(store.tasks(TaskQuery(states=(state,), limit=COUNTED))) for state in TaskState}


def _counted(number: int, state: TaskState) -> str:
    return f"{number:,}{'+' if number == COUNTED else ''} {state}"


def _engine_words(engine: EngineSeen | None) -> str:
    if engine is None:
        return "none runs"
    return f"runs (pid {engine.pid}), {count(len(engine.running), 'task')} at work"


def _row(workflow: Workflow, now: float) -> list[Cell]:
    state = state_of(workflow)
    took = (workflow.ended_at or now) - workflow.submitted_at
    counts = {TaskState(name): number for name, number in workflow.counts.items()}
    return [
        workflow.name,
        workflow.id,
        (state, STYLES.get(TaskState(state), "")),
        (tally(counts), "dim"),
        (ago(now - workflow.submitted_at), "dim"),
        duration(took),
    ]


def _print_json(store: Store) -> None:
    engine = engine_of(store.path)
    running: Json = None if engine is None else {"pid": engine.pid, "running": list(engine.running)}
    emit_json({
        "store": str(store.path),
        "engine": running,
        "counted_up_to": COUNTED,
        "tasks": {state.value: number for state, number in _counts(store).items()},
        "workflows": [
            {
                "id": workflow.id,
                "name": workflow.name,
                "state": state_of(workflow),
                "tasks": dict(workflow.counts),
                "submitted_at": workflow.submitted_at,
                "ended_at": workflow.ended_at,
            }
            for workflow in store.workflows(WorkflowQuery(limit=RECENT))
        ],
    })
