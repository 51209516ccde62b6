"""Finds out what this host allows by doing it, each thing in a process of its own. Run by the engine's probe.

It reads trials (marshalled) from its standard input, and writes to its output, as JSON, what became of each.
"""

from __future__ import annotations

import json
import marshal
import os
import sys

from . import calls
from .carry import Broken, Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .carry import Operation

    Trial = tuple[str, list[Operation], int, list[Operation]]
    """A name, operations, flags to clone a child with (0: none), and what that child does."""

_TEXT_BYTES = 4096


def main() -> None:
    trials: list[Trial] = marshal.loads(sys.stdin.buffer.read())
    found: dict[str, object] = {name: _outcome(before, flags, within) for name, before, flags, within in trials}
    sys.stdout.write(json.dumps({"landlock": _landlock(), "tried": found}))


def _landlock() -> int:
    try:
        return calls.landlock_version()
    except OSError:
        return 0


def _outcome(before: list[Operation], flags: int, within: list[Operation]) -> list[object] | None:
    """None where all of it went well; else errno and text of what did not."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        _go(writing, before, flags, within)
    os.close(writing)
    text = os.read(reading, _TEXT_BYTES).decode("utf-8", "replace")
    os.close(reading)
    status = os.waitpid(pid, 0)[1]
    if text:
        number, _, message = text.partition(" ")
        return [int(number), message]
    return None if status == 0 else [0, f"the process died: wait status {status}"]


def _go(writing: int, before: list[Operation], flags: int, within: list[Operation]) -> NoReturn:
    code = 1
    try:
        Site().carry_out(before)
        if flags:
            pid, _ = calls.clone3(flags)
            if pid == 0:
                _go(writing, within, 0, [])
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        else:
            code = 0
    except Broken as broken:
        os.write(writing, f"{broken.number} {broken}".encode())
    except OSError as error:
        os.write(writing, f"{error.errno} {error.filename}: {error.strerror}".encode())
    finally:
        os._exit(code & 1)
