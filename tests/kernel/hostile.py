"""Tasks that misbehave. Each is a function to be called by a task, or a script that a task runs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


def forever() -> NoReturn:
    while True:
        signal.pause()


def tell(pipe: str, *words: object) -> None:
    Path(pipe).write_text(" ".join(map(str, words)))


def fork(body: Callable[[], object]) -> int:
    """A child that does this and no more."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid


def daemon(write: int) -> None:
    """A double-forked, re-sessioned daemon that says its pid."""

    def second() -> None:
        os.setsid()
        fork(last)

    def last() -> None:
        os.write(write, f"{os.getpid()} ".encode())
        forever()

    os.waitpid(fork(second), 0)


def family(pipe: str) -> list[int]:
    """A child, a re-sessioned child and a daemon; their pids and one's own."""
    read, write = os.pipe()
    child = fork(forever)
    strange = fork(lambda: (os.setsid(), os.write(write, b"| "), forever()))
    daemon(write)
    said = b""
    while said.count(b" ") < 2:
        said += os.read(read, 100)
    pids = [os.getpid(), child, strange, *(int(word) for word in said.split() if word != b"|")]
    tell(pipe, *pids)
    return pids


def family_then_hang(pipe: str) -> None:
    family(pipe)
    forever()


def stubborn_family(pipe: str) -> None:
    """The same, and all of them deaf to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    family_then_hang(pipe)


def stopped_family(pipe: str) -> None:
    """All of them stopped, so that no signal but SIGKILL and SIGCONT does anything."""
    pids = family(pipe)
    for pid in [*pids[1:], pids[0]]:
        os.kill(pid, signal.SIGSTOP)


def close_all_and_hang(pipe: str) -> None:
    tell(pipe, os.getpid())
    os.closerange(0, 1024)
    forever()


def leave_pipes_open(pipe: str) -> str:
    """Ends at once; a grandchild holds stdout and stderr."""
    read, write = os.pipe()
    daemon(write)
    tell(pipe, os.read(read, 100).decode())
    return "done"


def own_subreaper() -> str:
    """Collects its orphans itself, and ends before them."""
    import ctypes

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    read, write = os.pipe()
    daemon(write)
    return os.read(read, 100).decode()


def fork_bomb() -> int:
    """Forks until it is refused; says how often it could."""
    made = 0
    while True:
        try:
            fork(forever)
        except BlockingIOError:
            return made
        made += 1


def session_bomb(depth: int) -> NoReturn:
    """Everyone forks two, each in a session of its own, and lives on."""
    for _ in range(depth):
        if os.fork() == 0:
            os.setsid()
    forever()


def rabbit(pipe: str) -> None:
    """A process that forks and dies, over and over: it is never where it was last seen."""

    def run() -> NoReturn:
        os.setsid()
        while True:
            if os.fork():
                os._exit(0)

    fork(run)
    tell(pipe, "off")


def rabbits(count: int) -> None:
    """So many of them that some get away at every turn."""
    for _ in range(count):
        rabbit("/dev/null")


def ignore_children_and_burn(seconds: float) -> None:
    """Burns in many short-lived children, none of which is waited for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def eat(megabytes: int) -> int:
    """Memory that is really there."""
    return len(bytearray(b"x") * (megabytes << 20))


def eat_and_stay(megabytes: int) -> NoReturn:
    held = bytearray(b"x") * (megabytes << 20)
    while held:
        signal.pause()
    raise AssertionError


def children_eat_and_stay(count: int, megabytes: int) -> NoReturn:
    for _ in range(count):
        fork(lambda: eat_and_stay(megabytes))
    forever()


def eat_memfd(megabytes: int) -> int:
    fd = os.memfd_create("bomb")
    chunk = b"x" * (1 << 20)
    return sum(os.write(fd, chunk) for _ in range(megabytes))


def child_eats(megabytes: int) -> str:
    """A child is killed for memory, and its parent does not mind."""
    os.waitpid(fork(lambda: eat(megabytes)), 0)
    return "never mind"


def flood(stream: int, total: int) -> int:
    """Numbered lines of 16 bytes, `total` bytes of them."""
    step = 4096
    for start in range(0, total // 16, step):
        lines = b"".join(b"%015d\n" % number for number in range(start, min(start + step, total // 16)))
        while lines:
            lines = lines[os.write(stream, lines) :]
    return total


def write_bytes(text: str) -> None:
    os.write(1, bytes.fromhex(text))


def one_by_one(text: str) -> None:
    for byte in text.encode():
        os.write(1, bytes([byte]))


def deep_tree(depth: int) -> int:
    """Folders in folders, deeper than any path can say, and not to be entered."""
    for _ in range(depth):
        os.mkdir("d")
        os.chdir("d")
    return depth


def wide_tree(count: int) -> int:
    for number in range(count):
        Path(f"f{number}").touch()
    return count


def locked_tree() -> None:
    os.makedirs("a/b")
    Path("a/b/file").touch()
    for name in ("a/b", "a", "."):
        os.chmod(name, 0)


def delete_folder() -> None:
    os.rmdir(os.getcwd())


def links(target: str) -> None:
    os.symlink(target, "link")
    os.symlink("..", "up")
    os.link(target, "hard")
    os.mkfifo("fifo")


def kill_parent(number: int) -> NoReturn:
    os.kill(os.getppid(), number)
    forever()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
