"""Bytes in a folder, each file named by its sha256.

The order is write, fsync, rename, fsync of the folder: a rename alone loses the file in a power cut.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from holdfast.blobs.faults import BlobDamaged, BlobMissing
from holdfast.model.errors import StoreFault

CHUNK: Final = 1 << 20
_INCOMING: Final = "incoming"


class DirectoryBlobs:
    """Bytes under `folder/ab/cdef…`, each file whole and never changed; the folders are made at the first put."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)

    def put(self, data: bytes) -> str:
        """Store bytes durably; return their sha256 as hex. Raises StoreFault (`store.full`, `store.io`)."""
        digest = hashlib.sha256(data).hexdigest()
        with _faults(self._folder):
            if self._path(digest).exists():
                _sync(self._path(digest).parent)  # it may be there, yet not on disk, where an engine died just now
            else:
                self._store([data], digest)
        return digest

    def put_file(self, path: str) -> str:
        """Take over a file; return its sha256 as hex. Raises StoreFault.

        It is copied, so that nobody who still has it open can change what is stored, and then removed.
        """
        with _faults(self._folder):
            with open(path, "rb") as source:
                digest = self._store(iter(lambda: source.read(CHUNK), b""))
            os.unlink(path)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes. Raises EngineFault: `blob.missing`, `blob.damaged`; StoreFault where the disk fails."""
        with _faults(self._folder):
            try:
                data = self._path(digest).read_bytes()
            except FileNotFoundError:
                raise BlobMissing(f"the bytes with the digest {digest} are gone from {self._folder}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobDamaged(f"{self._path(digest)} no longer holds what was stored in it")
        return data

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]

    def _store(self, chunks: Iterable[bytes], digest: str = "") -> str:
        """Write bytes under their digest, which is found on the way where it is not known."""
        incoming = self._folder / _INCOMING
        _make(incoming)
        fresh = incoming / secrets.token_hex(8)
        seal = hashlib.sha256()
        try:
            with open(fresh, "xb") as file:
                for chunk in chunks:
                    if not digest:
                        seal.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            digest = digest or seal.hexdigest()
            path = self._path(digest)
            _make(path.parent)
            os.replace(fresh, path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        _sync(path.parent)
        return digest


def _make(folder: Path) -> None:
    """A folder and those above it, for their owner alone, each on disk."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _faults(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        code, remedy = (
            ("store.full", "Free some space.") if full else ("store.io", "Look at the disk and the system log.")
        )
        raise StoreFault(code, f"the bytes in {folder} cannot be read or written: {error}", remedy) from error
