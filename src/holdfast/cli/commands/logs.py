"""`holdfast logs`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click

from holdfast.app.store import Store, Stream
from holdfast.cli import options
from holdfast.cli.find import complete_id, find
from holdfast.cli.follow import Follower
from holdfast.cli.output import emit, shown
from holdfast.cli.terminal import Terminal
from holdfast.cli.words import count
from holdfast.model.attempt import Attempt
from holdfast.model.task import Task

STREAMS: Final[Sequence[Stream]] = ("stdout", "stderr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of `holdfast logs`."""

    some_id: str
    follow: bool
    attempt: int | None
    stream: Stream | None
    store: str | None


@click.command("logs")
@click.argument("some_id", metavar="ID", shell_complete=complete_id)
@click.option("-f", "--follow", is_flag=True, help="Go on while the task runs, until it has ended.")
@click.option("--attempt", type=click.IntRange(min=1), metavar="N", help="Of this attempt. [default: the last]")
@click.option("--stream", type=click.Choice(STREAMS), help="Only this one, to stdout.")
@options.store
@options.gathered(Asked)
def command(asked: Asked) -> int:
    """Print what a task wrote to stdout and stderr.

    Its stdout goes to stdout, its stderr to stderr; of a workflow, those of every task. On a terminal, control
    characters are written out; into a file or a pipe go the bytes as they are.
    """
    with Store(asked.store) as store:
        found = find(store, asked.some_id)
        if isinstance(found, Task):
            if asked.follow:
                return Follower(store, found.id, streams_of(asked.stream), Writer(asked.stream)).to_the_end()
            _print_task(store, found, asked)
            return 0
        if asked.follow:
            raise click.UsageError(
                f"`{asked.some_id}` is a workflow: -f follows one task, such as {asked.some_id}.NAME"
            )
        for task in store.workflow_tasks(found.id):
            if task.attempts:
                Terminal(sys.stderr).say(f"==> {task.name} ({task.state}) <==", "bold")
                _print_task(store, task, asked)
    return 0


def streams_of(only: Stream | None) -> Sequence[Stream]:
    """The one asked for, or both."""
    return STREAMS if only is None else (only,)


class Writer:
    """Sends each stream of a task where it belongs."""

    def __init__(self, only: Stream | None) -> None:
        self._only = only

    def __call__(self, stream: Stream, data: bytes) -> None:
        """Write bytes of a task's stream. Raises ReaderGone."""
        to = sys.stdout if stream == "stdout" or self._only is not None else sys.stderr
        if data:
            emit(shown(data) if to.isatty() else data, to.buffer)


def _print_task(store: Store, task: Task, asked: Asked) -> None:
    terminal = Terminal(sys.stderr)
    attempts = store.attempts(task.id)
    chosen = [each for each in attempts if asked.attempt in (None, each.number)][-1:]
    if not chosen:
        said = count(len(attempts), "attempt")
        raise click.UsageError(f"task `{task.id}` has had {said}" + (f", not {asked.attempt}" if asked.attempt else ""))
    write = Writer(asked.stream)
    for stream in streams_of(asked.stream):
        data = store.output(task.id, stream, chosen[0].number)
        write(stream, data)
        _close_line(terminal, data)
    _say_truncated(terminal, chosen[0], streams_of(asked.stream))
    if not task.state.final and asked.attempt is None and chosen[0].ended_at is None:
        terminal.say(f"attempt {chosen[0].number} still runs: `holdfast logs -f {task.id}` shows it", "dim")


def _close_line(terminal: Terminal, data: bytes) -> None:
    """What follows on a terminal begins on a line of its own."""
    if data and not data.endswith(b"\n") and terminal.tty and sys.stdout.isatty():
        terminal.say()


def _say_truncated(terminal: Terminal, attempt: Attempt, streams: Sequence[Stream]) -> None:
    for stream in streams:
        content = attempt.stdout if stream == "stdout" else attempt.stderr
        if content is not None and content.truncated:
            kept, total = f"{content.size:,}", f"{content.total:,}"
            terminal.say(
                f"{stream} was cut to {kept} of {total} bytes: raise `resources.output_limit` to keep more", "dim"
            )
