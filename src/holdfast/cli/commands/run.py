"""`holdfast run`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass

import click
from rich.text import Text

from holdfast.app.engine import AsyncEngine
from holdfast.app.orders import Order
from holdfast.app.store import Store
from holdfast.cli import options
from holdfast.cli.drive import Drive
from holdfast.cli.interrupts import Interrupts
from holdfast.cli.output import emit_json
from holdfast.cli.request import read_request
from holdfast.cli.summary import Ended, tally, tell
from holdfast.cli.terminal import Terminal
from holdfast.cli.track import Track
from holdfast.cli.view import View, view_for
from holdfast.cli.words import count, duration, size
from holdfast.model.json import Json
from holdfast.model.limits import Level
from holdfast.model.task import Task, TaskState
from holdfast.wire.parse import Parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of `holdfast run`."""

    file: str
    inputs: tuple[str, ...]
    isolation: str | None
    workers: int | None
    cpus: float | None
    memory: str | None
    store: str | None
    fresh: bool
    as_json: bool
    quiet: bool


@dataclass(frozen=True, slots=True)
class Work:
    """What was admitted, where it comes from, and how it is to be run."""

    parsed: Parsed
    folder: str
    asked: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of it. `status` is that of the signal which ended it; `document` is there where it was asked for."""

    order: Order
    tasks: tuple[Task, ...]
    took_s: float
    status: int | None
    document: Json


@click.command("run")
@click.argument("file", type=click.Path(exists=False, allow_dash=True), metavar="FILE")
@click.option("--set", "inputs", multiple=True, metavar="KEY=VALUE", help="An input of the workflow; repeatable.")
@click.option("--isolation", type=click.Choice([each.value for each in Level]), help="For tasks that ask for none.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="At most so many tasks at once.")
@click.option("--cpus", type=float, metavar="N", help="Processors to hand out. [default: this host's]")
@click.option("--memory", metavar="SIZE", help="Memory to hand out, like 4GB. [default: this host's]")
@options.store
@click.option("--fresh", is_flag=True, help="Start anew what the store holds already.")
@options.as_json
@click.option("--quiet", is_flag=True, help="Show no progress: only errors and the last line.")
@options.gathered(Asked)
def command(asked: Asked) -> int:
    """Run a task, several tasks or a workflow, and wait for the end.

    FILE is a task envelope, a list of them or a workflow, in JSON, YAML or TOML; - is stdin.

    An interrupted run of the same workflow is continued, and a task whose end the store holds is not run again, unless
    --fresh. The result of a single task goes to stdout as JSON; everything for people goes to stderr.

    Exit status: 0 all succeeded, 1 a task failed or was cancelled, 2 refused, 3 a fault of Holdfast, 130 interrupted.
    """
    request = read_request(asked.file, asked.inputs)
    engine = AsyncEngine(
        asked.store,
        workers=asked.workers,
        cpus=asked.cpus,
        memory=asked.memory,
        isolation=asked.isolation,
        folder=request.folder,
    )
    parsed = engine.read(request.document)
    terminal = Terminal(sys.stderr)
    work = Work(parsed, str(request.folder), asked)
    done = asyncio.run(_carry_through(engine, work, view_for(terminal, quiet=asked.quiet)))
    with Store(engine.store) as store:
        _summarise(store, done, terminal, quiet=asked.quiet)
        _answer(store, done, as_json=asked.as_json)
    if done.status is not None:
        return done.status
    return 0 if all(task.state is TaskState.SUCCEEDED for task in done.tasks) else 1


async def _carry_through(engine: AsyncEngine, work: Work, view: View) -> Done:
    with Interrupts() as interrupts:
        async with engine:
            watcher = engine.watch()
            began = time.time()
            order = await engine.place(work.parsed, work.folder, fresh=work.asked.fresh)
            track = Track(await engine.tasks_of(order))
            for line in _opening(order, track):
                view.say(line)
            drive = Drive(
                engine=engine,
                order=order,
                watcher=watcher,
                view=view,
                interrupts=interrupts,
                track=track,
                began=began,
            )
            await drive.to_the_end()
            return Done(
                order=order,
                tasks=await engine.tasks_of(order),
                took_s=time.time() - began,
                status=interrupts.status,
                document=await engine.document(order) if work.asked.as_json else None,
            )


def _opening(order: Order, track: Track) -> list[Text]:
    """What a person should know before the first task starts."""
    lines: list[Text] = []
    if order.workflow_id is not None:
        again = (
            f"Continuing the interrupted run of {order.workflow_name}" if order.continued else f"{order.workflow_name}"
        )
        done = f", {track.ended:,} of them ended before" if order.continued and track.ended else ""
        lines.append(Text(again, "bold").append(f"  {order.workflow_id}: {count(track.total, 'task')}{done}", "dim"))
        if order.continued:
            lines.append(Text("--fresh starts anew instead.", "dim"))
    elif len(order.known) == 1:
        row = track.rows[next(iter(order.known))]
        if row.state.final:
            lines.append(Text(f"{row.name} is already done: this is its recorded end. --fresh starts anew.", "yellow"))
        else:
            lines.append(Text(f"Continuing {row.name}, which was interrupted.", "yellow"))
    elif order.known:
        text = (
            f"{len(order.known):,} of {count(track.total, 'task')} are in the store already. --fresh starts them anew."
        )
        lines.append(Text(text, "yellow"))
    return lines


def _summarise(store: Store, done: Done, terminal: Terminal, *, quiet: bool) -> None:
    if len(done.tasks) > 1 and not quiet and not terminal.moves:
        terminal.say()
    tell(store, done.tasks, terminal, quiet=quiet)
    good = all(task.state is TaskState.SUCCEEDED for task in done.tasks)
    sign = terminal.glyphs.succeeded if good else terminal.glyphs.failed
    last = Text(f"{sign} ", "bold green" if good else "bold red").append_text(_last_line(store, done))
    terminal.say(last if done.status is None else last.append(", interrupted", "yellow"))
    some_id = done.order.workflow_id or (done.tasks[0].id if len(done.tasks) == 1 else None)
    if not good and not quiet and some_id is not None:
        terminal.say(f"  `holdfast status {some_id}` shows this again.", "dim")


def _last_line(store: Store, done: Done) -> Text:
    """What the run came to, in one line."""
    style = "bold"
    if done.order.workflow_id is None and len(done.tasks) == 1:
        only = Ended(done.tasks[0], store.attempts(done.tasks[0].id))
        line = Text(f"{only.name} {only.end}", style)
        if only.wall_s is not None:
            line.append(f" in {duration(only.wall_s)}", "default")
        if only.memory_bytes is not None:
            line.append(f", peak memory {size(only.memory_bytes)}", "default")
        return line
    states = Counter(task.state for task in done.tasks)
    name = f"{done.order.workflow_name}: " if done.order.workflow_name else ""
    return Text(f"{name}{tally(states)}", style).append(f" in {duration(done.took_s)}", "default")


def _answer(store: Store, done: Done, *, as_json: bool) -> None:
    """What goes to stdout: the document that was asked for, or the result of a single task, so that pipes work."""
    if as_json:
        emit_json(done.document)
    elif done.order.single and done.tasks[0].state is TaskState.SUCCEEDED:
        emit_json(store.value(done.tasks[0]))
