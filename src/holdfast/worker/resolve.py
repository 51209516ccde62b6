"""Fills the references of a context with the results and inputs that they name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from holdfast.model.attempt import Claim
from holdfast.model.json import Json
from holdfast.model.query import WorkflowQuery
from holdfast.rules.reference import Scope, has_references, referenced_tasks, resolve
from holdfast.worker.collect import read_content
from holdfast.worker.rooms import Rooms


async def resolve_context(rooms: Rooms, claim: Claim) -> Mapping[str, Json]:
    """The context with every reference replaced. Raises BadReference where one leads nowhere."""
    context = claim.spec.context
    if claim.workflow_id is None or not has_references(context):
        return context
    scope = Scope(
        tasks={name: await _result(rooms, claim.workflow_id, name) for name in referenced_tasks(context)},
        inputs=await _inputs(rooms, claim.workflow_id),
    )
    resolved = resolve(context, scope)
    return resolved if isinstance(resolved, Mapping) else context


async def _result(rooms: Rooms, workflow_id: str, name: str) -> Json:
    task = await rooms.journal.task(f"{workflow_id}.{name}")
    if task is None or task.result is None:
        return None
    value: Json = msgspec.json.decode(read_content(rooms.blobs, task.result))
    return value


async def _inputs(rooms: Rooms, workflow_id: str) -> Mapping[str, Json]:
    found = await rooms.journal.workflows(WorkflowQuery(id=workflow_id))
    return found[0].inputs if found else {}
