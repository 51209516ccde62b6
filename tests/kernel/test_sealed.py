"""The level `sandbox`, carried out by keepers like any other: what a task cannot do, and how its end is told."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

import pytest

from contract.sandbox.yard import Start, Yard, call, error, is_alive, output, python, said, shell, value
from holdfast.model.launch import Exec, Launch, Observation, StopReason
from holdfast.model.limits import Limits

TASKS = str(Path(__file__).parents[1] / "contract" / "sandbox" / "tasks.py")
SOCKETS = """
    import socket, sys
    found = []
    for family, kind in ((2, 1), (2, 2), (10, 1), (16, 3), (17, 3)):
        try:
            sock = socket.socket(family, kind)
            sock.connect(("127.0.0.1" if family == 2 else "::1", 22))
            found.append((family, kind))
        except OSError:
            pass
    sys.exit(len(found))
"""


def test_other_peoples_files_are_not_there(sealed: Yard) -> None:
    places = f"{Path.home()}/.ssh /home /var/lib /run /etc/shadow /etc/ssh /boot /srv /mnt"
    seen = sealed.carry_out(shell(f"for each in {places} $HOME/.ssh; do [ -e $each ] && echo $each; done; true"))
    assert (seen.exit_code, output(seen.stdout)) == (0, b"")


def test_nothing_can_be_written_outside(sealed: Yard) -> None:
    gate = sealed.gate()
    gate.write_text("mine")
    seen = sealed.carry_out(
        shell(f"for each in /usr/x /etc/x /x /root/x {gate} {gate}.x /proc/sys/kernel/hostname; do echo > $each; done")
    )
    assert output(seen.stdout) == b""
    assert output(seen.stderr).count(b"cannot create") == 7
    assert (gate.read_text(), gate.with_name("gate.x").exists()) == ("mine", False)


def test_what_may_be_written_is_gone_with_the_task(sealed: Yard) -> None:
    seen = sealed.carry_out(shell("echo a > /tmp/a; echo b > b; echo c > /dev/shm/c; cat /tmp/a b /dev/shm/c"))
    assert output(seen.stdout) == b"a\nb\nc\n"
    seen = sealed.carry_out(shell("find /tmp . /dev/shm -type f -writable"))
    assert output(seen.stdout) == b""


def test_no_network_can_be_reached(sealed: Yard) -> None:
    assert sealed.carry_out(python(SOCKETS)).exit_code == 0


def test_other_processes_cannot_be_seen_or_signalled(sealed: Yard) -> None:
    seen = sealed.carry_out(shell(f"ls /proc | grep -c '^[0-9]*$'; kill -9 {os.getpid()} 2>&1 | grep -c 'No such'"))
    assert int(output(seen.stdout).split()[0]) <= 5
    assert output(seen.stdout).split()[1] == b"1"
    assert is_alive(os.getpid())


def test_a_task_is_nobody_in_particular(sealed: Yard) -> None:
    seen = sealed.carry_out(shell("id -u; id -un; grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; echo $HOME"))
    words = output(seen.stdout).split()
    assert words[0] != b"0"
    assert [word for name, word in zip(words[2:-1:2], words[3:-1:2], strict=True) if name.startswith(b"Cap")] == [
        b"0" * 16
    ] * 5
    assert words[-1] == b"/scratch/work"


def test_a_forbidden_system_call_is_the_death_of_it(sealed: Yard) -> None:
    seen = sealed.carry_out(python("import ctypes; ctypes.CDLL(None).syscall(246, 0, 0, 0, 0)"))  # kexec_load
    assert (seen.exit_code, seen.signal, seen.sandbox_error) == (None, signal.SIGSYS, None)


def test_filling_the_disk_is_told_as_such(sealed: Yard) -> None:
    seen = sealed.carry_out(shell("dd if=/dev/zero of=big bs=1M count=1200 2>/dev/null"))
    assert (seen.exit_code, seen.limit_hit) == (1, "disk")
    many = "for n in range(200_000): open(f'/tmp/{n}', 'w').close()"
    seen = sealed.carry_out(python(many))
    assert (seen.exit_code, seen.limit_hit) == (1, "disk")
    assert sealed.carry_out(shell("df -k . | tail -1 | awk '{print $5}'")).limit_hit is None


def test_too_many_processes_are_refused_without_being_asked_for(sealed: Yard) -> None:
    code = """
        import os, time
        count = 0
        try:
            while count < 2000:
                if os.fork() == 0:
                    time.sleep(100)
                count += 1
        except OSError:
            print(count)
    """
    seen = sealed.carry_out(python(code))
    assert seen.exit_code == 0
    assert 200 < int(output(seen.stdout)) < 260
    assert seen.swept == int(output(seen.stdout))
    assert seen.survivors == 0


def test_a_limit_of_processes_is_told(sealed: Yard) -> None:
    if "control group" not in sealed.sandbox.capabilities().offers["pids_limit"].by:
        pytest.skip("no control group counts processes here")
    seen = sealed.carry_out(shell("true & true & true & sleep 1 & sleep 1 & wait"), limits=Limits(pids=2))
    assert seen.limit_hit == "pids_limit"
    assert sealed.carry_out(shell("(true); (true)"), limits=Limits(pids=2)).limit_hit is None


def test_as_many_processes_as_are_allowed_may_run(sealed: Yard) -> None:
    code = "import os, time; [os.fork() or (time.sleep(0.5), os._exit(0)) for _ in range(3)]; time.sleep(0.5)"
    seen = sealed.carry_out(python(code), limits=Limits(pids=4))
    assert (seen.exit_code, seen.limit_hit) == (0, None), output(seen.stderr)
    assert sealed.carry_out(python(code), limits=Limits(pids=3)).exit_code == 1


def test_a_limit_of_memory_is_kept(sealed: Yard) -> None:
    if not sealed.sandbox.capabilities().offers["memory_limit"].enforced:
        pytest.skip("no control group limits memory here")
    hog = python("held = bytearray(300_000_000)")
    seen = sealed.carry_out(hog, limits=Limits(memory_bytes=100_000_000))
    assert (seen.signal, seen.sandbox_error) == (signal.SIGKILL, None)
    assert seen.oom_kills
    assert sealed.carry_out(hog, limits=Limits(memory_bytes=600_000_000)).exit_code == 0


@pytest.mark.parametrize("limits", [Limits(), Limits(wall_s=0.3, grace_s=0.1)])
def test_a_daemon_dies_with_its_task(sealed: Yard, limits: Limits) -> None:
    after = "sleep 1000" if limits.wall_s else "exit 0"
    seen = sealed.carry_out(
        shell(f"setsid sleep 1000 & (setsid sh -c 'trap \"\" TERM; sleep 1000' &); {after}"), limits=limits
    )
    assert seen.stopped_for is (StopReason.TIMED_OUT if limits.wall_s else None)
    assert (seen.swept > 0 or limits.wall_s is not None, seen.survivors) == (True, 0)
    assert sealed.left() == []


def test_processor_time_is_limited(sealed: Yard) -> None:
    seen = sealed.carry_out(shell("while :; do :; done"), limits=Limits(cpu_s=1))
    assert seen.limit_hit == "cpu_time"


def test_a_task_may_import_what_lies_beside_it_and_nothing_further(sealed: Yard) -> None:
    folder = sealed.gate("tool.py").parent
    (folder / "helper.py").write_text("X = 7\n")
    (folder / "tool.py").write_text("import helper\n\ndef tell():\n    return helper.X\n")
    assert value(sealed.carry_out(call(f"{folder}/tool.py:tell"))) == 7
    (sealed.folder / "outside.py").write_text("def tell():\n    return 1\n")
    (folder / "nosy.py").write_text(f"def tell():\n    return open('{sealed.folder}/outside.py').read()\n")
    assert error(sealed.carry_out(call(f"{folder}/nosy.py:tell")))["type"] == "FileNotFoundError"


def test_the_environment_of_a_call_is_that_of_its_launch_alone(sealed: Yard) -> None:
    sealed.carry_out(call("os:getpid"), Start(environment={"SECRET": "of another"}))
    folder = sealed.gate("look.py").parent
    (folder / "look.py").write_text("import os\n\ndef look():\n    return dict(os.environ), os.getcwd(), os.getpid()\n")
    told = value(sealed.carry_out(call(f"{folder}/look.py:look")))
    assert isinstance(told, list)
    environment, folder_within, pid = told
    assert "SECRET" not in environment
    assert (environment["HOLDFAST_WORKDIR"], folder_within, pid) == ("/scratch/work", "/scratch/work", 2)


@pytest.mark.parametrize("name", ["link", "fifo", "folder"])
def test_a_result_that_is_no_plain_file_is_refused(sealed: Yard, name: str) -> None:
    make = {"link": "ln -s /etc/passwd", "fifo": "mkfifo", "folder": "mkdir"}[name]
    seen = sealed.carry_out(shell(f"{make} $HOLDFAST_RESULT"))
    assert (seen.exit_code, seen.report) == (0, None)
    assert "refused" in seen.evidence[0]


async def ended(yard: Yard, launch: Launch) -> Observation:
    return await (await yard.sandbox.start(launch)).ended()


def test_tasks_from_several_folders_see_each_their_own(sealed: Yard) -> None:
    for name in ("one", "two", "one"):
        folder = sealed.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "name").write_text(name)
        launch = sealed.launch(shell(f"cat {folder}/name; ls {sealed.folder}"))
        seen = sealed.run(ended(sealed, dataclasses.replace(launch, folder=str(folder))))
        assert output(seen.stdout).decode() == f"{name}{name}\n"


def test_when_pid_1_is_killed_the_task_is_dead_and_the_next_one_runs(sealed: Yard) -> None:
    async def kill_above() -> Observation:
        running = await sealed.start(shell("echo ready; sleep 1000"))
        await said(running)
        assert running.pid is not None
        status = Path(f"/proc/{running.pid}/status").read_text()
        above = int(next(line for line in status.splitlines() if line.startswith("PPid:")).split()[1])
        os.kill(above, signal.SIGKILL)
        return await running.ended()

    seen = sealed.run(kill_above())
    assert (seen.signal, seen.stopped_for) == (signal.SIGKILL, None)
    assert sealed.carry_out(shell("exit 3")).exit_code == 3


def test_when_the_keeper_is_killed_everyone_is_dead(sealed: Yard) -> None:
    async def kill_keeper() -> tuple[int, Observation]:
        running = await sealed.start(shell("echo ready; (setsid sleep 1000 &); sleep 1000"))
        await said(running)
        pid = running.pid
        assert pid is not None
        above = pid
        for _ in range(2):
            status = Path(f"/proc/{above}/status").read_text()
            above = int(next(line for line in status.splitlines() if line.startswith("PPid:")).split()[1])
        os.kill(above, signal.SIGKILL)
        return pid, await running.ended()

    pid, seen = sealed.run(kill_keeper())
    assert seen.sandbox_error is not None
    assert not is_alive(pid)
    assert sealed.left() == []
    assert sealed.carry_out(shell("exit 3")).exit_code == 3


def test_programs_of_the_interpreter_and_of_the_system_run(sealed: Yard) -> None:
    seen = sealed.carry_out(python("import json, ssl, sqlite3, subprocess; print(subprocess.check_output(['uname']))"))
    assert seen.exit_code == 0, output(seen.stderr)
    assert sealed.carry_out(Exec(argv=("/bin/sh", "-c", "ls /usr | sort | head -1 > /dev/null"))).exit_code == 0


def test_many_one_after_the_other_and_at_once_leave_nothing(sealed: Yard) -> None:
    async def many() -> list[Observation]:
        running = [await sealed.start(call("math:hypot", 3, 4)) for _ in range(24)]
        return [await one.ended() for one in running]

    async def several_times() -> list[Observation]:
        return [seen for _ in range(4) for seen in await many()]

    assert {seen.exit_code for seen in sealed.run(several_times())} == {0}
