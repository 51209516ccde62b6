"""Submitting: all or nothing, known tasks are kept, refusals name every reason."""

from __future__ import annotations

import math
from typing import Any

import pytest

from contract.journal.world import Bench, new, told, workflow
from holdfast.model.errors import Refused, UnknownTask
from holdfast.model.event import EventKind
from holdfast.model.limits import Level, Limits
from holdfast.model.outcome import OutcomeKind
from holdfast.model.retry import Backoff, Growth, RetryPolicy
from holdfast.model.task import NewTask, Task, TaskSpec, TaskState


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in refused.value.problems]


def test_a_task_without_needs_is_ready_and_recorded_as_given(bench: Bench) -> None:
    spec = TaskSpec(
        agent_type="python",
        context={"call": "m:f", "args": [1, 2.5, None, True, "ü\n"], "kwargs": {"big": 2**70, "deep": {"a": [[]]}}},
        limits=Limits(wall_s=2.5, memory_bytes=1 << 33, cpus=0.5, pids=3),
        retry=RetryPolicy(max_attempts=4, backoff=Backoff(growth=Growth.LINEAR, base_s=0.25, jitter=0.0)),
        isolation=Level.PROCESS,
        allow_degraded=("memory_limit",),
        folder="/somewhere",
    )
    bench.now[0] = 11.5
    submitted = bench.submit(NewTask(id="a", spec=spec, digest="d" * 64, name="first"))
    expected = Task(id="a", spec=spec, digest="d" * 64, name="first", state=TaskState.READY, submitted_at=11.5)
    assert submitted.tasks == (expected,)
    assert bench.task("a") == expected
    assert submitted.known == frozenset()
    assert submitted.workflow is None
    assert told(submitted.events) == [(EventKind.SUBMITTED, "a", "ready")]


def test_a_task_with_needs_waits_whatever_the_order_in_the_submission(bench: Bench) -> None:
    submitted = bench.submit(new("c", "b", "a"), new("b", "a"), new("a"))
    assert [task.state for task in submitted.tasks] == [TaskState.WAITING, TaskState.WAITING, TaskState.READY]
    assert [task.id for task in submitted.tasks] == ["c", "b", "a"]


def test_a_task_with_a_start_in_the_future_waits_and_one_in_the_past_does_not(bench: Bench) -> None:
    submitted = bench.submit(new("later", not_before=100.0), new("past", not_before=5.0), new("now", not_before=10.0))
    assert [task.state for task in submitted.tasks] == [TaskState.WAITING, TaskState.READY, TaskState.READY]
    assert [task.due_at for task in submitted.tasks] == [100.0, 5.0, 10.0]


def test_a_known_task_is_given_back_as_it_stands(bench: Bench) -> None:
    bench.submit(new("a"), new("b"))
    bench.end("a")
    submitted = bench.submit(new("c"), new("a"), new("b"))
    assert submitted.known == {"a", "b"}
    assert [task.state for task in submitted.tasks] == [TaskState.READY, TaskState.SUCCEEDED, TaskState.RUNNING]
    assert submitted.tasks[1] == bench.task("a")
    assert told(submitted.events) == [(EventKind.SUBMITTED, "c", "ready")]


def test_the_same_task_twice_in_one_submission_is_one_task(bench: Bench) -> None:
    submitted = bench.submit(new("a"), new("a"))
    assert [task.id for task in submitted.tasks] == ["a", "a"]
    assert submitted.known == frozenset()
    assert len(bench.tasks()) == 1
    assert len(submitted.events) == 1


def test_an_id_used_for_another_request_is_refused_each_named_and_nothing_stored(bench: Bench) -> None:
    bench.submit(new("a"), new("b"), new("c"))
    with pytest.raises(Refused) as refused:
        bench.submit(new("x"), new("a", digest="other"), new("b"), new("c", digest="other"))
    assert codes(refused) == [("task.conflict", "tasks.a"), ("task.conflict", "tasks.c")]
    assert [task.id for task in bench.tasks()] == ["c", "b", "a"]
    assert len(bench.events()) == 3


