"""What a person means by an id, and ids for completion."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import CompletionItem

from holdfast.app.store import Store
from holdfast.cli.words import one_line
from holdfast.model.errors import HoldfastError, UnknownTask
from holdfast.model.query import TaskQuery, WorkflowQuery
from holdfast.model.task import Task
from holdfast.model.workflow import Workflow

COMPLETED: Final = 200


def find(store: Store, some_id: str) -> Task | Workflow:
    """The task or workflow of this id. Raises UnknownTask."""
    for look in (store.task, store.workflow):
        try:
            return look(some_id)
        except UnknownTask:
            continue
    raise UnknownTask(
        f"{store.path} holds no task or workflow `{one_line(some_id)}`; `holdfast list` shows what it holds"
    )


def complete_id(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The newest workflows and tasks whose ids begin so; nothing where there is no store."""
    try:
        with Store(ctx.params.get("store")) as store:
            workflows = store.workflows(WorkflowQuery(limit=COMPLETED))
            tasks = store.tasks(TaskQuery(limit=COMPLETED))
    except HoldfastError:
        return []
    known = [(each.id, each.name) for each in workflows] + [(each.id, each.state.value) for each in tasks]
    return [CompletionItem(each, help=text) for each, text in known if each.startswith(incomplete)]
