"""When a failed attempt is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Growth(StrEnum):
    """How the delay grows with the number of the attempt."""

    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delay before attempt n + 1, in seconds: `base_s` grown by `growth`, at most `cap_s`.

    `jitter` in 0..1 is the share of the delay that is drawn at random (1: anything from 0 to the delay).
    """

    growth: Growth = Growth.EXPONENTIAL
    base_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 300.0
    jitter: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """At most `max_attempts` attempts, `backoff` apart. One attempt means: no retry."""

    max_attempts: int = 1
    backoff: Backoff = Backoff()
