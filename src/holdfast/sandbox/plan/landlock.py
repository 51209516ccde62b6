"""Landlock as the second layer behind the mounts: what may be written, executed and talked to, said once more."""

from __future__ import annotations

import struct
from typing import Final

from holdfast.sandbox.plan.operations import Landlock
from holdfast.sandbox.plan.policy import SCRATCH, Kind, Mount, Network, Policy

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_REFER: Final = 1 << 13
_TRUNCATE: Final = 1 << 14
_IOCTL_DEV: Final = 1 << 15

_READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_TCP: Final = 0b11
_SCOPES: Final = 0b11  # abstract sockets and signals stay among the task's own processes

_SINCE: Final = ((1, (1 << 13) - 1), (2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV))


def handled(abi: int) -> int:
    """All kinds of file access that this ABI knows."""
    known = 0
    for since, bits in _SINCE:
        if abi >= since:
            known |= bits
    return known


def landlock(policy: Policy, abi: int) -> Landlock:
    """The ruleset for a task, as far as the ABI goes."""
    known = handled(abi)
    rules = [("/", _READ), ("/dev", _READ | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV), (SCRATCH, known)]
    rules += [(mount.target, _of_mount(mount, known)) for mount in policy.mounts if mount.writable]
    return Landlock(_attributes(policy.network, abi), tuple((path, access & known) for path, access in rules))


def _of_mount(mount: Mount, known: int) -> int:
    return known & _OF_FILES if mount.kind is Kind.FILE else known


def _attributes(network: Network, abi: int) -> bytes:
    """`struct landlock_ruleset_attr`, as long as the ABI has it."""
    net = _TCP if network is Network.NONE else 0
    words = [handled(abi)]
    if abi >= 4:
        words.append(net)
    if abi >= 6:
        words.append(_SCOPES)
    return struct.pack(f"={len(words)}Q", *words)
