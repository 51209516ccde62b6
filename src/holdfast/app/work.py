"""What a Python caller hands over to be run: a function with its arguments, data, or the path of a file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from holdfast.app.calls import TaskOptions, call_context, call_folder, options_of
from holdfast.model.errors import Problem, Refused
from holdfast.model.json import Json
from holdfast.model.task import TaskSpec
from holdfast.wire.document import read_document
from holdfast.wire.envelope import Envelope
from holdfast.wire.parse import Parsed, parse
from holdfast.wire.plain import plain

Work: TypeAlias = Callable[..., Any] | Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | os.PathLike[str]
"""What can be run: a function; an envelope, a list of envelopes or a workflow as data; the path of a file with one."""


def read_work(work: Work) -> tuple[Parsed, str]:
    """The parsed document, and the folder that it is from. Raises Refused."""
    if isinstance(work, (str, os.PathLike)):
        return read_file(Path(work))
    return parse(plain(work)), os.getcwd()


def read_file(path: Path) -> tuple[Parsed, str]:
    """The parsed document in a file, and the file's folder. Raises Refused."""
    try:
        text = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise Refused([Problem("document.unreadable", "", message, "Give the path of a file that is there.")]) from None
    return parse(read_document(text, name=path.name)), str(path.absolute().parent)


def call_spec(
    function: Callable[..., Any], args: tuple[object, ...], kwargs: Mapping[str, object], options: TaskOptions
) -> TaskSpec:
    """The request to call a function; `options` win over those of its decorator. Raises Refused."""
    resources = options.over(options_of(function)).as_resources()
    execution: dict[str, Json] = {"agent_type": "python", "context": call_context(function, args, kwargs), "resources": resources}
    parsed = parse({"execution": execution})
    assert isinstance(parsed, Envelope), "an execution is an envelope"
    return dataclasses.replace(parsed.spec, folder=call_folder(function))
