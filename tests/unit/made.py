"""Plain values of the model for tests; a test names only what it is about."""

from __future__ import annotations

from typing import Any

from holdfast.model.attempt import AttemptRef, Claim
from holdfast.model.launch import Captured, Exec, Launch, Observation, Preparation
from holdfast.model.limits import Capabilities, Level, Limits, Offer
from holdfast.model.task import TaskSpec

REF = AttemptRef(id=7, epoch=3, task_id="build", number=2)


def claim(**changes: Any) -> Claim:
    """The claim of a second attempt at `build`; changes are those of its spec."""
    spec = TaskSpec(**{"agent_type": "command", **changes})
    return Claim(ref=REF, spec=spec, digest="d" * 64, name="build", workflow_id=None, spent=1, engine_faults=0)


def launch(**changes: Any) -> Launch:
    """A launch of `true` without limits."""
    plain: dict[str, Any] = {
        "ref": REF,
        "level": Level.PROCESS,
        "program": Exec(argv=("true",)),
        "environment": (),
        "stdin": b"",
        "files": (),
        "limits": Limits(),
        "enforcement": (),
        "deadline": None,
        "digest": "e" * 64,
    }
    return Launch(**(plain | changes))


def preparation(**changes: Any) -> Preparation:
    """What an agent makes of a context that runs `true`."""
    return Preparation(**{"program": Exec(argv=("true",)), **changes})


def capabilities(level: Level = Level.PROCESS, **offers: Offer) -> Capabilities:
    """What a sandbox offers, by the envelope's names."""
    return Capabilities(level=level, offers=offers)


def seen(**changes: Any) -> Observation:
    """An attempt that exited with 0, unless a signal or an error of the sandbox ended it."""
    ended_otherwise = changes.get("signal") is not None or changes.get("sandbox_error") is not None
    return Observation(**({} if ended_otherwise else {"exit_code": 0}) | changes)


def printed(data: bytes) -> Captured:
    """Output that was kept whole."""
    return Captured(kept=len(data), total=len(data), inline=data)


def read(captured: Captured, limit: int) -> bytes:
    """Reads captured output that is kept inline."""
    return captured.inline[:limit]
