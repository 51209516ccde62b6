"""The level `sandbox`: every task in a cell of its own, walled in by the kernel.

What a task sees is what `grants` shows and the system's programs, read-only; it reaches no network, no process and no
file of others; its own files are on a tmpfs of its own, and gone when it ends.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from holdfast.model.errors import EngineFault
from holdfast.model.launch import Launch
from holdfast.model.limits import Capabilities, Level
from holdfast.ports import Running
from holdfast.sandbox import grants, measure
from holdfast.sandbox.crew import Crew
from holdfast.sandbox.keepers import Keeper
from holdfast.sandbox.offers import sealed_offers
from holdfast.sandbox.order import order
from holdfast.sandbox.plan.operations import encode
from holdfast.sandbox.plan.planner import Impossible, plan
from holdfast.sandbox.plan.policy import DEFAULT_PIDS, SCRATCH, WORKDIR, Host, Mount, Policy
from holdfast.sandbox.probe import Findings, found_here
from holdfast.sandbox.running import Attempt, Failed
from holdfast.sandbox.zygote import wire

RESULT: Final = f"{SCRATCH}/result"
_SLOTS_PER_ENGINE: Final = 1024
_ENGINES: Final = 4096
_MOST_SHAPES: Final = 256
_INSIDE: Final = {"HOME": WORKDIR, "LOGNAME": "task", "USER": "task"}
"""What variables say of the engine's user, and what they say within."""


class LinuxSandbox:
    """Carries out launches at level `sandbox`. `folder` is for what they need on disk, unless a crew is given.

    `hidden` are directories that no task may look into, whatever it is shown. `find` says what this host can do.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] = "",
        *,
        crew: Crew | None = None,
        hidden: tuple[str, ...] = (),
        find: Callable[[], Findings] = found_here,
    ) -> None:
        self._crew = Crew(folder) if crew is None else crew
        self._hidden = tuple(os.path.realpath(path) for path in hidden)
        self._find = find
        self._open = False
        self._base: tempfile.TemporaryDirectory[str] | None = None
        self._host: Host | None = None
        self._capabilities: Capabilities | None = None
        self._interpreter: tuple[Mount, ...] = ()
        self._shapes: OrderedDict[tuple[tuple[Mount, ...], int | None, int], wire.Shape] = OrderedDict()

    async def open(self) -> None:
        """Find out what the host can do, and have the crew ready. Raises EngineFault where it cannot do enough."""
        findings = await asyncio.to_thread(self._find)
        if not findings.usable:
            raise EngineFault("; ".join(f"{item.name}: {item.detail}" for item in findings.lacking))
        self._open = True
        self._base = tempfile.TemporaryDirectory(prefix="holdfast-root-")
        self._host = replace(findings.host, base=self._base.name)
        self._interpreter = grants.interpreter()
        zygote = await self._crew.open()
        made = sealed_offers(zygote.layout, zygote.reasons, findings)
        self._capabilities = Capabilities(level=Level.SANDBOX, offers=made)

    def capabilities(self) -> Capabilities:
        if self._capabilities is None:
            raise EngineFault("the sandbox is not open")
        return self._capabilities

    async def start(self, launch: Launch) -> Running:
        mounts = grants.distinct((*self._interpreter, *grants.of_task(launch.folder, launch.program)))
        try:
            keeper = await self._crew.take(Level.SANDBOX, (mounts, DEFAULT_PIDS))
        except (EngineFault, OSError) as error:
            return Failed(f"no keeper could be started: {error}")
        try:
            return self._carry_out(keeper, launch, mounts)
        except Impossible as error:
            keeper.dismiss()
            return Failed(f"no sandbox can be made for it: {'; '.join(error.args)}")

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        await self._crew.close()
        if self._base is not None:
            await asyncio.to_thread(self._base.cleanup)

    def _carry_out(self, keeper: Keeper, launch: Launch, mounts: tuple[Mount, ...]) -> Running:
        layout = keeper.zygote.layout
        name, base = self._crew.name(launch.ref.id)
        made = order(launch, name, RESULT, layout)
        made["sealed"] = True
        made["environment"] = _within(made["environment"]) | {wire.ENVIRONMENT_MARK: f"{keeper.zygote.mark}{name}"}
        made["watched"].pop("pids_limit", None)  # the confinement has it, unless a group does
        if "pids" in made["groups"]:
            made["groups"]["pids"] += 1  # pid 1 counts too
        pids = None if "pids" in made["groups"] else launch.limits.pids or DEFAULT_PIDS
        keeper.take_shape((mounts, pids), self._shape(mounts, pids, keeper.slot))
        keeper.carry_out(made)
        group = measure.memory_group(layout, name) if "memory" in made["groups"] else None
        return Attempt(base, keeper, group=group, sealed=True)

    def _shape(self, mounts: tuple[Mount, ...], pids: int | None, slot: int) -> wire.Shape:
        """What a cell is made of, planned once per kind of task and keeper. Raises Impossible."""
        key = (mounts, pids, slot)
        if key not in self._shapes:
            self._shapes[key] = self._planned(*key)
            if len(self._shapes) > _MOST_SHAPES:
                self._shapes.popitem(last=False)
        return self._shapes[key]

    def _planned(self, mounts: tuple[Mount, ...], pids: int | None, slot: int) -> wire.Shape:
        if self._host is None:
            raise EngineFault("the sandbox is not open")
        hidden = tuple(path for path in self._hidden if os.path.isdir(path))
        number = os.getpid() % _ENGINES * _SLOTS_PER_ENGINE + slot
        planned = plan(Policy(mounts=mounts, hidden=hidden, pids=pids), self._host, number)
        return {
            "enter": encode(planned.enter),
            "base": self._host.base,
            "root": encode(planned.root),
            "flags": planned.flags,
            "cell": encode(planned.cell),
            "confinement": encode(planned.confinement),
        }


def _within(environment: dict[str, str]) -> dict[str, str]:
    """What the engine's own user is called and where it lives means nothing within; what a task set itself stays."""
    inside = {name: value for name, value in environment.items() if name != "TMPDIR" or value != os.environ.get(name)}
    for name, value in _INSIDE.items():
        if inside.get(name) in (None, os.environ.get(name)):
            inside[name] = value
    return {**inside, "HOLDFAST_WORKDIR": WORKDIR}
