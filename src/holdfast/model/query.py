"""What can be asked of the journal, and the answers that are no records."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.model.event import Event
from holdfast.model.task import NewTask, Task, TaskState
from holdfast.model.workflow import Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorkflow:
    """A workflow about to be submitted. `document` is its spec as canonical JSON, `digest` the sha256 of that."""

    id: str
    name: str
    digest: str
    document: bytes
    inputs: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Tasks submitted in one transaction; with `workflow` they belong to it.

    `session` names the engine session that will drive them. Tasks that the store already holds, and all of the
    workflow `take_over`, are taken over by that session unless they have ended.
    """

    tasks: tuple[NewTask, ...] = ()
    workflow: NewWorkflow | None = None
    session: str = ""
    take_over: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """Which tasks to list, newest first; `before` is the id after which the next page starts."""

    states: tuple[TaskState, ...] = ()
    workflow_id: str | None = None
    limit: int = 1000
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowQuery:
    """Which workflows to list, newest first. `digest` is that of what was asked; `ended` None means: either."""

    id: str | None = None
    digest: str | None = None
    ended: bool | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events to read, in the order of `seq`; `after` is the last one already seen."""

    after: int = 0
    task_id: str | None = None
    workflow_id: str | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a write changed: the events that record its moves, in order."""

    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The tasks as they stand in the store, in the order given; those it already held are in `known`."""

    tasks: tuple[Task, ...]
    known: frozenset[str] = frozenset()
    workflow: Workflow | None = None
    events: tuple[Event, ...] = ()
