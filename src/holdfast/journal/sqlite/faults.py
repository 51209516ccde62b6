"""SQLite's errors as ours, each with a stable code and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import apsw

from holdfast.model.errors import StoreFault, StoreUnusable

_RESTORE: Final = "Restore the folder from a copy, or start a new store elsewhere with --store."

_KINDS: Final[Mapping[type[apsw.Error], tuple[str, str, str]]] = MappingProxyType({
    apsw.FullError: ("store.full", "the disk is full", "Free some space; nothing that was acknowledged is lost."),
    apsw.IOError: ("store.io", "the disk failed", "Look at the system log; nothing that was acknowledged is lost."),
    apsw.CantOpenError: ("store.io", "a file of the store cannot be opened", "Check its permissions and the disk."),
    apsw.ReadOnlyError: ("store.read_only", "the store cannot be written", "Check the permissions of its folder."),
    apsw.BusyError: ("store.busy", "another program holds the store", "Close whatever else has it open."),
    apsw.LockedError: ("store.busy", "another program holds the store", "Close whatever else has it open."),
    apsw.CorruptError: ("store.damaged", "the store is damaged", _RESTORE),
    apsw.NotADBError: ("store.damaged", "the store is damaged", _RESTORE),
    apsw.NoMemError: ("store.memory", "there is no memory left", "Let fewer tasks run at once."),
    apsw.ConnectionClosedError: ("store.closed", "the store is closed", "Open it again."),
})


def fault_of(error: apsw.Error) -> StoreFault:
    """The fault that a caller gets. An error of no kind above is a mistake of ours, such as a broken constraint."""
    for kind, (code, what, remedy) in _KINDS.items():
        if isinstance(error, kind):
            return StoreFault(code, f"{what} ({error})", remedy)
    return StoreFault("store.fault", f"the store refused a write: {error}")


def damaged(path: Path, why: str) -> StoreUnusable:
    """The refusal of a file that makes no sense."""
    return StoreUnusable("store.damaged", f"the store {path.parent} is damaged: {why}", _RESTORE)


def unusable(path: Path, error: apsw.Error | OSError) -> StoreUnusable:
    """Why a store cannot be opened."""
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError, apsw.SQLError)):
        return damaged(path, str(error))
    if isinstance(error, (apsw.BusyError, apsw.FullError)):
        fault = fault_of(error)
        return StoreUnusable(fault.code, f"the store {path.parent} cannot be opened: {error}", fault.remedy)
    return StoreUnusable(
        "store.unreachable",
        f"the store {path.parent} cannot be opened: {error}",
        "Its folder must be readable and writable by you, also for reading only, and lie on a local disk.",
    )
