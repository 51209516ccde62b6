"""What a keeper lends to each of its tasks in turn."""

from __future__ import annotations

import os
import select

from .page import Page
from .tree import Folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .cgroup import Layout
    from .wire import Order, Settings


class Post:
    """Descriptors 0 to 3, which a task inherits as they are laid here; folders, the shared page, the poll.

    `last_resort` kills whatever does not die one by one, and says whether it could.
    """

    __slots__ = ("_nothing", "folders", "keeper", "last_resort", "layout", "page", "poll", "scratch")

    def __init__(self, settings: Settings, layout: Layout, last_resort: Callable[[], bool]) -> None:
        self.scratch = settings["scratch"]
        self.layout = layout
        self.last_resort = last_resort
        self.poll = select.poll()
        self.keeper = os.getpid()
        self.folders = Folders(f"{self.scratch}/folder-{self.keeper}")
        self.page = Page()
        self._nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)

    def confines(self, order: Order) -> bool:
        """Whether the child has to confine itself before it begins, which may fail."""
        return bool(order["groups"]) or order["open_files"] is not None or order["cpu_s"] is not None

    def lay_stdin(self, data: bytes) -> None:
        """Make descriptor 0 give this."""
        if not data:
            os.dup2(self._nothing, 0)
            return
        fd = os.memfd_create("stdin")
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.lseek(fd, 0, os.SEEK_SET)
            os.dup2(fd, 0)

    def lay_result(self) -> int:
        """Make descriptor 3 take a result. Returns a descriptor for reading it."""
        fd = os.memfd_create("result")
        os.dup2(fd, 3, inheritable=False)
        return fd

    def take_result_away(self) -> None:
        os.dup2(self._nothing, 3, inheritable=False)
