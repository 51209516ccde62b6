"""A JSON Schema as rows of a table: each key by its path, with what it may be and what it means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Schema = Mapping[str, Any]
Row = tuple[str, str, str, str]

BOUNDS: Final = (("exclusiveMinimum", "over"), ("minimum", "at least"), ("maximum", "at most"), ("maxItems", "at most"))


class Rows:
    """Walks schemas one after the other; an object met before is pointed to, not shown again."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def of(self, schema: Schema) -> list[Row]:
        """Path, type, whether it must be there, meaning. A path that several alternatives share stands once."""
        first: dict[str, Row] = {}
        for row in self._walk(schema, "", schema.get("$defs", {})):
            first.setdefault(row[0], row)
        return list(first.values())

    def _walk(self, node: Schema, path: str, defs: Schema) -> Iterator[Row]:
        node = _resolved(node, defs)
        for choice in node.get("anyOf", ()):
            yield from self._walk(choice, path, defs)
        for name, child in node.get("properties", {}).items():
            yield from self._key(child, f"{path}.{name}".lstrip("."), defs, name in node.get("required", ()))
        for part, below in _parts(node):
            yield from self._walk(below, f"{path}{part}" if path else "", defs)

    def _key(self, node: Schema, path: str, defs: Schema, required: bool) -> Iterator[Row]:
        inner = _resolved(node, defs)
        meaning = [node.get("description") or inner.get("description", "")]
        keys = _keys(inner, defs)
        if keys in self._shown:
            meaning.append(f"Keys as in `{self._shown[keys]}` above.")
        yield f"`{path}`", _type(inner, defs), "yes" if required else "", " ".join(filter(None, meaning))
        if keys not in self._shown:
            if keys:
                self._shown[keys] = path
            yield from self._walk(inner, path, defs)


def _parts(node: Schema) -> Iterator[tuple[str, Schema]]:
    """What stands below an object by any name, or in an array, with how its path goes on."""
    if isinstance(others := node.get("additionalProperties"), Mapping):
        yield ".NAME", others
    if items := node.get("items"):
        yield "[]", items


def _keys(node: Schema, defs: Schema) -> str:
    """What tells one object from another: its keys, or those of what it holds; empty where there are none."""
    node = _resolved(node, defs)
    if properties := node.get("properties"):
        return json.dumps(properties, sort_keys=True)
    return next((_keys(below, defs) for _, below in _parts(node)), "")


def _resolved(node: Schema, defs: Schema) -> Schema:
    while reference := node.get("$ref"):
        node = defs[str(reference).rpartition("/")[2]]
    return node


def _type(node: Schema, defs: Schema) -> str:
    """`one of a, b` or `number or text, at least 1`, in a person's words."""
    if choices := node.get("anyOf"):
        return " or ".join(dict.fromkeys(_type(_resolved(choice, defs), defs) for choice in choices))
    if values := node.get("enum"):
        return "one of " + ", ".join(f"`{json.dumps(value).strip(chr(34))}`" for value in values)
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    kinds = node.get("type", "anything")
    if kinds == "array" and (items := node.get("items")):
        return ", ".join([f"array of {_type(_resolved(items, defs), defs)}", *_bounds(node)])
    listed = kinds if isinstance(kinds, Sequence) and not isinstance(kinds, str) else [kinds]
    return ", ".join([" or ".join(listed), *_bounds(node)])


def _bounds(node: Schema) -> list[str]:
    return [f"{word} {node[key]:,}" for key, word in BOUNDS if key in node and (node[key] or key != "minimum")]
