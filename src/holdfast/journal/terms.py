"""What every journal decides alike: what may be submitted, what an ending must hold, and what its records say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Final

import msgspec

from holdfast.model.attempt import AttemptState, Ending
from holdfast.model.errors import EngineFault, Problem, StaleAttempt, UnknownTask
from holdfast.model.event import EventKind
from holdfast.model.json import Json
from holdfast.model.outcome import Fault, Outcome, OutcomeKind
from holdfast.model.task import NewTask, Task, TaskState
from holdfast.rules.lifecycle import Move, step_attempt

CLAIM_WINDOW: Final = 256
"""So many ready tasks, from the head of the line, are looked at for one claim."""


def _plain(value: object) -> object:
    """Read-only mappings and uncommon sequences, as the JSON that they are."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"a value of type {type(value).__name__} is no JSON")


encode: Final = msgspec.json.Encoder(enc_hook=_plain).encode
"""JSON of a record or a value, as bytes. Raises TypeError, ValueError or RecursionError where it is none."""


def distinct(tasks: Iterable[NewTask]) -> tuple[dict[str, NewTask], list[Problem]]:
    """The tasks by id, first come first; one problem for each id that is given twice with different digests."""
    by_id: dict[str, NewTask] = {}
    problems = []
    for task in tasks:
        first = by_id.setdefault(task.id, task)
        if first.digest != task.digest:
            problems.append(conflict(task.id))
    return by_id, problems


def cycle(tasks: Mapping[str, NewTask]) -> list[Problem]:
    """A problem where new tasks wait for one another in a circle: none of them could ever start."""
    graph = {task.id: task.needs for task in tasks.values() if task.needs}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = [str(task_id) for task_id in error.args[1]]
        message = f"these tasks wait for one another: {' -> '.join(circle)}"
        return [Problem("task.cycle", f"tasks.{circle[0]}.needs", message, "Remove one of these needs.")]
    return []


def conflict(task_id: str) -> Problem:
    """The refusal of a task whose id is taken by another request."""
    return Problem(
        "task.conflict",
        f"tasks.{task_id}",
        f"the task id {task_id!r} is already used for a different request",
        "Choose another id, submit exactly what was submitted before, or start anew with `--fresh`.",
    )


def workflow_conflict(workflow_id: str) -> Problem:
    """The refusal of a workflow whose id is taken by another one."""
    return Problem(
        "workflow.conflict",
        "workflow",
        f"the workflow id {workflow_id!r} is already used for a different workflow",
        "Choose another id, or submit exactly what was submitted before.",
    )


def unknown_need(task_id: str, need: str) -> Problem:
    """The refusal of a task that needs one that nobody submitted."""
    return Problem(
        "task.unknown_need",
        f"tasks.{task_id}.needs",
        f"there is no task {need!r}, neither in this submission nor in the store",
        "Submit it together with this task, or before.",
    )


def unstorable(task_id: str, error: Exception) -> Problem:
    """The refusal of a request that is no JSON."""
    return Problem(
        "task.unstorable",
        f"tasks.{task_id}.context",
        f"the request cannot be written down as JSON: {error}",
        "Use plain JSON values only.",
    )


def first_state(task: NewTask, open_needs: int, now: float) -> TaskState:
    """Where a new task starts: waiting while it needs others or its time has not come."""
    early = task.not_before is not None and task.not_before > now
    return TaskState.WAITING if open_needs or early else TaskState.READY


def not_json(tasks: Iterable[NewTask]) -> list[Problem]:
    """A problem for each request that cannot be written down."""
    problems = []
    for task in tasks:
        try:
            encode(task.spec)
        except (TypeError, ValueError, RecursionError) as error:
            problems.append(unstorable(task.id, error))
    return problems


def new_record(task: NewTask, state: TaskState, workflow_id: str | None, now: float) -> Task:
    """The record of a task that has just been submitted."""
    return Task(
        id=task.id,
        spec=task.spec,
        digest=task.digest,
        state=state,
        name=task.name,
        workflow_id=workflow_id,
        submitted_at=now,
        due_at=task.not_before,
    )


def check_ending(ending: Ending) -> None:
    """Raise EngineFault where an ending contradicts itself: succeeded means that every check passed."""
    succeeded = ending.outcome.kind is OutcomeKind.SUCCEEDED
    if succeeded and not ending.verdict.passed:
        raise EngineFault(f"task {ending.ref.task_id} cannot have succeeded: a check of its outputs failed")
    if ending.result is not None and not succeeded:
        raise EngineFault(f"task {ending.ref.task_id} has a result although it {ending.outcome.kind}")


def advance_kind(before: AttemptState, after: AttemptState) -> EventKind:
    """The event of an attempt's move forward. Raises EngineFault where there is no such move."""
    if after is AttemptState.ENDED:
        raise EngineFault("an attempt ends by `finish`, with everything that its end writes")
    return EventKind.STARTED if step_attempt(before, after) is AttemptState.RUNNING else EventKind.VERIFYING


def stale(what: str, task_id: str, number: int) -> StaleAttempt:
    """The refusal of a write by somebody who no longer holds the attempt."""
    return StaleAttempt(f"{what} of attempt {number} of task {task_id} came too late: it has ended or was taken over")


def unknown_tasks(task_ids: Iterable[str]) -> UnknownTask:
    """The refusal of ids that name nothing."""
    return UnknownTask(f"the store holds no task {', '.join(map(repr, task_ids))}")


def unknown_workflow(workflow_id: str) -> UnknownTask:
    """The refusal of an id that names nothing."""
    return UnknownTask(f"the store holds no workflow {workflow_id!r}")


def cancelled_outcome(reason: str, detail: Mapping[str, Json] | None = None) -> Outcome:
    """The outcome of a task that was cancelled."""
    return Outcome(kind=OutcomeKind.CANCELLED, message=reason, detail=detail or {})


def task_outcome(ending: Ending, after: TaskState, cancel_reason: str | None) -> Outcome | None:
    """The outcome of the task as a whole, None while it has not ended.

    A task whose cancel was asked for is cancelled however its last attempt ended; the detail says how that was.
    """
    if not after.final:
        return None
    if after is TaskState.CANCELLED and ending.outcome.kind is not OutcomeKind.CANCELLED:
        return cancelled_outcome(cancel_reason or "", {"attempt": str(ending.outcome.kind)})
    return ending.outcome


def ended_event(ending: Ending, move: Move) -> tuple[EventKind, dict[str, Json]]:
    """The kind and the data of the event that records an ending."""
    data: dict[str, Json] = {"outcome": str(ending.outcome.kind), "message": ending.outcome.message}
    if move is Move.RETRY:
        data["retry_at"] = ending.retry_at
    return (EventKind.HELD if move is Move.HOLD else EventKind.ENDED), data


def engine_faults(ending: Ending) -> int:
    """1 where the end of the attempt was no fault of the task's, and does not count against its retries."""
    return 1 if ending.outcome.fault is Fault.ENGINE else 0
