"""Everything Holdfast raises. Each error has a stable `code` and the exit status of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for a refusal: what was wrong, where, and what to do.

    `path` points into the document (`tasks.build.resources.timeout`); it is empty where the whole is meant.
    """

    code: str
    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.message} [{self.code}] {self.remedy}".rstrip()


class HoldfastError(Exception):
    """Base of all errors raised by Holdfast."""

    code = "holdfast.error"
    exit_status = 3


class Refused(HoldfastError):
    """The input was refused before anything started. `problems` holds every reason at once."""

    code = "refused"
    exit_status = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class UnknownTask(HoldfastError):
    """The store holds no task or workflow of this id."""

    code = "task.unknown"
    exit_status = 2


class TaskFailed(HoldfastError):
    """A task ended without a result. `outcome` says how and why."""

    code = "task.failed"
    exit_status = 1

    def __init__(self, task_id: str, outcome: Outcome) -> None:
        self.task_id = task_id
        self.outcome = outcome
        super().__init__(f"task {task_id} {outcome.kind}: {outcome.message}")


class TaskCancelled(TaskFailed):
    """A task was cancelled before it had a result."""

    code = "task.cancelled"


class EngineFault(HoldfastError):
    """Holdfast itself failed; the task is not to blame."""

    code = "engine.fault"


class StaleAttempt(EngineFault):
    """A write named an attempt that has ended or was taken over: the write was not made."""

    code = "attempt.stale"


class StoreFault(EngineFault):
    """The store or its blobs failed while in use; what was being written is not acknowledged."""

    code = "store.fault"

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        self.code = code
        self.remedy = remedy
        super().__init__(f"{message} [{code}] {remedy}".rstrip())


class StoreUnusable(HoldfastError):
    """The store cannot be opened: another engine writes it, it is newer than this version, or it is damaged."""

    exit_status = 2

    def __init__(self, code: str, message: str, remedy: str) -> None:
        self.code = code
        self.remedy = remedy
        super().__init__(f"{message} [{code}] {remedy}".rstrip())