def test_an_id_used_for_two_requests_in_one_submission_is_refused(bench: Bench) -> None:
    with pytest.raises(Refused) as refused:
        bench.submit(new("a"), new("a", digest="other"))
    assert codes(refused) == [("task.conflict", "tasks.a")]
    assert bench.tasks() == ()


def test_needs_that_nobody_submitted_are_refused_each_named(bench: Bench) -> None:
    bench.submit(new("a"))
    with pytest.raises(Refused) as refused:
        bench.submit(new("b", "a", "ghost"), new("c", "phantom"))
    assert codes(refused) == [("task.unknown_need", "tasks.b.needs"), ("task.unknown_need", "tasks.c.needs")]
    assert "ghost" in str(refused.value)
    assert "phantom" in str(refused.value)
    assert len(bench.tasks()) == 1


@pytest.mark.parametrize("circle", [[new("a", "a")], [new("a", "c"), new("b", "a"), new("c", "b")]])
def test_tasks_that_wait_for_one_another_are_refused(bench: Bench, circle: list[NewTask]) -> None:
    with pytest.raises(Refused) as refused:
        bench.submit(new("good"), *circle)
    assert [code for code, _ in codes(refused)] == ["task.cycle"]
    assert bench.tasks() == ()


def test_what_is_no_json_is_refused_each_named(bench: Bench) -> None:
    with pytest.raises(Refused) as refused:
        bench.submit(new("a", context={"x": object()}), new("b"), new("c", context={"x": "\ud800"}))
    assert codes(refused) == [("task.unstorable", "tasks.a.context"), ("task.unstorable", "tasks.c.context")]
    assert bench.tasks() == ()


def test_every_kind_of_reason_is_given_at_once(bench: Bench) -> None:
    bench.submit(new("a"), workflow=workflow())
    with pytest.raises(Refused) as refused:
        bench.submit(new("a", digest="other"), new("b", "ghost"), new("c", "c"), workflow=workflow(digest="b" * 64))
    assert {code for code, _ in codes(refused)} == {
        "task.conflict",
        "task.unknown_need",
        "task.cycle",
        "workflow.conflict",
    }


def test_a_need_that_has_succeeded_counts_as_met(bench: Bench) -> None:
    bench.submit(new("a"))
    bench.end("a")
    submitted = bench.submit(new("b", "a"), new("c", "a", "b"))
    assert [task.state for task in submitted.tasks] == [TaskState.READY, TaskState.WAITING]
    bench.end("b")
    assert bench.state("c") is TaskState.READY


@pytest.mark.parametrize(("kind", "state"), [("errored", "failed"), ("cancelled", "cancelled")])
def test_a_need_that_has_failed_cancels_at_once_all_that_follow(bench: Bench, kind: str, state: str) -> None:
    bench.submit(new("a"))
    bench.end("a", kind)
    submitted = bench.submit(new("b", "a"), new("c", "b"), new("d"), workflow=workflow())
    assert [task.state for task in submitted.tasks] == [TaskState.CANCELLED, TaskState.CANCELLED, TaskState.READY]
    assert submitted.tasks[0].cancel_reason == f"needs 'name of a', which ended as {state}"
    assert submitted.tasks[1].cancel_reason == "needs 'name of b', which ended as cancelled"
    outcome = submitted.tasks[0].outcome
    assert outcome is not None
    assert outcome.kind is OutcomeKind.CANCELLED
    assert told(submitted.events) == [
        (EventKind.SUBMITTED, "b", "waiting"),
        (EventKind.SUBMITTED, "c", "waiting"),
        (EventKind.SUBMITTED, "d", "ready"),
        (EventKind.CANCELLED, "b", "cancelled"),
        (EventKind.CANCELLED, "c", "cancelled"),
    ]
    assert submitted.workflow is not None
    assert submitted.workflow.counts == {"ready": 1, "cancelled": 2}


