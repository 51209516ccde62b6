"""The private root: which parts of the host a task sees, and what stands in for the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.sandbox.linux import calls
from holdfast.sandbox.plan.operations import (
    Attempt,
    Bind,
    BindAs,
    Copy,
    Directory,
    File,
    Operation,
    Seal,
    Step,
    Symlink,
    Tmpfs,
)
from holdfast.sandbox.plan.policy import SCRATCH, WORKDIR, Entry, Host, Ids, Kind, Mount, Network, Policy

SYSTEM: Final = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store", "gnu/store")
"""Directories of programs and libraries; those that exist are shown."""

ETC: Final = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version", "fonts",
    "host.conf", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "login.defs", "magic", "mime.types", "os-release",
    "perl", "pki/ca-trust", "pki/java", "pki/tls/cert.pem", "pki/tls/certs", "pki/tls/openssl.cnf", "protocols",
    "services", "shells", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
"""What programs need of /etc to load libraries, check certificates, and know time, types and protocols."""

DEVICES: Final = ("full", "null", "random", "urandom", "zero")

_ROOT_BYTES: Final = 16 << 20
_ROOT_INODES: Final = 8192
_SEEN: Final = calls.ATTR_RDONLY | calls.ATTR_NOSUID | calls.ATTR_NODEV
_WRITABLE: Final = calls.ATTR_NOSUID | calls.ATTR_NODEV
_DEVICE: Final = calls.ATTR_NOSUID | calls.ATTR_NOEXEC
_RESERVED: Final = ("/dev", "/etc", "/proc", "/scratch", "/sys", "/given", "/var/tmp")
_GIVEN: Final = "/given"
_TEMPORARY: Final = "/tmp"
_NSSWITCH: Final = "passwd: files\ngroup: files\nshadow: files\nhosts: files{dns}\nservices: files\nprotocols: files\n"


def objections(mounts: tuple[Mount, ...]) -> tuple[str, ...]:
    """Why some of these cannot be shown to a task; empty if all can."""
    found = []
    for mount in mounts:
        for name, path in (("source", mount.source), ("target", mount.target)):
            if not path.startswith("/") or path == "/" or any(part in ("", ".", "..") for part in path[1:].split("/")):
                found.append(f"{name} {path!r} is not an absolute path without '.', '..' or empty parts, or it is '/'")
        if _within(mount.target, _RESERVED):
            found.append(f"target {mount.target!r} is within {', '.join(_RESERVED)}: these are the sandbox's own")
        if _within(mount.source, ("/proc", "/sys", "/dev")):
            found.append(f"source {mount.source!r} is the kernel's, not files")
    return tuple(found)


def _within(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


def private_root(policy: Policy, host: Host, ids: Ids) -> tuple[Step, ...]:
    """Build it in `host.base`."""
    base = host.base
    steps: list[Step] = [Tmpfs(base, _ROOT_BYTES, _ROOT_INODES, 0o755, (host.uid, host.gid))]
    steps += [Directory(f"{base}/{name}") for name in ("dev", "etc", "proc", "scratch")]
    for entry in host.system:
        steps += _shown(base, entry)
    steps += _etc(base, policy.network, ids)
    steps += _dev(base, host)
    steps += [
        Symlink(f"{base}/tmp", f"{SCRATCH}/tmp"),
        Directory(f"{base}/var"),
        Symlink(f"{base}/var/tmp", f"{SCRATCH}/tmp"),
    ]
    return (*steps, *_granted(base, policy.mounts, host, ids), *_hidden(policy, host), Seal(base))


def _hidden(policy: Policy, host: Host) -> Iterator[Step]:
    """An empty directory in place of each that is not to be seen."""
    whole = [Mount(source=entry.path, target=entry.path) for entry in host.system if entry.kind is Kind.DIRECTORY]
    for path in policy.hidden:
        for mount in (*policy.mounts, *whole):
            if mount.kind is Kind.DIRECTORY and _within(path, (mount.source,)):
                rest = path.removeprefix(mount.source)
                place = host.base + (_place(mount, policy.mounts) if mount in policy.mounts else mount.target) + rest
                yield Tmpfs(place, 1 << 12, 1, 0o755, (host.uid, host.gid))
                yield Seal(place)


def _shown(base: str, entry: Entry) -> Iterator[Step]:
    target = base + entry.path
    yield from _parents(base, entry.path)
    match entry.kind:
        case Kind.LINK:
            yield Symlink(target, entry.leads_to)
        case Kind.FILE:
            yield Attempt(Copy(entry.path, target))  # one that only root may read is none of a task's business
        case Kind.DIRECTORY:
            yield Directory(target)
            yield Bind(entry.path, target, _SEEN)


def _parents(base: str, path: str) -> Iterator[Directory]:
    parts = path.strip("/").split("/")
    for count in range(1, len(parts)):
        yield Directory(f"{base}/{'/'.join(parts[:count])}")


def _etc(base: str, network: Network, ids: Ids) -> Iterator[Step]:
    home = f"task:x:{ids.uid}:{ids.gid}:task:{WORKDIR}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    for name, text in (
        ("passwd", f"root:x:0:0:root:/:/bin/sh\n{home}"),
        ("group", f"root:x:0:\ntask:x:{ids.gid}:\nnogroup:x:65534:\n"),
        ("hostname", "holdfast\n"),
        ("nsswitch.conf", _NSSWITCH.format(dns=" dns" if network is Network.HOST else "")),
    ):
        yield File(f"{base}/etc/{name}", text.encode())
    if network is Network.HOST:
        for name in ("hosts", "resolv.conf"):
            yield Attempt(Copy(f"/etc/{name}", f"{base}/etc/{name}"))
        return
    yield File(f"{base}/etc/hosts", b"127.0.0.1 localhost holdfast\n::1 localhost\n")
    yield File(f"{base}/etc/resolv.conf", b"")


def _dev(base: str, host: Host) -> Iterator[Step]:
    for name in host.devices:
        yield File(f"{base}/dev/{name}", b"")
        yield Bind(f"/dev/{name}", f"{base}/dev/{name}", _DEVICE)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        yield Symlink(f"{base}/dev/{name}", f"/proc/self/fd{target}")
    yield Symlink(f"{base}/dev/shm", f"{SCRATCH}/shm")


def _granted(base: str, mounts: tuple[Mount, ...], host: Host, ids: Ids) -> Iterator[Step]:
    """What the caller shows: outer paths before those within them. What is already seen that way is left out."""
    shown = [(entry.path, False) for entry in host.system if entry.kind is Kind.DIRECTORY]
    for mount in sorted(mounts, key=lambda each: each.target):
        covered = any(_within(mount.target, (path,)) and not writable for path, writable in shown)
        if covered and not mount.writable and mount.source == mount.target:
            continue
        shown.append((mount.target, mount.writable))
        place = _place(mount, mounts)
        yield from _parents(base, place)
        yield from _mount_point(mount, base + place)
        yield _grant(mount, base + place, host, ids)


def in_scratch(policy: Policy, base: str) -> Iterator[Step]:
    """Show in /tmp what belongs there: that is part of each task's own scratch space, so it is done for each anew."""
    mounts = sorted((each for each in policy.mounts if _within(each.target, (_TEMPORARY,))), key=lambda m: m.target)
    if mounts:
        yield Directory(f"{base}{SCRATCH}/tmp", 0o1777)
    for mount in mounts:
        yield from _parents(base, SCRATCH + mount.target)
        yield from _mount_point(mount, base + SCRATCH + mount.target)
        attributes = _WRITABLE if mount.writable else _SEEN
        yield Bind(base + _place(mount, policy.mounts), base + SCRATCH + mount.target, attributes)


def _place(mount: Mount, mounts: tuple[Mount, ...]) -> str:
    """Where it stands in the shared root."""
    return f"{_GIVEN}/{mounts.index(mount)}" if _within(mount.target, (_TEMPORARY,)) else mount.target


def _mount_point(mount: Mount, path: str) -> Iterator[Step]:
    if mount.kind is Kind.FILE:
        yield Attempt(File(path, b""))  # within another mount it is there already
    else:
        yield Directory(path)


def _grant(mount: Mount, target: str, host: Host, ids: Ids) -> Operation:
    attributes = _WRITABLE if mount.writable else _SEEN
    if host.privileged and host.idmapped:
        return BindAs(mount.source, target, attributes, (ids.outer_uid, ids.outer_gid))
    return Bind(mount.source, target, attributes)
