"""Functions that are called, and what becomes of what they give, raise or do instead."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contract.sandbox.yard import Yard, call, error, output, value
from holdfast.model.launch import Call, StopReason
from holdfast.model.limits import Limits
from holdfast.sandbox.zygote.wire import REPORT_BYTES

CALLS = str(Path(__file__).parent / "calls.py")


@pytest.mark.parametrize(
    "what, given",
    [
        ("dataclass", {"x": 1, "y": [{"x": 2, "y": []}]}),
        ("tuple", [1, [2, 3]]),
        ("int enum", 1),
        ("text enum", "hello"),
        ("big", 10**40),
    ],
)
def test_typed_values_become_json(yard: Yard, what: str, given: object) -> None:
    assert value(yard.carry_out(call(f"{CALLS}:give", what))) == given


@pytest.mark.parametrize(
    "what, words",
    [
        ("enum", "result is of type __holdfast_main__.Colour"),
        ("set", "result is of type set"),
        ("bytes", "result is of type bytes"),
        ("nan", "result is nan"),
        ("infinite", "result[1].a is -inf"),
        ("key", "result has a key of type int"),
        ("loop", "nested more than 200 levels deep, or contains itself"),
        ("deep", "nested more than 200 levels deep"),
        ("surrogate", "text that is not Unicode"),
        ("object", "result.a[0] is of type object"),
        ("function", "result is of type function"),
    ],
)
def test_values_that_json_does_not_have_are_refused_with_their_place(yard: Yard, what: str, words: str) -> None:
    seen = yard.carry_out(call(f"{CALLS}:give", what))
    assert seen.exit_code == 1
    assert error(seen)["type"] == "NotJson"
    assert words in error(seen)["message"]


@pytest.mark.parametrize("size", [0, 100_000, 1_000_000, REPORT_BYTES - 20])
def test_large_arguments_and_results_come_through(yard: Yard, size: int) -> None:
    assert value(yard.carry_out(call(f"{CALLS}:text", size))) == "x" * size
    assert value(yard.carry_out(call(f"{CALLS}:length", "x" * size))) == size


def test_a_result_over_the_cap_is_only_measured(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{CALLS}:text", REPORT_BYTES))
    assert (seen.exit_code, seen.report) == (0, None)
    assert seen.report_bytes > REPORT_BYTES


def test_an_exception_whose_words_raise_is_told_all_the_same(yard: Yard) -> None:
    told = error(yard.carry_out(call(f"{CALLS}:fail", "evil")))
    assert told["type"] == "__holdfast_main__.Evil"
    assert "could not be made" in told["message"]
    assert "in fail" in told["traceback"]


def test_an_exception_with_endless_words_is_cut(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{CALLS}:fail", "huge"))
    assert error(seen)["type"] == "__holdfast_main__.Huge"
    assert len(error(seen)["message"]) < 10_000
    assert seen.report_bytes < 200_000


def test_an_exception_whose_words_end_the_process_leaves_no_result(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{CALLS}:fail", "silent"))
    assert (seen.exit_code, seen.report) == (0, None)


@pytest.mark.parametrize("how, name", [("base", "BaseException"), ("interrupt", "KeyboardInterrupt")])
def test_any_exception_is_data(yard: Yard, how: str, name: str) -> None:
    assert error(yard.carry_out(call(f"{CALLS}:fail", how)))["type"] == name


def test_the_cause_is_in_the_traceback(yard: Yard) -> None:
    told = error(yard.carry_out(call(f"{CALLS}:fail_twice")))
    assert told["type"] == "KeyError"
    assert "ValueError: first" in told["traceback"]
    assert "direct cause" in told["traceback"]


def test_a_recursion_without_end_is_an_error_like_any_other(yard: Yard) -> None:
    told = error(yard.carry_out(call(f"{CALLS}:bottomless")))
    assert told["type"] == "RecursionError"
    assert len(told["traceback"]) < 100_000


@pytest.mark.parametrize("given, code", [(None, 1), (0, 1), (3, 3), ("words", 1)])
def test_leaving_is_no_result(yard: Yard, given: object, code: int) -> None:
    seen = yard.carry_out(call(f"{CALLS}:leave", given))
    assert seen.exit_code == code
    assert error(seen)["type"] == "SystemExit"


def test_vanishing_is_no_result(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{CALLS}:vanish"))
    assert (seen.exit_code, seen.report) == (0, None)


def test_the_interactive_ways_out_are_there(yard: Yard) -> None:
    assert yard.carry_out(call(f"{CALLS}:ended", 5)).exit_code == 5


def test_leaving_a_thread_ends_the_thread(yard: Yard) -> None:
    assert value(yard.carry_out(call(f"{CALLS}:leave_from_a_thread"))) == "still here"


def test_neither_threads_nor_atexit_delay_the_end(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{CALLS}:leave_a_thread_and_an_atexit"))
    assert (value(seen), output(seen.stdout), seen.stopped_for) == ("done", b"flushed", None)


def test_asynchronous_functions_are_run(yard: Yard) -> None:
    assert value(yard.carry_out(call(f"{CALLS}:later", 7))) == 7
    assert value(yard.carry_out(call(f"{CALLS}:async_result", 8))) == 8
    assert error(yard.carry_out(call(f"{CALLS}:later_fail")))["type"] == "LookupError"


@pytest.mark.parametrize(
    "target, given",
    [("wrapped", ["counted", 1]), ("cached", 1), ("Holder.static", 1)],
)
def test_functions_are_found_where_they_are(yard: Yard, target: str, given: object) -> None:
    assert value(yard.carry_out(call(f"{CALLS}:{target}", 1))) == given
    assert value(yard.carry_out(call(f"{CALLS}:Holder.named"))) == "Holder"


@pytest.mark.parametrize(
    "target, name",
    [
        ("no_such_module:f", "ModuleNotFoundError"),
        (f"{CALLS}:no_such_function", "AttributeError"),
        (f"{CALLS}:not_a_function", "NotAFunction"),
        (f"{CALLS}:Point", "NotAFunction"),
        ("/no/such/script.py:f", "FileNotFoundError"),
        ("json:", "AttributeError"),
    ],
)
def test_a_target_that_is_no_function_is_told(yard: Yard, target: str, name: str) -> None:
    seen = yard.carry_out(call(target))
    assert error(seen)["type"] == name
    assert "zygote" not in error(seen)["traceback"]


def test_arguments_that_do_not_fit_are_the_callers_error(yard: Yard) -> None:
    assert error(yard.carry_out(call(f"{CALLS}:text")))["type"] == "TypeError"


def test_a_script_is_loaded_under_a_name_of_its_own_without_running_its_start(yard: Yard) -> None:
    module, file, argument, _ = value(yard.carry_out(call(f"{CALLS}:name")))
    assert (module, file, argument) == ("__holdfast_main__", CALLS, f"{CALLS}:name")
    assert value(yard.carry_out(call(f"{CALLS}:pickled"))) is True


def test_modules_beside_a_script_and_on_the_import_path_are_found(yard: Yard) -> None:
    (yard.folder / "script.py").write_text("import beside, given\ndef f(): return [beside.N, given.N]")
    (yard.folder / "beside.py").write_text("N = 1")
    (yard.folder / "elsewhere").mkdir()
    (yard.folder / "elsewhere" / "given.py").write_text("N = 2")
    target = Call(
        target=f"{yard.folder}/script.py:f", arguments=b'{"args":[]}', import_path=(f"{yard.folder}/elsewhere",)
    )
    assert value(yard.carry_out(target)) == [1, 2]
    assert error(yard.carry_out(call("given:f")))["type"] == "ModuleNotFoundError", "the next one has it no more"


def test_a_module_that_only_an_import_hook_knows_is_found(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """As editable installs have it: a `.pth` file that runs code."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(yard.folder / "venv")], check=True)
    [packages] = (yard.folder / "venv").glob("lib/python*/site-packages")
    (yard.folder / "source").mkdir()
    (yard.folder / "source" / "hooked.py").write_text("def f(): return 'found'")
    (packages / "hook.pth").write_text(f"import sys; sys.path.append({str(yard.folder / 'source')!r})\n")
    code = f"""
import asyncio, sys
sys.path[:0] = {[str(Path(__file__).parent.parent), *sys.path]!r}
from contract.sandbox.yard import Yard, call
from holdfast.sandbox.process import ProcessSandbox
from pathlib import Path
async def main():
    sandbox = ProcessSandbox({str(yard.folder / "other")!r})
    await sandbox.open()
    running = await Yard(sandbox, asyncio.Runner(), Path("/")).start(call("hooked:f"))
    print((await running.ended()).report.decode())
    await sandbox.close()
sys.path = [entry for entry in sys.path if entry != {str(yard.folder / "source")!r}]
asyncio.run(main())
"""
    done = subprocess.run([yard.folder / "venv" / "bin" / "python", "-c", code], capture_output=True, text=True)
    assert json.loads(done.stdout) == {"ok": "found"}, done.stderr


def test_a_forged_result_is_the_tasks_own_lie_and_never_more_than_bytes(yard: Yard) -> None:
    seen = yard.carry_out(call(f"{CALLS}:forge"))
    assert seen.exit_code == 0
    assert seen.report is not None
    with pytest.raises(json.JSONDecodeError):
        json.loads(seen.report)


@pytest.mark.parametrize("arguments", [b"", b"[]", b"{", b'{"args": 3}', b'{"args": []} trailing', b"\xff"])
def test_arguments_that_are_no_document_fail_inside(yard: Yard, arguments: bytes) -> None:
    seen = yard.carry_out(Call(target=f"{CALLS}:vanish", arguments=arguments))
    if seen.report is not None:
        assert error(seen)["type"]
    assert seen.sandbox_error is None


def test_a_hang_in_the_import_is_timed_like_any_other(yard: Yard) -> None:
    (yard.folder / "hang.py").write_text("import signal\nsignal.pause()\ndef f(): pass")
    seen = yard.carry_out(call(f"{yard.folder}/hang.py:f"), limits=Limits(wall_s=0.2))
    assert (seen.stopped_for, seen.signal) == (StopReason.TIMED_OUT, signal.SIGTERM)
