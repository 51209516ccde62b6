"""The shell around a keeper's cells: what is built once and serves many tasks, one after the other."""

from __future__ import annotations

import os

from ..linux import cell
from ..linux.carry import Broken, Site
from . import child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from ..linux.cell import Cell
    from .cgroup import Group
    from .page import Page
    from .wire import Order, Shape


class Shell:
    """Builds the private root, and the cells in it; one cell is built ahead of its task. `broken` says what failed."""

    __slots__ = ("_ahead", "_page", "_shape", "broken")

    def __init__(self, page: Page) -> None:
        self.broken: str | None = None
        self._page = page
        self._shape: Shape | None = None
        self._ahead: Cell | None = None

    def take_shape(self, shape: Shape) -> None:
        """Have cells of this shape from now on. What goes wrong is told with the next task."""
        self.close()
        before, self._shape = self._shape, shape
        site = Site()
        try:
            if before is None:
                site.carry_out(shape["enter"])
            elif before["root"] != shape["root"]:
                site.carry_out([("unmount", before["base"])])
            if before is None or before["root"] != shape["root"]:
                site.carry_out(shape["root"])
        except (Broken, OSError) as error:
            self.broken = f"the sandbox could not be built: {error}"
        finally:
            site.close()

    def start(self, group: Group | None) -> Cell:
        """A cell, whose processes are born in this group. Raises OSError."""
        ready, self._ahead = self._ahead, None
        if ready is not None and group is None:
            return ready
        if ready is not None:
            _dismiss(ready)
        unified, others = (None, ()) if group is None else group.doors()
        try:
            return self._built(cell.Groups(unified, others))
        finally:
            for fd in others if unified is None else (unified, *others):
                os.close(fd)

    def hand_over(self, to: Cell, order: Order, fds: list[int]) -> None:
        """Have the order carried out in this cell. Raises OSError where it is broken, which its records explain."""
        if self._shape is None:
            raise OSError(0, "no shape was ordered")
        to.go(self._shape["confinement"], order, fds)

    def look_ahead(self) -> None:
        """Build the next cell while there is nothing else to do."""
        if self._ahead is None and self._shape is not None and self.broken is None:
            try:
                self._ahead = self._built(cell.Groups())
            except OSError:
                return  # the next task will meet it, and tell

    def close(self) -> None:
        """Take down a cell that was built ahead."""
        ready, self._ahead = self._ahead, None
        if ready is not None:
            _dismiss(ready)

    def _built(self, groups: cell.Groups) -> Cell:
        if self._shape is None:
            raise OSError(0, "no shape was ordered")
        return cell.start(self._shape["flags"], self._shape["cell"], self._become, groups)

    def _become(self, order: Order, fds: list[int]) -> NoReturn:
        child.become(order, fds, self._page)


def _dismiss(ready: Cell) -> None:
    ready.kill()
    os.waitpid(ready.pid, 0)
    ready.close()
