"""What engine, root zygote and keepers tell one another.

To a keeper: frames of a length and a marshalled message; the engine is trusted. From a keeper: a header of lengths,
facts as JSON, then bytes; the engine decodes nothing else, for a keeper has the same user as the tasks.
"""

from __future__ import annotations

import _json
import json.encoder
import marshal
import struct

TYPE_CHECKING = False  # spares the import of typing; type checkers know the name
if TYPE_CHECKING:
    from typing import Any, TypedDict

    class Order(TypedDict):
        """One launch. `name` names its files in the scratch folder; exactly one of `argv` and `call` is set.

        `sealed`: it is carried out in a cell of the shell that was ordered last.

        `call` is target, arguments as JSON, import path. `groups` are the limits to be kept by a control group (memory,
        pids, cpu), `watched` those that only the keeper looks after, by their names in the envelope.
        """

        number: int
        name: str
        sealed: bool
        argv: list[str] | None
        call: tuple[str, bytes, list[str]] | None
        environment: dict[str, str]
        stdin: bytes
        files: list[tuple[str, bytes]]
        wall_s: float | None
        grace_s: float
        output_bytes: int
        open_files: int | None
        cpu_s: float | None
        groups: dict[str, int | float]
        watched: dict[str, float]

    class Shape(TypedDict):
        """What a keeper's cells are made of: operations, see `holdfast.sandbox.linux`.

        `base` is the directory in which `root` builds; a keeper does `enter` once in its life.
        """

        enter: list[tuple[Any, ...]]
        base: str
        root: list[tuple[Any, ...]]
        flags: int
        cell: list[tuple[Any, ...]]
        confinement: list[tuple[Any, ...]]

    class Settings(TypedDict):
        """What the root zygote and its keepers need to know for life."""

        engine_pid: int
        scratch: str
        mark: str
        use_groups: bool
        import_path: list[str]
        prefix: str
        exec_prefix: str
        write_bytecode: bool

    class Kept(TypedDict):
        """One output stream: bytes kept and produced; `inline` counts those sent along, -1 if they stayed in `path`."""

        kept: int
        total: int
        inline: int
        path: str

    class Facts(TypedDict):
        """What a keeper reports of an ended task. `waits`: it is still cleaning up; `retired`: it leaves."""

        number: int
        exit_code: int | None
        signal: int | None
        sandbox_error: str | None
        stopped_for: str | None
        oom_kills: int | None
        limit_hit: str | None
        report_bytes: int
        stdout: Kept
        stderr: Kept
        started_at: float
        wall_s: float
        cpu_s: float
        memory_bytes: int | None
        read_bytes: int | None
        written_bytes: int | None
        processes: int | None
        survivors: int
        swept: int
        evidence: list[str]
        waits: bool
        retired: bool


ENVIRONMENT_MARK = "HOLDFAST_SANDBOX"
INLINE_BYTES = 16 * 1024
REPORT_BYTES = 16 * 1024 * 1024

RUN, STOP, LEAVE, SHAPE = 1, 2, 3, 4  # to a keeper: (RUN, order), (STOP, number, reason, at_once), (LEAVE,),
# and (SHAPE, shape) before the first sealed order, and before each that wants another one
HELLO, ENDED, READY = 1, 2, 3  # from a keeper

LENGTH = struct.Struct("<I")
HEADER = struct.Struct("<5I")  # kind, bytes of facts, report, stdout, stderr


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is not a JSON type")


# The encoder of `json`, without the layers around it that every child would have to touch.
_ENCODE = _json.make_encoder(None, _refuse, json.encoder.encode_basestring, None, ": ", ", ", False, False, False)


def write_json(value: object) -> str:
    """The document of a value made of JSON's types. Raises ValueError for NaN and infinities."""
    return "".join(_ENCODE(value, 0))


def frame(message: tuple[Any, ...]) -> bytes:
    """A message to a keeper, ready to be sent."""
    body = marshal.dumps(message)
    return LENGTH.pack(len(body)) + body


def pack(settings: Settings) -> bytes:
    """The first message to the root zygote."""
    return marshal.dumps(dict(settings))


def unpack(data: bytes) -> Settings:
    """The settings, as the root zygote gets them."""
    settings: Settings = marshal.loads(data)
    return settings
