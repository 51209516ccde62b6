"""From a policy and a host to operations. Pure: the same input gives the same plan."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from holdfast.sandbox.linux import calls
from holdfast.sandbox.plan import landlock, seccomp
from holdfast.sandbox.plan.operations import (
    Attempt,
    ChangeDirectory,
    Detach,
    Directory,
    DropBounds,
    DropCapabilities,
    File,
    Hostname,
    Identity,
    IdMap,
    Limit,
    Loopback,
    NewKeyring,
    NoNewPrivileges,
    Pivot,
    Proc,
    Seccomp,
    Step,
    Sysctl,
    Tmpfs,
    Unshare,
)
from holdfast.sandbox.plan.policy import SCRATCH, WORKDIR, Host, Ids, Network, Policy, ids
from holdfast.sandbox.plan.root import in_scratch, objections, private_root

_LOCKED_BYTES: Final = 64 << 10


class Impossible(ValueError):
    """This host cannot give what the policy asks for; each argument is one reason."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done where. A keeper does `enter` once in its life and `root` whenever it differs from the last task's;
    pid 1 is cloned with `flags` and does `cell`; the task process does `confinement`.

    Two tasks with the same `enter` can be given to the same keeper, one after the other; with the same `cell` too, the
    cell can be built ahead.
    """

    enter: tuple[Step, ...]
    root: tuple[Step, ...]
    flags: int
    cell: tuple[Step, ...]
    confinement: tuple[Step, ...]


def plan(policy: Policy, host: Host, slot: int = 0) -> Plan:
    """The operations for one task. `slot` numbers the keeper. Raises Impossible."""
    reasons = [*objections(policy.mounts), *_lacking(host)]
    if reasons:
        raise Impossible(*reasons)
    who = ids(host, slot)
    loopback = calls.NEWNET if policy.network is Network.LOOPBACK else 0
    return Plan(
        enter=tuple(_enter(policy, host)),
        root=private_root(policy, host, who),
        flags=calls.NEWPID | calls.NEWNS | calls.NEWIPC | loopback,
        cell=tuple(_cell(policy, host, who)),
        confinement=tuple(_confinement(policy)),
    )


def _lacking(host: Host) -> Iterator[str]:
    if not host.privileged and not host.user_namespaces:
        yield "neither root nor user namespaces: nothing can be mounted"
    if not host.seccomp:
        yield "no seccomp filters"
    if not host.fresh_proc:
        yield "no /proc of its own can be mounted, and that of the host would show the engine's processes"


def _enter(policy: Policy, host: Host) -> Iterator[Step]:
    # One empty network for all tasks of a keeper: it holds no interface that could leak, and costs each task nothing.
    network = 0 if policy.network is Network.HOST else calls.NEWNET
    if host.privileged:
        yield Unshare(calls.NEWNS | calls.NEWUTS | network)
    else:
        yield Unshare(calls.NEWUSER | calls.NEWNS | calls.NEWUTS | network)
        yield IdMap(host.uid, host.uid, host.gid, host.gid)
    yield Detach()
    yield Hostname(policy.hostname)
    yield Attempt(NewKeyring())


def _cell(policy: Policy, host: Host, who: Ids) -> Iterator[Step]:
    outer = (who.outer_uid, who.outer_gid)
    if policy.network is Network.LOOPBACK:
        yield Loopback()
    yield Tmpfs(host.base + SCRATCH, policy.scratch_bytes, policy.scratch_inodes, 0o755, outer)
    yield from in_scratch(policy, host.base)
    yield Proc(f"{host.base}/proc")
    yield Pivot(host.base)
    yield Attempt(Unshare(calls.NEWCGROUP))
    if host.privileged:
        if not host.user_namespaces:
            yield DropBounds(host.last_capability)  # a new user namespace would fill the set again
        yield Identity(*outer)
    if host.user_namespaces:
        # Files made before the map would belong to nobody, so the map comes first.
        yield Unshare(calls.NEWUSER)
        yield IdMap(who.uid, who.outer_uid, who.gid, who.outer_gid)
        yield Attempt(Sysctl("sys/user/max_user_namespaces", "0"))
        yield DropBounds(host.last_capability)
    yield DropCapabilities()
    yield NoNewPrivileges()
    yield ChangeDirectory(SCRATCH)
    yield Directory(WORKDIR, 0o700)
    for name in ("tmp", "shm"):
        yield Directory(f"{SCRATCH}/{name}", 0o1777)
    if host.landlock:
        yield Attempt(landlock.landlock(policy, host.landlock))
    yield Seccomp(seccomp.program(host.machine, policy.network))


def _confinement(policy: Policy) -> Iterator[Step]:
    yield ChangeDirectory(WORKDIR)
    yield from _files(policy.files)
    yield from _limits(policy)


def _files(files: tuple[tuple[str, bytes], ...]) -> Iterator[Step]:
    for name, data in files:
        parts = name.split("/")
        for count in range(1, len(parts)):
            yield Directory("/".join(parts[:count]))
        yield File(name, data, 0o755 if data.startswith(b"#!") else 0o644)


def _limits(policy: Policy) -> Iterator[Limit]:
    """Those that `zygote.child` does not set at every level."""
    # Not 0: a core_pattern that is a pipe, as on most hosts, is started as root even then. At 1 the kernel gives up.
    yield Limit(resource.RLIMIT_CORE, 1)
    yield Limit(resource.RLIMIT_MEMLOCK, _LOCKED_BYTES)
    yield Limit(resource.RLIMIT_RTPRIO, 0)
    yield Limit(resource.RLIMIT_NICE, 0)
    if policy.pids is not None:
        yield Limit(resource.RLIMIT_NPROC, policy.pids + 1)  # pid 1 counts too
