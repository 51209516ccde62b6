"""From a launch to the order that a keeper gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.model.launch import Call, Exec, Launch
from holdfast.sandbox.offers import GROUP_USES, WATCHED
from holdfast.sandbox.zygote import wire

if TYPE_CHECKING:
    from holdfast.sandbox.zygote.cgroup import Layout

DEFAULT_OUTPUT_BYTES: Final = 10_000_000
DEFAULT_GRACE_S: Final = 0.5


def order(launch: Launch, name: str, result: str, layout: Layout) -> wire.Order:
    """The order. `name` is that of its files; `result` where a program leaves its result, in its own eyes.

    The keeper's number is filled in later.
    """
    limits = launch.limits
    environment = dict(launch.environment)
    argv, call = None, None
    match launch.program:
        case Exec(argv=words):
            argv = list(words)
            environment["HOLDFAST_RESULT"] = result
        case Call(target=target, arguments=arguments, import_path=import_path):
            call = (target, arguments, list(import_path))
    groups, watched = _keeping(launch, layout)
    return {
        "number": 0,
        "name": name,
        "sealed": False,
        "argv": argv,
        "call": call,
        "environment": environment,
        "stdin": launch.stdin,
        "files": list(launch.files),
        "wall_s": limits.wall_s,
        "grace_s": DEFAULT_GRACE_S if limits.grace_s is None else limits.grace_s,
        "output_bytes": DEFAULT_OUTPUT_BYTES if limits.output_bytes is None else limits.output_bytes,
        "open_files": limits.open_files,
        "cpu_s": limits.cpu_s,
        "groups": groups,
        "watched": watched,
    }


def _keeping(launch: Launch, layout: Layout) -> tuple[dict[str, int | float], dict[str, float]]:
    """Which limits a control group is to keep, and which the keeper has to look after."""
    limits = launch.limits
    values = {
        "memory_limit": limits.memory_bytes,
        "pids_limit": limits.pids,
        "cpus": limits.cpus,
        "cpu_time": limits.cpu_s,
    }
    groups: dict[str, int | float] = {}
    watched: dict[str, float] = {}
    for limit, value in values.items():
        if value is None:
            continue
        use = GROUP_USES.get(limit)
        if use in layout:
            groups[use] = value
        elif limit in WATCHED:
            watched[limit] = float(value)
    return groups, watched
