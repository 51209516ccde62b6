"""What this host can do for the level `sandbox`, found out by doing it; and what to do where it cannot."""

from __future__ import annotations

import functools
import marshal
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from holdfast.model.errors import EngineFault
from holdfast.sandbox import remedies
from holdfast.sandbox.linux import calls
from holdfast.sandbox.plan import landlock, seccomp
from holdfast.sandbox.plan.operations import (
    BindAs,
    Detach,
    Identity,
    IdMap,
    Landlock,
    Loopback,
    NoNewPrivileges,
    Proc,
    Seccomp,
    Step,
    Sysctl,
    Tmpfs,
    Unshare,
    encode,
)
from holdfast.sandbox.plan.policy import LENT_IDS, TASK_GID, TASK_UID, Entry, Host, Kind, Network, Policy
from holdfast.sandbox.plan.root import DEVICES, ETC, SYSTEM
from holdfast.sandbox.plan.syscalls import ARCHITECTURES

_PACKAGE: Final = Path(__file__).parent / "linux"
_BOOT: Final = "import sys; sys.path.insert(0, sys.argv.pop()); from linux.trial import main; main()"
_PATIENCE_S: Final = 30.0
_BOUNDS: Final = Path("/proc/sys/kernel/cap_last_cap")
_LAST_CAPABILITY: Final = 40
_WAYS: Final = ("root", "user namespaces")
_NEEDED: Final = frozenset({*_WAYS, "private /proc", "network namespace", "seccomp"})
_UNTRIED: Final = (0, "not tried")


