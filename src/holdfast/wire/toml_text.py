"""TOML text to plain data."""

from __future__ import annotations

import re
from typing import Final

from holdfast.model.errors import Problem, Refused
from holdfast.model.json import Json
from holdfast.model.place import below
from holdfast.wire.json_text import refuse_bulk
from holdfast.wire.plain import MAX_DEPTH, check_plain, too_deep
from holdfast.wire.reader import Problems, refused

_STRINGS: Final = re.compile(
    rb'"""(?:[^"\\]++|\\.|"(?!""))*+(?:"""|\Z)'
    rb"|'''(?:[^']++|'(?!''))*+(?:'''|\Z)"
    rb'|"(?:[^"\\\n]++|\\.)*+"?'
    rb"|'[^'\n]*+'?"
    rb"|#[^\n]*+",
    re.DOTALL,
)
_MANY_DOTS: Final = re.compile(rb"^(?:[^.\n]*+\.){%d}" % (MAX_DEPTH + 1), re.MULTILINE)
_DOTTED: Final = re.compile(rb"[\w-]++(?:[ \t]*+\.[ \t]*+[\w-]++)*+")
_WHERE: Final = re.compile(r"\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_TWICE: Final = re.compile(r"^(Cannot overwrite|Cannot declare .* twice|Duplicate|Cannot (?:mutate|redefine))")
_KEY: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_HEADER: Final = re.compile(r"^\s*\[\[?\s*([^\[\]]+?)\s*\]", re.MULTILINE)
_PART: Final = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def load_toml(text: bytes, decoded: str) -> Json:
    """The value of a TOML document, given as bytes and decoded. Raises Refused with every reason."""
    import tomllib

    refuse_bulk(text, _STRINGS)
    if _MANY_DOTS.search(text):
        dotted = _DOTTED.finditer(_STRINGS.sub(b"x", text))
        if any(match.group().count(b".") > MAX_DEPTH for match in dotted):
            raise too_deep()
    try:
        value: Json = tomllib.loads(decoded)
    except tomllib.TOMLDecodeError as error:
        raise _refused(str(error), decoded) from None
    except RecursionError:
        raise too_deep() from None
    except ValueError as error:
        raise _value_error(error) from None
    problems = Problems()
    check_plain(value, problems)
    problems.refuse()
    return value


def _value_error(error: ValueError) -> Refused:
    if "digits" in str(error):
        message = "a whole number needs more than 64 bits, which few programs read"
        return refused("number.too_large", message, "write it as text, in quotes")
    return refused("document.syntax", f"it is not TOML: {error}", "mend it")


def _refused(message: str, text: str) -> Refused:
    where = _WHERE.search(message)
    said = message[: where.start()].strip() if where else message
    line = int(where["line"]) if where and where["line"] else text.count("\n") + 1
    place = f"line {line}, column {where['column']}" if where and where["column"] else "the end"
    if _TWICE.match(said):
        path = _path(text, line)
        problem = Problem(
            "document.duplicate_key", path, f"it stands here more than once: {place}", "Keep one of them."
        )
        return Refused([problem])
    return refused("document.syntax", f"it is not TOML: {place}: {said}", "mend it there")


def _path(text: str, line: int) -> str:
    """The key that a line sets, below the table that the line stands in; as near as the text tells."""
    lines = text.split("\n")
    here = lines[min(line, len(lines)) - 1]
    headers = _HEADER.findall("\n".join(lines[: line if _HEADER.match(here) else line - 1]))
    path = ""
    keys = _KEY.match(here)
    for name in [headers[-1] if headers else "", keys[1] if keys else ""]:
        for part in _PART.findall(name):
            path = below(path, part.strip("\"'"))
    return path
