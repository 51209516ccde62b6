"""`resources` of the envelope: limits, retries and isolation, to the model and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from holdfast.model.json import Json
from holdfast.model.limits import Level, Limits
from holdfast.model.retry import Backoff, Growth, RetryPolicy
from holdfast.model.task import TaskSpec
from holdfast.wire.quantities import Bounds, Duration, Number, Size, Whole
from holdfast.wire.reader import Place, wrong_type
from holdfast.wire.shapes import Choice, Fields, Key, ListOf, Object, Schema

T = TypeVar("T")

UNKNOWN_KEY: Final = "envelope.unknown_key"

_YEAR_S: Final = 366 * 86400
_MONTH_S: Final = 30 * 86400
_SPAN: Final = Duration(Bounds(0, _YEAR_S, above=True))
_DELAY: Final = Duration(Bounds(0, _MONTH_S))

TIMEOUT: Final = Key(
    "timeout", _SPAN, "How long one attempt may take. At the end every process of the attempt is dead."
)
MEMORY_LIMIT: Final = Key(
    "memory_limit",
    Size(Bounds(2**20, 2**50)),
    "How much memory all processes of an attempt may use together; also what the task is admitted with.",
)
CPUS: Final = Key(
    "cpus", Number(Bounds(0.01, 4096)), "Processors that the task is admitted with (1 where it says nothing)."
)
CPU_TIME: Final = Key("cpu_time", _SPAN, "How much processor time an attempt may use.")
PIDS_LIMIT: Final = Key("pids_limit", Whole(Bounds(1, 2**22)), "How many processes and threads an attempt may have.")
OUTPUT_LIMIT: Final = Key(
    "output_limit", Size(Bounds(1, 2**40)), "How much of each output stream is kept; of more, the middle is left out."
)
OPEN_FILES: Final = Key("open_files", Whole(Bounds(16, 2**20)), "How many files a process may have open.")
GRACE: Final = Key("grace", Duration(Bounds(0, 3600)), "How long an attempt has between SIGTERM and SIGKILL.")

STRATEGY: Final = Key("strategy", Choice(Growth), "How the delay grows with the number of the attempt.")
BASE: Final = Key("base", _DELAY, "The delay after the first attempt.")
FACTOR: Final = Key("factor", Number(Bounds(1, 100)), "By how much an exponential delay grows each time.")
CAP: Final = Key("cap", _DELAY, "The longest delay.")
JITTER: Final = Key("jitter", Number(Bounds(0, 1)), "The share of the delay that is drawn at random.")
_BACKOFF_KEYS: Final = (STRATEGY, BASE, FACTOR, CAP, JITTER)


def _read_backoff(fields: Fields) -> Backoff:
    usual = Backoff()
    base = _or(fields.take(BASE), usual.base_s)
    return Backoff(
        growth=_or(fields.take(STRATEGY), usual.growth),
        base_s=base,
        factor=_or(fields.take(FACTOR), usual.factor),
        cap_s=_or(fields.take(CAP), max(usual.cap_s, base)),
        jitter=_or(fields.take(JITTER), usual.jitter),
    )


def _or(value: T | None, usual: T) -> T:
    return usual if value is None else value


@dataclass(slots=True, eq=False, repr=False)
class _BackoffShape:
    """The name of a strategy, or an object that tunes it."""

    tuned: Object[Backoff] = Object(_BACKOFF_KEYS, _read_backoff, UNKNOWN_KEY)

    def read(self, value: Json, at: Place) -> Backoff | None:
        if isinstance(value, Mapping):
            return self.tuned.read(value, at)
        if not isinstance(value, str):
            wrong_type(value, at, "a strategy or an object", f"write one of {', '.join(Growth)}")
            return None
        growth = STRATEGY.shape.read(value, at)
        return None if growth is None else Backoff(growth=growth)

    def schema(self) -> Schema:
        return {"anyOf": [STRATEGY.shape.schema(), self.tuned.schema()]}


MAX_ATTEMPTS: Final = Key("max_attempts", Whole(Bounds(1, 1000)), "How often the task is tried at most; 1: no retry.")
BACKOFF: Final = Key("backoff", _BackoffShape(), "How long to wait before the next attempt.")


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy as given: what was left open is None."""

    max_attempts: int | None = None
    backoff: Backoff | None = None

    def over(self, usual: Retry) -> Retry:
        """This policy, with what it leaves open taken from another."""
        return Retry(
            usual.max_attempts if self.max_attempts is None else self.max_attempts, self.backoff or usual.backoff
        )

    def policy(self) -> RetryPolicy:
        """The policy, with our own defaults for what is open."""
        return RetryPolicy(max_attempts=_or(self.max_attempts, 1), backoff=self.backoff or Backoff())