class _Answer(msgspec.Struct):
    landlock: int
    tried: dict[str, tuple[int, str] | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing tried: whether it works, what the kernel said if not, and what would mend it."""

    name: str
    works: bool
    detail: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was tried, and the host as the planner wants to know it."""

    host: Host
    items: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether the level can work here at all."""
        return not self.lacking

    @property
    def lacking(self) -> tuple[Finding, ...]:
        """What the level cannot do without and this host refuses."""
        lacking = tuple(item for item in self.items if not item.works and item.name in _NEEDED)
        if lacking or self.host.seccomp:
            return lacking
        return (
            Finding("seccomp", False, f"no filter is known for {self.host.machine}", remedies.remedy_for_seccomp()),
        )


def probe(base: str, python: str = sys.executable) -> Findings:
    """Try everything. `base` is an empty directory of ours. Takes 0.2 s; raises EngineFault if it cannot try."""
    can_lend = lends(Path("/proc/self/uid_map").read_text()) and lends(Path("/proc/self/gid_map").read_text())
    first = _try(python, [_as_root(base), _as_user(base)] if can_lend else [_as_user(base)])
    way = next((way for way in _WAYS if first.tried.get(way, _UNTRIED) is None), None)
    answer = _try(python, _trials(base, way) if way else [])
    tried = first.tried | answer.tried
    host = _host(base, way, tried, answer.landlock)
    host = replace(host, counted=host.privileged or host.uid != 0 or not can_lend)
    needed = [name for name in tried if name not in _WAYS or name == (way or "user namespaces")]
    return Findings(host, tuple(_finding(name, tried[name]) for name in needed))


@functools.cache
def found_here() -> Findings:
    """What `probe` finds out, once in a process. Its `base` is gone: put another one in its place."""
    with tempfile.TemporaryDirectory(prefix="holdfast-probe-") as base:
        return probe(base)


def lends(id_map: str) -> bool:
    """Whether the ids that root lends to its tasks exist here: in a user namespace, as of a rootless container, not."""
    for line in id_map.splitlines():
        first, _, count = map(int, line.split())
        if first <= LENT_IDS < first + count:
            return True
    return False


_Trial = tuple[str, tuple[Step, ...], int, tuple[Step, ...]]


def _base_steps(way: str, more: int = 0) -> tuple[Step, ...]:
    if way == "root":
        return (Unshare(calls.NEWNS | more), Detach())
    uid, gid = os.getuid(), os.getgid()
    return (Unshare(calls.NEWUSER | calls.NEWNS | more), IdMap(uid, uid, gid, gid), Detach())


def _as_root(base: str) -> _Trial:
    return ("root", (*_base_steps("root"), Tmpfs(base, 1 << 20, 16, 0o755, (0, 0))), 0, ())


def _as_user(base: str) -> _Trial:
    owner = (os.getuid(), os.getgid())
    return ("user namespaces", (*_base_steps("user"), Tmpfs(base, 1 << 20, 16, 0o755, owner)), 0, ())


def _trials(base: str, way: str) -> list[_Trial]:
    start = _base_steps(way)
    outer = (LENT_IDS, LENT_IDS) if way == "root" else (os.getuid(), os.getgid())
    become: tuple[Step, ...] = (Identity(*outer),) if way == "root" else ()
    own: tuple[Step, ...] = (*become, Unshare(calls.NEWUSER), IdMap(TASK_UID, outer[0], TASK_GID, outer[1]))
    fresh = calls.NEWPID | calls.NEWNS
    trials: list[_Trial] = [
        ("own user namespace per task", start, fresh, own),
        ("private /proc", start, fresh, (Proc(base),)),
        ("no nested namespaces", start, fresh, (Proc(base), *own, Sysctl("sys/user/max_user_namespaces", "0"))),
        ("network namespace", _base_steps(way, calls.NEWNET), 0, (Loopback(),)),
    ]
    if way == "root":
        trials.append(("idmapped mounts", (*start, BindAs("/usr", base, calls.ATTR_RDONLY, outer)), 0, ()))
    if os.uname().machine in ARCHITECTURES:
        steps = (NoNewPrivileges(), Seccomp(seccomp.program(os.uname().machine, Network.NONE)))
        trials.append(("seccomp", steps, 0, ()))
    trials.append(("landlock", (NoNewPrivileges(), _smallest_ruleset()), 0, ()))
    return trials


def _smallest_ruleset() -> Landlock:
    rules = landlock.landlock(Policy(), 1)
    return Landlock(rules.attributes, rules.rules[:1])


def _try(python: str, trials: list[_Trial]) -> _Answer:
    asked = [(name, encode(before), flags, encode(within)) for name, before, flags, within in trials]
    argv = [python, "-I", "-S", "-c", _BOOT, str(_PACKAGE.parent)]
    try:
        done = subprocess.run(argv, input=marshal.dumps(asked), capture_output=True, timeout=_PATIENCE_S, check=True)
        return msgspec.json.decode(done.stdout, type=_Answer)
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError) as error:
        raise EngineFault(f"could not find out what this host allows: {error}") from error


def _host(base: str, way: str | None, tried: Mapping[str, tuple[int, str] | None], abi: int) -> Host:
    def works(name: str) -> bool:
        return name in tried and tried[name] is None

    return Host(
        machine=os.uname().machine,
        uid=os.getuid(),
        gid=os.getgid(),
        privileged=way == "root",
        user_namespaces=works("own user namespace per task"),
        fresh_proc=works("private /proc"),
        idmapped=works("idmapped mounts"),
        counted=False,
        landlock=abi if works("landlock") else 0,
        seccomp=works("seccomp"),
        last_capability=_last_capability(),
        base=base,
        system=system_entries(),
        devices=tuple(name for name in DEVICES if os.path.exists(f"/dev/{name}")),
    )


def _last_capability() -> int:
    try:
        return int(_BOUNDS.read_text())
    except (OSError, ValueError):
        return _LAST_CAPABILITY


def system_entries(root: str = "") -> tuple[Entry, ...]:
    """The directories of programs and libraries, and the parts of /etc, that are here. Links stay links."""
    paths = [*(f"/{name}" for name in SYSTEM), *(f"/etc/{name}" for name in ETC)]
    return tuple(entry for path in paths if (entry := _entry(root, path)) is not None)


def _entry(root: str, path: str) -> Entry | None:
    real = root + path
    if os.path.islink(real):
        return Entry(path, Kind.LINK, os.readlink(real))
    if os.path.isdir(real):
        return Entry(path, Kind.DIRECTORY)
    return Entry(path, Kind.FILE) if os.path.isfile(real) else None


def _finding(name: str, refusal: tuple[int, str] | None) -> Finding:
    if refusal is None:
        return Finding(name, True)
    number, text = refusal
    return Finding(name, False, text, remedies.remedy(name, number, remedies.look()))
