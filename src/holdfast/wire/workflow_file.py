"""Workflow files: `{workflow, inputs, defaults: {resources}, tasks: {NAME: {agent_type, context, resources, needs}}}`.

A reference in a task's context is an edge as well: `needs` of a node are those named and those referred to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Final

from holdfast.model.errors import Refused
from holdfast.model.json import Json, JsonObject, type_name
from holdfast.model.place import listed, quoted
from holdfast.model.reference import Malformed, Reference, parse, texts
from holdfast.model.workflow import Node, WorkflowSpec
from holdfast.wire.document import read_document
from holdfast.wire.envelope import (
    AGENT_TYPE,
    CONTEXT,
    MONITORING,
    MOST_TASKS,
    NAME,
    OPEN,
    RESOURCES_KEY,
    TASK_ID,
    spec_of,
)
from holdfast.wire.outputs import OUTPUTS
from holdfast.wire.reader import Place, Problems
from holdfast.wire.resources import UNKNOWN_KEY, Resources
from holdfast.wire.shapes import Fields, Key, ListOf, MapOf, Object, Values

UNKNOWN_WORKFLOW_KEY: Final = "workflow.unknown_key"
_LONGEST_CYCLE: Final = 12
_FEW: Final = 12

NEEDS: Final = Key(
    "needs", ListOf(NAME, twice="needs.duplicate"), "Names of tasks that must succeed before this one starts."
)
NODE_KEYS: Final = (AGENT_TYPE, CONTEXT, RESOURCES_KEY, NEEDS, MONITORING)


@dataclass(slots=True, eq=False, repr=False)
class _Given:
    """A task as it stands in the file."""

    fields: Fields


NODE: Final = Object(
    NODE_KEYS,
    _Given,
    UNKNOWN_KEY,
    MappingProxyType(
        dict.fromkeys(OUTPUTS, ("envelope.output_key", "Holdfast writes this, nobody else", "remove it"))
        | {TASK_ID.name: ("envelope.output_key", "in a workflow the name of a task is its id", "remove it")}
    ),
)

WORKFLOW: Final = Key("workflow", NAME, "The workflow's name.", required=True)
INPUTS: Final = Key("inputs", Values(NAME), "Values that contexts refer to as ${{ inputs.NAME }}, with their defaults.")
DEFAULTS: Final = Key(
    "defaults",
    Object((RESOURCES_KEY,), lambda fields: fields.take(RESOURCES_KEY), UNKNOWN_WORKFLOW_KEY),
    "What holds for every task that does not say otherwise.",
)
TASKS: Final = Key("tasks", MapOf(NAME, NODE, MOST_TASKS), "The tasks by name.", required=True)
WORKFLOW_KEYS: Final = (WORKFLOW, INPUTS, DEFAULTS, TASKS)


def _read(fields: Fields) -> WorkflowSpec | None:
    usual = fields.take(DEFAULTS) or OPEN
    inputs = fields.take(INPUTS) or {}
    given = fields.take(TASKS)
    name = fields.take(WORKFLOW) or ""
    at = fields.at.below(TASKS.name)
    if not given:
        if given is not None and not fields.names(TASKS):
            at.problem("workflow.empty", "the workflow has no tasks", "add at least one")
        return None
    graph = _Graph(fields.names(TASKS), fields.names(INPUTS), at)
    nodes = {task: graph.node(task, each.fields, usual) for task, each in given.items()}
    graph.refuse_cycle(nodes)
    return WorkflowSpec(name=name, nodes=nodes, inputs=inputs)


WORKFLOW_FILE: Final = Object(WORKFLOW_KEYS, _read, UNKNOWN_WORKFLOW_KEY)


@dataclass(slots=True, eq=False, repr=False)
class _Graph:
    """Which names there are, so that each edge can be checked."""

    tasks: frozenset[str]
    inputs: frozenset[str]
    at: Place

    def node(self, task: str, fields: Fields, usual: Resources) -> Node:
        """The node of a task; its edges lead to tasks that exist, and not to itself."""
        spec = spec_of(fields, usual)
        needs = dict.fromkeys(self._declared(task, fields) + self._referred(task, spec.context, fields.at))
        return Node(spec=spec, needs=tuple(needs))

    def _declared(self, task: str, fields: Fields) -> list[str]:
        at = fields.at.below(NEEDS.name)
        names = fields.take(NEEDS) or ()
        return [need for index, need in enumerate(names) if self._is_edge(task, need, at.below(index), "needs")]

    def _referred(self, task: str, context: JsonObject, at: Place) -> list[str]:
        found: list[str] = []
        for path, text in texts(context, at.below(CONTEXT.name).path):
            place = _Text(at.problems, path)
            for piece in self._pieces(text, place):
                if piece.input is not None:
                    self._check_input(piece.input, place)
                elif piece.task is not None and self._is_edge(task, piece.task, place, "reference"):
                    found.append(piece.task)
        return found

    def _pieces(self, text: str, at: Place) -> list[Reference]:
        try:
            return [piece for piece in parse(text) if isinstance(piece, Reference)]
        except Malformed as bad:
            at.problem("reference.malformed", str(bad), bad.remedy)
            return []

    def _is_edge(self, task: str, need: str, at: Place, what: str) -> bool:
        if need == task:
            code = f"{what}.self"
            at.problem(code, f"the task {quoted(task)} would wait for itself", "name another task, or remove it")
            return False
        if need in self.tasks:
            return True
        code = "needs.unknown" if what == "needs" else "reference.unknown_task"
        at.problem(code, f"there is no task {quoted(need)}", _meant(at, need, self.tasks, "remove it"))
        return False

    def _check_input(self, name: str, at: Place) -> None:
        if name not in self.inputs:
            code = "reference.unknown_input"
            at.problem(code, f"there is no input {quoted(name)}", _meant(at, name, self.inputs, "declare it"))

    def refuse_cycle(self, nodes: Mapping[str, Node]) -> None:
        """Note one circle of tasks that wait for one another, if there is any."""
        try:
            TopologicalSorter({name: node.needs for name, node in nodes.items()}).prepare()
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            shown = " needs ".join(circle[:_LONGEST_CYCLE])
            rest = f" and so on, {len(circle) - 1} tasks in all" if len(circle) > _LONGEST_CYCLE else ""
            place = self.at.below(circle[0]).below(NEEDS.name)
            place.problem("workflow.cycle", f"tasks wait for one another: {shown}{rest}", "take out one of these edges")


class _Text(Place):
    """A place whose path is known as text already."""

    __slots__ = ("_path",)

    def __init__(self, problems: Problems, path: str) -> None:
        super().__init__(problems)
        self._path = path

    @property
    def path(self) -> str:
        return self._path


def _meant(at: Place, name: str, known: frozenset[str], otherwise: str) -> str:
    near = at.nearest(name, known)
    if near is not None:
        return f"did you mean {near}?"
    few = 0 < len(known) <= _FEW
    return f"name one of these: {listed(sorted(known))}" if few else otherwise


def set_inputs(document: Json, values: Mapping[str, str]) -> Json:
    """The document of a workflow with some inputs set, as `--set NAME=VALUE` does. Raises Refused.

    An input that is declared as text takes the value as it is: `1.10` stays `1.10`. One that is declared null takes
    JSON where it is JSON (`3`, `true`, `[1]`), else text; any other takes JSON of the kind that it is declared with.
    Only inputs that the workflow declares can be set.
    """
    if not values:
        return document
    problems = Problems()
    whole = Place(problems)
    declared = document.get(INPUTS.name) if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or TASKS.name not in document:
        whole.problem("input.unknown", "only a workflow has inputs to set", "leave --set out")
        problems.refuse()
        return document
    known = declared if isinstance(declared, Mapping) else {}
    chosen: dict[str, Json] = {}
    for name, text in values.items():
        at = whole.below(INPUTS.name).below(name)
        if name in known:
            chosen[name] = _chosen(known[name], text, at)
        else:
            at.problem(
                "input.unknown", f"there is no input {quoted(name)}", _meant(at, name, frozenset(known), "declare it")
            )
    problems.refuse()
    return {**document, INPUTS.name: {**known, **chosen}}


def _chosen(declared: Json, text: str, at: Place) -> Json:
    """The value that the text means for an input declared like this."""
    if isinstance(declared, str) and text.isprintable():
        return text
    value = _value(text, at)
    if isinstance(declared, str):  # control characters, or what is no character at all: `_value` has said so
        return text
    wanted, got = type_name(declared), type_name(value)
    if declared is not None and value is not None and wanted != got:
        at.problem("input.type", f"it is {got}, and the workflow declares {wanted}", f"give {wanted}, as JSON")
    return value


def _value(text: str, at: Place) -> Json:
    if text in {"NaN", "Infinity", "-Infinity"}:
        return text
    try:
        return read_document(text.encode("utf-8", "surrogatepass"), "json")
    except Refused as refusal:
        if refusal.problems[0].code in {"document.syntax", "document.empty"}:
            return text
        for problem in refusal.problems:
            at.problem(problem.code, problem.message, problem.remedy)
        return None
