"""Runs tasks in real cells, as root or as an ordinary user, and says what became of them."""

from __future__ import annotations

import json
import marshal
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.sandbox import linux
from holdfast.sandbox.plan.operations import encode
from holdfast.sandbox.plan.planner import plan
from holdfast.sandbox.plan.policy import Host, Policy
from holdfast.sandbox.probe import Findings

PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/scratch/work", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class User:
    """Who the keeper is. `uid` of None: whoever runs the tests. `prefix` is a command that starts others in its way."""

    name: str
    uid: int | None = None
    prefix: tuple[str, ...] = ()

    def command(self, *argv: str) -> list[str]:
        if self.uid is None:
            return [*self.prefix, *argv]
        return [*self.prefix, "setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", *argv]


@dataclass
class Place:
    """A user, a folder of its own, and what the host can do for it."""

    user: User
    folder: Path
    findings: Findings

    @property
    def host(self) -> Host:
        return self.findings.host


@dataclass
class Task:
    """One program to run."""

    argv: Sequence[str]
    wall_s: float = 20.0
    environment: dict[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))
    group: int | None = None
    v1: tuple[int, ...] = ()
    ask_first: bool = False


def python(code: str, **options: Any) -> Task:
    """A task that runs this Python text."""
    return Task([PYTHON, "-I", "-S", "-c", code], **options)


def shell(text: str, **options: Any) -> Task:
    """A task that runs this shell text."""
    return Task(["/bin/sh", "-c", text], **options)


def run(place: Place, tasks: Sequence[Task], policy: Policy | None = None) -> list[dict[str, Any]]:
    """Run tasks one after the other in one shell. Asserts that nothing is left of any."""
    planned = plan(policy or Policy(), place.host)
    script = {
        "package": str(place.folder / "package"),
        "enter": encode(planned.enter),
        "root": encode(planned.root),
        "tasks": [
            {
                "flags": planned.flags,
                "cell": encode(planned.cell),
                "confinement": encode(planned.confinement),
                "argv": list(task.argv),
                "environment": task.environment,
                "wall_s": task.wall_s,
                "group": task.group,
                "v1": task.v1,
                "ask_first": task.ask_first,
            }
            for task in tasks
        ],
    }
    groups = [fd for task in tasks for fd in (*task.v1, *(() if task.group is None else (task.group,)))]
    done = subprocess.run(
        place.user.command(PYTHON, "-I", "-S", str(place.folder / "little_keeper.py")),
        input=marshal.dumps(script),
        capture_output=True,
        timeout=100,
        check=False,
        pass_fds=groups,
    )
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    assert said["children"] == [], "the keeper has children left"
    reports: list[dict[str, Any]] = said["reports"]
    return reports


def one(place: Place, task: Task, policy: Policy | None = None) -> dict[str, Any]:
    """Run one task."""
    return run(place, [task], policy)[0]


def prepare(user: User) -> Path:
    """A folder that the user may read, with what a keeper needs, and an empty one to build the root in."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-cells-"))
    folder.chmod(0o755)
    shutil.copytree(Path(str(linux.__file__)).parent, folder / "package" / "linux")
    shutil.copy(Path(__file__).parent / "little_keeper.py", folder)
    base = folder / "base"
    base.mkdir()
    if user.uid is not None:
        os.chown(base, user.uid, user.uid)
    return folder


def probe_as(user: User, folder: Path) -> Findings:
    """What the host offers this user, asked by a process of that user's."""
    code = (
        "import sys, pickle; sys.path[:0] = sys.argv[2:]; from holdfast.sandbox.probe import probe;"
        "sys.stdout.buffer.write(pickle.dumps(probe(sys.argv[1], sys.executable)))"
    )
    source = folder / "source"
    shutil.copytree(Path(str(linux.__file__)).parents[3] / "holdfast", source / "holdfast", dirs_exist_ok=True)
    import msgspec

    shutil.copytree(Path(msgspec.__file__).parent, source / "msgspec", dirs_exist_ok=True)
    argv = user.command(PYTHON, "-I", "-c", code, str(folder / "base"), str(source))
    done = subprocess.run(argv, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    import pickle

    found: Findings = pickle.loads(done.stdout)
    return found


def users() -> list[User]:
    """Whoever runs the tests, and if that is root, an ordinary user and root without CAP_SYS_ADMIN too."""
    if os.getuid() != 0:
        return [User("ordinary")]
    weak = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
    return [User("root"), ordinary(), User("weak root", prefix=weak)]


def ordinary() -> User:
    return User("ordinary", pwd.getpwnam("nobody").pw_uid)
