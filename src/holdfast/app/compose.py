"""The one place that knows which adapter stands behind each port."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from holdfast.agents.command import CommandAgent
from holdfast.agents.preset import PresetAgent
from holdfast.agents.python import PythonAgent
from holdfast.app.clock import SystemClock
from holdfast.app.orders import Desk
from holdfast.app.report import Shelf
from holdfast.app.config import AgentDeclaration
from holdfast.app.settings import MEMORY_STORE, Settings
from holdfast.blobs.directory import DirectoryBlobs
from holdfast.blobs.memory import MemoryBlobs
from holdfast.dispatch.local import LocalDispatcher
from holdfast.journal.memory import MemoryJournal
from holdfast.journal.sqlite.reader import SqliteReader
from holdfast.journal.sqlite.store import SqliteJournal, open_reader
from holdfast.model.errors import Problem, Refused
from holdfast.model.event import EventKind
from holdfast.model.limits import Level
from holdfast.model.query import Moved
from holdfast.ports import Agent, Sandbox
from holdfast.sandbox.process import ProcessSandbox
from holdfast.worker.deliver import Delivery
from holdfast.worker.rooms import Rooms
from holdfast.worker.supervise import Supervisor
from holdfast.worker.worker import Worker

BLOBS_FOLDER: Final = "blobs"
SCRATCH_FOLDER: Final = "scratch"


@dataclass(slots=True, kw_only=True)
class Opened:
    """An engine with its rooms open."""

    rooms: Rooms
    desk: Desk
    shelf: Shelf
    supervisor: Supervisor
    delivery: Delivery
    worker: Worker
    journal: SqliteJournal | MemoryJournal
    scratch: tempfile.TemporaryDirectory[str] | None = None

    async def cancel(self, task_ids: Sequence[str], reason: str, *, at_once: bool) -> Moved:
        """Record the cancels, then tell the attempts that run."""
        moved = await self.journal.cancel(task_ids, reason, self.rooms.clock.now())
        self.worker.note(moved)
        flagged = {event.task_id for event in moved.events if event.kind is EventKind.CANCEL_ASKED}
        running = {task_id for task_id, _, _ in self.supervisor.running()}
        for task_id in flagged | (running & set(task_ids)):
            self.supervisor.cancel(task_id, reason, at_once)
        return moved

    async def close(self) -> None:
        """Stop what runs, and release everything."""
        try:
            await self.worker.close()
        finally:
            await self.rooms.dispatcher.close()
            await self.journal.close()
            if self.scratch is not None:
                self.scratch.cleanup()


async def open_engine(settings: Settings) -> Opened:
    """Open every room. Raises StoreUnusable, Refused (configuration) or EngineFault, with nothing left open."""
    agents = agents_of(settings)
    clock = SystemClock()
    scratch = None
    journal: SqliteJournal | MemoryJournal
    blobs: DirectoryBlobs | MemoryBlobs
    if settings.store == MEMORY_STORE:
        scratch = tempfile.TemporaryDirectory(prefix="holdfast-")
        journal, blobs, folder = MemoryJournal(), MemoryBlobs(), Path(scratch.name)
    else:
        journal = await SqliteJournal.open(Path(settings.store))
        blobs = DirectoryBlobs(Path(settings.store) / BLOBS_FOLDER)
        folder = Path(settings.store) / SCRATCH_FOLDER
    sandboxes = sandboxes_in(folder)
    dispatcher = LocalDispatcher(sandboxes)
    try:
        await dispatcher.open()
    except BaseException:
        await dispatcher.close()
        await journal.close()
        raise
    rooms = Rooms(
        journal=journal,
        blobs=blobs,
        dispatcher=dispatcher,
        agents=agents,
        clock=clock,
        level=settings.level,
        total=settings.total,
    )
    session = secrets.token_hex(8)
    delivery = Delivery()
    supervisor = Supervisor(delivery)
    return Opened(
        rooms=rooms,
        desk=Desk(
            journal=journal,
            agents=agents,
            levels=frozenset(sandboxes),
            total=settings.total,
            clock=clock,
            session=session,
        ),
        shelf=Shelf(journal, blobs),
        supervisor=supervisor,
        delivery=delivery,
        worker=Worker(rooms, supervisor, delivery, session),
        journal=journal,
        scratch=scratch,
    )


def sandboxes_in(scratch: Path) -> dict[Level, Sandbox]:
    """The sandboxes of this machine by level, weakest first, with a folder for what they need on disk."""
    return {Level.PROCESS: ProcessSandbox(scratch)}


def agents_of(settings: Settings) -> Mapping[str, Agent]:
    """The agent types that are known: our own, and those that the configuration declares. Raises Refused."""
    agents: dict[str, Agent] = {
        "command": CommandAgent(settings.environment),
        "python": PythonAgent(settings.environment),
    }
    waiting = list(settings.agents)
    while ready := [declared for declared in waiting if _undeclarable(declared, agents) is None]:
        first = ready[0]
        agents[first.name] = PresetAgent(first.name, agents[first.base], first.context)
        waiting.remove(first)
    if waiting:
        problems = (_undeclarable(declared, agents) for declared in waiting)
        raise Refused(problem for problem in problems if problem is not None)
    return MappingProxyType(agents)


def _undeclarable(declared: AgentDeclaration, known: Mapping[str, Agent]) -> Problem | None:
    path = f"agents.{declared.name}"
    if declared.name in known:
        return Problem("config.agent_known", path, f"`{declared.name}` is an agent type already", "Choose another name.")
    if declared.base not in known:
        remedy = f"Known: {', '.join(sorted(known))}."
        return Problem("config.agent_type", f"{path}.type", f"no agent type `{declared.base}` is known", remedy)
    return None


def open_shelf(store: Path) -> tuple[SqliteReader, Shelf]:
    """A store, for reading only. Raises StoreUnusable."""
    reader = open_reader(store)
    return reader, Shelf(reader, DirectoryBlobs(store / BLOBS_FOLDER))
