"""The task envelope: the seed's `execution` object, to the model and back.

What comes in may carry `monitoring`, filled or not: it is checked for its form and not used, as the engine measures
for itself. What the engine alone writes (`state`, `outcome`, `result`, `attempts`, `enforcement`) is refused in what
comes in, so that nobody takes an old result for a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from holdfast.model.attempt import Attempt
from holdfast.model.ids import ID_PATTERN, MAX_ID, NAME_PATTERN, valid_id, valid_name
from holdfast.model.json import Json
from holdfast.model.task import Task, TaskSpec
from holdfast.wire.outputs import (
    ATTEMPT,
    ENFORCEMENT,
    OUTCOME,
    OUTPUTS,
    USAGE,
    time_or_null,
    write,
    write_or_null,
)
from holdfast.wire.reader import Place
from holdfast.wire.resources import RESOURCES_SHAPE, UNKNOWN_KEY, Resources, write_resources
from holdfast.wire.shapes import AnyObject, Anything, Fields, Key, ListOf, Object, Text

MOST_TASKS: Final = 100_000
MOST_NAME: Final = 100
"""The id of a workflow's task is made of the workflow's id and the task's name, and has to stay an id."""

_ID: Final = Text(
    valid_id,
    "id.bad",
    "task id",
    f"write letters, digits and . _ : ~ @ + -, beginning with a letter or digit, at most {MAX_ID} characters",
    ID_PATTERN,
    MAX_ID,
)
NAME: Final = Text(
    lambda text: len(text) <= MOST_NAME and valid_name(text),
    "name.bad",
    "name",
    f"write letters, digits, _ and -, beginning with a letter or _, at most {MOST_NAME} characters",
    NAME_PATTERN,
    MOST_NAME,
)

TASK_ID: Final = Key("task_id", _ID, "Names the task for good; the same id is never run twice. Made up if left out.")
AGENT_TYPE: Final = Key("agent_type", NAME, "Who does it: command, python, or one of holdfast.toml.", required=True)
CONTEXT: Final = Key("context", AnyObject(), "What the agent is given; its agent type says what may stand here.")
RESOURCES_KEY: Final = Key("resources", RESOURCES_SHAPE, "Limits, retries and isolation.")

START_TIME: Final = Key("start_time", Anything(), "When the first attempt began.")
CHECKPOINTS: Final = Key("checkpoints", ListOf(Anything()), "What the task reported on its way.")
METRICS: Final = Key("metrics", AnyObject(), "What the last attempt used, as measured.")
_MONITORING_KEYS: Final = (START_TIME, CHECKPOINTS, METRICS)


def _look_at(fields: Fields) -> tuple[object, ...]:
    return tuple(fields.take(key) for key in _MONITORING_KEYS)


MONITORING: Final = Key(
    "monitoring", Object(_MONITORING_KEYS, _look_at, UNKNOWN_KEY), "Written by Holdfast; what comes in is not used."
)

OPEN: Final = Resources()
"""Resources that ask for nothing."""

_REMOVE: Final = ("envelope.output_key", "Holdfast writes this, nobody else", "remove it")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One task asked for on its own. Without an id it gets a new one."""

    spec: TaskSpec
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Envelopes:
    """Tasks asked for together, independent of one another."""

    items: tuple[Envelope, ...]


def spec_of(fields: Fields, usual: Resources = OPEN) -> TaskSpec:
    """The spec in an `execution` object; `usual` are the resources for what it leaves open.

    Where a problem was noted, the spec lacks what it is about; `agent_type` is then empty.
    """
    given = fields.take(RESOURCES_KEY) or Resources()
    resources = given.over(usual)
    fields.take(MONITORING)
    return TaskSpec(
        agent_type=fields.take(AGENT_TYPE) or "",
        context=fields.take(CONTEXT) or {},
        limits=resources.limits,
        retry=resources.retry.policy(),
        isolation=resources.isolation,
        allow_degraded=resources.allow_degraded or (),
    )


EXECUTION_KEYS: Final = (TASK_ID, AGENT_TYPE, CONTEXT, RESOURCES_KEY, MONITORING)
EXECUTION: Final = Key(
    "execution",
    Object(
        EXECUTION_KEYS,
        lambda fields: Envelope(spec_of(fields), fields.take(TASK_ID)),
        UNKNOWN_KEY,
        MappingProxyType(dict.fromkeys(OUTPUTS, _REMOVE)),
    ),
    "The task.",
    required=True,
)
ENVELOPE: Final = Object((EXECUTION,), lambda fields: fields.take(EXECUTION), UNKNOWN_KEY)


def read_envelopes(documents: list[Json] | tuple[Json, ...], at: Place) -> Envelopes | None:
    """A list of envelopes, each with an id of its own."""
    if not documents:
        at.problem("document.empty", "the list holds no envelope", "put at least one in")
        return None
    if len(documents) > MOST_TASKS:
        at.problem(
            "document.too_large", f"it lists {len(documents)} tasks", f"split it: at most {MOST_TASKS} are taken"
        )
        return None
    items: list[Envelope] = []
    first: dict[str, int] = {}
    for index, document in enumerate(documents):
        item = ENVELOPE.read(document, at.below(index))
        if item is None:
            continue
        if item.task_id is not None and first.setdefault(item.task_id, index) != index:
            place = at.below(index).below(EXECUTION.name).below(TASK_ID.name)
            message = f"the task [{first[item.task_id]}] has the same id"
            place.problem("id.duplicate", message, "give each task an id of its own")
        items.append(item)
    return Envelopes(tuple(items))


def completed(
    task: Task, attempts: tuple[Attempt, ...], result: Json, checkpoints: Sequence[Json] = ()
) -> dict[str, Json]:
    """The `execution` object of a task as it stands: what was asked, normalised, and what came of it so far."""
    ended = [attempt for attempt in attempts if attempt.usage is not None]
    last = attempts[-1] if attempts else None
    return {
        TASK_ID.name: task.id,
        AGENT_TYPE.name: task.spec.agent_type,
        CONTEXT.name: dict(task.spec.context),
        RESOURCES_KEY.name: write_resources(task.spec),
        MONITORING.name: {
            START_TIME.name: time_or_null(task.started_at),
            CHECKPOINTS.name: list(checkpoints),
            METRICS.name: write_or_null(ended[-1].usage, USAGE) if ended else {},
        },
        "state": task.state.value,
        "outcome": write_or_null(task.outcome, OUTCOME),
        "result": result,
        "attempts": [write(attempt, ATTEMPT) for attempt in attempts],
        "enforcement": [write(entry, ENFORCEMENT) for entry in last.enforcement] if last else [],
    }
