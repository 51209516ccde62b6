"""The system's clock and chance."""

from __future__ import annotations

import random
import time


class SystemClock:
    """Time and chance of this machine."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def chance(self) -> float:
        return self._random.random()
