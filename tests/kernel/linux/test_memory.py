"""Memory in a cell with a cgroup of its own: everything is charged, and the end is seen from the kernel's counter."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.sandbox.plan.policy import Policy
from kernel.linux.cells import Place, one, python, shell

V1 = Path("/sys/fs/cgroup/memory")
LIMIT = 96 << 20

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.getuid() != 0 or not V1.exists(), reason="makes a v1 memory cgroup"),
]


def own() -> str:
    """The memory cgroup of this process; what is made is made below it."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if "memory" in names.split(","):
            return path.strip("/")
    return ""


@pytest.fixture
def group() -> Iterator[Path]:
    path = V1 / own() / f"holdfast-test-{os.urandom(4).hex()}"
    path.mkdir()
    (path / "memory.limit_in_bytes").write_text(str(LIMIT))
    yield path
    path.rmdir()


def kills(group: Path) -> int:
    lines = dict(line.split() for line in (group / "memory.oom_control").read_text().splitlines())
    return int(lines["oom_kill"])


FILL = "[chunk := bytearray(b'x') * (4 << 20), kept.append(chunk)]"


@pytest.mark.parametrize(
    "code",
    [
        f"kept = []\nwhile True: {FILL}",
        "import os\nfd = os.memfd_create('x')\nfor i in range(400): os.write(fd, bytes(1 << 20))",
        "f = open('/dev/shm/x', 'wb')\nfor i in range(400): f.write(bytes(1 << 20)); f.flush()",
        "f = open('/tmp/x', 'wb')\nfor i in range(400): f.write(bytes(1 << 20)); f.flush()",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n"
        "at = libc.shmat(libc.shmget(0, 400 << 20, 0o1600), None, 0)\nctypes.memset(at, 1, 400 << 20)",
    ],
    ids=["heap", "memfd", "shm", "tmpfs", "sysv"],
)
def test_memory_of_every_kind_ends_at_the_limit(place: Place, group: Path, code: str) -> None:
    with open(group / "cgroup.procs", "w") as procs:
        report = one(place, python(code, v1=(procs.fileno(),)))
    assert kills(group) >= 1
    assert report["status"] in (-signal.SIGKILL, None)
    assert report["broken"] is None


def test_a_childs_end_for_memory_is_seen_though_its_parent_exits_well(place: Place, group: Path) -> None:
    code = f"import os\nif os.fork() == 0:\n    kept = []\n    while True: {FILL}\nos.wait()"
    with open(group / "cgroup.procs", "w") as procs:
        report = one(place, python(code, v1=(procs.fileno(),)))
    assert report["status"] == 0
    assert kills(group) == 1


def test_a_task_below_its_limit_is_left_alone(place: Place, group: Path) -> None:
    with open(group / "cgroup.procs", "w") as procs:
        report = one(place, python(f"print(len(bytearray({LIMIT // 2})))", v1=(procs.fileno(),)))
    assert (report["status"], kills(group)) == (0, 0)


def test_what_is_left_in_scratch_is_not_charged_to_the_next(place: Place, group: Path) -> None:
    with open(group / "cgroup.procs", "w") as procs:
        one(place, shell("head -c 60000000 /dev/zero > /tmp/x", v1=(procs.fileno(),)), Policy())
    (group / "memory.force_empty").write_text("0")
    assert int((group / "memory.usage_in_bytes").read_text()) < 4 << 20
