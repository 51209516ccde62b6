"""The filter of system calls, compiled: from a network policy and a machine to a program."""

from __future__ import annotations

import errno
from functools import cache
from typing import Final

from holdfast.sandbox.plan import bpf
from holdfast.sandbox.plan.policy import Network
from holdfast.sandbox.plan.syscalls import (
    ABSENT,
    ARCHITECTURES,
    DEADLY,
    EXAMINED,
    FORBIDDEN,
    MACHINES,
    NEWEST,
    X32_BIT,
)

_AF_UNIX: Final = 1
_AF_INET: Final = 2
_AF_INET6: Final = 10
_NEW_NAMESPACES: Final = 0x7E020000
_TIOCSTI: Final = 0x5412
_TIOCLINUX: Final = 0x541C
_PERSONALITIES: Final = (0, 0x20000, 0xFFFFFFFF)  # Linux, Linux 2.6 by name, a question


@cache
def program(machine: str, network: Network) -> bytes:
    """The filter for a task. Raises KeyError for a machine whose calls are not known."""
    lines = [
        bpf.load(bpf.ARCHITECTURE_AT),
        bpf.if_equal(ARCHITECTURES[machine], None, "kill"),
        bpf.load(bpf.NUMBER_AT),
    ]
    if machine == "x86_64":
        lines.append(bpf.if_any_bit(X32_BIT, "kill"))
    lines += [
        bpf.if_from(NEWEST + 1, "absent"),
        *bpf.switch(_cases(machine), "allow"),
        *_examinations(network),
        bpf.give(bpf.ALLOW, "allow"),
        bpf.give(bpf.refusal(errno.EPERM), "forbid"),
        bpf.give(bpf.refusal(errno.EACCES), "no network"),
        bpf.give(bpf.refusal(errno.EAFNOSUPPORT), "no family"),
        bpf.give(bpf.refusal(errno.ENOSYS), "absent"),
        bpf.give(bpf.KILL, "kill"),
    ]
    return bpf.assemble(lines)


def _cases(machine: str) -> dict[int, str]:
    """Where each call that is not simply allowed leads."""
    at = MACHINES.index(machine)
    lists = ((FORBIDDEN, "forbid"), (ABSENT, "absent"), (DEADLY, "kill"), (EXAMINED, None))
    return {
        number: label or name
        for calls, label in lists
        for name, numbers in calls.items()
        if (number := numbers[at]) is not None
    }


def _examinations(network: Network) -> list[bpf.Line]:
    internet = "no network" if network is Network.NONE else "allow"
    return [
        bpf.load_argument(0, "clone"),
        bpf.if_any_bit(_NEW_NAMESPACES, "forbid", "allow"),
        bpf.load_argument(1, "ioctl"),
        bpf.if_equal(_TIOCSTI, "forbid"),
        bpf.if_equal(_TIOCLINUX, "forbid", "allow"),
        bpf.load_argument(0, "personality"),
        *(bpf.if_equal(value, "allow") for value in _PERSONALITIES),
        bpf.give(bpf.refusal(errno.EPERM)),
        bpf.load_argument(0, "socket"),
        bpf.if_equal(_AF_UNIX, "allow"),
        bpf.if_equal(_AF_INET, internet),
        bpf.if_equal(_AF_INET6, internet, "no family"),
        bpf.load_argument(0, "socketpair"),
        bpf.if_equal(_AF_UNIX, "allow", "no family"),
    ]
