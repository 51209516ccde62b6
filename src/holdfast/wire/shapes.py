"""What a document may hold, declared once: each shape both reads a value and writes its JSON Schema.

`read` returns None where it noted a problem. For every key that may be left out, null is the same as leaving it out.
The shapes are not compared and not printed: their classes are made with that left out, as it would double the time
that importing them takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from holdfast.model.json import Json, JsonObject
from holdfast.model.place import listed, quoted
from holdfast.wire.reader import Place, shown, wrong_type

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=StrEnum)
Schema = dict[str, Json]


class Shape(Protocol[T_co]):
    """One kind of value."""

    def read(self, value: Json, at: Place) -> T_co | None:
        """The value, or None once its problem is noted."""

    def schema(self) -> Schema:
        """The JSON Schema of what `read` takes."""


@dataclass(slots=True, eq=False, repr=False)
class Key(Generic[T_co]):
    """One key of an object. `doc` becomes the description in the schema."""

    name: str
    shape: Shape[T_co]
    doc: str
    required: bool = False

    def schema(self) -> Schema:
        written = self.shape.schema()
        return {"description": self.doc, **(written if self.required else or_null(written))}


def or_null(schema: Schema) -> Schema:
    """The schema, or null."""
    if not schema:
        return schema
    if isinstance(choices := schema.get("anyOf"), list):
        return {**schema, "anyOf": [*choices, {"type": "null"}]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    widened = {**schema, "type": [*kinds, "null"]}
    if isinstance(values := schema.get("enum"), list):
        widened["enum"] = [*values, None]
    return widened


@dataclass(slots=True, eq=False, repr=False)
class Anything:
    """Any JSON value."""

    def read(self, value: Json, at: Place) -> Json:
        return value

    def schema(self) -> Schema:
        return {}


@dataclass(slots=True, eq=False, repr=False)
class AnyObject:
    """A JSON object of whatever content."""

    def read(self, value: Json, at: Place) -> JsonObject | None:
        if isinstance(value, Mapping):
            return value
        wrong_type(value, at, "an object")
        return None

    def schema(self) -> Schema:
        return {"type": "object"}


@dataclass(slots=True, eq=False, repr=False)
class Truth:
    """true or false."""

    def read(self, value: Json, at: Place) -> bool | None:
        if isinstance(value, bool):
            return value
        wrong_type(value, at, "true or false")
        return None

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(slots=True, eq=False, repr=False)
class Text:
    """Text; with `valid`, only such as passes, or `code` says that it `is_no` such thing."""

    valid: Callable[[str], bool] | None = None
    code: str = "value.bad"
    is_no: str = ""
    remedy: str = ""
    pattern: str = ""
    longest: int | None = None

    def read(self, value: Json, at: Place) -> str | None:
        if not isinstance(value, str):
            wrong_type(value, at, "text")
            return None
        if self.valid is None or self.valid(value):
            return value
        at.problem(self.code, f"{shown(value)} is no {self.is_no}", self.remedy)
        return None

    def schema(self) -> Schema:
        schema: Schema = {"type": "string"}
        if self.pattern:
            schema["pattern"] = f"^(?:{self.pattern})$"
        if self.longest is not None:
            schema["maxLength"] = self.longest
        return schema


@dataclass(slots=True, eq=False, repr=False)
class Choice(Generic[E]):
    """One of the names of an enum."""

    kind: type[E]

    def read(self, value: Json, at: Place) -> E | None:
        if not isinstance(value, str):
            wrong_type(value, at, f"one of {listed(list(self.kind))}")
            return None
        if value in self._names():
            return self.kind(value)
        near = at.nearest(value, self._names())
        meant = f"did you mean {near}? " if near else ""
        at.problem("value.unknown", f"{shown(value)} is not known here", f"{meant}Write one of {listed(self._names())}")
        return None

    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self._names())}

    def _names(self) -> tuple[str, ...]:
        return tuple(member.value for member in self.kind)


@dataclass(slots=True, eq=False, repr=False)
class ListOf(Generic[T_co]):
    """A list of one kind of value; of a `distinct` one, each item once: `twice` is the code of a repeated one."""

    item: Shape[T_co]
    twice: str = ""

    def read(self, value: Json, at: Place) -> tuple[T_co, ...] | None:
        if not isinstance(value, list | tuple):
            wrong_type(value, at, "a list", f"write [{shown(value)}]" if isinstance(value, str) else "")
            return None
        read = [item for index, each in enumerate(value) if (item := self.item.read(each, at.below(index))) is not None]
        if self.twice:
            self._distinct(value, at)
        return tuple(read)

    def _distinct(self, value: list[Json] | tuple[Json, ...], at: Place) -> None:
        seen: set[str] = set()
        for index, each in enumerate(value):
            if isinstance(each, str) and each in seen:
                at.below(index).problem(self.twice, f"{shown(each)} stands in the list already", "name it once")
            elif isinstance(each, str):
                seen.add(each)

    def schema(self) -> Schema:
        return {"type": "array", "items": self.item.schema(), **({"uniqueItems": True} if self.twice else {})}


@dataclass(slots=True, eq=False, repr=False)
class MapOf(Generic[T_co]):
    """An object whose keys are names of the author's own choice."""

    name: Text
    item: Shape[T_co]
    most: int | None = None

    def read(self, value: Json, at: Place) -> Mapping[str, T_co] | None:
        if not isinstance(value, Mapping):
            wrong_type(value, at, "an object")
            return None
        if self.most is not None and len(value) > self.most:
            at.problem("value.too_many", f"it has {len(value)} entries", f"give at most {self.most}")
            return None
        read: dict[str, T_co] = {}
        for key, each in value.items():
            self.name.read(key, at.below(key))
            item = self.item.read(each, at.below(key))
            if item is not None:
                read[key] = item
        return read

    def schema(self) -> Schema:
        limit: Schema = {} if self.most is None else {"maxProperties": self.most}
        names = {key: value for key, value in self.name.schema().items() if key != "type"}
        return {"type": "object", "propertyNames": names, "additionalProperties": self.item.schema(), **limit}


