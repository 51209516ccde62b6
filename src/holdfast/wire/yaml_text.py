"""YAML text to plain data, by the core schema of YAML 1.2.

`on`, `no`, `1_000`, `1:30` and dates are text; `0o14` is 12 and `014` is 14. What makes YAML dangerous or unclear is
refused: anchors, aliases, merge keys, tags, several documents, keys that are no text, keys given twice. The parser is
asked for one event at a time, so that what is too deep or too large is never held in memory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from holdfast.model.json import Json
from holdfast.wire.plain import MAX_DEPTH, MAX_VALUES, check_plain, no_text_key, too_deep, too_many, twice
from holdfast.wire.reader import Place, Problems, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml
    from yaml.events import Event, NodeEvent, ScalarEvent

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DIGITS: Final = 25
_BASES: Final = (("o", 8), ("x", 16))


class _Frame:
    """An object or list that is being filled. An object waits for a key while `key` is None."""

    __slots__ = ("at", "key", "value")

    def __init__(self, value: dict[str, Json] | list[Json], at: Place) -> None:
        self.value = value
        self.at = at
        self.key: str | None = None

    @property
    def wants_key(self) -> bool:
        return self.key is None and isinstance(self.value, dict)

    def part(self) -> Place:
        """The place of the value that comes next; an object that waits for a key is meant itself."""
        if isinstance(self.value, list):
            return self.at.below(len(self.value))
        return self.at if self.key is None else self.at.below(self.key)

    def put(self, value: Json) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is not None:
            self.value[self.key] = value
            self.key = None


class _Root(_Frame):
    """The whole stream, which holds one document."""

    __slots__ = ()

    def part(self) -> Place:
        return self.at


def load_yaml(text: str) -> Json:
    """The value of a YAML document. Raises Refused with every reason."""
    import yaml

    problems = Problems()
    try:
        value = _Builder(problems).build(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        message, remedy = _said(error, text)
        raise refused("document.syntax", f"it is not YAML: {message}", remedy) from None
    if not problems:
        check_plain(value, problems)
    problems.refuse()
    return value


class _Builder:
    """Makes one value of a stream of events, noting what is refused on the way."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._root = _Root([], Place(problems))
        self._frames: list[_Frame] = []
        self._left = MAX_VALUES

    def build(self, events: Iterator[Event]) -> Json:
        import yaml

        documents = 0
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._note("yaml.many_documents", "a second document begins", event, "put it in a file of its own")
                    break
        value = self._root.value
        if not value or not isinstance(value, list):
            self._problems.refuse()
            raise refused("document.empty", "it holds nothing", "write an envelope or a workflow")
        return value[0]

    @property
    def _frame(self) -> _Frame:
        return self._frames[-1] if self._frames else self._root

    def _scalar(self, event: ScalarEvent) -> None:
        self._refuse_marks(event)
        frame = self._frame
        value = _resolved(event.value) if event.implicit[0] else event.value
        if frame.wants_key:
            self._key(frame, value, event)
        else:
            self._count()
            frame.put(value)

    def _key(self, frame: _Frame, value: Json, event: ScalarEvent) -> None:
        key = event.value
        if key == "<<" and event.implicit[0]:
            self._note("yaml.merge_key", "<< merges another object in", event, "write its keys out")
        elif not isinstance(value, str):
            no_text_key(key[:40], frame.at, _where(event))
        elif isinstance(frame.value, dict) and key in frame.value:
            twice(key, frame.at, _where(event))
        frame.key = key

    def _open(self, event: NodeEvent, value: dict[str, Json] | list[Json]) -> None:
        self._refuse_marks(event)
        frame = self._frame
        if frame.wants_key:
            self._note("key.not_text", "a list or an object stands as a key", event, "write text as the key")
        self._count()
        self._frames.append(_Frame(value, frame.part()))
        if len(self._frames) > MAX_DEPTH:
            raise too_deep()

    def _close(self) -> None:
        value = self._frames.pop().value
        frame = self._frame
        if frame.wants_key:
            frame.key = ""
        else:
            frame.put(value)

    def _alias(self, event: NodeEvent) -> None:
        self._note("yaml.alias", f"*{str(event.anchor)[:40]} stands for another part", event, "write that part out")
        frame = self._frame
        if frame.wants_key:
            frame.key = ""
        else:
            frame.put(None)

    def _refuse_marks(self, event: NodeEvent) -> None:
        if event.anchor is not None:
            self._note("yaml.anchor", f"&{str(event.anchor)[:40]} names a part", event, "take the name out")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._note("yaml.tag", f"{_short_tag(str(tag))} gives a type", event, "take it out; quote what is text")

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise too_many()

    def _note(self, code: str, message: str, event: Event, remedy: str) -> None:
        self._frame.part().problem(code, message + _where(event), remedy)


def _resolved(text: str) -> Json:
    """What plain text stands for in the core schema."""
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NO_NUMBER.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _integer(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").lstrip("0")
    if len(digits) > _DIGITS:
        return sign << 64
    for mark, base in _BASES:
        if digits.startswith(mark):
            return int(digits[1:], base)
    return sign * int(digits or "0")


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")[:40]


def _where(event: Event) -> str:
    mark = event.start_mark
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def _said(error: yaml.YAMLError, text: str) -> tuple[str, str]:
    """What a parser of YAML found wrong and where, on one line; and what to do."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    said = " ".join(str(problem).split())[:200]
    if mark is None:
        return f"{said} (at character {getattr(error, 'position', '?')})", "take that character out"
    message = f"line {mark.line + 1}, column {mark.column + 1}: {said}"
    lines = text.split("\n")
    if mark.line < len(lines) and lines[mark.line][mark.column : mark.column + 1] == "\t":
        return message, "indent with spaces: YAML takes no tabs"
    if "mapping values are not allowed" in said:
        return message, "put text that holds a colon and a space in quotes"
    return message, "mend it there"
