"""What a document is, an envelope, a list of envelopes or a workflow, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from holdfast.model.json import Json, type_name
from holdfast.model.place import nearest
from holdfast.model.workflow import WorkflowSpec
from holdfast.wire.envelope import ENVELOPE, EXECUTION, EXECUTION_KEYS, Envelope, Envelopes, read_envelopes
from holdfast.wire.reader import Place, Problems
from holdfast.wire.workflow_file import TASKS, WORKFLOW, WORKFLOW_FILE, WORKFLOW_KEYS

Parsed: TypeAlias = Envelope | Envelopes | WorkflowSpec

_SAY: Final = 'write {"execution": {…}} for a task, a list of these, or {"workflow": NAME, "tasks": {…}}'


def parse(document: Json) -> Parsed:
    """What a document of plain data (`read_document`, `plain`) asks for. Raises Refused with every reason."""
    problems = Problems()
    parsed = read(document, problems)
    problems.refuse()
    assert parsed is not None, "what cannot be read has a problem noted"
    return parsed


def read(document: Json, problems: Problems) -> Parsed | None:
    """Like `parse`, but notes the problems and gives back what could be read, for more checks before the refusal."""
    whole = Place(problems)
    if isinstance(document, list | tuple):
        return read_envelopes(document, whole)
    if not isinstance(document, Mapping):
        whole.problem("document.unknown_kind", f"it is {type_name(document)}, neither a task nor a workflow", _SAY)
        return None
    if EXECUTION.name in document:
        return ENVELOPE.read(document, whole)
    if WORKFLOW.name in document or TASKS.name in document:
        return WORKFLOW_FILE.read(document, whole)
    _unknown(document, whole)
    return None


def _unknown(document: Mapping[str, Json], whole: Place) -> None:
    message = "it is neither a task nor a workflow: there is no execution and no workflow in it"
    if document.keys() & {key.name for key in EXECUTION_KEYS}:
        whole.problem("document.unknown_kind", message, 'put it all in {"execution": {…}}')
        return
    heads = [EXECUTION.name, *(key.name for key in WORKFLOW_KEYS)]
    for name in document:
        near = nearest(name, heads)
        if near is not None:
            whole.below(name).problem("document.unknown_kind", message, f"did you mean {near}?")
            return
    whole.problem("document.unknown_kind", message, _SAY)
