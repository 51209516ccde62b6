"""One task or workflow in full, for people."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from rich.text import Text

from holdfast.app.report import state_of
from holdfast.app.store import Store
from holdfast.cli.columns import Cell, Column, hanging, table
from holdfast.cli.engine_seen import engine_of
from holdfast.cli.frame import STYLES
from holdfast.cli.summary import Ended, tally, tell
from holdfast.cli.terminal import Terminal, wrapped
from holdfast.cli.words import ago, duration, safe, size
from holdfast.model.attempt import Attempt
from holdfast.model.limits import Enforcement
from holdfast.model.outcome import OutcomeKind
from holdfast.model.task import Task, TaskState
from holdfast.model.workflow import Workflow

_ATTEMPTS: Final = (
    Column("attempt", right=True),
    Column("outcome"),
    Column("time", right=True),
    Column("cpu time", rank=3, right=True),
    Column("peak memory", rank=1, right=True),
    Column("level", rank=2),
    Column("what went wrong", rank=4, cut=True, floor=16),
)
_LIMITS: Final = (Column("limit"), Column("asked", right=True), Column("holds"), Column("by"))
LAST_LINES: Final = 40
NO_ENGINE: Final = "none runs: `holdfast run` of its file continues it, `holdfast cancel` ends it"
_IN_BYTES: Final = frozenset({"memory_limit", "output_limit"})
_IN_SECONDS: Final = frozenset({"timeout", "grace", "cpu_time"})


def show_task(store: Store, task: Task, terminal: Terminal) -> None:
    """Where it stands, its attempts, its limits, and what to do next."""
    attempts = store.attempts(task.id)
    ended = Ended(task, attempts)
    now = time.time()
    _head(terminal, task.id, ended.end, task.state)
    facts = [("agent", task.spec.agent_type), ("times", _times(task.submitted_at, task.started_at, task.ended_at, now))]
    if task.workflow_id is not None:
        facts.insert(0, ("workflow", task.workflow_id))
    if task.due_at is not None and not task.state.final and task.due_at > now:
        facts.append(("due", f"in {duration(task.due_at - now)}"))
    if task.cancel_reason and not task.state.final:
        facts.append(("stopping", task.cancel_reason))
    if not task.state.final and engine_of(store.path) is None:
        facts.append(("engine", NO_ENGINE))
    _facts(terminal, facts)
    if attempts:
        terminal.say()
        rows = [_attempt(each, now) for each in attempts]
        terminal.print(table(_ATTEMPTS, rows, terminal.width, terminal.glyphs.cut))
        _limits(terminal, attempts[-1].enforcement)
    terminal.say()
    tell(store, [task], terminal)
    _last_words(terminal, task)
    terminal.say(_next(task), "dim")


def _last_words(terminal: Terminal, task: Task) -> None:
    """What a failed program said about it: a function's traceback, or the end of what a command wrote to stderr."""
    detail = {} if task.outcome is None else task.outcome.detail
    words = detail.get("traceback") or detail.get("stderr")
    if not isinstance(words, str) or not words.strip():
        return
    for line in words.rstrip().splitlines()[-LAST_LINES:]:
        terminal.print(wrapped(Text(f"  {safe(line)}", "dim"), terminal.width, indent=2))
    terminal.say()


def show_workflow(store: Store, workflow: Workflow, terminal: Terminal) -> None:
    """Where it stands, its tasks, and what went wrong."""
    tasks = store.workflow_tasks(workflow.id)
    state = state_of(workflow)
    now = time.time()
    _head(terminal, f"{workflow.name}  {workflow.id}", state, TaskState(state))
    counts = {TaskState(name): number for name, number in workflow.counts.items()}
    times = _times(workflow.submitted_at, workflow.submitted_at, workflow.ended_at, now)
    facts = [("tasks", tally(counts)), ("times", times)]
    if workflow.ended_at is None and engine_of(store.path) is None:
        facts.append(("engine", NO_ENGINE))
    _facts(terminal, facts)
    terminal.say()
    tell(store, tasks, terminal)
    terminal.say(f"One task in full: `holdfast status {tasks[0].id}`" if tasks else "It has no tasks.", "dim")


def _head(terminal: Terminal, name: str, end: str, state: TaskState) -> None:
    terminal.say(Text(f"{name}  ", "bold").append(end, STYLES.get(state, "cyan")))


def _facts(terminal: Terminal, facts: Sequence[tuple[str, str]]) -> None:
    for name, text in facts:
        terminal.print(wrapped(Text(f"{name:10}", "dim").append(text, "default"), terminal.width, indent=10))


def _times(submitted: float, started: float | None, ended: float | None, now: float) -> str:
    parts = [f"submitted {ago(now - submitted)}"]
    if started is not None and ended is None:
        parts.append(f"running for {duration(now - started)}")
    elif started is not None and ended is not None:
        parts.append(f"took {duration(ended - started)}")
    return ", ".join(parts)


def _attempt(attempt: Attempt, now: float) -> list[Cell]:
    usage, outcome = attempt.usage, attempt.outcome
    wall_s = usage.wall_s if usage is not None else None
    if outcome is None and attempt.started_at is not None:
        wall_s = now - attempt.started_at
    succeeded = outcome is not None and outcome.kind is OutcomeKind.SUCCEEDED
    end = (attempt.state.value, "cyan") if outcome is None else (outcome.kind.value, "green" if succeeded else "red")
    return [
        str(attempt.number),
        end,
        duration(wall_s),
        duration(None if usage is None else usage.cpu_s),
        size(None if usage is None else usage.memory_bytes),
        "" if attempt.level is None else attempt.level,
        ("" if outcome is None or succeeded else outcome.message, "dim"),
    ]


def _limits(terminal: Terminal, entries: Sequence[Enforcement]) -> None:
    if not entries:
        return
    rows: list[list[Cell]] = [
        [each.limit, asked(each), ("yes", "green") if each.enforced else ("no", "yellow"), (each.by, "dim")]
        for each in entries
    ]
    terminal.say()
    terminal.print(hanging(_LIMITS, rows, terminal.width, terminal.glyphs.cut))


def asked(entry: Enforcement) -> str:
    """What was asked for, in its unit."""
    if isinstance(entry.asked, int | float):
        if entry.limit in _IN_BYTES:
            return size(entry.asked)
        return duration(entry.asked) if entry.limit in _IN_SECONDS else f"{entry.asked:g}"
    return "-" if entry.asked is None else str(entry.asked)


def _next(task: Task) -> str:
    if task.state is TaskState.SUCCEEDED:
        return f"Its result: `holdfast result {task.id}`; what it printed: `holdfast logs {task.id}`"
    if task.state.final:
        return f"What it printed: `holdfast logs {task.id}`"
    return f"What it prints: `holdfast logs -f {task.id}`; to stop it: `holdfast cancel {task.id}`"
