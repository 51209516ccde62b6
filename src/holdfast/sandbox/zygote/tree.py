"""The working directory of a task: filled before, removed after, whatever the task made of it."""

from __future__ import annotations

import os


class BadName(ValueError):
    """A file name that does not stay in the working directory."""


class Folders:
    """The working directories of one keeper's tasks. One that its task left untouched is given to the next.

    Making and removing a directory costs more than anything else around a small task, where it is journalled.
    Untouched means: empty, and the same in every number that the kernel keeps of it, the time of its last change too.
    """

    __slots__ = ("_base", "_made", "_stamp", "path")

    def __init__(self, base: str) -> None:
        self._base = base
        self._made = 0
        self._stamp: os.stat_result | None = None
        self.path = ""

    def take(self) -> str:
        """The path of a fresh directory. Raises OSError."""
        if self._stamp is None:
            self._made += 1
            self.path = f"{self._base}-{self._made}"
            os.mkdir(self.path, 0o700)
            self._stamp = os.lstat(self.path)
        return self.path

    def give_back(self) -> bool:
        """Keep it for the next task, or remove it if that is done at once. If neither: False, and `remove` has to."""
        before, self._stamp = self._stamp, None
        try:
            now = os.lstat(self.path)
            if before is not None and _same(before, now) and not os.listdir(self.path):
                self._stamp = before
            else:
                os.rmdir(self.path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def remove(self) -> str | None:
        """Remove the present directory with all that is in it, however long that takes. Says what could not be."""
        self._stamp = None
        return remove(self.path) if self.path else None


def _same(one: os.stat_result, two: os.stat_result) -> bool:
    return (one.st_ino, one.st_mode, one.st_uid, one.st_gid, one.st_nlink, one.st_ctime_ns) == (
        two.st_ino,
        two.st_mode,
        two.st_uid,
        two.st_gid,
        two.st_nlink,
        two.st_ctime_ns,
    )


def fill(workdir: str, files: list[tuple[str, bytes]]) -> None:
    """Write files into a fresh directory. What starts with `#!` may be executed. Raises BadName, OSError."""
    for name, data in files:
        parts = name.split("/")
        if not all(parts) or ".." in parts or "." in parts or "\0" in name:
            raise BadName(f"{name!r} is not a relative path without '.', '..' or empty parts")
        path = f"{workdir}/{name}"
        if len(parts) > 1:
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        mode = 0o755 if data.startswith(b"#!") else 0o644
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with open(fd, "wb") as file:
            file.write(data)


def remove(path: str) -> str | None:
    """Remove a directory with all that is in it. Says why, if something could not be removed.

    No link is followed, the depth may be anything: each directory is emptied by lifting its folders up to the top.
    """
    try:
        os.rmdir(path)
        return None
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        os.unlink(path)
        return None
    except OSError:
        pass
    try:
        os.chmod(path, 0o700)
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _empty(top)
        finally:
            os.close(top)
        os.rmdir(path)
    except OSError as error:
        return f"{path} could not be removed: {error}"
    return None


def _empty(top: int) -> None:
    lifted = 0
    while names := os.listdir(top):
        for name in names:
            if _unlinked(name, top):
                continue
            os.chmod(name, 0o700, dir_fd=top)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
            try:
                lifted = _lift(inner, top, lifted)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)


def _lift(inner: int, top: int, lifted: int) -> int:
    for name in os.listdir(inner):
        if _unlinked(name, inner):
            continue
        os.chmod(name, 0o700, dir_fd=inner)
        while True:
            lifted += 1
            try:
                os.mkdir(f".{lifted}", dir_fd=top)
                break
            except FileExistsError:
                continue
        os.rename(name, f".{lifted}", src_dir_fd=inner, dst_dir_fd=top)
    return lifted


def _unlinked(name: str, parent: int) -> bool:
    """Unlink anything but a directory."""
    try:
        os.unlink(name, dir_fd=parent)
        return True
    except FileNotFoundError:
        return True
    except IsADirectoryError:
        return False
