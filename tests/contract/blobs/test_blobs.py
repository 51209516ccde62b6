"""Content by its digest: put once, the same for ever, and never a broken one given out."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.blobs.directory import CHUNK, DirectoryBlobs
from holdfast.blobs.memory import MemoryBlobs
from holdfast.model.errors import EngineFault, StoreFault
from holdfast.ports import Blobs


@pytest.fixture(params=["memory", "directory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return MemoryBlobs() if request.param == "memory" else DirectoryBlobs(tmp_path / "store" / "blobs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store" / "blobs"


@pytest.fixture
def stored(folder: Path) -> DirectoryBlobs:
    return DirectoryBlobs(folder)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("data", [b"", b"x", b"\0\xff" * 5000, os.urandom(3 * CHUNK + 7)])
def test_what_is_put_comes_back_under_its_sha256(blobs: Blobs, tmp_path: Path, data: bytes) -> None:
    assert blobs.put(data) == sha256(data)
    assert blobs.get(sha256(data)) == data


@pytest.mark.parametrize("data", [b"", b"x", os.urandom(3 * CHUNK + 7)])
def test_a_file_is_taken_over(blobs: Blobs, tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(data)
    assert blobs.put_file(str(source)) == sha256(data)
    assert blobs.get(sha256(data)) == data
    assert not source.exists()


def test_putting_the_same_again_changes_nothing(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"same")
    assert blobs.put(b"same") == blobs.put(b"same") == blobs.put_file(str(source)) == sha256(b"same")
    assert blobs.get(sha256(b"same")) == b"same"
    assert not source.exists()


def test_what_was_never_put_is_missing(blobs: Blobs) -> None:
    with pytest.raises(EngineFault) as fault:
        blobs.get(sha256(b"never"))
    assert fault.value.code == "blob.missing"


@given(data=st.lists(st.binary(max_size=50)))
def test_many_are_kept_apart(data: list[bytes]) -> None:
    blobs = MemoryBlobs()
    for digest, one in [(blobs.put(one), one) for one in data]:
        assert blobs.get(digest) == one


# --- the folder -----------------------------------------------------------------------------------------------------


def test_bytes_stand_in_a_file_named_by_their_digest_for_the_owner_alone(stored: DirectoryBlobs, folder: Path) -> None:
    digest = stored.put(b"data")
    assert files(folder) == {f"{digest[:2]}/{digest[2:]}": b"data"}
    for path in (folder.parent, folder, folder / digest[:2]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_another_process_finds_what_was_put(stored: DirectoryBlobs, folder: Path) -> None:
    assert DirectoryBlobs(folder).get(stored.put(b"data")) == b"data"


@pytest.mark.parametrize("harm", [b"", b"dat", b"Data", b"data and more"])
def test_damaged_bytes_are_never_given_out(stored: DirectoryBlobs, folder: Path, harm: bytes) -> None:
    digest = stored.put(b"data")
    (folder / digest[:2] / digest[2:]).write_bytes(harm)
    with pytest.raises(EngineFault) as fault:
        stored.get(digest)
    assert fault.value.code == "blob.damaged"
    assert digest[:2] in str(fault.value)


def test_a_file_that_somebody_still_has_open_cannot_change_what_is_stored(
    stored: DirectoryBlobs, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    with source.open("wb") as writer:
        writer.write(b"first")
        writer.flush()
        digest = stored.put_file(str(source))
        writer.write(b" and more")
        writer.flush()
        os.pwrite(writer.fileno(), b"FIRST", 0)
    assert stored.get(digest) == b"first"


def test_reading_makes_no_folder(stored: DirectoryBlobs, folder: Path) -> None:
    with pytest.raises(EngineFault):
        stored.get(sha256(b"never"))
    assert not folder.parent.exists()


def fail(number: int) -> Callable[..., None]:
    def failing(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return failing


@pytest.mark.parametrize(
    "fault_of", [(errno.ENOSPC, "store.full"), (errno.EDQUOT, "store.full"), (errno.EIO, "store.io")]
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_disk_is_reported_and_leaves_nothing_half_written(
    stored: DirectoryBlobs, folder: Path, monkeypatch: pytest.MonkeyPatch, fault_of: tuple[int, str], call: str
) -> None:
    number, code = fault_of
    stored.put(b"before")
    before = files(folder)
    source = folder.parent / "source"
    source.write_bytes(b"file")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail(number))
        for put in (lambda: stored.put(b"data"), lambda: stored.put_file(str(source))):
            with pytest.raises(StoreFault) as fault:
                put()
            assert fault.value.code == code
    assert files(folder) == before
    assert source.read_bytes() == b"file"
    assert stored.get(stored.put(b"data")) == b"data"


def test_bytes_are_on_disk_under_their_name_before_their_digest_is_known(
    stored: DirectoryBlobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order without which a power cut loses them: the file, the name, the folder."""
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noted_replace(source: Path, target: Path) -> None:
        steps.append("name")
        replace(source, target)

    stored.put(b"the folders are made with the first one")
    digest = sha256(b"data")
    (folder / digest[:2]).mkdir(exist_ok=True)
    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    assert stored.put(b"data") == digest
    assert steps == ["file", "name", "folder"]
    steps.clear()
    stored.put(b"data")
    assert steps == ["folder"], "another engine may have died between the name and the folder"
