"""Bytes that belong to a task: kept in the row where small, by digest in the blob store where large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INLINE_BYTES: Final = 16 * 1024
"""Up to this size, content is kept in the row itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """`digest` is the sha256 of the kept bytes, as hex; `inline` is None where they are in the blob store.

    `size` counts the kept bytes; `total` those that were produced, larger where the middle was cut out.
    """

    digest: str
    size: int
    total: int
    inline: bytes | None = None

    @property
    def truncated(self) -> bool:
        return self.total > self.size
