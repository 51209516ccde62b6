"""Those who wait are told: once, never too early, and also where the engine cannot go on."""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.errors import EngineFault
from holdfast.model.event import Event, EventKind
from holdfast.model.task import TaskState
from holdfast.worker.deliver import BACKLOG, Delivery, Watcher

FAULT = EngineFault("the disk is full")
OPEN = [state for state in TaskState if not state.final]


def run(scenario: Callable[[Delivery], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario on a loop of its own; whatever the loop complains about fails it."""
    complaints: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        await scenario(Delivery())
        gc.collect()
        await settled()

    asyncio.run(main())
    assert complaints == []


async def settled() -> None:
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def moved(task_id: str, state: TaskState = TaskState.SUCCEEDED, workflow_id: str | None = None, seq: int = 1) -> Event:
    return Event(seq=seq, at=0.0, kind=EventKind.ENDED, task_id=task_id, state=state.value, workflow_id=workflow_id)


def counting(*answers: int) -> Callable[[], Coroutine[Any, Any, int]]:
    """What a journal says how many tasks are open, one answer after the other."""
    left = deque(answers)

    async def open_tasks() -> int:
        return left.popleft()

    return open_tasks


async def read_out(watcher: Watcher) -> list[int]:
    return [event.seq async for event in watcher]


@pytest.mark.parametrize("state", [state for state in TaskState if state.final])
def test_whoever_waits_for_tasks_is_told_after_the_last_end_whatever_it_was(state: TaskState) -> None:
    async def scenario(delivery: Delivery) -> None:
        done = delivery.task_ends(["a", "b"])
        delivery.publish([moved("a", state)])
        assert not done.done()
        delivery.publish([moved("b", state)])
        await done

    run(scenario)


@pytest.mark.parametrize("state", OPEN)
def test_a_move_that_is_no_end_counts_for_nothing(state: TaskState) -> None:
    async def scenario(delivery: Delivery) -> None:
        done = delivery.task_ends(["a"])
        delivery.publish([moved("a", state), moved("b")])
        assert not done.done()
        delivery.publish([moved("a")])
        await done

    run(scenario)


def test_an_end_told_twice_counts_once() -> None:
    async def scenario(delivery: Delivery) -> None:
        done = delivery.task_ends(["a", "b"])
        delivery.publish([moved("a"), moved("a"), moved("a")])
        assert not done.done()
        delivery.publish([moved("b")])
        await done

    run(scenario)


def test_everybody_who_waits_for_the_same_task_is_told() -> None:
    async def scenario(delivery: Delivery) -> None:
        waits = [delivery.task_ends(["a"]), delivery.task_ends(["a", "b"]), delivery.task_ends(["a", "a"])]
        delivery.publish([moved("a")])
        assert [done.done() for done in waits] == [True, False, True]

    run(scenario)


def test_waiting_for_nothing_is_over_at_once() -> None:
    async def scenario(delivery: Delivery) -> None:
        await delivery.task_ends([])

    run(scenario)


def test_tasks_that_had_ended_before_are_discounted() -> None:
    async def scenario(delivery: Delivery) -> None:
        done = delivery.task_ends(["a", "b", "c"])
        delivery.discount("a", done)
        delivery.discount("b", done)
        assert not done.done()
        delivery.publish([moved("c")])
        await done
        all_before = delivery.task_ends(["a", "b"])
        delivery.discount("a", all_before)
        delivery.discount("b", all_before)
        await all_before

    run(scenario)


def test_an_end_that_is_both_told_and_discounted_counts_once() -> None:
    async def scenario(delivery: Delivery) -> None:
        done = delivery.task_ends(["a", "b"])
        delivery.publish([moved("a")])
        delivery.discount("a", done)
        delivery.discount("a", done)
        assert not done.done()
        delivery.publish([moved("b")])
        await done

    run(scenario)


def test_a_discount_is_nobody_elses() -> None:
    async def scenario(delivery: Delivery) -> None:
        mine, theirs = delivery.task_ends(["a"]), delivery.task_ends(["a"])
        delivery.discount("a", mine)
        assert mine.done() and not theirs.done()
        delivery.publish([moved("a")])
        await theirs

    run(scenario)


def test_whoever_stopped_waiting_holds_nobody_up() -> None:
    async def scenario(delivery: Delivery) -> None:
        gone, stays = delivery.task_ends(["a"]), delivery.task_ends(["a"])
        gone.cancel()
        delivery.publish([moved("a")])
        await stays

    run(scenario)


def test_a_workflow_without_open_tasks_is_over_at_once() -> None:
    async def scenario(delivery: Delivery) -> None:
        await delivery.workflow_ends("w", counting(0))

    run(scenario)


def test_a_workflow_is_over_once_as_many_tasks_ended_as_were_open_and_the_journal_agrees() -> None:
    async def scenario(delivery: Delivery) -> None:
        waiting = asyncio.ensure_future(delivery.workflow_ends("w", counting(2, 0)))
        await settled()
        delivery.publish([moved("a", TaskState.RUNNING, "w"), moved("b", workflow_id="other"), moved("c")])
        delivery.publish([moved("a", TaskState.FAILED, "w")])
        await settled()
        assert not waiting.done()
        delivery.publish([moved("b", TaskState.CANCELLED, "w")])
        await waiting

    run(scenario)


def test_an_end_told_while_the_open_tasks_are_counted_does_not_end_the_wait_for_the_others() -> None:
    """`a` ended before the count, which no longer has it; that it ended is told during the count."""

    async def scenario(delivery: Delivery) -> None:
        answers = deque([1, 1, 0])

        async def open_tasks() -> int:
            if len(answers) == 3:
                delivery.publish([moved("a", workflow_id="w")])
            return answers.popleft()

        waiting = asyncio.ensure_future(delivery.workflow_ends("w", open_tasks))
        await settled()
        assert not waiting.done()
        delivery.publish([moved("b", workflow_id="w")])
        await waiting

    run(scenario)


@given(st.integers(1, 4), st.lists(st.sampled_from(["commit", "tell", "count"]), max_size=40))
def test_a_workflow_is_never_over_too_early_nor_never_whatever_the_order_of_things(
    tasks: int, steps: list[str]
) -> None:
    async def scenario(delivery: Delivery) -> None:
        committed = told = 0
        turns = asyncio.Semaphore(0)

        async def open_tasks() -> int:
            await turns.acquire()
            still_open = tasks - committed
            await turns.acquire()
            return still_open

        waiting = asyncio.ensure_future(delivery.workflow_ends("w", open_tasks))
        await settled()
        for step in [*steps, *["commit"] * tasks, *["tell"] * tasks, *["count"] * (4 * tasks + 8)]:
            if step == "commit":
                committed = min(tasks, committed + 1)
            elif step == "tell" and told < committed:
                told += 1
                delivery.publish([moved(f"t{told}", workflow_id="w")])
            elif step == "count":
                turns.release()
            await settled()
            assert committed == tasks or not waiting.done()
        assert waiting.done()

    run(scenario)


def test_whoever_waits_when_the_engine_fails_gets_the_fault() -> None:
    async def scenario(delivery: Delivery) -> None:
        done = delivery.task_ends(["a", "b"])
        workflow = asyncio.ensure_future(delivery.workflow_ends("w", counting(1)))
        ended = delivery.task_ends(["c"])
        await settled()
        delivery.publish([moved("c")])
        delivery.fail(FAULT)
        for waiting in (done, workflow):
            with pytest.raises(EngineFault, match="disk is full"):
                await waiting
        await ended

    run(scenario)


def test_whoever_comes_after_the_engine_failed_gets_the_fault() -> None:
    async def scenario(delivery: Delivery) -> None:
        delivery.fail(FAULT)
        with pytest.raises(EngineFault, match="disk is full"):
            await delivery.task_ends(["a"])
        with pytest.raises(EngineFault, match="disk is full"):
            await delivery.workflow_ends("w", counting(1))
        assert await read_out(delivery.watch()) == []

    run(scenario)


def test_a_workflow_that_had_ended_before_the_engine_failed_has_ended() -> None:
    async def scenario(delivery: Delivery) -> None:
        delivery.fail(FAULT)
        await delivery.workflow_ends("w", counting(0))

    run(scenario)


def test_a_fault_that_nobody_waits_for_any_more_leaves_no_warning() -> None:
    async def scenario(delivery: Delivery) -> None:
        delivery.task_ends(["a"])
        delivery.fail(FAULT)
        delivery.task_ends(["a"])

    run(scenario)


def test_a_watcher_sees_every_move_from_its_beginning_to_its_close_in_order() -> None:
    async def scenario(delivery: Delivery) -> None:
        delivery.publish([moved("a", seq=1)])
        watcher = delivery.watch()
        delivery.publish([moved("a", TaskState.READY, seq=2), moved("b", seq=3)])
        reading = asyncio.ensure_future(read_out(watcher))
        await settled()
        delivery.publish([moved("c", seq=4)])
        await settled()
        assert not reading.done()
        delivery.publish([moved("d", seq=5)])
        watcher.close()
        delivery.publish([moved("e", seq=6)])
        assert await reading == [2, 3, 4, 5]

    run(scenario)


def test_each_watcher_sees_everything_for_itself() -> None:
    async def scenario(delivery: Delivery) -> None:
        watchers = [delivery.watch(), delivery.watch()]
        delivery.publish([moved("a", seq=1)])
        watchers[0].close()
        delivery.publish([moved("b", seq=2)])
        watchers[1].close()
        assert [await read_out(watcher) for watcher in watchers] == [[1], [1, 2]]

    run(scenario)


def test_a_slow_watcher_loses_the_oldest_and_holds_nobody_up() -> None:
    async def scenario(delivery: Delivery) -> None:
        slow = delivery.watch()
        done = delivery.task_ends(["last"])
        delivery.publish([moved("a", TaskState.READY, seq=seq) for seq in range(BACKLOG + 5)])
        delivery.publish([moved("last", seq=BACKLOG + 5)])
        await done
        slow.close()
        assert await read_out(slow) == list(range(6, BACKLOG + 6))

    run(scenario)


def test_a_watcher_is_closed_by_a_fault_after_what_had_arrived() -> None:
    async def scenario(delivery: Delivery) -> None:
        watcher = delivery.watch()
        delivery.publish([moved("a", seq=1)])
        delivery.fail(FAULT)
        assert await read_out(watcher) == [1]

    run(scenario)


def test_nothing_is_kept_of_waits_that_are_over() -> None:
    async def scenario(delivery: Delivery) -> None:
        delivery.task_ends(["a", "b"])
        delivery.publish([moved("a"), moved("b")])
        await delivery.workflow_ends("w", counting(0))
        cancelled = asyncio.ensure_future(delivery.workflow_ends("v", counting(1)))
        await settled()
        cancelled.cancel()
        await settled()
        delivery.watch().close()
        kept = [value for value in vars(delivery).values() if isinstance(value, (dict, set))]
        assert kept == [{}, {}, set()]

    run(scenario)
