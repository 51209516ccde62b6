"""What a run came to: a table, what went wrong and what to do about it, and which limits did not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from holdfast.app.store import Store
from holdfast.cli.columns import Cell, Column, table
from holdfast.cli.frame import STYLES
from holdfast.cli.terminal import Terminal, wrapped
from holdfast.cli.words import count, duration, one_line, size
from holdfast.model.attempt import Attempt
from holdfast.model.limits import Enforcement
from holdfast.model.outcome import OutcomeKind
from holdfast.model.task import Task, TaskState

TABLE_ROWS: Final = 40
"""Up to so many tasks, the table has them all; of more, only those that ran and did not succeed, at most so many."""

LOOKED_AT: Final = 1000
"""The attempts of at most so many tasks are looked at for limits that did not hold."""

FAULTS_SHOWN: Final = 12
NAMES_SHOWN: Final = 4
_REST: Final = (
    TaskState.FAILED,
    TaskState.CANCELLED,
    TaskState.RUNNING,
    TaskState.READY,
    TaskState.WAITING,
    TaskState.HELD,
)
_COLUMNS: Final = (
    Column("", gap=1),
    Column("task", cut=True),
    Column("outcome"),
    Column("time", rank=1, right=True),
    Column("peak memory", rank=2, right=True),
    Column("attempts", rank=3, right=True),
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A task with its attempts, as the store has them now."""

    task: Task
    attempts: tuple[Attempt, ...]

    @property
    def name(self) -> str:
        return self.task.name or self.task.id

    @property
    def end(self) -> str:
        """How it ended, or where it stands: `succeeded`, `timed_out`, `running`."""
        task = self.task
        return task.outcome.kind.value if task.state.final and task.outcome is not None else task.state.value

    @property
    def wall_s(self) -> float | None:
        """Time in attempts, over all of them."""
        spent = [each.usage.wall_s for each in self.attempts if each.usage is not None]
        return sum(spent) if spent else None

    @property
    def memory_bytes(self) -> int | None:
        """The highest peak of its attempts."""
        peaks = [each.usage.memory_bytes for each in self.attempts if each.usage is not None]
        return max((peak for peak in peaks if peak is not None), default=None)

    @property
    def unenforced(self) -> tuple[Enforcement, ...]:
        """The limits that were asked for and did not hold, in the last attempt."""
        return tuple(each for each in self.attempts[-1].enforcement if not each.enforced) if self.attempts else ()


def tell(store: Store, tasks: Sequence[Task], terminal: Terminal, *, quiet: bool = False) -> None:
    """The parts of a summary in which there is something to say, an empty line after each; quiet, only the faults."""
    if quiet:
        terminal.print(faults(tasks, terminal))
        return
    looked_at = looked_at_of(tasks)
    ended = [Ended(task, store.attempts(task.id)) for task in looked_at]
    shown = {task.id for task in shown_of(tasks)}
    rows = ended_table([each for each in ended if each.task.id in shown], terminal)
    for part in (rows, faults(tasks, terminal), unenforced(ended, terminal, every=len(looked_at) == len(tasks))):
        if part:
            terminal.print([*part, Text()])


def shown_of(tasks: Sequence[Task]) -> list[Task]:
    """Those in the table: all of a few, of many those that failed; none of one, as the last line tells of it."""
    if len(tasks) <= TABLE_ROWS:
        return list(tasks) if len(tasks) > 1 else []
    failed = [task for task in tasks if task.state is TaskState.FAILED]
    others = [task for task in tasks if task.state not in (TaskState.FAILED, TaskState.SUCCEEDED) and task.attempts]
    return [*failed, *others][:TABLE_ROWS]


def looked_at_of(tasks: Sequence[Task]) -> list[Task]:
    """Those whose attempts are looked at: those shown, and the first of the others."""
    shown = shown_of(tasks)
    known = {task.id for task in shown}
    return [*shown, *(task for task in tasks if task.id not in known)][:LOOKED_AT]


def ended_table(ended: Sequence[Ended], terminal: Terminal) -> list[Text]:
    """Task, outcome, time, peak memory, attempts."""
    if not ended:
        return []
    rows = [_row(each, terminal) for each in ended]
    return table(_COLUMNS, rows, terminal.width, terminal.glyphs.cut)


