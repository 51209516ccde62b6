"""The JSON documents that people and programs read: tasks and workflows as they stand in the store."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from holdfast.model.content import Content
from holdfast.model.errors import UnknownTask
from holdfast.model.json import Json
from holdfast.model.query import TaskQuery, WorkflowQuery
from holdfast.model.task import Task, TaskState
from holdfast.model.workflow import Workflow, WorkflowState
from holdfast.ports import Blobs, Records
from holdfast.wire.envelope import completed
from holdfast.worker.collect import read_content

PAGE = 1000


class Shelf:
    """Reads records and writes documents; works beside a running engine, and without one."""

    def __init__(self, journal: Records, blobs: Blobs) -> None:
        self._journal = journal
        self._blobs = blobs

    async def task(self, task_id: str) -> Task:
        """The record of a task. Raises UnknownTask."""
        task = await self._journal.task(task_id)
        if task is None:
            raise UnknownTask(f"the store holds no task {task_id!r}")
        return task

    async def workflow(self, workflow_id: str) -> Workflow:
        """The record of a workflow. Raises UnknownTask."""
        found = await self._journal.workflows(WorkflowQuery(id=workflow_id))
        if not found:
            raise UnknownTask(f"the store holds no workflow {workflow_id!r}")
        return found[0]

    async def workflow_tasks(self, workflow_id: str) -> tuple[Task, ...]:
        """All tasks of a workflow, in the order of submission."""
        tasks: list[Task] = []
        before: str | None = None
        while page := await self._journal.tasks(TaskQuery(workflow_id=workflow_id, limit=PAGE, before=before)):
            tasks += page
            before = page[-1].id
            if len(page) < PAGE:
                break
        return tuple(reversed(tasks))

    async def task_ids(self, ids: Sequence[str]) -> list[str]:
        """The ids of tasks that are meant by ids of tasks or workflows. Raises UnknownTask."""
        meant = []
        for some_id in ids:
            if await self._journal.task(some_id) is not None:
                meant.append(some_id)
            else:
                await self.workflow(some_id)
                meant += [task.id for task in await self.workflow_tasks(some_id)]
        return meant

    async def execution(self, task_id: str) -> dict[str, Json]:
        """`{"execution": …}`: the envelope with everything that is known of its end."""
        task = await self.task(task_id)
        return {"execution": completed(task, await self._journal.attempts(task_id), self.value(task))}

    async def workflow_document(self, workflow_id: str) -> dict[str, Json]:
        """`{"workflow": …, "state": …, "tasks": {name: execution}}`."""
        workflow = await self.workflow(workflow_id)
        tasks: dict[str, Json] = {}
        for task in await self.workflow_tasks(workflow_id):
            tasks[task.name] = completed(task, await self._journal.attempts(task.id), self.value(task))
        return {"workflow": workflow.name, "id": workflow.id, "state": state_of(workflow), "tasks": tasks}

    def value(self, task: Task) -> Json:
        """The task's result, None where there is none."""
        if task.result is None:
            return None
        value: Json = msgspec.json.decode(self.read(task.result))
        return value

    def read(self, content: Content) -> bytes:
        """Content, from the row or the blob store, its digest checked."""
        return read_content(self._blobs, content)


def state_of(workflow: Workflow) -> WorkflowState:
    """Running until every task has ended; then failed if one failed, else cancelled if one was, else succeeded."""
    counts = workflow.counts
    if workflow.ended_at is None:
        return WorkflowState.RUNNING
    for task_state, state in ((TaskState.FAILED, WorkflowState.FAILED), (TaskState.CANCELLED, WorkflowState.CANCELLED)):
        if counts.get(task_state):
            return state
    return WorkflowState.SUCCEEDED
