"""The way down: a reason, a request to end, a moment of grace, the kill. Pure but for the time it is given."""

from __future__ import annotations

import math

TIMED_OUT = "timed_out"

NOTHING, ASK, KILL = 0, 1, 2


class Ladder:
    """Says at every turn what is to be done now, and when to look again. The first reason stands."""

    def __init__(self, now: float, wall_s: float | None, grace_s: float) -> None:
        self.reason: str | None = None
        self._deadline = math.inf if wall_s is None else now + wall_s
        self._grace_s = grace_s
        self._kill_at = math.inf

    def stop(self, reason: str, at_once: bool, now: float) -> int:
        """Begin to stop, or hurry up. Returns the step to take."""
        asked = self.reason is not None
        self.reason = self.reason or reason
        if at_once:
            self._kill_at = now
            return KILL
        if asked:
            return NOTHING
        self._kill_at = now + self._grace_s
        return ASK

    def turn(self, now: float) -> int:
        """The step that is due."""
        if now >= self._kill_at:
            return KILL
        if self.reason is None and now >= self._deadline:
            return self.stop(TIMED_OUT, False, now)
        return NOTHING

    def next(self) -> float:
        """When the next step is due; infinity if never."""
        return self._deadline if self.reason is None else self._kill_at