@dataclass(slots=True, eq=False, repr=False)
class Values:
    """An object of any JSON values, under names of the author's own choice."""

    name: Text

    def read(self, value: Json, at: Place) -> JsonObject | None:
        if not isinstance(value, Mapping):
            wrong_type(value, at, "an object")
            return None
        for key in value:
            self.name.read(key, at.below(key))
        return value

    def schema(self) -> Schema:
        return {"type": "object", "propertyNames": MapOf(self.name, Anything()).schema()["propertyNames"]}


@dataclass(slots=True, eq=False, repr=False)
class Object(Generic[T_co]):
    """An object with known keys, built into what they mean.

    `code` is that of an unknown key. `foreign` names keys known elsewhere, each with a code, a message and a remedy.
    """

    keys: tuple[Key[object], ...]
    build: Callable[[Fields], T_co]
    code: str
    foreign: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)

    def read(self, value: Json, at: Place) -> T_co | None:
        if not isinstance(value, Mapping):
            wrong_type(value, at, "an object")
            return None
        known = {key.name for key in self.keys}
        for name in value:
            if name not in known:
                self._unknown(name, value, at.below(name))
        for key in self.keys:
            if key.required and value.get(key.name) is None:
                at.below(key.name).problem("key.missing", f"{key.name} is missing", f"add it: {key.doc}")
        return self.build(Fields(value, at))

    def _unknown(self, name: str, given: Mapping[str, Json], at: Place) -> None:
        if name in self.foreign:
            at.problem(*self.foreign[name])
            return
        known = [key.name for key in self.keys]
        near = at.nearest(name, [each for each in known if each not in given])
        remedy = f"did you mean {near}?" if near else f"remove it; known here: {listed(known)}"
        at.problem(self.code, f"there is no key {quoted(name)} here", remedy)

    def schema(self) -> Schema:
        required: list[Json] = [key.name for key in self.keys if key.required]
        schema: Schema = {
            "type": "object",
            "properties": {key.name: key.schema() for key in self.keys},
            "additionalProperties": False,
        }
        return {**schema, "required": required} if required else schema


class Fields:
    """The values of one object, to be taken by key."""

    __slots__ = ("_value", "at")

    def __init__(self, value: Mapping[str, Json], at: Place) -> None:
        self._value = value
        self.at = at

    def names(self, key: Key[object]) -> frozenset[str]:
        """The names in the object that a key holds, whether or not their values can be read."""
        value = self._value.get(key.name)
        return frozenset(value) if isinstance(value, Mapping) else frozenset()

    def take(self, key: Key[T]) -> T | None:
        """The value of a key; None where there is none, or where its problem is noted."""
        value = self._value.get(key.name)
        return None if value is None else key.shape.read(value, self.at.below(key.name))
