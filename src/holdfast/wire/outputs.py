"""What Holdfast writes about records, each key declared once: how it is made of the record, and what its schema is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from holdfast.model.attempt import Attempt, AttemptState
from holdfast.model.content import Content
from holdfast.model.event import Event, EventKind
from holdfast.model.json import Json
from holdfast.model.limits import Enforcement, Level, Usage
from holdfast.model.outcome import Check, Fault, Outcome, OutcomeKind
from holdfast.model.task import TaskState
from holdfast.wire.resources import number
from holdfast.wire.shapes import Schema, or_null
from holdfast.wire.units import iso_time

R = TypeVar("R")


@dataclass(slots=True, eq=False, repr=False)
class Written(Generic[R]):
    """One key: its name, its schema, what it means, and how it is made."""

    name: str
    kind: Schema
    doc: str
    make: Callable[[R], Json]

    def schema(self) -> Schema:
        return {"description": self.doc, **self.kind}


def write(record: R, keys: tuple[Written[R], ...]) -> dict[str, Json]:
    """The object of a record."""
    return {key.name: key.make(record) for key in keys}


def write_or_null(record: R | None, keys: tuple[Written[R], ...]) -> Json:
    """The object of a record; null where there is none."""
    return None if record is None else write(record, keys)


def object_schema(keys: tuple[Written[R], ...]) -> Schema:
    """The schema of an object with all these keys and no others."""
    return {
        "type": "object",
        "properties": {key.name: key.schema() for key in keys},
        "required": [key.name for key in keys],
        "additionalProperties": False,
    }


def time_or_null(unix: float | None) -> str | None:
    """A time in UTC, null where there is none."""
    return None if unix is None else iso_time(unix)


TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
AMOUNT: Final[Schema] = {"type": "number", "minimum": 0}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
TRUTH: Final[Schema] = {"type": "boolean"}
ANY_OBJECT: Final[Schema] = {"type": "object"}


def one_of(kind: type[OutcomeKind | Fault | TaskState | AttemptState | Level | EventKind]) -> Schema:
    """One of an enum's values."""
    return {"type": "string", "enum": [member.value for member in kind]}


def list_of(item: Schema) -> Schema:
    """A list of one kind of item."""
    return {"type": "array", "items": item}


OUTCOME: Final[tuple[Written[Outcome], ...]] = (
    Written("kind", one_of(OutcomeKind), "How it ended.", lambda outcome: outcome.kind.value),
    Written(
        "fault",
        one_of(Fault),
        "Who has to change something before another try can end differently.",
        lambda outcome: outcome.fault.value,
    ),
    Written("message", TEXT, "What happened, in one sentence.", lambda outcome: outcome.message),
    Written("detail", ANY_OBJECT, "The evidence: exit code, signal, counters.", lambda outcome: dict(outcome.detail)),
    Written("next_steps", list_of(TEXT), "What to do about it.", lambda outcome: list(outcome.next_steps)),
)

_MEASURED: Final = {
    "wall_s": (AMOUNT, "Seconds from start to end."),
    "cpu_s": (AMOUNT, "Seconds of processor time, over all processes."),
    "memory_bytes": (or_null(COUNT), "Peak memory; null where this host could not measure it."),
    "read_bytes": (or_null(COUNT), "Bytes read from storage; null where this host could not measure it."),
    "written_bytes": (or_null(COUNT), "Bytes written to storage; null where this host could not measure it."),
    "processes": (or_null(COUNT), "The highest number alive at once; null where this host could not measure it."),
}


def _measure(name: str) -> Callable[[Usage], Json]:
    return lambda usage: None if (value := getattr(usage, name)) is None else number(value)


USAGE: Final[tuple[Written[Usage], ...]] = tuple(
    Written(field.name, *_MEASURED[field.name], _measure(field.name)) for field in dataclasses.fields(Usage)
)

ENFORCEMENT: Final[tuple[Written[Enforcement], ...]] = (
    Written("limit", TEXT, "The limit's name in resources.", lambda entry: entry.limit),
    Written(
        "asked",
        {"type": ["number", "string", "null"]},
        "What was asked, in seconds, bytes or a count.",
        lambda entry: number(entry.asked) if isinstance(entry.asked, int | float) else entry.asked,
    ),
    Written("enforced", TRUTH, "Whether it holds against the task; otherwise it is advice.", lambda e: e.enforced),
    Written("by", TEXT, "By what mechanism, or why not.", lambda entry: entry.by),
)

