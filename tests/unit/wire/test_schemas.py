from __future__ import annotations

import json

import jsonschema_rs
import pytest

from holdfast.model.errors import Refused
from holdfast.model.json import Json
from holdfast.wire.document import read_document
from holdfast.wire.parse import parse
from holdfast.wire.schemas import Document, schema
from unit.wire import test_bad_envelopes, test_bad_workflows
from unit.wire.bad import Bad
from unit.wire.test_envelope import SEED, SEED_TOML, SEED_YAML

ENVELOPES = [
    *test_bad_envelopes.DOCUMENTS,
    *(Bad(row[0], "json", test_bad_envelopes.execution(row[1]), *row[2:]) for row in test_bad_envelopes.EXECUTIONS),
    *(Bad(row[0], "json", test_bad_envelopes.resources(row[1]), *row[2:]) for row in test_bad_envelopes.RESOURCES),
]
BEYOND_ENVELOPES = {"id.duplicate", "value.out_of_range", "unit.bad"}
"""Quantities within text, and what two tasks have to do with one another, are beyond a schema."""


def valid(kind: Document, document: Json) -> bool:
    return jsonschema_rs.validator_for(schema(kind)).is_valid(document)


@pytest.mark.parametrize("kind", Document)
def test_every_schema_is_one_of_2020_12_and_names_no_host(kind: Document) -> None:
    written = schema(kind)
    jsonschema_rs.meta.validate(written)
    assert written["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert written["$id"] == f"urn:holdfast:schema:{kind}:1"
    assert json.loads(json.dumps(written)) == written


@pytest.mark.parametrize("kind", Document)
def test_every_key_is_described(kind: Document) -> None:
    def keys(node: Json) -> None:
        if isinstance(node, dict):
            properties = node.get("properties")
            for name, key in properties.items() if isinstance(properties, dict) else ():
                assert isinstance(key, dict)
                assert key.get("description") or "$ref" in key, name
            for part in node.values():
                keys(part)
        elif isinstance(node, list):
            for part in node:
                keys(part)

    keys(schema(kind))


@pytest.mark.parametrize("text", [SEED, SEED_YAML, SEED_TOML])
def test_the_seed_is_valid(text: str) -> None:
    form = "toml" if text is SEED_TOML else None
    document = read_document(text.encode(), form)
    assert valid(Document.TASK, document)
    assert valid(Document.TASK, [document, document])
    assert not valid(Document.WORKFLOW, document)


@pytest.mark.parametrize("bad", ENVELOPES, ids=lambda bad: bad.situation)
def test_what_the_schema_of_tasks_takes_is_refused_only_for_what_is_beyond_it(bad: Bad) -> None:
    if valid(Document.TASK, read_document(str(bad.text).encode(), bad.form)):
        assert bad.code in BEYOND_ENVELOPES


@pytest.mark.parametrize("row", test_bad_workflows.TASKS, ids=lambda row: row[0])
def test_what_the_schema_of_workflows_takes_is_refused_only_for_what_is_beyond_it(row: tuple[str, ...]) -> None:
    text = test_bad_workflows.flow(f"{test_bad_workflows.ONE}\n  {row[1]}")
    if valid(Document.WORKFLOW, read_document(text.encode(), "yaml")):
        assert row[2].startswith(("needs.unknown", "needs.self", "workflow.cycle"))


@pytest.mark.parametrize("bad", test_bad_workflows.FILES[:-1], ids=lambda bad: bad.situation)
def test_a_workflow_file_of_the_wrong_form_is_not_valid(bad: Bad) -> None:
    valid_form = valid(Document.WORKFLOW, read_document(str(bad.text).encode(), bad.form))
    assert valid_form is (bad.code == "workflow.empty")


def test_a_workflow_with_everything_is_valid_and_read() -> None:
    document = read_document(
        b"""
        workflow: everything
        inputs: {path: ., deep: {a: [1, null]}, none: null}
        defaults: {resources: {timeout: 1m, retry_policy: {max_attempts: 2, backoff: {strategy: linear, base: 1s}}}}
        tasks:
          scan: {agent_type: command, context: {argv: [ls, "${{ inputs.path }}"]}, monitoring: {metrics: {}}}
          sum: {agent_type: python, needs: [scan], resources: {memory_limit: 1GB, isolation: process}}
          idle: {agent_type: command, context: , resources: , needs: }
        """,
        "yaml",
    )
    assert valid(Document.WORKFLOW, document)
    parse(document)


def test_a_completed_envelope_is_not_valid_as_a_task() -> None:
    document = read_document(SEED.encode(), "json")
    assert isinstance(document, dict)
    execution = document["execution"]
    assert isinstance(execution, dict)
    filled: Json = {"execution": {**execution, "state": "succeeded"}}
    assert not valid(Document.TASK, filled)
    with pytest.raises(Refused):
        parse(filled)
