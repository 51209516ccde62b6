"""Rows to records, and the parts of records that are kept as JSON.

msgspec does not take the recursive type of free JSON, so a record that holds some (a context, a detail) is read by a
twin of its class in which that field is open.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_type_hints

import msgspec

from holdfast.model.attempt import Attempt, AttemptState
from holdfast.model.content import Content
from holdfast.model.event import Event, EventKind
from holdfast.model.limits import Enforcement, Level, Usage
from holdfast.model.outcome import Outcome, Verdict
from holdfast.model.receipt import Receipt
from holdfast.model.task import Task, TaskSpec, TaskState
from holdfast.model.workflow import Workflow

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row: TypeAlias = tuple[Any, ...]
"""A row as SQLite gives it; the types of its columns are those of the STRICT tables."""

_NO_CONTENT: Final = (None, None, None, None)


def _twin(record: type[DataclassInstance], free: str) -> type[msgspec.Struct]:
    """A struct with the fields of a dataclass, of which `free` holds any JSON object."""
    hints = get_type_hints(record)
    fields: list[str | tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in dataclasses.fields(record):
        hint = dict[str, Any] if field.name == free else hints[field.name]
        if field.default is not dataclasses.MISSING:
            fields.append((field.name, hint, field.default))
        elif field.default_factory is not dataclasses.MISSING:
            fields.append((field.name, hint, msgspec.field(default_factory=field.default_factory)))
        else:
            fields.append((field.name, hint))
    return msgspec.defstruct(record.__name__, fields, kw_only=True)


_fields: Final = msgspec.structs.asdict
_spec: Final = msgspec.json.Decoder(_twin(TaskSpec, "context")).decode
_outcome: Final = msgspec.json.Decoder(_twin(Outcome, "detail")).decode
_verdict: Final = msgspec.json.Decoder(Verdict).decode
_usage: Final = msgspec.json.Decoder(Usage).decode
_enforcement: Final = msgspec.json.Decoder(tuple[Enforcement, ...]).decode
_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


def spec_of(body: bytes) -> TaskSpec:
    """The request that was submitted."""
    return TaskSpec(**_fields(_spec(body)))


def outcome_of(data: bytes | None) -> Outcome | None:
    """How it ended, None where it has not."""
    return None if data is None else Outcome(**_fields(_outcome(data)))


def content_of(digest: str | None, size: int, total: int, inline: bytes | None) -> Content | None:
    """Kept bytes, None where there are none."""
    return None if digest is None else Content(digest=digest, size=size, total=total, inline=inline)


def content_row(content: Content | None) -> Row:
    """The four columns of kept bytes."""
    return _NO_CONTENT if content is None else (content.digest, content.size, content.total, content.inline)


def task_of(row: Row) -> Task:
    """A task from the columns of `statements.TASK`."""
    return Task(
        id=row[0],
        spec=spec_of(row[1]),
        digest=row[2],
        state=TaskState(row[3]),
        name=row[4],
        workflow_id=row[5],
        submitted_at=row[6],
        due_at=row[7],
        started_at=row[8],
        ended_at=row[9],
        attempts=row[10],
        engine_faults=row[11],
        cancel_reason=row[12],
        outcome=outcome_of(row[13]),
        result=content_of(row[14], row[15], row[16], row[17]),
    )


def attempt_of(task_id: str, row: Row) -> Attempt:
    """An attempt from the columns of `statements.ATTEMPTS`."""
    return Attempt(
        id=row[0],
        epoch=row[1],
        task_id=task_id,
        number=row[2],
        state=AttemptState(row[3]),
        claimed_at=row[4],
        started_at=row[5],
        ended_at=row[6],
        level=None if row[7] is None else Level(row[7]),
        outcome=outcome_of(row[8]),
        verdict=None if row[9] is None else _verdict(row[9]),
        usage=None if row[10] is None else _usage(row[10]),
        enforcement=() if row[11] is None else _enforcement(row[11]),
        receipt=None if row[13] is None else Receipt(row[12], row[13]),
        stdout=content_of(row[14], row[15], row[16], row[17]),
        stderr=content_of(row[18], row[19], row[20], row[21]),
    )


def workflow_of(row: Row, counts: Mapping[str, int]) -> Workflow:
    """A workflow from the columns of `statements.WORKFLOW`, after its key."""
    return Workflow(
        id=row[0],
        name=row[1],
        digest=row[2],
        inputs=_object(row[3]),
        submitted_at=row[4],
        ended_at=row[5],
        counts=counts,
    )


def event_of(row: Row) -> Event:
    """An event from the columns of `statements.EVENTS`."""
    return Event(
        seq=row[0],
        at=row[1],
        kind=EventKind(row[2]),
        task_id=row[3],
        state=row[4],
        workflow_id=row[5],
        attempt=row[6],
        data={} if row[7] is None else _object(row[7]),
    )
