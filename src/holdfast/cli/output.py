"""Standard output: the answer, as bytes or as one JSON document."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import BinaryIO

from holdfast.cli.words import safe, safe_json
from holdfast.model.errors import HoldfastError, Refused
from holdfast.model.json import Json


class ReaderGone(Exception):
    """Whoever was to read standard output went away (`holdfast list | head`)."""


class OutputFailed(HoldfastError):
    """Standard output does not take what is written."""

    code = "output.failed"


def emit(data: bytes, stream: BinaryIO | None = None) -> None:
    """Write all of it, now. Raises ReaderGone, OutputFailed."""
    out = sys.stdout.buffer if stream is None else stream
    try:
        out.write(data)
        out.flush()
    except OSError as error:
        silence(out.fileno())
        raise failure_of(error) from error


def emit_text(text: str) -> None:
    """Text as UTF-8."""
    emit(text.encode("utf-8", "backslashreplace"))


def emit_json(value: Json) -> None:
    """One JSON document: readable, and without a character that a terminal would obey."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    emit_text(safe_json(text) + "\n")


def emit_raw(data: bytes) -> None:
    """Bytes of strangers: as they are into a file or a pipe, made safe for a terminal."""
    emit(shown(data) if sys.stdout.isatty() else data)


def shown(data: bytes) -> bytes:
    """Bytes for a terminal: new lines and tabs stay, everything that a terminal would obey is written out."""
    text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return safe(text, keep="\n\t").encode("utf-8")


def error_document(error: HoldfastError) -> Json:
    """What `--json` says where nothing can be run or found: the code, the message, and the problems of a refusal."""
    document: dict[str, Json] = {"code": error.code, "message": str(error)}
    if isinstance(error, Refused):
        document["problems"] = [asdict(problem) for problem in error.problems]
    return {"error": document}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")


def silence(descriptor: int) -> None:
    """Nobody reads there: what stands in the buffers must not fail again at exit, nor what others still write."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)


def failure_of(error: OSError) -> Exception:
    """What an error in writing to standard output means."""
    if error.errno in (errno.EPIPE, errno.EIO, errno.ESHUTDOWN):
        return ReaderGone()
    return OutputFailed(f"standard output cannot be written to: {error.strerror}")