def faults(tasks: Iterable[Task], terminal: Terminal) -> list[Text]:
    """For each way in which tasks failed: which, what went wrong, and what to do next. Alike ones are told together."""
    groups: dict[tuple[str, str], list[Task]] = {}
    for task in tasks:
        outcome = task.outcome
        if outcome is not None and outcome.kind is not OutcomeKind.SUCCEEDED:
            groups.setdefault((outcome.kind.value, why(task)), []).append(task)
    lines: list[Text] = []
    first_failed = sorted(groups.values(), key=lambda alike: alike[0].state is not TaskState.FAILED)
    for alike in first_failed[:FAULTS_SHOWN]:
        lines += _fault(alike, terminal)
    if len(groups) > FAULTS_SHOWN:
        lines.append(Text(f"and {len(groups) - FAULTS_SHOWN} other ways of failing", "dim"))
    return lines


def why(task: Task) -> str:
    """What went wrong, in one line; of a cancel, also what it was asked for."""
    message = "" if task.outcome is None else one_line(task.outcome.message)
    reason = one_line(task.cancel_reason or "") if task.state is TaskState.CANCELLED else ""
    return f"{message}: {reason}" if reason and reason not in message else message


def unenforced(ended: Iterable[Ended], terminal: Terminal, *, every: bool = True) -> list[Text]:
    """Which limits were asked for and did not hold, and why; `every` says whether these are all tasks there are."""
    tasks: Counter[tuple[str, str]] = Counter()
    for each in ended:
        tasks.update({(one.limit, one.by) for one in each.unenforced})
    lines: list[Text] = []
    for (limit, by), number in sorted(tasks.items()):
        text = Text(f"! {limit}: advisory for {'' if every else 'at least '}{count(number, 'task')}", "yellow")
        text.append(f", {_why(by)}", "default")
        lines += wrapped(text, terminal.width, indent=2)
    if lines:
        lines += wrapped(Text("  `holdfast doctor` says how to have it enforced.", "dim"), terminal.width, indent=2)
    return lines


def _why(by: str) -> str:
    return "as nothing enforces it here" if by in ("", "nothing") else one_line(by)


def tally(states: Mapping[TaskState, int]) -> str:
    """`5 of 7 tasks succeeded, 1 failed, 1 cancelled`."""
    total = sum(states.values())
    parts = [f"{states.get(TaskState.SUCCEEDED, 0):,} of {count(total, 'task')} succeeded"]
    return ", ".join([*parts, *(f"{states[state]:,} {state}" for state in _REST if states.get(state))])


def _row(each: Ended, terminal: Terminal) -> list[Cell]:
    style = STYLES.get(each.task.state, "dim")
    signs = {
        TaskState.SUCCEEDED: terminal.glyphs.succeeded,
        TaskState.FAILED: terminal.glyphs.failed,
        TaskState.CANCELLED: terminal.glyphs.cancelled,
        TaskState.RUNNING: terminal.glyphs.running,
    }
    return [
        (signs.get(each.task.state, terminal.glyphs.waiting), style),
        each.name,
        (each.end, style),
        duration(each.wall_s),
        size(each.memory_bytes),
        _tries(each.task),
    ]


def _tries(task: Task) -> str:
    most = task.spec.retry.max_attempts
    return f"{task.attempts}/{most}" if most > 1 and task.attempts else str(task.attempts)


def _fault(alike: Sequence[Task], terminal: Terminal) -> list[Text]:
    first = alike[0]
    names = ", ".join(task.name or task.id for task in alike[:NAMES_SHOWN])
    more = f" and {len(alike) - NAMES_SHOWN:,} more" if len(alike) > NAMES_SHOWN else ""
    sign = terminal.glyphs.cancelled if first.state is TaskState.CANCELLED else terminal.glyphs.failed
    text = Text(f"{sign} {names}{more}: ", STYLES.get(first.state, "")).append(why(first), "default")
    lines = wrapped(text, terminal.width, indent=2)
    for step in () if first.outcome is None else first.outcome.next_steps:
        step = one_line(step).replace("`holdfast logs`", f"`holdfast logs {first.id}`")
        lines += wrapped(Text(f"  {step}", "dim"), terminal.width, indent=2)
    return lines
