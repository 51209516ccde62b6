from __future__ import annotations

import pytest

from holdfast.model.task import TaskState
from holdfast.wire.states import A2A, FROM_A2A, FROM_MCP, MCP, a2a_1


@pytest.mark.parametrize("state", TaskState)
def test_every_state_has_a_name_in_each_protocol(state: TaskState) -> None:
    assert A2A[state] in FROM_A2A
    assert MCP[state] in FROM_MCP
    assert a2a_1(state).removeprefix("TASK_STATE_").lower().replace("_", "-") == A2A[state]


@pytest.mark.parametrize("state", [state for state in TaskState if state.final or state is TaskState.HELD])
def test_a_final_or_held_state_comes_back_as_itself(state: TaskState) -> None:
    assert FROM_A2A[A2A[state]] is state
    assert FROM_MCP[MCP[state]] is state


def test_final_there_is_final_here() -> None:
    assert {name for name, state in FROM_A2A.items() if state.final} == {"completed", "failed", "canceled", "rejected"}
    assert {name for name, state in FROM_MCP.items() if state.final} == {"completed", "failed", "cancelled"}
