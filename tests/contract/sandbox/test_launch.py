"""What every sandbox does with a launch."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from contract.sandbox.yard import (
    Start,
    Yard,
    call,
    error,
    is_alive,
    output,
    own_view,
    python,
    said,
    shell,
    value,
    waiting,
)
from holdfast.model.launch import Exec, Observation, Program, StopReason
from holdfast.model.limits import Limits

TASKS = str(Path(__file__).parent / "tasks.py")


def test_a_program_ends_with_its_exit_code_and_its_output(yard: Yard) -> None:
    seen = yard.carry_out(shell("echo out; echo err >&2; exit 3"))
    assert (seen.exit_code, seen.signal, seen.sandbox_error, seen.stopped_for) == (3, None, None, None)
    assert output(seen.stdout) == b"out\n"
    assert output(seen.stderr) == b"err\n"
    assert seen.report is None
    assert seen.started_at is not None


@pytest.mark.parametrize("code", [0, 1, 124, 126, 127, 137, 255])
def test_an_exit_code_is_nothing_but_an_exit_code(yard: Yard, code: int) -> None:
    seen = yard.carry_out(shell(f"exit {code}"))
    assert (seen.exit_code, seen.signal, seen.limit_hit, seen.oom_kills, seen.evidence) == (code, None, None, None, ())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM, signal.SIGPIPE])
def test_a_signal_is_told_from_an_exit_code(yard: Yard, number: signal.Signals) -> None:
    seen = yard.carry_out(shell(f"kill -{number.value} $$"))
    assert (seen.exit_code, seen.signal, seen.stopped_for) == (None, number, None)


def test_stdin_files_folder_and_environment_are_those_of_the_launch(yard: Yard) -> None:
    start = Start(
        environment={"GREETING": "hallo"},
        stdin=b"from stdin\n",
        files={"a.txt": b"from a file\n", "deep/er/run": b"#!/bin/sh\necho executed\n"},
    )
    seen = yard.carry_out(shell("cat; cat a.txt; deep/er/run; echo $GREETING; ls; umask"), start)
    assert seen.exit_code == 0, seen
    assert output(seen.stdout) == b"from stdin\nfrom a file\nexecuted\nhallo\na.txt\ndeep\n0022\n"


def test_each_attempt_has_an_empty_folder_of_its_own(yard: Yard) -> None:
    first = yard.carry_out(shell('touch left; [ "$(pwd -P)" = "$HOLDFAST_WORKDIR" ]'))
    second = yard.carry_out(shell("ls -A"))
    assert (first.exit_code, output(second.stdout)) == (0, b"")


@pytest.mark.parametrize("program", [shell("exit 0"), call("os:getpid")])
@pytest.mark.parametrize("name, value", [("A", "x\0y"), ("A=B", "x"), ("", "x"), ("A", "\ud800")])
def test_what_cannot_be_a_variable_is_refused_and_harms_nobody_else(
    yard: Yard, program: Program, name: str, value: str
) -> None:
    seen = yard.carry_out(program, Start(environment={name: value}))
    assert seen.sandbox_error is not None or (seen.exit_code == 126 and seen.evidence)
    assert yard.carry_out(program).exit_code == 0


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out", "", "a//b", "./a"])
def test_a_file_outside_the_folder_is_refused(yard: Yard, name: str) -> None:
    seen = yard.carry_out(shell("exit 0"), Start(files={name: b""}))
    assert seen.sandbox_error is not None
    assert (seen.exit_code, seen.signal) == (None, None)


@pytest.mark.parametrize(
    "argv, code, reason",
    [
        (("no-such-program",), 127, "not found in PATH="),
        (("./no-such-file",), 127, "not found"),
        (("./plain",), 126, "not executable"),
        (("./bad-interpreter",), 126, "the interpreter that its first line names is not there"),
        (("./no-format",), 126, "neither a binary of this machine nor a script"),
        (("/",), 126, "not executable"),
        (("true", "x" * 200_000), 126, "too long for the kernel (E2BIG)"),
        (("true", "a\0b"), 126, "null byte"),
        ((), 126, "empty"),
    ],
)
def test_a_program_that_cannot_be_executed_says_why(yard: Yard, argv: tuple[str, ...], code: int, reason: str) -> None:
    files = {"plain": b"x", "bad-interpreter": b"#!/no/such/interpreter\n", "no-format": b"#! \n"}
    seen = yard.carry_out(Exec(argv=argv), Start(files=files))
    assert seen.exit_code == code
    assert len(seen.evidence) == 1
    assert seen.evidence[0].startswith("not executed: ")
    assert reason in seen.evidence[0]


def test_the_result_file_is_the_report(yard: Yard) -> None:
    seen = yard.carry_out(shell('printf \'{"a": 1}\' > "$HOLDFAST_RESULT"'))
    assert (seen.report, seen.report_bytes) == (b'{"a": 1}', 8)


def test_a_function_is_called_with_json_and_gives_json(yard: Yard) -> None:
    assert value(yard.carry_out(call(f"{TASKS}:echo", 1, [None, "ü"], key={"a": 1.5}))) == [
        [1, [None, "ü"]],
        {"key": {"a": 1.5}},
    ]
    assert value(yard.carry_out(call("math:hypot", 3, 4))) == 5.0


def test_a_function_that_raises_says_what_and_where(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{TASKS}:fail"))
    assert seen.exit_code == 1
    assert error(seen)["type"] == "ValueError"
    assert error(seen)["message"] == "no good"
    assert 'raise ValueError("no good")' in error(seen)["traceback"]
    assert "zygote" not in error(seen)["traceback"]


def test_at_the_time_limit_it_is_asked_to_end_and_then_killed(yard: Yard) -> None:
    limits = Limits(wall_s=0.2, grace_s=0.2)
    polite = yard.carry_out(shell("trap 'echo bye; exit 7' TERM; while :; do sleep 0.01; done"), limits=limits)
    assert (polite.exit_code, polite.stopped_for) == (7, StopReason.TIMED_OUT)
    assert output(polite.stdout) == b"bye\n"
    rude = yard.carry_out(
        python("import signal; signal.signal(15, signal.SIG_IGN)\nwhile True: signal.pause()"), limits=limits
    )
    assert (rude.signal, rude.stopped_for) == (signal.SIGKILL, StopReason.TIMED_OUT)


@pytest.mark.parametrize("at_once, number", [(False, signal.SIGTERM), (True, signal.SIGKILL)])
def test_a_stop_ends_it_for_the_reason_given(yard: Yard, at_once: bool, number: int) -> None:
    async def stop_when_ready() -> Observation:
        running = await yard.start(shell("echo $$; sleep 1000"))
        told = int(await said(running))
        pid = running.pid
        assert pid is not None
        assert own_view(pid) == told
        running.stop(StopReason.CANCELLED, at_once)
        running.stop(StopReason.ENGINE_STOPPING)  # the first reason stands
        seen = await running.ended()
        assert not is_alive(pid)
        assert running.pid is None
        return seen

    seen = yard.run(stop_when_ready())
    assert (seen.signal, seen.stopped_for) == (number, StopReason.CANCELLED)


def test_a_second_stop_can_hurry_up_the_first(yard: Yard) -> None:
    async def hurry() -> Observation:
        stubborn = python("""
            import signal
            signal.signal(15, signal.SIG_IGN)
            print("ready", flush=True)
            while True: signal.pause()
        """)
        running = await yard.start(stubborn, limits=Limits(grace_s=1000))
        await said(running)
        running.stop(StopReason.CANCELLED)
        running.stop(StopReason.CANCELLED, at_once=True)
        return await running.ended()

    assert yard.run(hurry()).signal == signal.SIGKILL


def test_a_stop_after_the_end_does_no_harm_to_the_next(yard: Yard) -> None:
    async def late() -> Observation:
        running = await yard.start(shell("exit 0"))
        await running.ended()
        running.stop(StopReason.CANCELLED, at_once=True)
        following = await yard.start(shell("exit 5"))
        running.stop(StopReason.CANCELLED, at_once=True)
        return await following.ended()

    assert yard.run(late()).exit_code == 5


def test_many_run_side_by_side(yard: Yard) -> None:
    gates = [yard.gate(str(number)) for number in range(8)]

    async def all_at_once() -> list[Observation]:
        running = [await yard.start(shell(f"{waiting(gate)}; echo {gate.name}")) for gate in gates]
        for gate in reversed(gates):  # each ends only when it is told to
            gate.touch()
        return [await one.ended() for one in running]

    assert [output(seen.stdout) for seen in yard.run(all_at_once())] == [f"{gate.name}\n".encode() for gate in gates]


def test_output_can_be_followed_while_it_runs(yard: Yard) -> None:
    gate = yard.gate()

    async def follow() -> tuple[bytes, Observation]:
        running = await yard.start(shell(f"echo early; {waiting(gate)}; echo late"))
        early = await said(running)
        gate.touch()
        return early, await running.ended()

    early, seen = yard.run(follow())
    assert early == b"early\n"
    assert output(seen.stdout) == b"early\nlate\n"


def test_usage_is_measured_while_it_runs_and_after(yard: Yard) -> None:
    gate = yard.gate()
    hog = f"""
        import os, time
        held = bytearray(50_000_000)
        for _ in range(3_000_000): pass
        print("ready", flush=True)
        while not os.path.exists({str(gate)!r}): time.sleep(0.01)
    """

    async def look() -> tuple[object, Observation]:
        running = await yard.start(python(hog))
        await said(running)
        usage = running.usage()
        gate.touch()
        return usage, await running.ended()

    usage, seen = yard.run(look())
    for measured in (usage, seen.usage):
        assert measured.memory_bytes > 50_000_000
        assert measured.cpu_s > 0
        assert measured.wall_s > 0
        assert measured.processes == 1


def test_closing_kills_what_runs(yard: Yard) -> None:
    async def close() -> tuple[int, Observation]:
        running = await yard.start(shell("trap '' TERM; echo ready; sleep 1000"))
        await said(running)
        pid = running.pid
        assert pid is not None
        await yard.sandbox.close()
        return pid, await running.ended()

    pid, seen = yard.run(close())
    assert seen.stopped_for is StopReason.ENGINE_STOPPING
    assert not is_alive(pid)


def test_a_start_after_the_close_fails_as_the_sandbox_and_does_not_raise(yard: Yard) -> None:
    launch = yard.launch(shell("exit 0"))

    async def too_late() -> Observation:
        await yard.sandbox.close()
        running = await yard.sandbox.start(launch)
        return await running.ended()

    assert yard.run(too_late()).sandbox_error is not None
