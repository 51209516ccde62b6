"""Bytes in a folder, each file named by its sha256.

The order is write, fsync, rename, fsync of the folder: a rename alone loses the file in a power cut.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

from holdfast.blobs.faults import BlobDamaged, BlobMissing
from holdfast.model.errors import EngineFault

CHUNK: Final = 1 << 20


class DirectoryBlobs:
    """Bytes under `folder/ab/cdef…`; the folders are made at the first put."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        if not self._path(digest).exists():
            fresh = self._fresh()
            with open(fresh, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._take(fresh, digest)
        return digest

    def put_file(self, path: str) -> str:
        """Copies, so that nobody who still has the file open can change what is stored; then removes the original."""
        fresh = self._fresh()
        seal = hashlib.sha256()
        with open(path, "rb") as source, open(fresh, "xb") as file:
            while chunk := source.read(CHUNK):
                seal.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        digest = seal.hexdigest()
        self._take(fresh, digest)
        os.unlink(path)
        return digest

    def get(self, digest: str) -> bytes:
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise BlobMissing(f"the bytes with the digest {digest} are gone from {self._folder}") from None
        except OSError as error:
            raise EngineFault(f"{self._path(digest)} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobDamaged(f"{self._path(digest)} no longer holds what was stored in it")
        return data

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]

    def _fresh(self) -> Path:
        incoming = self._folder / "incoming"
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        return incoming / secrets.token_hex(8)

    def _take(self, fresh: Path, digest: str) -> None:
        path = self._path(digest)
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _sync(self._folder)
        os.replace(fresh, path)
        _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
