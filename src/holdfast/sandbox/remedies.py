"""What to do where the host refuses something that a sandbox needs: the line to type, not a hint at it."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

_APPARMOR: Final = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
_CLONE: Final = "/proc/sys/kernel/unprivileged_userns_clone"
_MOST: Final = "/proc/sys/user/max_user_namespaces"
_CONTAINERS: Final = ("/.dockerenv", "/run/.containerenv")

_OTHERS: Final[Mapping[str, str]] = MappingProxyType({
    "idmapped mounts": "Linux 5.12 or later and a file system that knows them (ext4, XFS, btrfs; tmpfs from 6.3); "
    "without, tasks of root see of the project only what everyone may read",
    "landlock": "Linux 5.13 or later, with 'landlock' in the kernel's 'lsm=' boot parameter",
    "network namespace": "a kernel with CONFIG_NET_NS",
    "no nested namespaces": "leave /proc/sys writable: in a container, '--security-opt systempaths=unconfined'",
    "seccomp": "a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64",
})


@dataclass(frozen=True, slots=True)
class Signs:
    """What points to the reason of a refusal. None: the host does not have that setting."""

    apparmor_restricts: int | None = None
    unprivileged_clone: int | None = None
    most_namespaces: int | None = None
    in_container: bool = False


def look() -> Signs:
    """Read the signs of this host."""
    return Signs(_number(_APPARMOR), _number(_CLONE), _number(_MOST), any(Path(path).exists() for path in _CONTAINERS))


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None


def remedy(name: str, number: int, signs: Signs) -> str:
    """What would make it work. `name` is that of the finding, `number` the errno that the kernel gave."""
    if name in ("user namespaces", "own user namespace per task", "root"):
        return _for_namespaces(number, signs)
    if name == "private /proc":
        return (
            "something is mounted over parts of /proc, as container engines do: start the container with "
            "'docker run --security-opt systempaths=unconfined' (podman: '--security-opt unmask=ALL'), or, on a "
            "plain host, find it by 'findmnt -R /proc' and unmount it"
        )
    return _OTHERS.get(name, "")


def remedy_for_seccomp() -> str:
    """What a machine has to be for its system calls to be filtered."""
    return _OTHERS["seccomp"]


def _for_namespaces(number: int, signs: Signs) -> str:
    if signs.most_namespaces == 0:
        return "as root: sysctl -w user.max_user_namespaces=15000 (to keep it: in /etc/sysctl.d/90-holdfast.conf)"
    if signs.unprivileged_clone == 0:
        return "as root: sysctl -w kernel.unprivileged_userns_clone=1 (to keep it: in /etc/sysctl.d/90-holdfast.conf)"
    if signs.apparmor_restricts:
        return (
            "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or for this Python alone: write "
            "'abi <abi/4.0>, profile holdfast /path/of/python3 flags=(unconfined) { userns, }' in "
            "/etc/apparmor.d/holdfast and run 'apparmor_parser -r /etc/apparmor.d/holdfast'"
        )
    if signs.in_container:
        return (
            "start the container with 'docker run --security-opt seccomp=unconfined --security-opt "
            "apparmor=unconfined --security-opt systempaths=unconfined' (podman: the same)"
        )
    if number == errno.ENOSPC:
        return "too many user namespaces: as root, sysctl -w user.max_user_namespaces=15000"
    return (
        "if a systemd unit starts Holdfast, take RestrictNamespaces=, PrivateUsers= and SystemCallFilter= out of it; "
        "else the kernel was built without CONFIG_USER_NS: run Holdfast as root"
    )
