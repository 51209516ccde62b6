"""What the level `process` can do about each limit on this host, from what the zygote found by trying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from holdfast.model.limits import Offer
from holdfast.sandbox.zygote.watch import LIMITED_S

if TYPE_CHECKING:
    from holdfast.sandbox.zygote.cgroup import Layout

GROUP_USES: Final[Mapping[str, str]] = {"memory_limit": "memory", "pids_limit": "pids", "cpus": "cpu"}
"""The limits that a control group keeps, and the controller of each."""

WATCHED: Final = frozenset({"memory_limit", "pids_limit", "cpu_time"})
"""The limits that a keeper looks after where nothing better does."""

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