CHECK: Final[tuple[Written[Check], ...]] = (
    Written("name", TEXT, "What was checked.", lambda check: check.name),
    Written("passed", TRUTH, "Whether it passed.", lambda check: check.passed),
    Written("reason", TEXT, "Why, or why not.", lambda check: check.reason),
)

CONTENT: Final[tuple[Written[Content], ...]] = (
    Written("sha256", TEXT, "The digest of the kept bytes, as hex.", lambda content: content.digest),
    Written("size", COUNT, "How many bytes are kept.", lambda content: content.size),
    Written("total", COUNT, "How many bytes were produced.", lambda content: content.total),
)

ATTEMPT: Final[tuple[Written[Attempt], ...]] = (
    Written("number", {"type": "integer", "minimum": 1}, "Counts from 1.", lambda attempt: attempt.number),
    Written("state", one_of(AttemptState), "Where it stands.", lambda attempt: attempt.state.value),
    Written("started", or_null(TIME), "When its program began.", lambda attempt: time_or_null(attempt.started_at)),
    Written("ended", or_null(TIME), "When its end was recorded.", lambda attempt: time_or_null(attempt.ended_at)),
    Written(
        "level",
        or_null(one_of(Level)),
        "How it was isolated.",
        lambda attempt: None if attempt.level is None else attempt.level.value,
    ),
    Written(
        "outcome",
        or_null(object_schema(OUTCOME)),
        "How it ended.",
        lambda attempt: write_or_null(attempt.outcome, OUTCOME),
    ),
    Written(
        "usage", or_null(object_schema(USAGE)), "What it used.", lambda attempt: write_or_null(attempt.usage, USAGE)
    ),
    Written(
        "checks",
        list_of(object_schema(CHECK)),
        "What was checked about its outputs.",
        lambda attempt: [write(check, CHECK) for check in attempt.verdict.checks] if attempt.verdict else [],
    ),
    Written(
        "stdout",
        or_null(object_schema(CONTENT)),
        "What it printed.",
        lambda attempt: write_or_null(attempt.stdout, CONTENT),
    ),
    Written(
        "stderr",
        or_null(object_schema(CONTENT)),
        "What it complained of.",
        lambda attempt: write_or_null(attempt.stderr, CONTENT),
    ),
    Written(
        "receipt",
        or_null(TEXT),
        "The digest of its receipt.",
        lambda attempt: None if attempt.receipt is None else attempt.receipt.digest,
    ),
)

EVENT: Final[tuple[Written[Event], ...]] = (
    Written("seq", COUNT, "Grows in the order of commits.", lambda event: event.seq),
    Written("at", TIME, "When it happened.", lambda event: iso_time(event.at)),
    Written("kind", one_of(EventKind), "What happened.", lambda event: event.kind.value),
    Written("task_id", TEXT, "To which task.", lambda event: event.task_id),
    Written("state", TEXT, "The task's state after it.", lambda event: event.state),
    Written("workflow_id", or_null(TEXT), "The workflow of the task, if any.", lambda event: event.workflow_id),
    Written("attempt", or_null(COUNT), "The number of the attempt that it is about.", lambda event: event.attempt),
    Written("data", ANY_OBJECT, "What else there is to know.", lambda event: dict(event.data)),
)


OUTPUTS: Final[Mapping[str, Schema]] = MappingProxyType({
    "state": {"description": "Where the task stands.", **one_of(TaskState)},
    "outcome": {"description": "How it ended; null while it has not.", **or_null(object_schema(OUTCOME))},
    "result": {"description": "The value that it left; null where there is none."},
    "attempts": {"description": "Every try, in order.", **list_of(object_schema(ATTEMPT))},
    "enforcement": {
        "description": "Per limit: what was asked, and what was done about it, in the last attempt.",
        **list_of(object_schema(ENFORCEMENT)),
    },
})
"""What a completed `execution` has beside what was asked."""


def event_document(event: Event) -> dict[str, Json]:
    """An event as it is printed."""
    return write(event, EVENT)
