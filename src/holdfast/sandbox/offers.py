"""What the level `process` can do about each limit on this host."""

from __future__ import annotations

from holdfast.model.limits import Offer


def offers() -> dict[str, Offer]:
    """Keyed by the envelope's names."""
    no_group = "run Holdfast where it may create control groups (as root, or in a delegated systemd scope)"
    return {
        "timeout": Offer(True, "the keeper's clock, then SIGKILL to every descendant"),
        "grace": Offer(True, "the keeper's clock"),
        "output_limit": Offer(True, "the keeper keeps no more than that"),
        "open_files": Offer(True, "RLIMIT_NOFILE, in each process"),
        "cpu_time": Offer(True, "RLIMIT_CPU, counted in each process by itself, in whole seconds"),
        "memory_limit": Offer(False, "nothing", no_group),
        "pids_limit": Offer(False, "nothing", no_group),
        "cpus": Offer(False, "nothing", no_group),
    }
