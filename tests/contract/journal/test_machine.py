"""Any history of moves: both journals answer alike, and the invariants hold after every step."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from contract.journal.invariants import check_records, finals_absorb
from contract.journal.world import ROOMY, Bench, new, workflow
from holdfast.journal.memory import MemoryJournal
from holdfast.journal.sqlite.store import SqliteJournal
from holdfast.model.attempt import Attempt, AttemptRef, AttemptState, Claim
from holdfast.model.errors import HoldfastError, Refused, StaleAttempt
from holdfast.model.limits import Capacity
from holdfast.model.outcome import FAULTS, Fault, OutcomeKind
from holdfast.model.task import NewTask, Task, TaskState

SESSIONS = st.sampled_from(["", "one", "two"])
WORKFLOWS = st.sampled_from([None, "w0", "w1"])
KINDS = st.sampled_from([*OutcomeKind, OutcomeKind.SUCCEEDED, OutcomeKind.SUCCEEDED, OutcomeKind.SUCCEEDED])
ROOMS = st.builds(
    Capacity, cpus=st.sampled_from([0.5, 2.0, 3.0, 50.0]), memory_bytes=st.just(10), slots=st.sampled_from([1, 2, 50])
)


def without_epoch(answer: Any) -> Any:
    """An answer as both journals have to give it: epochs are each one's own."""
    match answer:
        case tuple() | list():
            return [without_epoch(part) for part in answer]
        case AttemptRef() | Attempt():
            return dataclasses.replace(answer, epoch=0)
        case Claim():
            return dataclasses.replace(answer, ref=without_epoch(answer.ref))
        case Refused():
            return type(answer), [(problem.code, problem.path) for problem in answer.problems]
        case HoldfastError():
            return type(answer), str(answer)
        case _:
            return answer


