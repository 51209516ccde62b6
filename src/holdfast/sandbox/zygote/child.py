"""From the fork to the program: the steps between the keeper's copy and code that nobody has to trust."""

from __future__ import annotations

import errno
import mmap
import os
import resource
import signal

from . import call
from .kernel import SET_DUMPABLE, SET_PDEATHSIG, prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .wire import Order, Settings

SETTING_UP, HANDED_OVER, NOT_EXECUTED = 0, 1, 2
RESULT_FD = 3
_FIRST_UNUSED_FD = 4
_KEEPERS_FDS = 256  # a keeper never has more
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


class Page:
    """A page shared by keeper and child: how far the child came, and what went wrong. Gone once the program runs."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, mmap.PAGESIZE)

    def clear(self) -> None:
        self._map[0:3] = b"\0\0\0"

    def say(self, stage: int, message: str = "") -> None:
        data = message.encode("utf-8", "replace")[: mmap.PAGESIZE - 3]
        self._map[1 : 3 + len(data)] = len(data).to_bytes(2, "little") + data
        self._map[0] = stage

    def read(self) -> tuple[int, str]:
        size = int.from_bytes(self._map[1:3], "little")
        return self._map[0], self._map[3 : 3 + size].decode("utf-8", "replace")

    def close(self) -> None:
        self._map.close()


class Ends:
    """The descriptors that the child's 0, 1, 2 and, for a call, 3 are made of."""

    def __init__(self, stdin: int, stdout: int, stderr: int, result: int | None) -> None:
        self.stdin, self.stdout, self.stderr, self.result = stdin, stdout, stderr, result


def enter(order: Order, settings: Settings, keeper: int, ends: Ends, page: Page) -> NoReturn:
    """Become the program of the order. Runs in the forked child, and never returns into the keeper's code."""
    try:
        try:
            _set_up(order, settings, keeper, ends)
        except BaseException as error:
            page.say(SETTING_UP, f"the task process could not be set up: {error}")
            os._exit(125)
        if order["argv"] is not None:
            _execute(order["argv"], order["environment"], page)
        if order["call"] is not None:
            page.say(HANDED_OVER)
            page.close()
            call.carry_out(order["call"], order["environment"], settings)
    finally:
        os._exit(125)


def _set_up(order: Order, settings: Settings, keeper: int, ends: Ends) -> None:
    prctl(SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:  # it died before the line above
        os._exit(125)
    os.setsid()
    prctl(SET_DUMPABLE, 1)
    os.dup2(ends.stdin, 0)
    os.dup2(ends.stdout, 1)
    os.dup2(ends.stderr, 2)
    if ends.result is not None and ends.result != RESULT_FD:
        os.dup2(ends.result, RESULT_FD, inheritable=False)
    os.closerange(RESULT_FD if ends.result is None else _FIRST_UNUSED_FD, _KEEPERS_FDS)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _limit(resource.RLIMIT_CORE, 0)
    if order["open_files"] is not None:
        _limit(resource.RLIMIT_NOFILE, order["open_files"])
    if order["cpu_s"] is not None:
        seconds = cpu_seconds(order["cpu_s"])
        _limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    os.chdir(f"{settings['scratch']}/{order['name']}")


def cpu_seconds(limit: float) -> int:
    """A processor time limit as the kernel takes it: in whole seconds, rounded up."""
    return max(1, int(-(-limit // 1)))


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    ceiling = resource.getrlimit(which)[1]
    values = [soft, soft if hard is None else hard]
    if ceiling != resource.RLIM_INFINITY:
        values = [min(value, ceiling) for value in values]
    resource.setrlimit(which, (values[0], values[1]))


def _execute(argv: list[str], environment: dict[str, str], page: Page) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    page.say(HANDED_OVER)
    status, message = 126, "the argument vector is empty"
    try:
        if argv:
            status, message = _exec_on_path(argv, environment)
    except (ValueError, OSError) as error:  # a NUL or an unpaired surrogate in an argument or a variable
        status, message = 126, f"{argv[0]!r} could not be executed: {error}"
    page.say(NOT_EXECUTED, message)
    os._exit(status)


def _exec_on_path(argv: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Execute, or say why not, as a shell does: 127 for what is not there, 126 for what cannot be executed."""
    name = argv[0]
    if "/" in name or not name:
        return _explain(_exec(name, argv, environment), name)
    refused = None
    path = environment.get("PATH", _DEFAULT_PATH)
    for folder in path.split(":"):
        candidate = f"{folder or '.'}/{name}"
        error = _exec(candidate, argv, environment)
        if error.errno in (errno.ENOENT, errno.ENOTDIR) and not os.path.exists(candidate):
            continue
        if error.errno != errno.EACCES:
            return _explain(error, candidate)
        refused = refused or _explain(error, candidate)
    return refused or (127, f"{name}: not found in PATH={path}")


def _exec(path: str, argv: list[str], environment: dict[str, str]) -> OSError:
    try:
        os.execve(path, argv, environment)
    except OSError as error:
        return error


def _explain(error: OSError, path: str) -> tuple[int, str]:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        if os.path.exists(path):
            return 126, f"{path}: not executable: the interpreter that its first line names is not there"
        return 127, f"{path}: not found"
    if error.errno == errno.E2BIG:
        return 126, f"{path}: argument list and environment are too long for the kernel (E2BIG)"
    if error.errno == errno.ENOEXEC:
        return 126, f"{path}: not executable: neither a binary of this machine nor a script that starts with '#!'"
    return 126, f"{path}: not executable: {error.strerror}"
