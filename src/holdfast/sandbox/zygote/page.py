"""How far a child came, and what went wrong before its program began."""

from __future__ import annotations

import mmap

SETTING_UP, HANDED_OVER, NOT_EXECUTED = 0, 1, 2


class Page:
    """A page shared by keeper and child: how far the child came, and what went wrong. Gone once the program runs."""

    def __init__(self) -> None:
        self.map = mmap.mmap(-1, mmap.PAGESIZE)

    def clear(self) -> None:
        self.map[0:3] = b"\0\0\0"

    def say(self, stage: int, message: str) -> None:
        data = message.encode("utf-8", "replace")[: mmap.PAGESIZE - 3]
        self.map[1 : 3 + len(data)] = len(data).to_bytes(2, "little") + data
        self.map[0] = stage

    def read(self) -> tuple[int, str]:
        stage: int = self.map[0]
        if stage == HANDED_OVER:
            return stage, ""
        size = int.from_bytes(self.map[1:3], "little")
        return stage, self.map[3 : 3 + size].decode("utf-8", "replace")
