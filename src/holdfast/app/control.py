"""How a second command reaches the engine that has the store open: a unix socket in the store, one line each way.

Only the owner of the store and root are listened to, by the kernel's word (SO_PEERCRED).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from holdfast.model.errors import HoldfastError
from holdfast.model.json import Json

SOCKET_NAME: Final = "engine.sock"
MAX_LINE_BYTES: Final = 1 << 20
ANSWER_TIMEOUT_S: Final = 10.0

Answer = Callable[[Mapping[str, Json]], Awaitable[Json]]


class ControlServer:
    """Answers requests at the store's socket for as long as it is open."""

    def __init__(self, store: Path, answer: Answer) -> None:
        self._store = store
        self._answer = answer
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen. The store's lock is ours, so that a socket left there by a dead engine can go."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short_path(self._store) as path:
            Path(path).unlink(missing_ok=True)
            listener.bind(path)
            Path(path).chmod(0o600)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_LINE_BYTES)

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            (self._store / SOCKET_NAME).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _peer_uid(writer) in (0, os.getuid()):
                writer.write(await self._reply(await reader.readline()))
                await writer.drain()
        except (OSError, ValueError):
            pass  # the other side went away or sent no line; there is nobody to tell
        finally:
            writer.close()

    async def _reply(self, line: bytes) -> bytes:
        try:
            request = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            values = {key: msgspec.json.decode(raw) for key, raw in request.items()}
            return msgspec.json.encode({"ok": await self._answer(values)}) + b"\n"
        except (msgspec.MsgspecError, HoldfastError) as error:
            return msgspec.json.encode({"error": str(error)}) + b"\n"


def ask(store: Path, request: Mapping[str, Json]) -> Json | None:
    """The answer of the engine that has the store open; None if there is none. Raises HoldfastError if it refused."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire, contextlib.ExitStack() as stack:
        wire.settimeout(ANSWER_TIMEOUT_S)
        try:
            wire.connect(stack.enter_context(_short_path(store)))
            wire.sendall(msgspec.json.encode(request) + b"\n")
            line = wire.makefile("rb").readline(MAX_LINE_BYTES)
        except OSError:
            return None
    if not line:
        return None
    reply = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    if "error" in reply:
        raise HoldfastError(msgspec.json.decode(reply["error"], type=str))
    answer: Json = msgspec.json.decode(reply["ok"])
    return answer


@contextlib.contextmanager
def _short_path(store: Path) -> Iterator[str]:
    """A name of the socket that fits into a socket address, however deep the store lies."""
    folder = os.open(store, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET_NAME}"
    finally:
        os.close(folder)


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    peer = writer.get_extra_info("socket")
    packed = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", packed)
    return int(uid)
