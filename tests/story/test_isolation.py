"""Isolation as people ask for it: by option, by task, in the configuration, from Python; and where it cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import holdfast
from contract.sandbox.conftest import need_the_level
from story.cli_door import PROGRAM, Door, Ran

pytestmark = pytest.mark.kernel


@pytest.fixture
def door(tmp_path: Path) -> Door:
    need_the_level()
    project = tmp_path / "project"
    project.mkdir()
    return Door(project)


def command(argv: list[str] | str, **more: Any) -> dict[str, Any]:
    context = {"argv": argv, "shell": isinstance(argv, str)}
    return {"execution": {"agent_type": "command", "context": context, **more}}


def run(door: Door, document: object, *options: str) -> Ran:
    return door.run("run", door.write("task.json", document), "--json", *options)


def execution(ran: Ran) -> Any:
    return ran.json["execution"]


def sandboxed(door: Door, argv: list[str] | str, **resources: Any) -> Any:
    return execution(run(door, command(argv, resources=resources), "--isolation", "sandbox"))


def test_a_task_sees_its_project_and_nothing_of_its_user(door: Door) -> None:
    (door.folder / "data.txt").write_text("mine\n")
    secret = door.folder.parent / "secret"
    secret.write_text("not yours")
    task = sandboxed(
        door, f"cat $HOLDFAST_FOLDER/data.txt; cat {secret} ~/.ssh/* {Path.home()}/.bashrc /root/*; ls -A ~"
    )
    assert task["result"]["stdout"] == "mine\n"
    assert task["result"]["stderr"].count("No such file") == 4
    assert task["attempts"][0]["level"] == "sandbox"


def test_the_store_beside_the_project_stays_closed(door: Door) -> None:
    assert sandboxed(door, "ls -A $HOLDFAST_FOLDER/.holdfast")["result"]["stdout"] == ""


def test_a_task_that_wants_the_network_fails(door: Door) -> None:
    wanting = "import socket; socket.create_connection(('127.0.0.1', 1), 2)"
    outcome = sandboxed(door, [sys.executable, "-c", wanting])["outcome"]
    assert outcome["kind"] == "errored"
    assert "Permission" in outcome["message"] or "unreachable" in outcome["message"]


def test_a_task_that_writes_elsewhere_fails(door: Door) -> None:
    outcome = sandboxed(door, "echo x > $HOLDFAST_FOLDER/x && echo written")["outcome"]
    assert outcome["kind"] == "errored"
    assert not (door.folder / "x").exists()


def test_a_timeout_ends_the_daemon_too(door: Door) -> None:
    task = sandboxed(door, "(setsid sleep 4242.42 &); sleep 4242.43", timeout=0.4)
    assert task["outcome"]["kind"] == "timed_out"
    left = [name for name in os.listdir("/proc") if name.isdigit() and b"4242.4" in _command_line(name)]
    assert left == []


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_memory_limit_holds_or_the_task_is_refused_before_it_starts(door: Door) -> None:
    hog = [sys.executable, "-c", "held = bytearray(400_000_000)"]
    outcome = sandboxed(door, hog, memory_limit="100MB")["outcome"]
    if outcome["kind"] == "invalid":
        assert "cannot be enforced" in outcome["message"]
        assert "allow_degraded: [memory_limit]" in outcome["next_steps"][0]
    else:
        assert (outcome["kind"], outcome["detail"]["limit"]) == ("over_limit", "memory_limit")


def test_a_forbidden_system_call_is_named(door: Door) -> None:
    outcome = sandboxed(door, [sys.executable, "-c", "import ctypes; ctypes.CDLL(None).syscall(246, 0, 0, 0, 0)"])[
        "outcome"
    ]
    assert (outcome["kind"], outcome["detail"]["signal_name"]) == ("crashed", "SIGSYS")
    assert "system call" in outcome["message"]


def test_a_full_disk_is_named(door: Door) -> None:
    outcome = sandboxed(door, "dd if=/dev/zero of=big bs=1M count=1200")["outcome"]
    assert (outcome["kind"], outcome["detail"]["limit"]) == ("over_limit", "disk")


def test_a_function_beside_its_helper_is_called(door: Door) -> None:
    (door.folder / "helper.py").write_text("def double(n):\n    return 2 * n\n")
    (door.folder / "tool.py").write_text("import helper\n\ndef work(n):\n    return helper.double(n)\n")
    document = {"execution": {"agent_type": "python", "context": {"call": "tool.py:work", "args": [21]}}}
    assert execution(run(door, document, "--isolation", "sandbox"))["result"] == 42


def test_one_workflow_has_tasks_of_both_levels(door: Door) -> None:
    tasks = {
        "open": {"agent_type": "command", "context": {"argv": ["true"]}, "resources": {"isolation": "process"}},
        "closed": {
            "agent_type": "command",
            "context": {"argv": ["true"]},
            "resources": {"isolation": "sandbox"},
            "needs": ["open"],
        },
    }
    ran = run(door, {"workflow": "mixed", "tasks": tasks})
    levels = {name: task["attempts"][0]["level"] for name, task in ran.json["tasks"].items()}
    assert levels == {"open": "process", "closed": "sandbox"}


def test_the_configuration_sets_the_level(door: Door) -> None:
    door.write("holdfast.toml", 'isolation = "sandbox"\n')
    assert execution(run(door, command("true")))["attempts"][0]["level"] == "sandbox"
    assert execution(run(door, command("true "), "--isolation", "process"))["attempts"][0]["level"] == "process"


def _own_pid() -> int:
    return os.getpid()


def test_an_engine_takes_a_level(tmp_path: Path) -> None:
    need_the_level()
    with holdfast.Engine(tmp_path / "store", isolation="sandbox") as engine:
        assert engine.run(_own_pid) == 2


FORBID = "echo 0 > /proc/sys/user/max_user_namespaces 2>/dev/null || exit 77"


def without_namespaces(door: Door, *arguments: str) -> Ran:
    """Call the program where neither root can mount nor user namespaces can be made."""
    inner = f'{FORBID}; exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$@"'
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", inner, "sh", PROGRAM, *arguments]
    done = subprocess.run(argv, cwd=door.folder, env=door.environment, capture_output=True, check=False)
    if done.returncode == 77 or done.stderr.startswith((b"unshare", b"setpriv")):
        pytest.skip("namespaces cannot be forbidden to a process here")
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_host_that_cannot_have_the_level_says_why_and_what_to_do(tmp_path: Path) -> None:
    door = Door(tmp_path)
    document = door.write("task.json", command("true"))
    refused = without_namespaces(door, "run", document, "--json", "--isolation", "sandbox")
    assert refused.status == 2, refused.err
    problems = refused.json["error"]["problems"]
    assert {problem["code"] for problem in problems} == {"isolation.unavailable"}
    assert all(problem["remedy"] for problem in problems)
    assert not (tmp_path / ".holdfast").exists()
    assert without_namespaces(door, "run", document, "--json").status == 0
    assert not without_namespaces(door, "doctor", "--json").json["levels"]["sandbox"]["user namespaces"]["enforced"]


def test_an_engine_of_a_level_that_there_is_not_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(holdfast.Refused) as refused, holdfast.Engine(tmp_path / "store", isolation="container"):
        pass
    assert refused.value.problems[0].code == "isolation.unavailable"


def test_a_level_that_there_is_not_is_refused(tmp_path: Path) -> None:
    door = Door(tmp_path)
    refused = run(door, command("true"), "--isolation", "container")
    assert (refused.status, refused.json["error"]["problems"][0]["code"]) == (2, "isolation.unavailable")


def test_the_doctor_shows_both_levels(tmp_path: Path) -> None:
    levels = Door(tmp_path).run("doctor", "--json").json["levels"]
    assert set(levels) == {"process", "sandbox"}
    need_the_level()
    assert {"memory_limit", "disk", "files", "network", "processes"} <= levels["sandbox"].keys()
    assert levels["sandbox"]["network"]["enforced"]