class Histories(RuleBasedStateMachine):
    """Two journals side by side, given the same moves."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.now = [100.0]
        self.memory = Bench(MemoryJournal(now=lambda: self.now[0]), self.runner, self.now)
        self.sqlite = self._opened()
        self.submitted: dict[str, NewTask] = {}
        self.live: dict[int, tuple[Claim, Claim]] = {}
        self.ended: list[tuple[Claim, Claim]] = []
        self.woken_at = 0.0
        self.seen: tuple[Task, ...] = ()

    def _opened(self) -> Bench:
        journal = self.runner.run(SqliteJournal.open(self.folder.name, now=lambda: self.now[0]))
        return Bench(journal, self.runner, self.now)

    def _closed(self) -> None:
        assert isinstance(self.sqlite.journal, SqliteJournal)
        self.runner.run(self.sqlite.journal.close())

    def both(self, move: Callable[[Bench], Any]) -> tuple[Any, Any]:
        """Make a move in both, or meet the same refusal; the two answers, which are alike."""
        answers = []
        for bench in (self.memory, self.sqlite):
            try:
                answers.append(move(bench))
            except HoldfastError as error:
                answers.append(error)
        assert without_epoch(answers[0]) == without_epoch(answers[1])
        return answers[0], answers[1]

    def write(self, pair: tuple[Claim, Claim], move: Callable[[Bench, Claim], Any]) -> Any:
        """A write about an attempt, each journal given its own claim of it."""
        return self.both(lambda bench: move(bench, pair[0] if bench is self.memory else pair[1]))[1]

    def some(self, data: st.DataObject, most: int = 3) -> list[str]:
        known = sorted(self.submitted)
        return data.draw(st.lists(st.sampled_from(known), max_size=most)) if known else []

    # --- moves ------------------------------------------------------------------------------------------------------

    @rule(data=st.data(), size=st.integers(1, 4), session=SESSIONS, flow=WORKFLOWS)
    def submit(self, data: st.DataObject, size: int, session: str, flow: str | None) -> None:
        names = [f"t{len(self.submitted) + index}" for index in range(size)]
        tasks = [
            new(
                name,
                *self.some(data, 2),
                *data.draw(st.lists(st.sampled_from(names[:index]), max_size=2) if index else st.just([])),
                cpus=data.draw(st.sampled_from([0.5, 1.0, 2.0])),
                memory_bytes=data.draw(st.sampled_from([0, 4, 10])),
                max_attempts=data.draw(st.integers(1, 3)),
                not_before=data.draw(st.sampled_from([None, None, self.now[0], self.now[0] + 7.0])),
            )
            for index, name in enumerate(names)
        ]
        given = data.draw(st.permutations(tasks))
        place = None if flow is None else workflow(flow)
        _, answer = self.both(lambda bench: bench.submit(*given, session=session, workflow=place))
        assert not isinstance(answer, Exception)
        self.submitted |= {task.id: task for task in tasks}

    @precondition(lambda self: self.submitted)
    @rule(data=st.data(), session=SESSIONS, other=st.booleans())
    def submit_again(self, data: st.DataObject, session: str, other: bool) -> None:
        tasks = [self.submitted[name] for name in self.some(data)]
        if other:
            tasks = [dataclasses.replace(task, digest="other") for task in tasks]
        _, answer = self.both(lambda bench: bench.submit(*tasks, session=session))
        assert isinstance(answer, Refused) == (other and bool(tasks))

    @rule(data=st.data(), need=st.sampled_from(["ghost", "x1", "x2"]))
    def submit_what_cannot_be(self, data: st.DataObject, need: str) -> None:
        tasks = [new("x1", "x2", *self.some(data, 1)), new("x2", need)]
        self.both(lambda bench: bench.submit(*tasks, workflow=workflow("w0", digest="c" * 64)))

    @rule(session=SESSIONS, flow=st.sampled_from(["w0", "w1", "ghost"]))
    def take_over(self, session: str, flow: str) -> None:
        self.both(lambda bench: bench.submit(session=session, take_over=flow))

    @rule(total=ROOMS, session=st.none() | SESSIONS, later=st.sampled_from([0.0, 1.0, 11.0]))
    def claim(self, total: Capacity, session: str | None, later: float) -> None:
        self.now[0] += later
        answers = self.both(lambda bench: bench.claim(total, self.now[0], session))
        for pair in zip(*answers, strict=True):
            self.live[pair[1].ref.id] = pair
        if answers[1]:
            self.fits(total)

    def fits(self, total: Capacity) -> None:
        """Invariant 14: what runs after a claim fits into what there is, by the rows."""
        running = [self.submitted[task.id] for task in self.sqlite.tasks(states=(TaskState.RUNNING,))]
        assert sum(min(task.cpus, total.cpus) for task in running) <= total.cpus
        assert sum(task.memory_bytes for task in running) <= total.memory_bytes
        assert len(running) <= total.slots

    @precondition(lambda self: self.live)
    @rule(data=st.data(), state=st.sampled_from(AttemptState))
    def advance(self, data: st.DataObject, state: AttemptState) -> None:
        pair = self.live[data.draw(st.sampled_from(sorted(self.live)))]
        self.write(pair, lambda bench, claim: bench.advance(claim, state, self.now[0]))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), kind=KINDS, again=st.booleans(), delay=st.sampled_from([0.0, 5.0]))
    def finish(self, data: st.DataObject, kind: OutcomeKind, again: bool, delay: float) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.live))), kind, delay if again else None)

    def end(self, attempt: int, kind: OutcomeKind, delay: float | None) -> None:
        pair = self.live.pop(attempt)
        claim, at = pair[1], self.now[0]
        budget = FAULTS[kind] is Fault.ENGINE or claim.spent + 1 < claim.spec.retry.max_attempts
        retry_at = at + delay if delay is not None and budget and kind is not OutcomeKind.SUCCEEDED else None
        answer = self.write(pair, lambda bench, claim: bench.finish(claim, kind, at, retry_at=retry_at))
        assert not isinstance(answer, Exception)
        self.ended.append(pair)

    @precondition(lambda self: self.live or self.ended)
    @rule(data=st.data(), epoch=st.sampled_from([-1, 1]), finish=st.booleans())
    def write_without_the_right_to(self, data: st.DataObject, epoch: int, finish: bool) -> None:
        """Invariant 6: whoever lost the attempt, or never had it, changes nothing."""
        pair = data.draw(st.sampled_from([*self.live.values(), *self.ended]))
        if pair not in self.ended:
            pair = tuple(
                dataclasses.replace(one, ref=dataclasses.replace(one.ref, epoch=one.ref.epoch + epoch)) for one in pair
            )
        before = self.everything(self.sqlite)
        answer = self.write(pair, lambda bench, claim: bench.finish(claim) if finish else bench.advance(claim))
        assert isinstance(answer, StaleAttempt)
        assert self.everything(self.sqlite) == before

    @rule(data=st.data(), ghost=st.sampled_from([False, False, False, True]))
    def cancel(self, data: st.DataObject, ghost: bool) -> None:
        names = [*self.some(data), *(["ghost"] if ghost else [])]
        self.both(lambda bench: bench.cancel(*names, now=self.now[0]))

    @rule(later=st.sampled_from([0.0, 3.0, 6.0]))
    def wake(self, later: float) -> None:
        self.now[0] += later
        self.woken_at = self.now[0]
        self.both(lambda bench: bench.wake(self.now[0]))

    @rule()
    def reopen(self) -> None:
        """The engine dies; the next one takes its attempts over, and the old claims are worth nothing."""
        self._closed()
        self.sqlite = self._opened()
        orphans = {claim.ref.id: claim for claim in self.runner.run(self.sqlite.journal.orphans())}
        assert without_epoch(list(orphans.values())) == without_epoch([self.live[one][1] for one in sorted(self.live)])
        for attempt, (memory, old) in self.live.items():
            with pytest.raises(StaleAttempt):
                self.sqlite.finish(old)
            self.live[attempt] = memory, orphans[attempt]

    @rule(data=st.data(), limit=st.integers(0, 4), flow=WORKFLOWS)
    def look(self, data: st.DataObject, limit: int, flow: str | None) -> None:
        states = tuple(data.draw(st.lists(st.sampled_from(TaskState), max_size=3)))
        before = data.draw(st.sampled_from([None, "ghost", *self.submitted]))
        self.both(lambda bench: bench.tasks(states=states, workflow_id=flow, limit=limit, before=before))
        name = data.draw(st.sampled_from([None, "ghost", *self.submitted]))
        after = data.draw(st.integers(0, 40))
        self.both(lambda bench: bench.events(task_id=name, workflow_id=flow, after=after, limit=limit))
        ended = data.draw(st.sampled_from([None, True, False]))
        self.both(lambda bench: bench.workflows(id=flow, limit=limit, ended=ended))

    # --- what always holds ------------------------------------------------------------------------------------------

    @staticmethod
    def everything(bench: Bench) -> tuple[Any, ...]:
        tasks = bench.tasks()
        attempts = [bench.attempts(task.id) for task in tasks]
        return tasks, attempts, bench.events(limit=10_000), bench.workflows()

    @invariant()
    def all_is_well(self) -> None:
        assert without_epoch(self.everything(self.memory)) == without_epoch(self.everything(self.sqlite))
        check_records(self.sqlite)
        tasks = self.sqlite.tasks()
        finals_absorb(self.seen, tasks)
        self.seen = tasks
        self.nothing_is_stuck()

    def nothing_is_stuck(self) -> None:
        """Invariant 9: who waits, waits for a need that can still succeed, or for a time to come."""
        tasks = {task.id: task for task in self.seen}
        running = {pair[1].ref.task_id for pair in self.live.values()}
        assert running == {task.id for task in self.seen if task.state is TaskState.RUNNING}
        for task in self.seen:
            if task.state is TaskState.WAITING:
                open_needs = [tasks[need] for need in self.submitted[task.id].needs if not succeeded(tasks[need])]
                assert not any(need.state.final for need in open_needs), "a need has failed"
                assert open_needs or ((task.due_at is not None and task.due_at > self.woken_at) or self.later(task))

    def later(self, task: Task) -> bool:
        """Whether a task came to wait only after the last waking."""
        last = self.sqlite.events(task_id=task.id, limit=10_000)[-1]
        return last.at >= self.woken_at

    def teardown(self) -> None:
        """Invariant 9, to the end: whatever was left, waking, claiming and finishing ends every task."""
        try:
            for _ in range(4 * len(self.submitted) + 4):
                self.now[0] += 10.0
                self.wake(0.0)
                self.claim(ROOMY, None, 0.0)
                for attempt in list(self.live):
                    self.end(attempt, OutcomeKind.ERRORED, 0.0)
                held = [task.id for task in self.sqlite.tasks(states=(TaskState.HELD,))]
                self.both(lambda bench, held=held: bench.cancel(*held, now=self.now[0]))
            self.seen = self.sqlite.tasks()
            assert all(task.state.final for task in self.sqlite.tasks(limit=10_000))
            self.all_is_well()
        finally:
            self._closed()
            self.runner.close()
            self.folder.cleanup()


def succeeded(task: Task) -> bool:
    return task.state is TaskState.SUCCEEDED


def explore(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_any_history_keeps_the_invariants_and_both_journals_alike() -> None:
    explore(examples=40, steps=25)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_many_long_histories_keep_the_invariants_and_both_journals_alike() -> None:
    explore(examples=1000, steps=60)
