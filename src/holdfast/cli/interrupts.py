"""Ctrl-C and its relatives, counted: the first asks, the second insists, the third leaves."""

from __future__ import annotations

import asyncio
import os
import signal
from types import TracebackType
from typing import Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Signals that arrive while it is open. Entered inside a running loop, in the main thread."""

    def __init__(self) -> None:
        self.first: signal.Signals | None = None
        self._count = 0
        self._arrived = asyncio.Event()

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._on, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    @property
    def status(self) -> int | None:
        """The exit status that tells of the first signal: 130 for Ctrl-C. None where none came."""
        return None if self.first is None else 128 + self.first

    async def next(self, seen: int) -> None:
        """Wait until more than `seen` have come."""
        while self._count <= seen:
            self._arrived.clear()
            await self._arrived.wait()

    def _on(self, number: signal.Signals) -> None:
        self._count += 1
        self.first = self.first or number
        self._arrived.set()
        if self._count > 2:  # whoever insists three times is not made to wait: our processes die with us
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
