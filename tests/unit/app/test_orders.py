"""A document is admitted whole or refused with every reason, and placed in the store once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from holdfast.agents.command import CommandAgent
from holdfast.agents.python import PythonAgent
from holdfast.app.admission import Admission
from holdfast.app.orders import Desk, Order, Request, place, place_tasks, spec_digest
from holdfast.journal.memory import MemoryJournal
from holdfast.model.attempt import AttemptState, Ending
from holdfast.model.errors import Refused
from holdfast.model.ids import valid_id
from holdfast.model.limits import Capacity, Level, Limits, Usage
from holdfast.model.outcome import Outcome, OutcomeKind, Verdict
from holdfast.model.query import TaskQuery, WorkflowQuery
from holdfast.model.receipt import Receipt
from holdfast.model.task import Task, TaskSpec, TaskState
from holdfast.model.workflow import Node, WorkflowSpec
from holdfast.wire.envelope import Envelope, Envelopes

TOTAL = Capacity(cpus=4.0, memory_bytes=8 * 10**9, slots=4)
NOW = 1_700_000_000.0
RUN = TaskSpec(agent_type="command", context={"argv": ["true"]})
WRONG = TaskSpec(agent_type="comand", limits=Limits(cpus=99.0, memory_bytes=10**12), isolation=Level.SANDBOX)


@dataclass
class StillClock:
    """Time stands still; chance goes through all it can be."""

    draws: int = 0

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def chance(self) -> float:
        self.draws += 1
        return self.draws / 1000


def desk(journal: MemoryJournal | None = None, session: str = "s1", total: Capacity = TOTAL) -> Desk:
    return Desk(
        journal=journal or MemoryJournal(lambda: NOW),
        admission=Admission(
            agents={"command": CommandAgent({}), "python": PythonAgent({})},
            levels=frozenset({Level.PROCESS}),
            total=total,
        ),
        clock=StillClock(),
        session=session,
    )


def run(scenario: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario(desk()))


def workflow(**specs: TaskSpec) -> WorkflowSpec:
    """A workflow whose tasks run one after the other."""
    names = list(specs)
    nodes = {name: Node(spec=spec, needs=tuple(names[:n][-1:])) for n, (name, spec) in enumerate(specs.items())}
    return WorkflowSpec(name="flow", nodes=nodes, inputs={"x": 1})


async def stored(desk: Desk) -> list[Task]:
    """All tasks of the store, oldest first."""
    return list(reversed(await desk.journal.tasks(TaskQuery())))


async def finish_all(desk: Desk) -> None:
    """Let every task of the store succeed."""
    while claims := await desk.journal.claim(TOTAL, NOW):
        for claim in claims:
            await desk.journal.advance(claim.ref, AttemptState.RUNNING, NOW)
            await desk.journal.finish(
                Ending(
                    ref=claim.ref,
                    outcome=Outcome(kind=OutcomeKind.SUCCEEDED, message="succeeded"),
                    verdict=Verdict(),
                    receipt=Receipt(b"{}", "0" * 64),
                    level=Level.PROCESS,
                    usage=Usage(),
                    enforcement=(),
                    started_at=NOW,
                    ended_at=NOW,
                )
            )


async def problems(placing: Coroutine[Any, Any, Order]) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        await placing
    return [(problem.code, problem.path) for problem in refused.value.problems]


def test_an_envelope_becomes_one_task_under_its_own_id_that_knows_where_it_came_from() -> None:
    async def scenario(desk: Desk) -> None:
        order = await place(desk, Envelope(RUN, "build"), "/project", fresh=False)
        assert order == Order(task_ids=("build",), single=True)
        (task,) = await stored(desk)
        assert (task.id, task.state, task.spec.folder, task.workflow_id) == ("build", TaskState.READY, "/project", None)
        assert task.digest == spec_digest(RUN)

    run(scenario)


def test_a_list_of_envelopes_becomes_tasks_in_its_order_and_those_without_an_id_get_new_ones() -> None:
    async def scenario(desk: Desk) -> None:
        items = (Envelope(RUN), Envelope(RUN, "named"), Envelope(RUN))
        order = await place(desk, Envelopes(items), "", fresh=False)
        assert not order.single
        assert order.task_ids == tuple(task.id for task in await stored(desk))
        assert order.task_ids[1] == "named"
        assert len(set(order.task_ids)) == 3
        assert all(map(valid_id, order.task_ids))

    run(scenario)


def test_an_id_that_the_store_holds_gives_the_task_as_it_stands() -> None:
    async def scenario(desk: Desk) -> None:
        await place(desk, Envelope(RUN, "build"), "", fresh=False)
        await finish_all(desk)
        order = await place(desk, Envelope(RUN, "build"), "/moved/since", fresh=False)
        assert order == Order(task_ids=("build",), known=frozenset({"build"}), single=True)
        assert [task.state for task in await stored(desk)] == [TaskState.SUCCEEDED]

    run(scenario)


def test_an_id_that_the_store_holds_for_another_request_is_refused() -> None:
    async def scenario(desk: Desk) -> None:
        await place(desk, Envelope(RUN, "build"), "", fresh=False)
        other = TaskSpec(agent_type="command", context={"argv": ["false"]})
        assert await problems(place(desk, Envelope(other, "build"), "", fresh=False)) == [
            ("task.conflict", "tasks.build")
        ]
        assert len(await stored(desk)) == 1

    run(scenario)


def test_a_fresh_start_takes_the_first_free_id_beside_the_one_that_is_taken() -> None:
    async def scenario(desk: Desk) -> None:
        ids = [(await place(desk, Envelope(RUN, "build"), "", fresh=True)).task_ids for _ in range(3)]
        assert ids == [("build",), ("build~2",), ("build~3",)]

    run(scenario)


def test_every_reason_of_every_task_is_told_at_once_and_no_row_is_written() -> None:
    async def scenario(desk: Desk) -> None:
        items = (Envelope(RUN), Envelope(WRONG), Envelope(TaskSpec(agent_type="command", context={"argv": []})))
        reasons = {
            ("agent.unknown", "execution.agent_type"),
            ("resources.too_large", "execution.resources.cpus"),
            ("resources.too_large", "execution.resources.memory_limit"),
            ("isolation.unavailable", "execution.resources.isolation"),
        }
        assert set(await problems(place(desk, Envelope(WRONG), "", fresh=False))) == reasons
        assert set(await problems(place(desk, Envelopes(items), "", fresh=False))) == {
            *((code, f"[1].{path}") for code, path in reasons),
            ("command.no_program", "[2].execution.context.argv"),
        }
        found = await problems(place(desk, workflow(a=RUN, b=WRONG), "", fresh=False))
        assert {path.split(".")[1] for _, path in found} == {"b"}
        assert len(found) == 4
        assert await stored(desk) == []
        assert await desk.journal.workflows(WorkflowQuery()) == ()

    run(scenario)


def test_a_workflow_becomes_tasks_that_wait_for_those_they_need() -> None:
    async def scenario(desk: Desk) -> None:
        order = await place(desk, workflow(scan=RUN, join=RUN), "/project", fresh=False)
        assert order == Order(workflow_id=order.workflow_id, workflow_name="flow")
        scan, join = await stored(desk)
        assert (scan.id, scan.name, scan.state) == (f"{order.workflow_id}.scan", "scan", TaskState.READY)
        assert (join.id, join.name, join.state) == (f"{order.workflow_id}.join", "join", TaskState.WAITING)
        assert {task.workflow_id for task in (scan, join)} == {order.workflow_id}
        assert {task.spec.folder for task in (scan, join)} == {"/project"}
        (record,) = await desk.journal.workflows(WorkflowQuery())
        assert (record.id, record.name, dict(record.inputs)) == (order.workflow_id, "flow", {"x": 1})

    run(scenario)


def test_an_interrupted_run_of_the_same_workflow_is_taken_up_again_also_from_another_folder() -> None:
    async def scenario(first: Desk) -> None:
        interrupted = await place(first, workflow(scan=RUN, join=RUN), "/project", fresh=False)
        again = desk(first.journal, session="s2")
        assert await again.journal.claim(TOTAL, NOW, "s2") == ()
        order = await place(again, workflow(scan=RUN, join=RUN), "/moved", fresh=False)
        assert order == Order(workflow_id=interrupted.workflow_id, workflow_name="flow", continued=True)
        assert len(await stored(again)) == 2
        assert [claim.name for claim in await again.journal.claim(TOTAL, NOW, "s2")] == ["scan"]

    run(scenario)


def test_a_run_that_has_ended_is_not_taken_up_again() -> None:
    async def scenario(desk: Desk) -> None:
        ended = await place(desk, workflow(scan=RUN), "", fresh=False)
        await finish_all(desk)
        order = await place(desk, workflow(scan=RUN), "", fresh=False)
        assert order.workflow_id != ended.workflow_id
        assert not order.continued

    run(scenario)


def test_a_fresh_start_of_a_workflow_leaves_the_interrupted_run_alone() -> None:
    async def scenario(desk: Desk) -> None:
        interrupted = await place(desk, workflow(scan=RUN), "", fresh=False)
        order = await place(desk, workflow(scan=RUN), "", fresh=True)
        assert order.workflow_id != interrupted.workflow_id
        assert not order.continued
        assert len(await stored(desk)) == 2

    run(scenario)


@pytest.mark.parametrize(
    "other",
    [
        workflow(scan=TaskSpec(agent_type="command", context={"argv": ["false"]})),
        workflow(scan=RUN, more=RUN),
        workflow(other=RUN),
        WorkflowSpec(name="flow", nodes={"scan": Node(spec=RUN)}, inputs={"x": 2}),
        WorkflowSpec(name="flux", nodes={"scan": Node(spec=RUN)}, inputs={"x": 1}),
    ],
)
def test_an_interrupted_run_of_another_workflow_is_left_alone(other: WorkflowSpec) -> None:
    async def scenario(desk: Desk) -> None:
        await place(desk, workflow(scan=RUN), "", fresh=False)
        assert not (await place(desk, other, "", fresh=False)).continued
        assert len(await desk.journal.workflows(WorkflowQuery())) == 2

    run(scenario)


def test_an_interrupted_run_that_this_engine_cannot_finish_is_refused_rather_than_taken_up() -> None:
    async def scenario(first: Desk) -> None:
        large = TaskSpec(agent_type="command", context={"argv": ["true"]}, limits=Limits(cpus=3.0))
        await place(first, workflow(scan=large), "", fresh=False)
        small = desk(first.journal, "s2", Capacity(cpus=2.0, memory_bytes=10**9, slots=1))
        found = await problems(place(small, workflow(scan=large), "", fresh=False))
        assert found == [("resources.too_large", "tasks.scan.resources.cpus")]

    run(scenario)


@pytest.mark.parametrize(
    "limits, total, cpus, memory",
    [
        (Limits(), TOTAL, 1.0, 0),
        (Limits(cpus=2.5, memory_bytes=10**9), TOTAL, 2.5, 10**9),
        (Limits(cpus=0.1), TOTAL, 0.1, 0),
        (Limits(), Capacity(cpus=0.5, memory_bytes=1, slots=1), 0.5, 0),
    ],
)
def test_a_task_is_counted_with_what_it_asks_for_or_one_processor_if_there_is_one(
    limits: Limits, total: Capacity, cpus: float, memory: int
) -> None:
    task = desk(total=total).new_task("t", TaskSpec(agent_type="command", limits=limits))
    assert (task.cpus, task.memory_bytes) == (cpus, memory)


def test_a_request_is_the_same_from_whatever_folder_it_comes() -> None:
    moved = TaskSpec(agent_type="command", context={"argv": ["true"]}, folder="/elsewhere")
    assert spec_digest(moved) == spec_digest(RUN)
    assert spec_digest(TaskSpec(agent_type="python", context={"argv": ["true"]})) != spec_digest(RUN)


def test_the_reasons_against_a_request_are_told_with_its_own_path() -> None:
    async def scenario(desk: Desk) -> None:
        wrong = TaskSpec(agent_type="command")
        requests = (Request(spec=RUN), Request(spec=wrong, path="call"))
        found = await problems(place_tasks(desk, requests, fresh=False, single=False))
        assert found == [("context.missing_key", "call.context.argv")]

    run(scenario)
