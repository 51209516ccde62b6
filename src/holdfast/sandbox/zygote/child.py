"""From the fork to the program: the steps between the keeper's copy and code that nobody has to trust.

Every page of memory that is touched here is copied first, and that is most of what a task costs. So this path calls
little, creates little, and leaves to root and keeper what can be inherited: descriptors, folder, environment, signals.
"""

from __future__ import annotations

import errno
import os
import resource

from . import call, tree
from .kernel import PRCTL, SET_DUMPABLE, SET_PDEATHSIG
from .page import HANDED_OVER, NOT_EXECUTED, SETTING_UP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .cgroup import Group
    from .page import Page
    from .post import Post
    from .wire import Order

FIRST_OWN_FD = 4  # of a keeper: below are stdin, stdout, stderr and result of its task
_KEEPERS_FDS = 256  # a keeper never has more
_RESULT_FD = 3
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def enter(order: Order, given: call.Given | None, post: Post, group: Group | None) -> NoReturn:
    """Become the program of the order. Runs in the forked child, and never returns into the keeper's code.

    Descriptors 0 to 3, folder and environment are inherited as they have to be.
    """
    try:
        PRCTL(SET_PDEATHSIG, 9)
        if os.getppid() != post.keeper:  # it died before the line above
            os._exit(125)
        os.setsid()
        os.closerange(FIRST_OWN_FD, _KEEPERS_FDS)
        if post.confines(order):
            _confine(order, group, post.page)
        if given is not None:
            PRCTL(SET_DUMPABLE, 1)  # unlike its keeper; an exec does this by itself
            call.carry_out(given)
        if order["argv"] is not None:
            _execute(order["argv"], order["environment"], post.page)
    finally:
        os._exit(125)


def become(order: Order, fds: list[int], page: Page) -> NoReturn:
    """Become the program of the order, in a cell, whose walls stand. `fds` are to be 0, 1, 2 and, for a call, 3."""
    try:
        os.setsid()
        for number, fd in enumerate(fds):
            os.dup2(fd, number, inheritable=number < _RESULT_FD)
        os.closerange(len(fds), _KEEPERS_FDS)
        _furnish(order, page)
        _confine(order, None, page)
        if order["call"] is not None:
            PRCTL(SET_DUMPABLE, 1)
            call.carry_out(call.Given(*order["call"]))
        if order["argv"] is not None:
            _execute(order["argv"], order["environment"], page)
    finally:
        os._exit(125)


def _furnish(order: Order, page: Page) -> None:
    try:
        tree.fill(".", order["files"])
        if order["call"] is not None:
            os.environ.clear()
            os.environ.update(order["environment"])
    except (OSError, ValueError) as error:
        page.say(SETTING_UP, f"the task's files and variables could not be laid out: {error}")
        os._exit(125)


def _confine(order: Order, group: Group | None, page: Page) -> None:
    try:
        if group is not None:
            group.enter()
        if order["open_files"] is not None:
            _limit(resource.RLIMIT_NOFILE, order["open_files"], order["open_files"])
        if order["cpu_s"] is not None:
            seconds = cpu_seconds(order["cpu_s"])
            _limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    except Exception as error:  # the boundary: whatever it is, nothing of the keeper's code may go on here
        page.say(SETTING_UP, f"the task process could not be confined: {error}")
        os._exit(125)
    page.map[0] = HANDED_OVER
    if order["call"] is not None:
        page.map.close()


def cpu_seconds(limit: float) -> int:
    """A processor time limit as the kernel takes it: in whole seconds, rounded up."""
    return max(1, int(-(-limit // 1)))


def _limit(which: int, soft: int, hard: int) -> None:
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))


def _execute(argv: list[str], environment: dict[str, str], page: Page) -> NoReturn:
    page.map[0] = HANDED_OVER
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
