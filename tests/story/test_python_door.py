"""The Python door: functions and documents run as tasks, in both colours."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import holdfast
from holdfast.app.store import Store
from holdfast.model.query import TaskQuery
from story import python_door_tasks as tasks

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module", params=["folder", ":memory:"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[holdfast.Engine]:
    store = request.param if request.param == ":memory:" else tmp_path_factory.mktemp("store")
    with holdfast.Engine(store) as opened:
        yield opened


def test_a_function_of_a_module_runs_in_a_process_of_its_own(engine: holdfast.Engine) -> None:
    assert engine.run(tasks.add, 40, right=2) == 42
    assert engine.run(tasks.own_pid) != os.getpid()
    assert engine.run(tasks.own_pid) != engine.run(tasks.own_pid)


def test_an_async_function_is_run_to_its_end(engine: holdfast.Engine) -> None:
    assert engine.run(tasks.add_later, 1, 2) == 3


def test_a_dataclass_comes_back_as_what_the_annotation_says(engine: holdfast.Engine) -> None:
    assert engine.run(tasks.line_to, 3, 4) == tasks.Line(tasks.Point(0, 0), tasks.Point(3, 4))


def test_a_failure_is_an_exception_with_the_outcome_on_it(engine: holdfast.Engine) -> None:
    with pytest.raises(holdfast.TaskFailed) as raised:
        engine.run(tasks.fail, "no such thing")
    outcome = raised.value.outcome
    assert outcome.kind is holdfast.OutcomeKind.ERRORED
    assert outcome.fault is holdfast.Fault.TASK
    assert "no such thing" in outcome.message
    assert "python_door_tasks" in str(outcome.detail["traceback"])


def test_a_crash_names_its_signal_and_spares_the_engine(engine: holdfast.Engine) -> None:
    with pytest.raises(holdfast.TaskFailed) as raised:
        engine.run(tasks.crash)
    assert raised.value.outcome.kind is holdfast.OutcomeKind.CRASHED
    assert raised.value.outcome.detail["signal_name"] == "SIGSEGV"
    assert engine.run(tasks.add, 1) == 2


def test_options_of_the_decorator_and_of_the_call_hold(engine: holdfast.Engine) -> None:
    with pytest.raises(holdfast.TaskFailed) as raised:
        engine.run(tasks.hang_briefly)
    assert raised.value.outcome.detail["limit_s"] == 0.2
    with pytest.raises(holdfast.TaskFailed) as raised:
        engine.with_options(timeout="300ms", resources={"grace": 0.1}).run(tasks.hang)
    assert raised.value.outcome.detail["limit_s"] == 0.3
    assert engine.run(tasks.third_time_lucky) == 3


def test_a_decorated_function_is_still_the_function(engine: holdfast.Engine) -> None:
    assert tasks.third_time_lucky.__name__ == "third_time_lucky"


def test_what_no_other_process_could_find_is_refused(engine: holdfast.Engine) -> None:
    bound = 3

    def closure() -> int:
        return bound

    for function in (lambda: 1, closure, tasks.Point(1, 2).__repr__, print):
        with pytest.raises(holdfast.Refused) as refused:
            engine.run(function)
        assert [problem.code for problem in refused.value.problems] == ["call.function"]
        assert refused.value.problems[0].remedy


def test_arguments_that_are_no_json_values_are_refused(engine: holdfast.Engine) -> None:
    with pytest.raises(holdfast.Refused, match=r"value\.not_json"):
        engine.run(tasks.add, object())


def test_submitted_work_can_be_waited_for_or_cancelled(engine: holdfast.Engine) -> None:
    handle = engine.submit(tasks.add, 1, 1)
    hanging = engine.submit(tasks.hang)
    assert handle.result() == 2
    hanging.cancel("changed my mind")
    with pytest.raises(holdfast.TaskCancelled, match="cancelled"):
        hanging.result()


def test_an_envelope_and_a_workflow_run_as_data(engine: holdfast.Engine) -> None:
    call = {"agent_type": "python", "context": {"call": "operator:add", "args": [1, 2]}}
    assert engine.run({"execution": call}) == 3
    doubled = {"agent_type": "python", "context": {"call": "operator:mul", "args": ["${{ tasks.sum.result }}", 2]}}
    assert engine.run({"workflow": "two", "tasks": {"sum": call, "double": doubled}}) == {"sum": 3, "double": 6}


def test_the_engines_secrets_are_not_in_a_tasks_environment(
    engine: holdfast.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "xyzzy")
    assert "xyzzy" not in engine.run(tasks.environment).values()


def test_the_async_engine_runs_side_by_side(tmp_path: Path) -> None:
    async def both() -> list[int]:
        async with holdfast.AsyncEngine(tmp_path / "store") as engine:
            return list(await asyncio.gather(*(engine.run(tasks.add, n) for n in range(10))))

    assert asyncio.run(both()) == list(range(1, 11))


def test_stopping_to_wait_cancels_the_work(tmp_path: Path) -> None:
    async def stop_waiting() -> holdfast.OutcomeKind:
        async with holdfast.AsyncEngine(tmp_path / "store") as engine:
            watcher = engine.watch()
            waiting = asyncio.create_task(engine.run(tasks.hang))
            async for event in watcher:
                if event.kind == "started":
                    break
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            async for event in watcher:
                if event.kind == "ended":
                    break
            watcher.close()
            return (await engine.task(event.task_id)).outcome.kind

    assert asyncio.run(stop_waiting()) is holdfast.OutcomeKind.CANCELLED


def test_functions_of_the_script_being_run_work(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import holdfast\n"
        "def shout(text: str) -> str:\n    return text.upper()\n"
        "if __name__ == '__main__':\n"
        "    with holdfast.Engine() as engine:\n        print(engine.run(shout, 'it works'))\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("IT WORKS\n", "")


def test_an_engine_that_is_not_open_says_so() -> None:
    with pytest.raises(holdfast.EngineFault, match="with"):
        holdfast.Engine().run(tasks.add, 1)


def test_a_handle_gives_what_run_would_have_given_and_its_waiting_can_end(engine: holdfast.Engine) -> None:
    handle = engine.submit(tasks.line_to, 3, 4)
    assert handle.result(timeout=60) == tasks.Line(tasks.Point(0, 0), tasks.Point(3, 4))
    assert handle.done()
    hanging = engine.submit(tasks.hang)
    with pytest.raises(TimeoutError):
        hanging.wait(timeout=0)
    assert not hanging.done()
    hanging.cancel()
    hanging.wait()


def test_submitted_work_is_found_again_by_its_id(tmp_path: Path) -> None:
    with holdfast.Engine(tmp_path / "store") as engine:
        done = engine.submit(tasks.add, 1, 1)
        done.wait()
        hanging = engine.submit(tasks.third_time_lucky)
    with holdfast.Engine(tmp_path / "store") as engine:
        assert engine.attach(done.id).result() == 2
        assert engine.attach(hanging.id).result() == 3
        with pytest.raises(holdfast.UnknownTask):
            engine.attach("nobody")


def test_the_async_engine_has_the_same_doors(tmp_path: Path) -> None:
    async def all_of_them() -> list[object]:
        async with holdfast.AsyncEngine(tmp_path / "store") as engine:
            handle = await engine.submit(tasks.line_to, 1, 2)
            attached = await engine.attach(handle.id)
            return [await handle.result(), await attached.result(), await handle.done()]

    typed, plain, done = asyncio.run(all_of_them())
    assert typed == tasks.Line(tasks.Point(0, 0), tasks.Point(1, 2))
    assert plain == {"start": {"x": 0, "y": 0}, "end": {"x": 1, "y": 2}}
    assert done is True


def test_ctrl_c_while_waiting_cancels_the_work_and_is_a_keyboard_interrupt(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "started")
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal, threading\n"
        "import holdfast\n"
        "def hang(fifo: str) -> None:\n"
        "    open(fifo, 'w').close()\n"
        "    signal.pause()\n"
        "def interrupt() -> None:\n"
        "    open('started').close()\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "if __name__ == '__main__':\n"
        "    with holdfast.Engine('store') as engine:\n"
        "        threading.Thread(target=interrupt).start()\n"
        "        engine.run(hang, os.path.abspath('started'))\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    assert "EngineFault" not in done.stderr
    with Store(tmp_path / "store") as store:
        (task,) = store.tasks(TaskQuery())
    assert task.state == "cancelled"


def test_a_script_without_a_guard_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import holdfast\n"
        "def shout(text: str) -> str:\n    return text.upper()\n"
        "with holdfast.Engine() as engine:\n    engine.run(shout, 'it works')\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "call.guard" in done.stderr
    assert '`if __name__ == "__main__":`' in done.stderr


def test_leaving_the_engine_right_after_a_submit_waits_for_nobody(tmp_path: Path) -> None:
    async def submit_and_leave() -> str:
        async with holdfast.AsyncEngine(tmp_path / "store") as engine:
            return (await engine.submit(tasks.hang)).id

    some_id = asyncio.run(submit_and_leave())
    with Store(tmp_path / "store") as store:
        assert not store.task(some_id).state.final


def test_who_still_waits_when_the_engine_is_closed_is_told(tmp_path: Path) -> None:
    told: list[BaseException] = []

    def wait_for(handle: Any) -> None:
        try:
            handle.result()
        except holdfast.EngineFault as fault:
            told.append(fault)

    with holdfast.Engine(tmp_path / "store") as engine:
        waiter = threading.Thread(target=wait_for, args=[engine.submit(tasks.hang)])
        waiter.start()
    waiter.join()
    assert len(told) == 1


def test_an_open_engine_cannot_be_opened_again(tmp_path: Path) -> None:
    with holdfast.Engine(tmp_path / "store") as engine:
        with pytest.raises(holdfast.EngineFault, match="open already"):
            engine.__enter__()
        assert engine.run(tasks.add, 1) == 2


def test_an_engine_is_of_its_own_event_loop(tmp_path: Path) -> None:
    engine = holdfast.AsyncEngine(tmp_path / "store")
    with asyncio.Runner() as first:
        first.run(engine.__aenter__())
        with ThreadPoolExecutor(1) as other, pytest.raises(holdfast.EngineFault, match="event loop"):
            other.submit(asyncio.run, engine.run(tasks.add, 1)).result()
        first.run(engine.__aexit__(None, None, None))


def test_a_forked_copy_of_an_engine_is_told_so(tmp_path: Path) -> None:
    with holdfast.Engine(tmp_path / "store") as engine:
        child = os.fork()
        if child == 0:
            try:
                engine.run(tasks.add, 1)
            except holdfast.EngineFault:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
