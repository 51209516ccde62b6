"""The one place that knows which adapter stands behind each port."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from holdfast.agents.command import CommandAgent
from holdfast.agents.preset import PresetAgent
from holdfast.agents.python import PythonAgent
from holdfast.app.admission import Admission
from holdfast.app.clock import SystemClock
from holdfast.app.config import AgentDeclaration
from holdfast.app.orders import Desk
from holdfast.app.report import Shelf
from holdfast.app.settings import MEMORY_STORE, Settings
from holdfast.blobs.directory import DirectoryBlobs
from holdfast.blobs.memory import MemoryBlobs
from holdfast.dispatch.local import LocalDispatcher
from holdfast.journal.memory import MemoryJournal
from holdfast.journal.sqlite.reader import SqliteReader
from holdfast.journal.sqlite.store import SqliteJournal, open_reader
from holdfast.model.errors import EngineFault, Problem, Refused
from holdfast.model.event import EventKind
from holdfast.model.limits import Level
from holdfast.model.query import Moved
from holdfast.ports import Agent, Blobs, Journal, Sandbox
from holdfast.sandbox.crew import Crew
from holdfast.sandbox.probe import found_here
from holdfast.sandbox.process import ProcessSandbox
from holdfast.sandbox.sealed import LinuxSandbox
from holdfast.worker.deliver import Delivery
from holdfast.worker.rooms import Rooms
from holdfast.worker.supervise import Supervisor
from holdfast.worker.worker import Worker

BLOBS_FOLDER: Final = "blobs"
SCRATCH_FOLDER: Final = "scratch"

LEVELS: Final = frozenset({Level.PROCESS, Level.SANDBOX})
"""The isolation levels that there are, though not on every host."""


@dataclass(slots=True, kw_only=True)
class Opened:
    """An engine with its rooms open."""

    rooms: Rooms
    desk: Desk
    shelf: Shelf
    supervisor: Supervisor
    delivery: Delivery
    worker: Worker
    rooms_open: AsyncExitStack

    async def cancel(self, task_ids: Sequence[str], reason: str, *, at_once: bool) -> Moved:
        """Record the cancels, then tell the attempts that run."""
        moved = await self.rooms.journal.cancel(task_ids, reason, self.rooms.clock.now())
        self.worker.note(moved)
        flagged = {event.task_id for event in moved.events if event.kind is EventKind.CANCEL_ASKED}
        running = {task_id for task_id, _, _ in self.supervisor.running()}
        for task_id in flagged | (running & set(task_ids)):
            self.supervisor.cancel(task_id, reason, at_once)
        return moved

    async def close(self) -> None:
        """Stop what runs, and release everything."""
        async with self.rooms_open:
            await self.worker.close()
            self.delivery.fail(EngineFault("the engine was closed before the work had ended"))


def admission_for(settings: Settings) -> Admission:
    """What an engine with these settings admits; nothing is opened for it. Raises Refused (configuration)."""
    return Admission(
        agents=agents_of(settings), levels=LEVELS, usual=settings.level, lacking=lacking, total=settings.total
    )


def lacking(level: Level) -> tuple[tuple[str, str, str], ...]:
    """What this level cannot do without and this host refuses: what, why, and what would mend it.

    It is found out by trying, once.
    """
    if level is not Level.SANDBOX:
        return ()
    return tuple((item.name, item.detail, item.remedy) for item in found_here().lacking)


async def open_engine(settings: Settings, admission: Admission) -> Opened:
    """Open every room. Raises StoreUnusable, EngineFault, or Refused (no such level here), with nothing left open."""
    problems = await asyncio.to_thread(admission.unavailable, settings.level, "isolation")
    if problems:
        raise Refused(problems)
    clock = SystemClock()
    async with AsyncExitStack() as undo:
        journal, blobs, scratch = await _open_store(settings.store, undo)
        hidden = () if settings.store == MEMORY_STORE else (settings.store,)
        dispatcher = LocalDispatcher(sandboxes_in(scratch, hidden), settings.level)
        undo.push_async_callback(dispatcher.close)
        await dispatcher.open()
        rooms = Rooms(
            journal=journal,
            blobs=blobs,
            dispatcher=dispatcher,
            agents=admission.agents,
            clock=clock,
            level=settings.level,
            total=settings.total,
        )
        return _staffed(rooms, admission, undo.pop_all())


def _staffed(rooms: Rooms, admission: Admission, rooms_open: AsyncExitStack) -> Opened:
    """The engine over its open rooms, with a session of its own."""
    session = secrets.token_hex(8)
    delivery = Delivery()
    supervisor = Supervisor(delivery)
    return Opened(
        rooms=rooms,
        desk=Desk(journal=rooms.journal, admission=admission, clock=rooms.clock, session=session),
        shelf=Shelf(rooms.journal, rooms.blobs),
        supervisor=supervisor,
        delivery=delivery,
        worker=Worker(rooms, supervisor, delivery, session),
        rooms_open=rooms_open,
    )


async def _open_store(store: str, undo: AsyncExitStack) -> tuple[Journal, Blobs, Path]:
    """The journal, the blobs, and the folder for what tasks need on disk while they run."""
    if store == MEMORY_STORE:
        scratch = tempfile.TemporaryDirectory(prefix="holdfast-")
        undo.callback(scratch.cleanup)
        return MemoryJournal(), MemoryBlobs(), Path(scratch.name)
    folder = Path(store)
    journal = await SqliteJournal.open(folder)
    undo.push_async_callback(journal.close)
    return journal, DirectoryBlobs(folder / BLOBS_FOLDER), folder / SCRATCH_FOLDER


def sandboxes_in(scratch: Path, hidden: tuple[str, ...] = ()) -> dict[Level, Sandbox]:
    """The sandboxes of this machine by level, weakest first, with a folder for what they need on disk.

    `hidden` are folders that no task of level `sandbox` is shown.
    """
    crew = Crew(scratch)
    return {Level.PROCESS: ProcessSandbox(crew=crew), Level.SANDBOX: LinuxSandbox(crew=crew, hidden=hidden)}


def agents_of(settings: Settings) -> Mapping[str, Agent]:
    """The agent types that are known: our own, and those that the configuration declares. Raises Refused."""
    agents: dict[str, Agent] = {
        "command": CommandAgent(settings.environment),
        "python": PythonAgent(settings.environment),
    }
    waiting = list(settings.agents)
    while ready := [declared for declared in waiting if _undeclarable(declared, agents) is None]:
        first = ready[0]
        agents[first.name] = PresetAgent(first.name, agents[first.base], first.context, first.folder)
        waiting.remove(first)
    if waiting:
        problems = (_undeclarable(declared, agents) for declared in waiting)
        raise Refused(problem for problem in problems if problem is not None)
    return MappingProxyType(agents)


def _undeclarable(declared: AgentDeclaration, known: Mapping[str, Agent]) -> Problem | None:
    path = f"agents.{declared.name}"
    if declared.name in known:
        return Problem(
            "config.agent_known", path, f"`{declared.name}` is an agent type already", "Choose another name."
        )
    if declared.base not in known:
        remedy = f"Known: {', '.join(sorted(known))}."
        return Problem("config.agent_type", f"{path}.type", f"no agent type `{declared.base}` is known", remedy)
    return None


def open_shelf(store: Path) -> tuple[SqliteReader, Shelf]:
    """A store, for reading only. Raises StoreUnusable."""
    reader = open_reader(store)
    return reader, Shelf(reader, DirectoryBlobs(store / BLOBS_FOLDER))
