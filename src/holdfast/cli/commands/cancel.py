"""`holdfast cancel`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from holdfast.app.cancel import cancel
from holdfast.app.settings import store_path
from holdfast.app.store import Store
from holdfast.cli import options
from holdfast.cli.find import complete_id, find
from holdfast.cli.output import emit_json
from holdfast.cli.terminal import Terminal
from holdfast.cli.words import count
from holdfast.model.task import Task

NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of `holdfast cancel`."""

    ids: tuple[str, ...]
    reason: str
    as_json: bool
    store: str | None


@click.command("cancel")
@click.argument("ids", metavar="ID...", nargs=-1, required=True, shell_complete=complete_id)
@click.option("--reason", default="cancelled by hand", show_default=True, metavar="TEXT", help="Recorded with each.")
@options.as_json
@options.store
@options.gathered(Asked)
def command(asked: Asked) -> int:
    """Cancel tasks, or all tasks of workflows.

    What waits is cancelled at once. What runs is asked to end (SIGTERM), and killed with all that it started when its
    grace is over. What has ended stays as it is.
    """
    path = Path(store_path(asked.store))
    before = _meant(path, asked.ids)
    touched = {*cancel(path, asked.ids, asked.reason)}
    after = [task for task in _meant(path, asked.ids) if task.id in touched]
    stopping = [task.id for task in after if not task.state.final]
    cancelled = [task.id for task in after if task.state.final]
    ended = [task.id for task in before if task.state.final]
    if asked.as_json:
        emit_json({"cancelled": cancelled, "stopping": stopping, "ended_before": ended})
        return 0
    terminal = Terminal(sys.stderr)
    for what, ids in (("cancelled", cancelled), ("stopping", stopping), ("had ended before", ended)):
        if ids:
            terminal.say(f"{count(len(ids), 'task')} {what}: {_named(ids)}")
    return 0


def _meant(path: Path, ids: Iterable[str]) -> list[Task]:
    """The tasks that the ids mean, each once. Raises UnknownTask."""
    with Store(path) as store:
        found = [find(store, some_id) for some_id in dict.fromkeys(ids)]
        each = [(one,) if isinstance(one, Task) else store.workflow_tasks(one.id) for one in found]
    return [*{task.id: task for tasks in each for task in tasks}.values()]


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more
