"""`holdfast result`."""

from __future__ import annotations

import sys

import click

from holdfast.app.store import Store
from holdfast.cli import options
from holdfast.cli.find import complete_id, find
from holdfast.cli.output import emit_json
from holdfast.cli.terminal import Terminal
from holdfast.cli.words import one_line
from holdfast.model.task import Task, TaskState


@click.command("result")
@click.argument("some_id", metavar="ID", shell_complete=complete_id)
@options.store
def command(some_id: str, store: str | None) -> int:
    """Print the result of a task or workflow as JSON.

    That of a workflow is an object with the results of its tasks by name.

    Exit status 1 where a task has none, because it failed, was cancelled or has not ended; stderr says which.
    """
    with Store(store) as opened:
        found = find(opened, some_id)
        single = isinstance(found, Task)
        tasks = (found,) if isinstance(found, Task) else opened.workflow_tasks(found.id)
        values = {task.name or task.id: opened.value(task) for task in tasks if task.state is TaskState.SUCCEEDED}
    without = [task for task in tasks if task.state is not TaskState.SUCCEEDED]
    if values or not single:
        emit_json(next(iter(values.values())) if single else values)
    terminal = Terminal(sys.stderr)
    for task in without:
        terminal.say(_why_none(task), "yellow")
    return 1 if without else 0


def _why_none(task: Task) -> str:
    name = task.name or task.id
    if not task.state.final:
        return f"{name} has no result yet: it is {task.state}"
    if task.outcome is None:
        return f"{name} has no result: it {task.state}"
    return f"{name} has no result: {task.outcome.kind}, {one_line(task.outcome.message)}"
