"""The life of one task in a cell, as its keeper sees it. What is not said here is as for any other task."""

from __future__ import annotations

import contextlib
import os
import signal

from ..linux.record import BROKEN, ENDED
from . import page
from .attempt import Attempt
from .family import descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..linux.cell import Cell
    from ..linux.record import Record
    from .post import Post
    from .shell import Shell
    from .wire import Facts, Kept, Order

_SIGKILL = int(signal.SIGKILL)


class SealedAttempt(Attempt):
    """One task in a cell. The process that the keeper sees is pid 1 there; with its end everyone's end is proven."""

    __slots__ = ("_broken", "_cell", "_doomed", "_ended", "_shell")

    def __init__(self, order: Order, post: Post, shell: Shell) -> None:
        super().__init__(order, post)
        self._shell = shell
        self._cell: Cell | None = None
        self._broken: str | None = None
        self._ended: Record | None = None
        self._doomed = 0

    def _lay_program(self) -> None:
        """Nothing: the task process does this within the cell, where it costs of the task's own quota."""
        if self._shell.broken is not None:
            raise OSError(0, self._shell.broken)

    def start(self, timeout_ms: int) -> list[tuple[int, int]]:
        if self.group is not None:
            self.group.ours = 1  # pid 1
        cell = self._shell.start(self.group)
        self._cell = cell
        self._dead.main, self._pidfd = cell.pid, cell.pidfd
        self.alive = True
        self._post.poll.register(cell.pidfd, 1)  # POLLIN
        fds = [0, 1, 2] if self.order["call"] is None else [0, 1, 2, 3]
        with contextlib.suppress(OSError):  # pid 1 is gone: its records say why, and its end is seen at once
            self._shell.hand_over(cell, self.order, fds)
        return self._post.poll.poll(timeout_ms)

    def _kill(self) -> None:
        if self._cell is not None:
            self._doomed = len(descendants(self._cell.pid)) - 1
            self._cell.kill()

    def _ask(self) -> None:
        if self._cell is not None:
            self._cell.ask()

    def _swept(self, reaped: int) -> int:
        return max(0, self._doomed) if self._ended is None else self._ended.swept

    def _gather(self) -> None:
        self._listen()
        if self.order["call"] is None and self._cell is not None and self._cell.scratch >= 0:
            try:
                self.result.fd = self._cell.take("result")
            except FileNotFoundError:
                return
            except OSError as error:
                self.result.refused = f"the result file was refused: {error.strerror}"

    def _listen(self) -> None:
        """Take in what pid 1 said. Now that all are dead, nothing more will come."""
        while self._cell is not None and (record := self._cell.hear()) is not None:
            if record.kind == BROKEN:
                self._broken = record.text
            elif record.kind == ENDED:
                self._ended = record
        dead, ended = self._dead, self._ended
        dead.status = _SIGKILL  # unless pid 1 could tell the status of the main process, everyone was killed
        if ended is not None:
            dead.status, dead.cpu_s, dead.peak_bytes = ended.number, ended.cpu_us / 1e6, ended.peak_bytes
            dead.read_bytes, dead.written_bytes = ended.read_bytes, ended.written_bytes

    def _facts(self, kept: list[tuple[Kept, bytes]], survivors: int, swept: int) -> Facts:
        facts = super()._facts(kept, survivors, swept)
        facts["processes"] = max(self._watch.processes - 1, swept + 1)
        failed = facts["exit_code"] != 0 and facts["sandbox_error"] is None and facts["stopped_for"] is None
        if failed and facts["limit_hit"] is None and self._is_full():
            facts["limit_hit"] = "disk"
            facts["evidence"].append("disk: nothing is left of the quota of its scratch space")
        return facts

    def _is_full(self) -> bool:
        if self._cell is None or self._cell.scratch < 0:
            return False
        seen = os.fstatvfs(self._cell.scratch)
        return not seen.f_bavail or not seen.f_favail

    def _setup_error(self, number: int | None) -> str | None:
        stage, message = self._post.page.read()
        if stage == page.NOT_EXECUTED:
            self.evidence.append(f"not executed: {message}")
        if stage != page.SETTING_UP or self._ladder.reason is not None:
            return None
        return self._broken or message or "the cell ended before the program began"

    def close(self) -> None:
        if self._cell is not None:
            self._pidfd = -1
            self._cell.close()
        super().close()

    def tidy(self) -> bool:
        return True
