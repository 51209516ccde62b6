"""What a task sees, and who it is."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from holdfast.sandbox.plan.policy import LENT_IDS, Kind, Mount, Policy
from kernel.linux.cells import Place, one, python, run, shell

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    "path", ["/home", "/root", "/run", "/var/run", "/sys", "/boot", "/mnt", "/etc/shadow", "/tmp/x"]
)
def test_the_host_beyond_its_programs_is_not_there(place: Place, path: str) -> None:
    assert one(place, shell(f"test -e {path}"))["status"] == 1


@pytest.mark.parametrize("path", ["/x", "/usr/x", "/etc/x", "/dev/x", "/proc/sys/kernel/core_pattern", "/scratch/../x"])
def test_nothing_outside_scratch_can_be_written(place: Place, path: str) -> None:
    report = one(place, shell(f"echo x > {path}"))
    assert report["status"] not in (0, None)
    assert "Read-only" in report["err"] or "denied" in report["err"]


@pytest.mark.parametrize(
    "path", ["/scratch/work/x", "/tmp/x", "/var/tmp/x", "/dev/shm/x", "/scratch/result", "/dev/null"]
)
def test_scratch_space_can_be_written(place: Place, path: str) -> None:
    assert one(place, shell(f"echo x > {path}"))["status"] == 0


def test_a_task_is_nobody_of_consequence(place: Place) -> None:
    report = one(place, shell("id -u; id -g; id -G; grep -E 'Cap|NoNew|Seccomp:' /proc/self/status | cut -f2"))
    assert report["out"].split() == ["1000", "1000", "1000", *["0" * 16] * 5, "1", "2"]


def test_under_root_a_task_is_not_root_outside_either(place: Place) -> None:
    report = one(place, shell("cut -c1-40 /proc/self/uid_map"))
    outer = int(report["out"].split()[1])
    assert outer == (LENT_IDS if place.host.privileged else place.host.uid)


def test_no_process_but_its_own_is_visible(place: Place) -> None:
    report = one(place, python("import os; print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))"))
    assert report["out"] == "[1, 2]\n"


@pytest.mark.parametrize("what", ["environ", "mem", "maps", "root/", "cwd/", "fd/", "auxv", "stack", "syscall"])
def test_pid_1_cannot_be_looked_into(place: Place, what: str) -> None:
    assert one(place, shell(f"ls -l /proc/1/{what} && cat /proc/1/{what}"))["status"] != 0


def test_pid_1_cannot_be_killed_and_a_signal_to_all_stays_inside(place: Place) -> None:
    code = """
import os, signal
for number in range(1, 65):
    if number not in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        try: os.kill(1, number)
        except OSError: pass
try: os.kill(-1, signal.SIGKILL)
except ProcessLookupError: print('alone')
"""
    report = one(place, python(code))
    assert (report["status"], report["out"]) == (0, "alone\n")


def test_a_folder_of_the_callers_can_be_read_and_not_written(place: Place, tmp_path: Path) -> None:
    project = _project(place, tmp_path)
    policy = Policy(mounts=(Mount(source=str(project), target=str(project)),))
    report = one(
        place,
        shell(
            f"cat {project}/private; echo x > {project}/private; echo x > {project}/new; echo x > /tmp/x || echo not"
        ),
        policy,
    )
    assert report["out"] == "text"
    assert report["err"].count("Read-only") == 2


def test_a_folder_of_the_callers_can_be_written_where_that_is_asked_for(place: Place, tmp_path: Path) -> None:
    project = _project(place, tmp_path)
    policy = Policy(mounts=(Mount(source=str(project), target="/data/out", writable=True),))
    report = one(place, shell("echo x > /data/out/new && echo more >> /data/out/private"), policy)
    assert (report["status"], report["err"]) == (0, "")
    assert (project / "new").read_text() == "x\n"
    assert (project / "new").stat().st_uid == (place.user.uid or 0)
    assert (project / "private").read_text() == "textmore\n"


def test_a_single_file_can_be_shown(place: Place, tmp_path: Path) -> None:
    project = _project(place, tmp_path)
    policy = Policy(mounts=(Mount(source=f"{project}/private", target="/data/name", kind=Kind.FILE),))
    assert one(place, shell("cat /data/name; ls /data"), policy)["out"] == "textname\n"


def _project(place: Place, tmp_path: Path) -> Path:
    """A folder that none but its owner may enter."""
    project = tmp_path / "project"
    project.mkdir(mode=0o700)
    (project / "private").write_text("text")
    (project / "private").chmod(0o600)
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)
    for path in (project, project / "private"):
        os.chown(path, place.user.uid or os.getuid(), place.user.uid or os.getgid())
    return project


def test_files_of_the_task_are_in_its_working_directory(place: Place) -> None:
    policy = Policy(files=(("a/b/data", b"\0\xff"), ("run", b"#!/bin/sh\nwc -c < a/b/data\n")))
    assert one(place, shell("./run; pwd"), policy)["out"] == "2\n/scratch/work\n"


def test_nothing_of_a_task_is_left_for_the_next(place: Place) -> None:
    leave = shell("echo x > /tmp/x; echo x > /dev/shm/x; echo x > y; ipcmk -M 4096 >/dev/null; (setsid sleep 99 &)")
    look = shell("ls /tmp /dev/shm /scratch/work | grep -c '[xy]'; ipcs -m | grep -c 0x; ps ax | grep -c '[s]leep'")
    reports = run(place, [leave, look, leave, look])
    assert [report["out"].split() for report in reports[1::2]] == [["0"] * 3] * 2


def test_the_machine_has_a_name_of_its_own_that_cannot_be_changed(place: Place) -> None:
    report = one(place, shell("cat /proc/sys/kernel/hostname; hostname other"))
    assert report["out"] == "holdfast\n"
    assert report["status"] != 0
    assert socket.gethostname() not in ("holdfast", "other")


def test_two_tasks_draw_different_random_numbers(place: Place) -> None:
    draw = python("import random; print(random.random())")
    assert len({report["out"] for report in run(place, [draw] * 5)}) == 5


def test_the_environment_is_what_was_given(place: Place) -> None:
    code = "print(open('/proc/self/environ').read().count('\\0'), sorted(__import__('os').environ))"
    assert one(place, python(code))["out"] == "3 ['HOME', 'LANG', 'PATH']\n"


def test_there_is_no_terminal_and_no_descriptor_too_many(place: Place) -> None:
    code = "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:4], os.path.exists('/dev/tty'))"
    assert one(place, python(code))["out"] == "[0, 1, 2, 3] False\n"  # 3 is the listing itself
