"""Questions: newest first, in pages, by what they ask for."""

from __future__ import annotations

import pytest

from contract.journal.world import Bench, new, workflow
from holdfast.model.errors import UnknownTask
from holdfast.model.task import TaskState


def ids(bench: Bench, **fields: object) -> list[str]:
    return [task.id for task in bench.tasks(**fields)]


@pytest.fixture
def filled(bench: Bench) -> Bench:
    bench.submit(new("a"), new("b"), new("c", "b"), workflow=workflow("w"))
    bench.submit(new("d"), new("e", not_before=99.0))
    bench.submit(new("f"), workflow=workflow("v", digest="b" * 64))
    claims = {claim.ref.task_id: claim for claim in bench.claim()}
    bench.finish(claims["a"])
    bench.finish(claims["d"], "errored")
    return bench


def test_a_task_that_nobody_submitted_is_none(bench: Bench) -> None:
    assert bench.do(bench.journal.task("ghost")) is None


def test_tasks_come_newest_first(filled: Bench) -> None:
    assert ids(filled) == ["f", "e", "d", "c", "b", "a"]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((TaskState.RUNNING,), ["f", "b"]),
        ((TaskState.WAITING,), ["e", "c"]),
        ((TaskState.SUCCEEDED, TaskState.FAILED), ["d", "a"]),
        ((TaskState.FAILED, TaskState.SUCCEEDED, TaskState.WAITING, TaskState.FAILED), ["e", "d", "c", "a"]),
        ((TaskState.HELD,), []),
        (tuple(TaskState), ["f", "e", "d", "c", "b", "a"]),
    ],
)
def test_tasks_by_state(filled: Bench, states: tuple[TaskState, ...], expected: list[str]) -> None:
    assert ids(filled, states=states) == expected
    assert ids(filled, states=states, limit=1) == expected[:1]


def test_tasks_of_a_workflow(filled: Bench) -> None:
    assert ids(filled, workflow_id="w") == ["c", "b", "a"]
    assert ids(filled, workflow_id="w", states=(TaskState.RUNNING, TaskState.SUCCEEDED)) == ["b", "a"]
    assert ids(filled, workflow_id="w", states=(TaskState.READY,)) == []
    assert ids(filled, workflow_id="ghost") == []


def test_tasks_in_pages(filled: Bench) -> None:
    assert ids(filled, limit=2) == ["f", "e"]
    assert ids(filled, limit=3, before="e") == ["d", "c", "b"]
    assert ids(filled, before="a") == []
    assert ids(filled, workflow_id="w", before="c", limit=1) == ["b"]
    assert ids(filled, states=(TaskState.RUNNING, TaskState.WAITING), before="e") == ["c", "b"]
    assert ids(filled, limit=0) == []


def test_a_page_after_a_task_that_nobody_submitted_is_refused(filled: Bench) -> None:
    with pytest.raises(UnknownTask):
        filled.tasks(before="ghost")


def test_more_than_one_page_of_the_store_comes_whole_and_in_order(bench: Bench) -> None:
    names = [f"t{n}" for n in range(1203)]
    bench.submit(*map(new, names), workflow=workflow())
    newest = names[::-1]
    assert ids(bench, limit=2000) == newest
    assert ids(bench, limit=1000) == newest[:1000]
    assert ids(bench, limit=2000, states=(TaskState.READY, TaskState.FAILED)) == newest
    assert ids(bench, limit=2000, workflow_id="w", states=(TaskState.READY,)) == newest
    assert [event.task_id for event in bench.events(limit=2000)] == names
    assert [event.task_id for event in bench.events(workflow_id="w", after=3, limit=1100)] == names[3:1103]


def test_workflows_newest_first_with_their_tasks_counted(filled: Bench) -> None:
    v, w = filled.workflows()
    assert (v.id, w.id) == ("v", "w")
    assert w.counts == {"waiting": 1, "running": 1, "succeeded": 1}
    assert (w.name, w.inputs, w.submitted_at) == ("flow", {"depth": 3}, 10.0)


def test_workflows_by_what_is_asked(filled: Bench) -> None:
    assert [flow.id for flow in filled.workflows(id="w")] == ["w"]
    assert [flow.id for flow in filled.workflows(digest="b" * 64)] == ["v"]
    assert [flow.id for flow in filled.workflows(id="w", digest="b" * 64)] == []
    assert [flow.id for flow in filled.workflows(limit=1)] == ["v"]
    assert [flow.id for flow in filled.workflows(ended=True)] == []
    filled.cancel("b")
    filled.cancel("c")
    assert [flow.id for flow in filled.workflows(ended=False)] == ["v", "w"]


def test_workflows_that_have_ended(bench: Bench) -> None:
    bench.submit(new("a"), workflow=workflow("w"))
    bench.submit(new("b"), workflow=workflow("v"))
    bench.cancel("a")
    assert [flow.id for flow in bench.workflows(ended=True)] == ["w"]
    assert [flow.id for flow in bench.workflows(ended=False, digest="a" * 64)] == ["v"]
    assert [flow.id for flow in bench.workflows(digest="a" * 64)] == ["v", "w"]


def test_events_after_a_cursor_by_task_and_by_workflow(filled: Bench) -> None:
    every = filled.events()
    assert [event.seq for event in every] == list(range(1, len(every) + 1))
    assert filled.events(after=4) == every[4:]
    assert filled.events(after=4, limit=2) == every[4:6]
    assert filled.events(after=10_000) == ()
    assert filled.events(task_id="a") == tuple(event for event in every if event.task_id == "a")
    assert filled.events(task_id="a", after=1, limit=1) == filled.events(task_id="a")[1:2]
    assert filled.events(workflow_id="w") == tuple(event for event in every if event.workflow_id == "w")
    assert filled.events(task_id="a", workflow_id="w") == filled.events(task_id="a")
    assert filled.events(task_id="a", workflow_id="v") == ()
    assert filled.events(task_id="ghost") == ()
    assert filled.events(workflow_id="ghost") == ()


def test_events_carry_what_happened(filled: Bench) -> None:
    submitted, claimed, ended = filled.events(task_id="a")
    assert (submitted.at, submitted.workflow_id, submitted.attempt, submitted.data) == (10.0, "w", None, {})
    assert (claimed.at, claimed.attempt) == (20.0, 1)
    assert (ended.at, ended.attempt, ended.data["outcome"]) == (50.0, 1, "succeeded")


def test_what_a_move_returns_is_what_is_recorded(bench: Bench) -> None:
    returned = [*bench.submit(new("a"), new("b", "a"), new("c", not_before=70.0)).events]
    claim = bench.claim_one("a")
    returned += bench.events(after=len(returned))
    returned += bench.advance(claim).events
    returned += bench.cancel("a").events
    returned += bench.finish(claim, "errored").events
    returned += bench.wake(now=70.0)[0].events
    assert tuple(returned) == bench.events()
    assert len({(event.kind, event.task_id) for event in returned}) == len(returned) == 9
