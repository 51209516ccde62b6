"""The engine's end of a keeper: orders go in, reports come out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

import msgspec

from holdfast.model.launch import Observation, StopReason
from holdfast.sandbox.observe import Facts, Hello, observation
from holdfast.sandbox.zygote import wire
from holdfast.sandbox.zygotes import Zygote

STALL_S: Final = 10.0
"""So long after its task has to be dead is a keeper waited for. Then it is stuck, or was stopped, and is killed."""

HELLO_S: Final = 30.0
"""So long is a new keeper waited for. Then its zygote is stuck, or was stopped, and is killed."""

_CHUNK_BYTES: Final = 64 * 1024
_FACTS: Final = msgspec.json.Decoder(Facts)
_HELLO: Final = msgspec.json.Decoder(Hello)


@dataclass(frozen=True, slots=True)
class Post:
    """What a keeper is hired for."""

    kind: str
    slot: int


class Keeper(asyncio.BufferedProtocol):
    """One keeper process, as a protocol on its socket. It has at most one order at a time.

    `kind` says whose keeper it is; `slot` is a number that no other living keeper of this engine has. `released` is
    called when it is free again, `lost` when its socket has closed.
    """

    def __init__(self, zygote: Zygote, post: Post, released: Callable[[Keeper], None], lost: Callable[[Keeper], None]):
        self.zygote = zygote
        self.kind, self.slot = post.kind, post.slot
        self.shape: Hashable = None
        self.pid: int | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ending: asyncio.Future[Observation] | None = None
        self.usable = True
        self._released = released
        self._lost = lost
        self._number = 0
        self._chunk = bytearray(_CHUNK_BYTES)
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._grace_s = 0.0
        self._patience_s: float | None = None
        self._watchdog: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._watch(HELLO_S)

    def carry_out(self, order: wire.Order) -> asyncio.Future[Observation]:
        """Send an order; the future gets its observation."""
        assert self._transport is not None and self.ending is None
        self._number += 1
        order["number"] = self._number
        self.ending = asyncio.get_running_loop().create_future()
        self._transport.write(wire.frame((wire.RUN, order)))
        self._grace_s = order["grace_s"]
        self._patience_s = None if order["wall_s"] is None else order["wall_s"] + self._grace_s + STALL_S
        if self._patience_s is not None and self.pid is not None:
            self._watch(self._patience_s)
        return self.ending

    def take_shape(self, name: Hashable, shape: wire.Shape) -> None:
        """Have the cells of later orders made so, unless they are already; `name` tells shapes apart."""
        if self._transport is not None and self.shape != name:
            self.shape = name
            self._transport.write(wire.frame((wire.SHAPE, shape)))

    def stop(self, reason: StopReason, at_once: bool) -> None:
        """Have the present task stopped."""
        if self._transport is not None and self.ending is not None:
            self._transport.write(wire.frame((wire.STOP, self._number, str(reason), at_once)))
            self._watch((0.0 if at_once else self._grace_s) + STALL_S)

    def dismiss(self) -> None:
        """Have the keeper leave; a task that it still has is killed."""
        self.usable = False
        if self._transport is not None:
            self._transport.write(wire.frame((wire.LEAVE,)))

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._chunk

    def buffer_updated(self, nbytes: int) -> None:
        self._buffer += memoryview(self._chunk)[:nbytes]
        while len(self._buffer) >= wire.HEADER.size:
            kind, *sizes = wire.HEADER.unpack_from(self._buffer)
            end = wire.HEADER.size + sum(sizes)
            if len(self._buffer) < end:
                return
            parts = []
            at = wire.HEADER.size
            for size in sizes:
                parts.append(bytes(self._buffer[at : at + size]))
                at += size
            del self._buffer[:end]
            self._received(kind, parts)

    def _received(self, kind: int, parts: list[bytes]) -> None:
        if kind == wire.HELLO:
            self.pid = _HELLO.decode(parts[0]).pid
            self._rest()
            if self.ending is not None and self._patience_s is not None:
                self._watch(self._patience_s)
        elif kind == wire.ENDED:
            facts = _FACTS.decode(parts[0])
            self._end(observation(facts, *parts[1:]))
            if facts.retired:
                self.usable = False
            if not facts.waits:
                self._released(self)
        elif kind == wire.READY:
            self._released(self)

    def _watch(self, seconds: float) -> None:
        """Kill the keeper unless it has been heard of by then. The clocks are the keeper's; this one watches it."""
        self._rest()
        self._watchdog = asyncio.get_running_loop().call_later(seconds, self._kill)

    def _rest(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _kill(self) -> None:
        self.usable = False
        if self.pid is None:
            self.zygote.kill()
            if self._transport is not None:
                self._transport.abort()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _end(self, seen: Observation) -> None:
        self._rest()
        if self.ending is not None and not self.ending.done():
            self.ending.set_result(seen)
        self.ending = None

    def fail(self, reason: str) -> None:
        """End the present task, if there is one, as the sandbox's failure."""
        self._end(Observation(sandbox_error=reason))

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._rest()
        self._lost(self)
        self.closed.set_result(None)
