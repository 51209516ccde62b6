"""Whether a failed attempt is tried again, and when."""

from __future__ import annotations

import sys
from typing import Final

from holdfast.model.outcome import Fault, Outcome, OutcomeKind
from holdfast.model.retry import Backoff, Growth, RetryPolicy

MAX_ENGINE_FAULTS: Final = 5
"""So many attempts may a task lose to faults of the engine before it is given up."""

ENGINE_FAULT_DELAY_S: Final = 0.1
"""The pause after the first engine fault; it doubles with each further one.

Half of it to one and a half are drawn at random: tasks that fell together do not fall together again."""

_NEVER: Final = frozenset({OutcomeKind.SUCCEEDED, OutcomeKind.CANCELLED, OutcomeKind.HELD})


def delay_s(backoff: Backoff, failures: int, chance: float) -> float:
    """Seconds to wait after so many failures (at least 1); `chance` in [0, 1) is the draw for the jitter."""
    if backoff.growth is Growth.FIXED:
        grown = backoff.base_s
    elif backoff.growth is Growth.LINEAR:
        grown = backoff.base_s * failures
    else:
        grown = backoff.base_s * _power(backoff.factor, failures - 1)
    capped = min(grown, backoff.cap_s)
    return capped * (1.0 - backoff.jitter * chance)


def retry_delay_s(policy: RetryPolicy, outcome: Outcome, spent: int, engine_faults: int, chance: float) -> float | None:
    """Seconds until the next attempt, or None where this one was the last.

    `spent` counts the attempts that used up the budget, `engine_faults` those that did not, both with the one that
    just ended. A fault of the caller (a context that cannot be resolved) is never retried: nothing would change.
    """
    if outcome.kind in _NEVER or outcome.fault is Fault.CALLER or outcome.detail.get("retryable") is False:
        return None
    if outcome.fault is Fault.ENGINE:
        if engine_faults >= MAX_ENGINE_FAULTS:
            return None
        return ENGINE_FAULT_DELAY_S * 2.0 ** (engine_faults - 1) * (0.5 + chance)
    if spent >= policy.max_attempts:
        return None
    return delay_s(policy.backoff, spent, chance)


def _power(factor: float, exponent: int) -> float:
    """factor ** exponent; a finite number also where that is beyond all floats, so that 0 times it stays 0."""
    try:
        return factor**exponent
    except OverflowError:
        return sys.float_info.max
