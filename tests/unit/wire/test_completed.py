from __future__ import annotations

from typing import Any

import msgspec
import pytest
from jsonschema_rs import validator_for

from holdfast.model.attempt import Attempt, AttemptState
from holdfast.model.content import Content
from holdfast.model.event import Event, EventKind
from holdfast.model.json import Json
from holdfast.model.limits import Enforcement, Level, Usage
from holdfast.model.outcome import Check, Outcome, OutcomeKind, Verdict
from holdfast.model.receipt import Receipt
from holdfast.model.task import Task, TaskState
from holdfast.wire.document import read_document
from holdfast.wire.envelope import Envelope, completed
from holdfast.wire.outputs import OUTPUTS, event_document
from holdfast.wire.parse import parse
from holdfast.wire.schemas import Document, schema

ASKED = b"""{"execution": {"task_id": "t1", "agent_type": "command", "context": {"argv": ["true"]},
  "resources": {"timeout": "5m", "memory_limit": "1GB", "cpus": 0.5, "retry_policy": {"max_attempts": 2}}}}"""

CRASHED = Outcome(
    kind=OutcomeKind.CRASHED, message="killed by SIGSEGV", detail={"signal": 11}, next_steps=("Look at stderr.",)
)
SUCCEEDED = Outcome(kind=OutcomeKind.SUCCEEDED, message="done")


def asked() -> Envelope:
    parsed = parse(read_document(ASKED, "json"))
    assert isinstance(parsed, Envelope)
    return parsed


def task(**changes: Any) -> Task:
    plain: dict[str, Any] = {
        "id": "t1",
        "spec": asked().spec,
        "digest": "0" * 64,
        "state": TaskState.SUCCEEDED,
        "submitted_at": 1_700_000_000.0,
        "started_at": 1_700_000_001.0,
        "outcome": SUCCEEDED,
    }
    return Task(**(plain | changes))


def attempt(number: int, **changes: Any) -> Attempt:
    plain: dict[str, Any] = {
        "id": number,
        "epoch": 1,
        "task_id": "t1",
        "number": number,
        "state": AttemptState.ENDED,
        "claimed_at": 1_700_000_000.5,
        "started_at": 1_700_000_001.0,
        "ended_at": 1_700_000_002.25,
        "outcome": SUCCEEDED,
        "verdict": Verdict((Check("result", True, "one JSON value"),)),
        "receipt": Receipt(b"{}", "a" * 64),
        "level": Level.PROCESS,
        "usage": Usage(wall_s=1.25, cpu_s=1.0, memory_bytes=4096, processes=2),
        "enforcement": (
            Enforcement("timeout", 300.0, True, "the engine's clock"),
            Enforcement("memory_limit", 10**9, False, "no memory cgroup to be had"),
        ),
        "stdout": Content(digest="b" * 64, size=3, total=5),
    }
    return Attempt(**(plain | changes))


def printed(document: Json) -> Any:
    """The document as a program reads it that was given its text."""
    return msgspec.json.decode(msgspec.json.encode(document))


def test_a_finished_task_is_written_with_everything_that_is_known() -> None:
    first = attempt(1, outcome=CRASHED, verdict=None, stdout=None, usage=Usage(wall_s=0.5))
    execution = printed(completed(task(), (first, attempt(2)), {"answer": 42}))
    assert execution["state"] == "succeeded"
    assert execution["result"] == {"answer": 42}
    assert execution["outcome"] == {
        "kind": "succeeded",
        "fault": "none",
        "message": "done",
        "detail": {},
        "next_steps": [],
    }
    assert execution["monitoring"] == {
        "start_time": "2023-11-14T22:13:21.000Z",
        "checkpoints": [],
        "metrics": {
            "wall_s": 1.25,
            "cpu_s": 1,
            "memory_bytes": 4096,
            "read_bytes": None,
            "written_bytes": None,
            "processes": 2,
        },
    }
    assert [each["outcome"]["kind"] for each in execution["attempts"]] == ["crashed", "succeeded"]
    assert execution["attempts"][0]["outcome"]["fault"] == "task"
    assert execution["attempts"][1]["ended"] == "2023-11-14T22:13:22.250Z"
    assert execution["enforcement"] == [
        {"limit": "timeout", "asked": 300, "enforced": True, "by": "the engine's clock"},
        {"limit": "memory_limit", "asked": 10**9, "enforced": False, "by": "no memory cgroup to be had"},
    ]


def test_what_was_asked_comes_back_normalised() -> None:
    execution = printed(completed(task(), (), None))
    assert execution["resources"] == {
        "timeout": 300,
        "memory_limit": 10**9,
        "cpus": 0.5,
        "retry_policy": {"max_attempts": 2, "backoff": "exponential"},
    }
    assert execution["context"] == {"argv": ["true"]}


def test_a_completed_task_without_what_holdfast_wrote_asks_for_the_same() -> None:
    execution = printed(completed(task(), (attempt(1),), [1, 2], checkpoints=({"at": "half"},)))
    again = {name: value for name, value in execution.items() if name not in OUTPUTS}
    assert parse({"execution": again}) == asked()


def test_checkpoints_are_those_given() -> None:
    execution = printed(completed(task(), (), None, checkpoints=({"at": "half"},)))
    assert execution["monitoring"]["checkpoints"] == [{"at": "half"}]


@pytest.mark.parametrize(
    "document",
    [
        {"execution": completed(task(), (attempt(1, outcome=CRASHED), attempt(2)), {"answer": 42})},
        {"execution": completed(task(state=TaskState.READY, started_at=None, outcome=None), (), None)},
        {
            "execution": completed(
                task(state=TaskState.RUNNING, outcome=None),
                (Attempt(id=1, epoch=1, task_id="t1", number=1, state=AttemptState.CLAIMED, claimed_at=0.0),),
                None,
            )
        },
        [{"execution": completed(task(), (attempt(1),), None)}],
        {"workflow": "w", "state": "failed", "tasks": {"a": completed(task(), (attempt(1),), "x")}},
        {"workflow": "w", "id": "0abc", "state": "running", "tasks": {}},
    ],
)
def test_what_is_written_is_valid_by_the_schema_of_results(document: Json) -> None:
    validator_for(schema(Document.RESULT)).validate(printed(document))


def test_what_is_written_names_every_output() -> None:
    execution = completed(task(), (), None)
    assert OUTPUTS.keys() < execution.keys()


def test_an_event_is_valid_by_its_schema() -> None:
    event = Event(seq=7, at=1_700_000_000.5, kind=EventKind.ENDED, task_id="t1", state="failed", attempt=1)
    document = printed(event_document(event))
    validator_for(schema(Document.EVENT)).validate(document)
    assert document["at"] == "2023-11-14T22:13:20.500Z"
