"""The document that `holdfast run` is asked to run, from a file or stdin."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.app.work import file_text
from holdfast.model.errors import Problem, Refused
from holdfast.model.json import Json
from holdfast.wire.document import MAX_BYTES, read_document
from holdfast.wire.workflow_file import set_inputs

STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class Request:
    """What to run, and the folder it comes from: modules and configuration are looked up there."""

    document: Json
    folder: Path


def read_request(file: str, inputs: tuple[str, ...]) -> Request:
    """The document in a file, or on stdin for `-`, its inputs set by `KEY=VALUE`. Raises Refused."""
    text = _stdin() if file == STDIN else file_text(Path(file))
    folder = Path.cwd() if file == STDIN else Path(file).absolute().parent
    document = read_document(text, name=file)
    values = _values(inputs)
    return Request(set_inputs(document, values) if values else document, folder)


def _values(inputs: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE` each; the value goes on to the end, further `=` included."""
    values: dict[str, str] = {}
    problems = []
    for given in inputs:
        key, equals, value = given.partition("=")
        if not equals or not key:
            problems.append(Problem("input.syntax", "--set", f"`{given}` is not KEY=VALUE", "Write --set KEY=VALUE."))
        elif key in values:
            problems.append(Problem("input.twice", f"--set {key}", "it is set twice", "Set it once."))
        values[key] = value
    if problems:
        raise Refused(problems)
    return values


def _stdin() -> bytes:
    if sys.stdin.isatty():
        raise _refused("file.terminal", "-", "stdin is a terminal", "Pipe a document in, or name a file.")
    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused("file.unreadable", "-", f"stdin cannot be read: {error.strerror}", "Name a file.") from None


def _refused(code: str, path: str, message: str, remedy: str) -> Refused:
    return Refused([Problem(code, path, message, remedy)])
