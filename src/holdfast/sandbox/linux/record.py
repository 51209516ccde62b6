"""What pid 1 of a cell tells the keeper: the contract between the two.

A record is a line of numbers and a text, sent as one datagram over a socket that no task ever holds.

    READY   the cell is built; its scratch space comes along as a descriptor
    BEGUN   the task process exists and is confined by all that was planned; the program is next
    BROKEN  the sandbox failed before the program began: `number` is the errno, `text` says which operation.
            Nothing of the program has run
    ENDED   the main process is dead and so is everyone else. `number` is its wait status

What comes as BROKEN is the sandbox's fault, and so is an ENDED without a BEGUN before it, unless the keeper asked for
the end; any other ENDED tells of the program's own doing. If pid 1 dies with neither, it was killed from outside: by
the keeper, which knows that, or by the kernel for want of memory, which the cgroup tells.
"""

from __future__ import annotations

import struct

READY, BEGUN, BROKEN, ENDED = 1, 2, 3, 4
RECORD_BYTES = 4096
_HEAD = struct.Struct("<Ii6q")


class Record:
    """One record. Usage is summed over every process of the cell but pid 1; `peak_bytes` is that of the largest.

    `swept` counts the processes that outlived the main one and were killed for it. `skipped` counts, in READY and
    BEGUN, operations that could not be done and may be missing; `text` names them.
    """

    def __init__(self, kind: int, number: int = 0, text: str = "") -> None:
        self.kind = kind
        self.number = number
        self.text = text
        self.swept = 0
        self.cpu_us = 0
        self.peak_bytes = 0
        self.read_bytes = 0
        self.written_bytes = 0
        self.main_cpu_us = 0

    def pack(self) -> bytes:
        numbers = (self.swept, self.cpu_us, self.peak_bytes, self.read_bytes, self.written_bytes, self.main_cpu_us)
        text = self.text.encode("utf-8", "replace")[: RECORD_BYTES - _HEAD.size]
        return _HEAD.pack(self.kind, self.number, *numbers) + text


def unpack(data: bytes) -> Record:
    """Read a record. Raises struct.error on less than one."""
    kind, number, *numbers = _HEAD.unpack_from(data)
    record = Record(kind, number, data[_HEAD.size :].decode("utf-8", "replace"))
    record.swept, record.cpu_us, record.peak_bytes, record.read_bytes, record.written_bytes, record.main_cpu_us = (
        numbers
    )
    return record
