"""The two life cycles as tables, and the one function that looks a move up.

A move that is not in the table is an EngineFault: nothing else in Holdfast decides what may follow what.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from holdfast.model.attempt import AttemptState
from holdfast.model.errors import EngineFault
from holdfast.model.outcome import OutcomeKind
from holdfast.model.task import TaskState


class Move(StrEnum):
    """What can happen to a task."""

    DUE = "due"
    CLAIM = "claim"
    CANCEL = "cancel"
    EXPIRE = "expire"
    SUCCEED = "ended(succeeded)"
    RETRY = "ended(retryable)"
    FAIL = "ended(failed)"
    HOLD = "ended(held)"
    STOP = "ended(cancelled)"
    RESUME = "resume"


_S = TaskState

TASK_MOVES: Final[Mapping[tuple[TaskState, Move], TaskState]] = MappingProxyType({
    (_S.WAITING, Move.DUE): _S.READY,
    (_S.WAITING, Move.CANCEL): _S.CANCELLED,
    (_S.WAITING, Move.EXPIRE): _S.FAILED,
    (_S.READY, Move.CLAIM): _S.RUNNING,
    (_S.READY, Move.CANCEL): _S.CANCELLED,
    (_S.READY, Move.EXPIRE): _S.FAILED,
    (_S.RUNNING, Move.SUCCEED): _S.SUCCEEDED,
    (_S.RUNNING, Move.RETRY): _S.WAITING,
    (_S.RUNNING, Move.FAIL): _S.FAILED,
    (_S.RUNNING, Move.HOLD): _S.HELD,
    (_S.RUNNING, Move.STOP): _S.CANCELLED,
    (_S.RUNNING, Move.CANCEL): _S.RUNNING,
    (_S.HELD, Move.RESUME): _S.READY,
    (_S.HELD, Move.CANCEL): _S.CANCELLED,
    (_S.HELD, Move.EXPIRE): _S.FAILED,
})

_A = AttemptState

ATTEMPT_MOVES: Final[frozenset[tuple[AttemptState, AttemptState]]] = frozenset({
    (_A.CLAIMED, _A.RUNNING),
    (_A.CLAIMED, _A.ENDED),
    (_A.RUNNING, _A.VERIFYING),
    (_A.RUNNING, _A.ENDED),
    (_A.VERIFYING, _A.ENDED),
})


def step(state: TaskState, move: Move) -> TaskState:
    """The state that follows. Raises EngineFault where the table has no such move."""
    after = TASK_MOVES.get((state, move))
    if after is None:
        raise EngineFault(f"a task that is {state} cannot move by {move}")
    return after


def may_cancel(state: TaskState) -> bool:
    """Whether a cancel changes anything about a task in this state."""
    return (state, Move.CANCEL) in TASK_MOVES


def step_attempt(state: AttemptState, after: AttemptState) -> AttemptState:
    """The attempt's next state. Raises EngineFault unless the move goes forward along the table."""
    if (state, after) not in ATTEMPT_MOVES:
        raise EngineFault(f"an attempt that is {state} cannot become {after}")
    return after


def move_of_end(kind: OutcomeKind, *, retry: bool, cancel_asked: bool) -> Move:
    """Which move the end of an attempt is for its task.

    A success wins over a pending cancel; a pending cancel wins over everything else.
    """
    if kind is OutcomeKind.SUCCEEDED:
        return Move.SUCCEED
    if cancel_asked or kind is OutcomeKind.CANCELLED:
        return Move.STOP
    if kind is OutcomeKind.HELD:
        return Move.HOLD
    return Move.RETRY if retry else Move.FAIL
