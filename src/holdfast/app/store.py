"""A store as a reader sees it: beside a running engine, after it, or without one. Never writes, never creates."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from holdfast.app.compose import open_shelf
from holdfast.app.settings import store_path
from holdfast.model.attempt import Attempt
from holdfast.model.event import Event
from holdfast.model.json import Json
from holdfast.model.query import EventQuery, TaskQuery, WorkflowQuery
from holdfast.model.task import Task
from holdfast.model.workflow import Workflow

T = TypeVar("T")
Stream = Literal["stdout", "stderr"]


class Store:
    """Records of a store, for reading.

    Opening raises StoreUnusable where there is none, or where it is newer than this version or damaged.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(store_path(path))
        self._runner = asyncio.Runner()
        try:
            self._journal, self._shelf = open_shelf(self.path)
        except BaseException:
            self._runner.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the store."""
        self._do(self._journal.close())
        self._runner.close()

    def task(self, task_id: str) -> Task:
        """The record of a task. Raises UnknownTask."""
        return self._do(self._shelf.task(task_id))

    def tasks(self, query: TaskQuery) -> tuple[Task, ...]:
        """Tasks that match, newest first."""
        return self._do(self._journal.tasks(query))

    def attempts(self, task_id: str) -> tuple[Attempt, ...]:
        """All attempts of a task, in order."""
        return self._do(self._journal.attempts(task_id))

    def workflow(self, workflow_id: str) -> Workflow:
        """The record of a workflow. Raises UnknownTask."""
        return self._do(self._shelf.workflow(workflow_id))

    def workflows(self, query: WorkflowQuery) -> tuple[Workflow, ...]:
        """Workflows that match, newest first."""
        return self._do(self._journal.workflows(query))

    def workflow_tasks(self, workflow_id: str) -> tuple[Task, ...]:
        """All tasks of a workflow, in the order of submission."""
        return self._do(self._shelf.workflow_tasks(workflow_id))

    def events(self, query: EventQuery) -> tuple[Event, ...]:
        """Events after a cursor, in order."""
        return self._do(self._journal.events(query))

    def task_ids(self, ids: Sequence[str]) -> list[str]:
        """The ids of the tasks that are meant by ids of tasks or workflows. Raises UnknownTask."""
        return self._do(self._shelf.task_ids(ids))

    def execution(self, task_id: str) -> dict[str, Json]:
        """`{"execution": …}` as it stands. Raises UnknownTask."""
        return self._do(self._shelf.execution(task_id))

    def workflow_document(self, workflow_id: str) -> dict[str, Json]:
        """`{"workflow", "state", "tasks"}` as it stands. Raises UnknownTask."""
        return self._do(self._shelf.workflow_document(workflow_id))

    def value(self, task: Task) -> Json:
        """The task's result, None where there is none."""
        return self._shelf.value(task)

    def output(self, task_id: str, stream: Stream, attempt: int | None = None) -> bytes:
        """What an attempt (the last one by default) printed, as far as it was kept."""
        chosen = [one for one in self.attempts(task_id) if attempt is None or one.number == attempt]
        content = getattr(chosen[-1], stream) if chosen else None
        return b"" if content is None else self._shelf.read(content)

    def _do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)
