"""How long what is left will take, said only where there is evidence for it."""

from __future__ import annotations

from typing import Final

from holdfast.cli.track import Track

LEAST_ENDED: Final = 3
"""So many tasks must have run to their end before anything is said."""

LEAST_SHARE: Final = 0.02
"""So large a share of all tasks must have run."""

LEAST_S: Final = 2.0
"""So long must the order have been at work: a moment's parallelism is no evidence."""


def remaining_s(track: Track, now: float) -> float | None:
    """Seconds until every task has ended, if those left take as long as those ended and run as much side by side.

    None where too few have ended, where all that is left already takes longer than the others did, and where it is
    being stopped.
    """
    if any(row.cancelling for row in track.running.values()):
        return None
    if track.first_start is None or now - track.first_start < LEAST_S:
        return None
    if track.ran < max(LEAST_ENDED, LEAST_SHARE * track.total) or track.ran_s <= 0:
        return None
    mean_s = track.ran_s / track.ran
    elapsed_s = [row.elapsed_s(now) or 0.0 for row in track.running.values()]
    pending = track.total - track.ended - len(elapsed_s)
    work_s = pending * mean_s + sum(max(0.0, mean_s - each) for each in elapsed_s)
    if work_s <= 0:
        return None
    side_by_side = (track.ran_s + sum(elapsed_s)) / (now - track.first_start)
    return work_s / side_by_side if side_by_side > 0 else None
