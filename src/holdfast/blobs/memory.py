"""Bytes that live as long as the process: for the store `:memory:` and tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

from holdfast.blobs.faults import BlobMissing


class MemoryBlobs:
    """Bytes by their sha256."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keep bytes; return their sha256 as hex."""
        digest = hashlib.sha256(data).hexdigest()
        self._blobs[digest] = data
        return digest

    def put_file(self, path: str) -> str:
        """Take over a file; return its sha256 as hex."""
        file = Path(path)
        digest = self.put(file.read_bytes())
        file.unlink()
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes. Raises EngineFault (`blob.missing`)."""
        if digest not in self._blobs:
            raise BlobMissing(f"no bytes with the digest {digest} are stored")
        return self._blobs[digest]
