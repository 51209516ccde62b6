"""The life cycles, walked exhaustively and held against the architecture page."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from holdfast.model.attempt import AttemptState
from holdfast.model.errors import EngineFault
from holdfast.model.outcome import FAULTS, Fault, OutcomeKind
from holdfast.model.task import TaskState
from holdfast.rules.lifecycle import (
    ATTEMPT_MOVES,
    TASK_MOVES,
    Move,
    may_cancel,
    move_of_end,
    step,
    step_attempt,
)

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")

# What the page calls the ends of an attempt, in its own words.
PAGE_WORDS = {
    "ended(succeeded)": Move.SUCCEED,
    "ended(retryable, budget left)": Move.RETRY,
    "ended(otherwise)": Move.FAIL,
    "ended(held)": Move.HOLD,
    "ended(any but succeeded, cancel asked)": Move.STOP,
}
FINAL = [TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED]
BEGINNINGS = {TaskState.READY, TaskState.WAITING}


def rows(section: str) -> list[list[str]]:
    """The cells of the Markdown tables in a section of the page."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def page_moves() -> dict[tuple[TaskState, Move], TaskState]:
    moves = {}
    for before, events in rows("The life cycle"):
        if before in set(TaskState) and "->" in events:
            for event in events.split(" · "):
                word, after = event.split(" -> ")
                move = PAGE_WORDS.get(word) or Move(word)
                moves[TaskState(before), move] = TaskState(after.partition(",")[0])
    return moves


def reachable(start: set[TaskState]) -> set[TaskState]:
    found = set(start)
    while more := {after for (before, _), after in TASK_MOVES.items() if before in found} - found:
        found |= more
    return found


def test_the_table_is_the_one_of_the_architecture_page() -> None:
    assert dict(TASK_MOVES) == page_moves()


def test_the_page_and_the_model_name_the_same_final_states() -> None:
    assert [state for state in TaskState if state.final] == FINAL
    assert list(TaskState)[-3:] == FINAL


@pytest.mark.parametrize("state, move", list(product(TaskState, Move)), ids=lambda value: value.name)
def test_every_move_is_in_the_table_or_refused(state: TaskState, move: Move) -> None:
    if (state, move) in page_moves():
        assert step(state, move) is page_moves()[state, move]
    else:
        with pytest.raises(EngineFault, match=f"{state}.*{re.escape(move)}"):
            step(state, move)


@pytest.mark.parametrize("state", FINAL)
def test_a_final_state_absorbs_every_move(state: TaskState) -> None:
    for move in Move:
        with pytest.raises(EngineFault):
            step(state, move)


def test_every_state_can_be_reached_from_where_tasks_begin() -> None:
    assert reachable(BEGINNINGS) == set(TaskState)


@pytest.mark.parametrize("state", [state for state in TaskState if not state.final])
def test_from_every_state_that_is_not_final_an_end_can_be_reached(state: TaskState) -> None:
    assert not reachable({state}).isdisjoint(FINAL)


@pytest.mark.parametrize("state", [state for state in TaskState if not state.final])
def test_every_task_that_has_not_ended_can_be_cancelled_and_then_ends_without_another_claim(state: TaskState) -> None:
    after = step(state, Move.CANCEL)
    if after is TaskState.RUNNING:
        after = step(after, move_of_end(OutcomeKind.ERRORED, retry=True, cancel_asked=True))
    assert after is TaskState.CANCELLED


@pytest.mark.parametrize("state", TaskState)
def test_a_cancel_changes_something_unless_the_task_has_ended(state: TaskState) -> None:
    assert may_cancel(state) is not state.final


def test_only_a_claim_makes_a_task_run() -> None:
    into_running = {key for key, after in TASK_MOVES.items() if after is TaskState.RUNNING}
    assert into_running == {(TaskState.READY, Move.CLAIM), (TaskState.RUNNING, Move.CANCEL)}


def test_attempts_go_forward_along_the_page_only() -> None:
    chain = re.search(r"forward only: (\w+(?: -> \w+)+)", PAGE)
    assert chain is not None
    order = [AttemptState(word) for word in chain[1].split(" -> ")]
    assert order == list(AttemptState)
    for before, after in product(AttemptState, AttemptState):
        forward_by_one = order.index(after) == order.index(before) + 1
        to_the_end = after is AttemptState.ENDED and before is not AttemptState.ENDED
        if forward_by_one or to_the_end:
            assert step_attempt(before, after) is after
        else:
            with pytest.raises(EngineFault, match=f"{before}.*{after}"):
                step_attempt(before, after)
    assert all(order.index(before) < order.index(after) for before, after in ATTEMPT_MOVES)


def test_the_fault_of_every_outcome_is_the_one_of_the_page() -> None:
    written = {
        OutcomeKind(kind): Fault(fault)
        for kinds, fault in (row for row in rows("The life cycle") if row[1] in set(Fault))
        for kind in kinds.split(", ")
    }
    assert dict(FAULTS) == written
    assert set(FAULTS) == set(OutcomeKind)


@pytest.mark.parametrize("retry, cancel_asked", list(product([False, True], repeat=2)))
def test_a_success_wins_over_a_pending_cancel(retry: bool, cancel_asked: bool) -> None:
    assert move_of_end(OutcomeKind.SUCCEEDED, retry=retry, cancel_asked=cancel_asked) is Move.SUCCEED


@pytest.mark.parametrize("kind", [kind for kind in OutcomeKind if kind is not OutcomeKind.SUCCEEDED])
@pytest.mark.parametrize("retry", [False, True])
def test_a_pending_cancel_wins_over_every_other_end_even_one_to_be_tried_again(kind: OutcomeKind, retry: bool) -> None:
    assert move_of_end(kind, retry=retry, cancel_asked=True) is Move.STOP


@pytest.mark.parametrize(
    "kind, without_retry, with_retry",
    [
        (OutcomeKind.ERRORED, Move.FAIL, Move.RETRY),
        (OutcomeKind.CRASHED, Move.FAIL, Move.RETRY),
        (OutcomeKind.INVALID, Move.FAIL, Move.RETRY),
        (OutcomeKind.TIMED_OUT, Move.FAIL, Move.RETRY),
        (OutcomeKind.OVER_LIMIT, Move.FAIL, Move.RETRY),
        (OutcomeKind.LOST, Move.FAIL, Move.RETRY),
        (OutcomeKind.SANDBOX_FAILED, Move.FAIL, Move.RETRY),
        (OutcomeKind.CANCELLED, Move.STOP, Move.STOP),
        (OutcomeKind.HELD, Move.HOLD, Move.HOLD),
    ],
)
def test_without_a_cancel_the_kind_and_the_grant_of_a_retry_decide(
    kind: OutcomeKind, without_retry: Move, with_retry: Move
) -> None:
    assert move_of_end(kind, retry=False, cancel_asked=False) is without_retry
    assert move_of_end(kind, retry=True, cancel_asked=False) is with_retry


@pytest.mark.parametrize("kind, retry, cancel_asked", list(product(OutcomeKind, [False, True], [False, True])))
def test_every_end_is_a_move_that_a_running_task_can_make(kind: OutcomeKind, retry: bool, cancel_asked: bool) -> None:
    after = step(TaskState.RUNNING, move_of_end(kind, retry=retry, cancel_asked=cancel_asked))
    assert after is not TaskState.RUNNING
    assert (after is TaskState.SUCCEEDED) == (kind is OutcomeKind.SUCCEEDED)