def test_a_workflow_is_recorded_with_its_tasks(bench: Bench) -> None:
    submitted = bench.submit(new("a"), new("b", "a"), workflow=workflow())
    assert submitted.workflow is not None
    assert submitted.workflow.inputs == {"depth": 3}
    assert submitted.workflow.counts == {"waiting": 1, "ready": 1}
    assert submitted.workflow.ended_at is None
    assert submitted.workflow == bench.workflows()[0]
    assert {task.workflow_id for task in bench.tasks()} == {"w"}


def test_a_workflow_submitted_again_is_the_same_one(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"), workflow=workflow())
    bench.end("a")
    submitted = bench.submit(new("a"), new("b", "a"), new("c"), workflow=workflow())
    assert submitted.known == {"a", "b"}
    assert submitted.workflow is not None
    assert submitted.workflow.counts == {"ready": 2, "succeeded": 1}
    assert len(bench.workflows()) == 1


def test_a_workflow_id_used_for_another_one_is_refused(bench: Bench) -> None:
    bench.submit(new("a"), workflow=workflow())
    with pytest.raises(Refused) as refused:
        bench.submit(new("b"), workflow=workflow(digest="b" * 64))
    assert codes(refused) == [("workflow.conflict", "workflow")]
    assert len(bench.tasks()) == 1


def test_a_workflow_that_gets_more_tasks_after_its_end_goes_on(bench: Bench) -> None:
    bench.submit(new("a"), workflow=workflow())
    bench.end("a", at=70.0)
    assert bench.workflows()[0].ended_at == 70.0
    bench.submit(new("b"), workflow=workflow())
    assert bench.workflows()[0].ended_at is None
    bench.end("b", at=80.0)
    assert bench.workflows()[0].ended_at == 80.0


def test_a_workflow_of_known_tasks_only_has_ended(bench: Bench) -> None:
    bench.submit(new("a"))
    submitted = bench.submit(new("a"), workflow=workflow())
    assert submitted.workflow is not None
    assert submitted.workflow.ended_at == 10.0


def test_known_tasks_are_taken_over_by_the_session_that_submits_them_again(bench: Bench) -> None:
    bench.submit(new("a"), new("b"), new("c"), session="one")
    assert bench.claim(session="two") == ()
    bench.submit(new("b"), session="two")
    assert [claim.ref.task_id for claim in bench.claim(session="two")] == ["b"]
    assert [claim.ref.task_id for claim in bench.claim(session="one")] == ["a", "c"]


def test_all_of_a_workflow_is_taken_over_by_its_id(bench: Bench) -> None:
    bench.submit(new("a"), new("b", "a"), session="one", workflow=workflow())
    submitted = bench.submit(session="two", take_over="w")
    assert submitted.tasks == ()
    assert submitted.events == ()
    assert submitted.workflow is not None
    assert submitted.workflow.id == "w"
    (claim,) = bench.claim(session="two")
    bench.finish(claim)
    assert [claim.ref.task_id for claim in bench.claim(session="two")] == ["b"]


def test_taking_over_a_workflow_that_nobody_submitted_is_refused(bench: Bench) -> None:
    with pytest.raises(UnknownTask, match="'ghost'"):
        bench.submit(new("a"), session="two", take_over="ghost")
    assert bench.tasks() == ()


def test_a_submission_of_nothing_changes_nothing(bench: Bench) -> None:
    submitted = bench.submit()
    assert submitted.tasks == ()
    assert bench.events() == ()


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e308, -0.0, 2**63, -(2**63) - 1])
def test_numbers_come_back_as_they_were(bench: Bench, value: Any) -> None:
    bench.submit(new("a", context={"x": value}))
    back: Any = bench.task("a").spec.context["x"]
    assert back == value
    assert math.copysign(1, back) == math.copysign(1, value)
    assert type(back) is type(value)
