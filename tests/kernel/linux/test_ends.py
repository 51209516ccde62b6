"""How tasks end, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.sandbox.plan.policy import Policy
from kernel.linux.cells import Place, Task, one, python, run, shell

pytestmark = pytest.mark.kernel

PIDS = "/sys/fs/cgroup/pids"
UNIFIED = "/sys/fs/cgroup/unified"


def running(word: str) -> int:
    """How many processes of the host have this word in their arguments."""
    count = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += word.encode() in path.read_bytes()
        except OSError:
            continue
    return count


def needs_counting(place: Place) -> None:
    if not place.host.counted:
        pytest.skip("the processes of the host's root are counted by a cgroup only")


@pytest.mark.parametrize(
    "code, status",
    [
        ("pass", 0),
        ("import os; os._exit(137)", 137),
        ("import os; os._exit(124)", 124),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("import os, signal; signal.raise_signal(signal.SIGFPE)", -signal.SIGFPE),
    ],
)
def test_the_status_of_the_main_process_is_told_exactly(place: Place, code: str, status: int) -> None:
    report = one(place, python(code))
    assert (report["status"], report["broken"], report["stopped"]) == (status, None, False)


def test_a_program_that_is_not_there_is_the_programs_fault(place: Place) -> None:
    report = one(place, Task(["/no/such/program"]))
    assert (report["status"], report["broken"]) == (127, None)


def test_a_sandbox_that_cannot_be_built_is_the_sandboxs_fault(place: Place) -> None:
    report = one(place, python("print('ran')"), Policy(files=(("a", b""), ("a", b""))))
    assert "File exists" in report["broken"]
    assert report["out"] == ""


@pytest.mark.parametrize("code", ["pass", "import os; os._exit(3)"])
def test_a_daemon_dies_with_its_task_and_is_counted(place: Place, code: str) -> None:
    word = f"daemon-{os.urandom(4).hex()}"
    text = f"""
import os
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execlp('sleep', '{word}', '300')
        os._exit(0)
while len([p for p in os.listdir('/proc') if p.isdigit()]) > 5: os.waitpid(-1, os.WNOHANG)
{code}
"""
    report = one(place, python(text))
    assert report["swept"] >= 3
    assert report["seconds"] < 10
    assert running(word) == 0


def test_a_task_that_ignores_every_signal_is_dead_after_the_grace(place: Place) -> None:
    code = """
import signal, time
for number in signal.valid_signals() - {9, 19}: signal.signal(number, signal.SIG_IGN)
print('deaf', flush=True)
while True: time.sleep(1)
"""
    report = one(place, python(code, wall_s=0.7))
    assert (report["out"], report["stopped"], report["status"]) == ("deaf\n", True, None)
    assert report["seconds"] < 2.5


def test_the_request_to_end_reaches_every_process_and_is_answered(place: Place) -> None:
    code = """
import os, signal, sys, time
def leave(*_): os.write(1, b'asked '); os._exit(5)
signal.signal(signal.SIGTERM, leave)
if os.fork() == 0: os.setsid()
time.sleep(60)
"""
    report = one(place, python(code, wall_s=0.7))
    assert report["out"].strip() in ("asked asked", "asked")  # the second may be swept before it says so
    assert (report["stopped"], report["status"]) == (True, 5)


def test_a_stopped_task_is_ended_too(place: Place) -> None:
    report = one(place, python("import os; os.kill(os.getpid(), 19)", wall_s=0.5))
    assert report["stopped"], report
    assert report["seconds"] < 2.5


def test_a_task_that_closes_every_descriptor_still_meets_its_deadline(place: Place) -> None:
    report = one(place, python("import os, time; os.closerange(0, 999); time.sleep(60)", wall_s=0.5))
    assert report["stopped"], report
    assert report["seconds"] < 2.5


def test_a_pipe_left_open_by_a_grandchild_delays_nothing(place: Place) -> None:
    report = one(place, shell("(setsid sleep 60 &) ; echo done"))
    assert (report["out"], report["status"]) == ("done\n", 0)
    assert report["seconds"] < 2


def test_a_flood_of_output_is_kept_within_its_cap(place: Place) -> None:
    report = one(place, shell("head -c 200000000 /dev/zero"))
    assert (report["out_total"], len(report["out"])) == (200000000, 1 << 16)


def test_a_fork_bomb_meets_the_limit_and_is_dead_at_once(place: Place) -> None:
    needs_counting(place)
    code = """
import os, time
made = 0
try:
    while True:
        if os.fork() == 0: time.sleep(60); os._exit(0)
        made += 1
except BlockingIOError: print(made, flush=True)
"""
    report = one(place, python(code), Policy(pids=30))
    assert report["out"] == "29\n"
    assert (report["status"], report["swept"]) == (0, 29)
    assert report["seconds"] < 5


def test_a_fork_bomb_that_never_stops_is_dead_within_a_second_of_its_deadline(place: Place) -> None:
    needs_counting(place)
    report = one(place, Task(["bash", "-c", "b(){ b|b& };b; while true; do :; done"], wall_s=1.5), Policy(pids=200))
    assert report["seconds"] < 1.5 + 0.3 + 2
    assert report["stopped"], report


def test_a_thread_bomb_meets_the_limit(place: Place) -> None:
    needs_counting(place)
    code = """
