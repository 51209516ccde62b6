"""Takes over what an attempt left: small bytes into the row, large ones into the blob store."""

from __future__ import annotations

from pathlib import Path

from holdfast.model.content import INLINE_BYTES, Content
from holdfast.model.launch import Captured
from holdfast.ports import Blobs
from holdfast.rules.seal import digest


def read_captured(captured: Captured, limit: int) -> bytes:
    """At most `limit` bytes of what was kept of an output stream, from its start."""
    if captured.path is None:
        return captured.inline[:limit]
    with Path(captured.path).open("rb") as file:
        return file.read(limit)


def keep_bytes(blobs: Blobs, data: bytes) -> Content:
    """Content of these bytes, all of them kept."""
    if len(data) <= INLINE_BYTES:
        return Content(digest=digest(data), size=len(data), total=len(data), inline=data)
    return Content(digest=blobs.put(data), size=len(data), total=len(data))


def keep_captured(blobs: Blobs, captured: Captured) -> Content | None:
    """Content of an output stream, None where nothing was printed."""
    if captured.total == 0:
        return None
    if captured.path is None:
        data = captured.inline
        return Content(digest=digest(data), size=len(data), total=captured.total, inline=data)
    return Content(digest=blobs.put_file(captured.path), size=captured.kept, total=captured.total)


def read_content(blobs: Blobs, content: Content) -> bytes:
    """All kept bytes. Raises EngineFault where a blob is missing or damaged."""
    return content.inline if content.inline is not None else blobs.get(content.digest)
