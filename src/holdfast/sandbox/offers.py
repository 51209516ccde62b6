"""What the levels can do about each limit on this host, from what the zygote found by trying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from holdfast.model.limits import Offer
from holdfast.sandbox.plan.policy import DEFAULT_SCRATCH_BYTES, DEFAULT_SCRATCH_INODES
from holdfast.sandbox.zygote.watch import LIMITED_S

if TYPE_CHECKING:
    from holdfast.sandbox.probe import Findings
    from holdfast.sandbox.zygote.cgroup import Layout

GROUP_USES: Final[Mapping[str, str]] = {"memory_limit": "memory", "pids_limit": "pids", "cpus": "cpu"}
"""The limits that a control group keeps, and the controller of each."""

WATCHED: Final = frozenset({"memory_limit", "pids_limit", "cpu_time"})
"""The limits that a keeper looks after where nothing better does."""

_SECONDARY: Final[Mapping[str, tuple[str, str]]] = {
    "no nested namespaces": ("nested namespaces", "none can be made, beside the filter that refuses to"),
    "landlock": ("second wall", "Landlock behind the mounts"),
    "idmapped mounts": ("files of root", "what is shown stays readable, whatever its mode"),
}
"""What more there is where the host has it: the finding, then the row and what stands in it."""

_LOOKS: Final = f"the keeper looks every {LIMITED_S:g} s and kills; what happens in between is not seen"
_REMEDY: Final = (
    "Run Holdfast where it may make control groups: as root, in a container with a writable cgroup folder, or with "
    "`systemd-run --user --scope -p Delegate=yes holdfast …`."
)


def offers(layout: Layout, reasons: Sequence[str]) -> dict[str, Offer]:
    """Keyed by the envelope's names."""
    made = {
        "timeout": Offer(True, "the keeper's clock; then every descendant is killed"),
        "grace": Offer(True, "the keeper's clock"),
        "output_limit": Offer(True, "the keeper keeps head and tail up to that size, and counts the rest"),
        "open_files": Offer(True, "RLIMIT_NOFILE, in each process"),
        "cpu_time": Offer(True, f"RLIMIT_CPU, in each process by itself, in whole seconds; their sum: {_LOOKS}"),
    }
    for name, use in GROUP_USES.items():
        if use in layout:
            made[name] = Offer(True, f"control group, {use} controller (version {layout[use]['version']})")
        else:
            why = [reason for reason in reasons if reason.startswith(f"{use}:")]
            weak = _LOOKS if name in WATCHED else "nothing"
            made[name] = Offer(False, weak, f"{_REMEDY} Here: {'; '.join(why)}")
    return made


def sealed_offers(layout: Layout, reasons: Sequence[str], findings: Findings) -> dict[str, Offer]:
    """What the level `sandbox` can do: the limits, keyed by the envelope's names, then what it keeps tasks from."""
    made = offers(layout, reasons)
    if not made["pids_limit"].enforced and findings.host.counted:
        made["pids_limit"] = Offer(True, "RLIMIT_NPROC, counted for each task by itself")
    made["disk"] = Offer(
        True, f"{DEFAULT_SCRATCH_BYTES:,} bytes, {DEFAULT_SCRATCH_INODES:,} files, on a tmpfs of its own"
    )
    made["files"] = Offer(
        True, "a private root: system, interpreter and the task's folder, all read-only; nothing else"
    )
    made["network"] = Offer(True, "a network namespace without an interface, and a filter that refuses such sockets")
    made["processes"] = Offer(True, "a pid namespace with a /proc of its own; its end is everyone's")
    made["identity"] = Offer(True, f"{_who(findings)}; no capabilities, none to be gained")
    made["system calls"] = Offer(True, "a seccomp filter that allows what it knows")
    for item in findings.items:
        if item.name in _SECONDARY:
            name, by = _SECONDARY[item.name]
            made[name] = Offer(item.works, by if item.works else f"not to be had: {item.detail}", item.remedy)
    return made


def _who(findings: Findings) -> str:
    host = findings.host
    who = "a user id of its keeper's own" if host.privileged else "your own user id"
    return f"{who}, in a user namespace of its own" if host.user_namespaces else who
