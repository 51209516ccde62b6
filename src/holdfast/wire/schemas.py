"""JSON Schemas (2020-12) of what Holdfast reads and writes, made from the same declarations as the readers and writers.

A schema says what a document looks like. The readers know more: units within text, names that must exist, circles.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from holdfast.model.workflow import WorkflowState
from holdfast.wire.envelope import ENVELOPE, EXECUTION_KEYS, MOST_TASKS, NAME, TASK_ID
from holdfast.wire.outputs import EVENT, OUTPUTS, object_schema
from holdfast.wire.shapes import Schema
from holdfast.wire.workflow_file import WORKFLOW_FILE

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Document(StrEnum):
    """The documents that have a schema."""

    TASK = "task"
    WORKFLOW = "workflow"
    RESULT = "result"
    EVENT = "event"


def schema(document: Document) -> Schema:
    """The schema of a kind of document."""
    match document:
        case Document.TASK:
            return _titled(document, "A task to run, or a list of tasks.", _tasks())
        case Document.WORKFLOW:
            return _titled(document, "A workflow to run: tasks, and what each needs.", WORKFLOW_FILE.schema())
        case Document.RESULT:
            return _titled(document, "What `holdfast run --json` prints: what was asked, completed.", _result())
        case Document.EVENT:
            return _titled(document, "One fact of the journal.", object_schema(EVENT))


def _titled(document: Document, description: str, body: Schema) -> Schema:
    head: Schema = {"$schema": _DIALECT, "$id": f"urn:holdfast:schema:{document}:1"}
    return {**head, "title": f"Holdfast {document}", "description": description, **body}


def _tasks() -> Schema:
    one = ENVELOPE.schema()
    many: Schema = {"type": "array", "items": {"$ref": "#/$defs/envelope"}, "minItems": 1, "maxItems": MOST_TASKS}
    return {"anyOf": [{"$ref": "#/$defs/envelope"}, many], "$defs": {"envelope": one}}


def _execution() -> Schema:
    """An `execution` with everything that is written: what was asked is all there, and what came of it."""
    asked: Schema = {key.name: {"description": key.doc, **key.shape.schema()} for key in EXECUTION_KEYS}
    properties: Schema = {**asked, **OUTPUTS}
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _result() -> Schema:
    execution: Schema = {"$ref": "#/$defs/execution"}
    one: Schema = {
        "type": "object",
        "properties": {"execution": execution},
        "required": ["execution"],
        "additionalProperties": False,
    }
    workflow: Schema = {
        "type": "object",
        "properties": {
            "workflow": {"description": "The workflow's name.", **NAME.schema()},
            "id": {"description": "The id of this run of it.", **TASK_ID.shape.schema()},
            "state": {
                "description": "failed outweighs cancelled.",
                "type": "string",
                "enum": [state.value for state in WorkflowState],
            },
            "tasks": {"description": "The tasks by name.", "type": "object", "additionalProperties": execution},
        },
        "required": ["workflow", "state", "tasks"],
        "additionalProperties": False,
    }
    return {"anyOf": [one, {"type": "array", "items": one}, workflow], "$defs": {"execution": _execution()}}