import _thread, time
made = 0
try:
    while True: _thread.start_new_thread(time.sleep, (60,)); made += 1
except RuntimeError: print(made)
"""
    assert one(place, python(code), Policy(pids=30))["out"] == "29\n"


def test_the_limit_of_one_task_is_not_shared_with_the_next(place: Place) -> None:
    spawn = shell("for i in 1 2 3 4 5; do sleep 30 & done; echo ok")
    assert [report["out"] for report in run(place, [spawn] * 4, Policy(pids=7))] == ["ok\n"] * 4


@pytest.mark.parametrize("where", ["/scratch/work", "/tmp", "/dev/shm"])
def test_scratch_space_ends_at_its_quota(place: Place, where: str) -> None:
    report = one(place, shell(f"head -c 50000000 /dev/zero > {where}/big"), Policy(scratch_bytes=8 << 20))
    assert "No space left" in report["err"]
    assert report["left"][0] == 0


def test_files_end_at_their_quota(place: Place) -> None:
    code = "for i in range(1000): open(str(i), 'w')"
    report = one(place, python(code), Policy(scratch_inodes=100))
    assert "No space left" in report["err"]
    assert report["left"][1] == 0


def test_a_working_directory_that_was_made_unreadable_is_gone_all_the_same(place: Place) -> None:
    report = one(place, shell("echo x > ../result; mkdir a; chmod 000 a ."))
    assert report["result"] == "x\n"


@pytest.mark.parametrize(
    "what", ["ln -s /etc/passwd ../result", "mkdir ../result", "mkfifo ../result", "echo x > a; ln a ../result"]
)
def test_a_result_that_is_no_plain_file_is_not_taken(place: Place, what: str) -> None:
    report = one(place, shell(what, wall_s=5))
    assert report["status"] == 0
    assert report["result"] is None


def test_what_it_used_is_measured(place: Place) -> None:
    code = "import os\nif os.fork() == 0:\n    x = bytearray(80 << 20)\n    sum(range(3000000)); os._exit(0)\nos.wait()"
    report = one(place, python(code))
    assert report["peak_bytes"] > 80 << 20
    assert report["cpu_us"] > 30_000


def test_a_request_to_end_that_comes_before_the_task_ends_it(place: Place) -> None:
    report = one(place, python("import time; time.sleep(60)", ask_first=True))
    assert report["status"] in (-signal.SIGTERM, None)
    assert report["seconds"] < 5


def test_a_root_that_cannot_be_built_is_the_sandboxs_fault(place: Place) -> None:
    findings = replace(place.findings, host=replace(place.host, base="/no/such/place"))
    report = one(replace(place, findings=findings), shell("true"))
    assert "/no/such/place" in report["broken"]


@pytest.mark.skipif(os.getuid() != 0, reason="makes a cgroup")
@pytest.mark.skipif(not os.path.exists(PIDS), reason="no v1 controller for pids")
def test_a_cell_is_in_its_cgroup_before_anything_runs(place: Place) -> None:
    group = f"{PIDS}/holdfast-test-{os.getpid()}-{os.urandom(3).hex()}"
    os.mkdir(group)
    try:
        Path(group, "pids.max").write_text("12")
        fd = os.open(f"{group}/cgroup.procs", os.O_WRONLY)
        code = "for i in range(30): os.fork() or time.sleep(60)"
        report = one(place, python(f"import os, time\n{code}", v1=(fd,)))
        os.close(fd)
        assert "BlockingIOError" in report["err"]
        assert report["swept"] == 10
    finally:
        os.rmdir(group)


@pytest.mark.skipif(os.getuid() != 0, reason="makes a cgroup")
@pytest.mark.skipif(not os.path.exists(UNIFIED), reason="no unified hierarchy")
def test_a_cell_is_born_in_its_unified_cgroup_and_sees_it_as_the_root(place: Place) -> None:
    group = f"{UNIFIED}/holdfast-test-{os.getpid()}-{os.urandom(3).hex()}"
    os.mkdir(group)
    os.chown(group, place.user.uid or 0, place.user.uid or 0)
    try:
        fd = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
        report = one(place, shell("grep ^0:: /proc/self/cgroup", group=fd))
        os.close(fd)
        if place.user.uid and "clone" in report.get("broken", ""):
            pytest.skip("the way from here to there is not this user's")
        assert report["out"] == "0::/\n"
    finally:
        os.rmdir(group)


def test_if_the_keeper_is_killed_its_task_dies(place: Place) -> None:
    word = f"orphan-{os.urandom(4).hex()}"
    import threading

    thread = threading.Thread(target=lambda: _swallow(place, word))
    thread.start()
    _until(lambda: running(word) > 1)  # the keeper's own input is no argument
    keepers = subprocess.run(
        ["pgrep", "-f", f"{place.folder}/little_keeper.py"], capture_output=True, text=True, check=False
    ).stdout.split()
    os.kill(int(keepers[0]), signal.SIGKILL)
    thread.join()
    _until(lambda: running(word) == 0)


def _swallow(place: Place, word: str) -> None:
    code = f"import os; os.fork(); os.setsid() if os.getpid() > 2 else 0; os.execlp('sleep', '{word}', '60')"
    try:
        one(place, python(code))
    except AssertionError:
        return


def _until(true: object, patience_s: float = 8.0) -> None:
    assert callable(true)
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
