"""What an ended task left: its result, and what the kernel counted of it."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cgroup import Group
    from .wire import Facts, Kept


def nothing_kept() -> Kept:
    """A stream without output."""
    return {"kept": 0, "total": 0, "inline": 0, "path": ""}


class Result:
    """What a program left as its result: `size` bytes to be read from `fd`; or why it was `refused`."""

    __slots__ = ("fd", "refused", "size")

    def __init__(self, fd: int = -1) -> None:
        self.fd = fd
        self.size = 0
        self.refused: str | None = None

    def open(self, path: str) -> None:
        """Take the file of this name, unless there is none. No link is followed, nothing is waited for."""
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            self.refused = f"the result file was refused: {error.strerror}"

    def measure(self) -> None:
        """Find the size. Only a plain file has one; the others are refused."""
        if self.fd < 0:
            return
        seen = os.fstat(self.fd)
        if stat.S_ISREG(seen.st_mode):
            self.size = seen.st_size
        else:
            self.refused = "the result file was refused: it is not a regular file"

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


def add_counts(facts: Facts, group: Group) -> None:
    """Complete the facts by what the kernel counted in the group. Not before the last process is reaped."""
    facts["oom_kills"] = group.oom_kills()
    facts["memory_bytes"] = group.memory_peak() or facts["memory_bytes"]
    facts["processes"] = group.processes_peak() or facts["processes"]
    if facts["oom_kills"] and facts["sandbox_error"] is not None:  # the limit was too small even to begin
        facts["sandbox_error"], facts["signal"] = None, 9
    refused = group.refused_forks()
    if refused:
        facts["evidence"].append(f"pids_limit: the kernel refused {refused} times to start a process")
        if facts["exit_code"] != 0 and facts["stopped_for"] is None:
            facts["limit_hit"] = facts["limit_hit"] or "pids_limit"