RETRY_POLICY: Final = Key(
    "retry_policy",
    Object(
        (MAX_ATTEMPTS, BACKOFF),
        lambda fields: Retry(fields.take(MAX_ATTEMPTS), fields.take(BACKOFF)),
        UNKNOWN_KEY,
    ),
    "Whether and when a failed attempt is followed by another.",
)
ISOLATION: Final = Key("isolation", Choice(Level), "How the task is isolated; as the engine is set where left out.")


class LimitName(StrEnum):
    """The limits that a host may be unable to enforce."""

    TIMEOUT = "timeout"
    MEMORY_LIMIT = "memory_limit"
    CPUS = "cpus"
    CPU_TIME = "cpu_time"
    PIDS_LIMIT = "pids_limit"
    OUTPUT_LIMIT = "output_limit"
    OPEN_FILES = "open_files"


ALLOW_DEGRADED: Final = Key(
    "allow_degraded",
    ListOf(Choice(LimitName), twice="value.repeated"),
    "Limits that may go unenforced where the host cannot enforce them.",
)

RESOURCES: Final = (
    *(TIMEOUT, MEMORY_LIMIT, RETRY_POLICY, CPUS, CPU_TIME, PIDS_LIMIT, OUTPUT_LIMIT, OPEN_FILES, GRACE),
    *(ISOLATION, ALLOW_DEGRADED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """`resources` as given: what was left open is None."""

    limits: Limits = Limits()
    retry: Retry = Retry()
    isolation: Level | None = None
    allow_degraded: tuple[str, ...] | None = None

    def over(self, usual: Resources) -> Resources:
        """These resources, with what they leave open taken from others."""
        mine = {name: value for name in _FIELDS.values() if (value := getattr(self.limits, name)) is not None}
        return Resources(
            limits=dataclasses.replace(usual.limits, **mine),
            retry=self.retry.over(usual.retry),
            isolation=self.isolation or usual.isolation,
            allow_degraded=usual.allow_degraded if self.allow_degraded is None else self.allow_degraded,
        )


def _read_resources(fields: Fields) -> Resources:
    degraded = fields.take(ALLOW_DEGRADED)
    return Resources(
        limits=Limits(
            wall_s=fields.take(TIMEOUT),
            memory_bytes=fields.take(MEMORY_LIMIT),
            cpus=fields.take(CPUS),
            cpu_s=fields.take(CPU_TIME),
            pids=fields.take(PIDS_LIMIT),
            output_bytes=fields.take(OUTPUT_LIMIT),
            open_files=fields.take(OPEN_FILES),
            grace_s=fields.take(GRACE),
        ),
        retry=fields.take(RETRY_POLICY) or Retry(),
        isolation=fields.take(ISOLATION),
        allow_degraded=None if degraded is None else tuple(name.value for name in degraded),
    )


RESOURCES_SHAPE: Final = Object(RESOURCES, _read_resources, UNKNOWN_KEY)

_FIELDS: Final[Mapping[str, str]] = MappingProxyType({
    TIMEOUT.name: "wall_s",
    MEMORY_LIMIT.name: "memory_bytes",
    CPUS.name: "cpus",
    CPU_TIME.name: "cpu_s",
    PIDS_LIMIT.name: "pids",
    OUTPUT_LIMIT.name: "output_bytes",
    OPEN_FILES.name: "open_files",
    GRACE.name: "grace_s",
})


def write_resources(spec: TaskSpec) -> dict[str, Json]:
    """`resources` of a spec, in seconds, bytes and counts; what was not asked for is left out. Reads back the same."""
    written: dict[str, Json] = {
        name: number(value) for name, field in _FIELDS.items() if (value := getattr(spec.limits, field)) is not None
    }
    backoff = write_backoff(spec.retry.backoff)
    written[RETRY_POLICY.name] = {MAX_ATTEMPTS.name: spec.retry.max_attempts, BACKOFF.name: backoff}
    if spec.isolation is not None:
        written[ISOLATION.name] = spec.isolation.value
    if spec.allow_degraded:
        written[ALLOW_DEGRADED.name] = list(spec.allow_degraded)
    return written


def write_backoff(backoff: Backoff) -> Json:
    """The strategy's name where nothing is tuned, else the object."""
    if backoff == Backoff(growth=backoff.growth):
        return backoff.growth.value
    return {
        STRATEGY.name: backoff.growth.value,
        BASE.name: number(backoff.base_s),
        FACTOR.name: number(backoff.factor),
        CAP.name: number(backoff.cap_s),
        JITTER.name: number(backoff.jitter),
    }


def number(value: float) -> int | float:
    """A number as short as it can be written: 300, not 300.0."""
    return int(value) if value == int(value) else value
