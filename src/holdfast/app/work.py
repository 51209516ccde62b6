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
from holdfast.wire.document import MAX_BYTES, read_document
from holdfast.wire.envelope import Envelope
from holdfast.wire.parse import parse
from holdfast.wire.plain import plain

Work: TypeAlias = Callable[..., Any] | Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | os.PathLike[str]
"""What can be run: a function; an envelope, a list of envelopes or a workflow as data; the path of a file with one."""


def read_work(work: Work) -> tuple[Json, str]:
    """The document as plain data, and the folder that it is from. Raises Refused."""
    if isinstance(work, (str, os.PathLike)):
        return read_file(Path(work))
    return plain(work), os.getcwd()


def read_file(path: Path) -> tuple[Json, str]:
    """The document in a file, and the file's folder. Raises Refused."""
    return read_document(file_text(path), name=path.name), str(path.absolute().parent)


def file_text(path: Path) -> bytes:
    """At most one byte more than a document may have, so that an endless file is refused too. Raises Refused."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _refused("file.missing", path, "there is no such file", "Check the name; - is stdin.") from None
    except IsADirectoryError:
        raise _refused("file.folder", path, "this is a folder", "Name a file in it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused("file.unreadable", path, f"it cannot be read: {reason}", "Name another file.") from None


def _refused(code: str, path: Path, message: str, remedy: str) -> Refused:
    return Refused([Problem(code, str(path), message, remedy)])


def call_spec(
    function: Callable[..., Any], args: tuple[object, ...], kwargs: Mapping[str, object], options: TaskOptions
) -> TaskSpec:
    """The request to call a function; `options` win over those of its decorator. Raises Refused."""
    resources = options.over(options_of(function)).as_resources()
    execution: dict[str, Json] = {
        "agent_type": "python",
        "context": call_context(function, args, kwargs),
        "resources": resources,
    }
    parsed = parse({"execution": execution})
    assert isinstance(parsed, Envelope), "an execution is an envelope"
    return dataclasses.replace(parsed.spec, folder=call_folder(function))
