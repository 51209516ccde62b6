"""What `holdfast run` and the commands beside it print and mean, for people and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from story.cli_door import Door, envelope, shell, workflow

FAILING = "echo oh dear >&2; exit 3"


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.fixture
def stored(door: Door) -> Door:
    """A door beside whose store a workflow with every kind of end has run."""
    tasks = {
        "good": shell('echo \'{"n": [1, "two"]}\' > "$HOLDFAST_RESULT"; printf "\\033[31mred\\n"; printf loud >&2'),
        "bad": shell(FAILING),
        "late": shell("sleep 60", timeout=0.3, grace=0.1),
        "after": {**shell("true"), "needs": ["bad"]},
        "twice": shell('[ "$HOLDFAST_ATTEMPT" = 2 ]', retry_policy={"max_attempts": 2, "backoff": {"base": 0.01}}),
    }
    assert door.run("run", "-", stdin=json.dumps(workflow("mixed", **tasks))).status == 1
    return door


def id_of(door: Door, name: str) -> str:
    tasks = door.run("list", "--json").json["tasks"]
    return next(task["task_id"] for task in tasks if task["name"] == name)


def test_one_task_gives_its_result_to_stdout_and_tells_people_on_stderr(door: Door) -> None:
    door.write("task.json", envelope("greet", 'echo \'{"hello": "world"}\' > "$HOLDFAST_RESULT"'))
    ran = door.run("run", "task.json")
    assert (ran.status, ran.json) == (0, {"hello": "world"})
    assert "greet" in ran.err
    assert "succeeded" in ran.err
    assert "\x1b" not in ran.err


def test_json_is_one_document_that_its_own_schema_accepts(door: Door) -> None:
    schema = jsonschema_rs.validator_for(door.run("schema", "result").json)
    door.write("one.json", envelope("one", "true"))
    door.write("two.yaml", "workflow: two\ntasks:\n  a: {agent_type: command, context: {argv: ['true']}}\n")
    for name in ("one.json", "two.yaml"):
        ran = door.run("run", name, "--json")
        assert ran.status == 0
        schema.validate(ran.json)


def test_a_failure_is_told_with_its_cause_and_the_next_step(door: Door) -> None:
    door.write("task.json", envelope("fails", FAILING))
    ran = door.run("run", "task.json")
    assert (ran.status, ran.out) == (1, "")
    assert "errored" in ran.err
    assert "3" in ran.err
    assert "holdfast logs" in ran.err
    assert "Traceback" not in ran.err


def test_a_workflow_tells_of_every_task_and_prints_nothing_on_stdout(stored: Door) -> None:
    ran = stored.run("run", "-", stdin=json.dumps(workflow("ok", a=shell("true"), b={**shell("true"), "needs": ["a"]})))
    assert (ran.status, ran.out) == (0, "")
    assert "2 of 2 tasks succeeded" in ran.err


def test_a_list_of_envelopes_is_run_together(door: Door) -> None:
    door.write("tasks.json", [envelope("a", "true"), envelope("b", FAILING)])
    ran = door.run("run", "tasks.json")
    assert (ran.status, ran.out) == (1, "")
    assert "1 of 2 tasks succeeded, 1 failed" in ran.err


def test_what_is_done_is_not_done_again_unless_afresh(door: Door) -> None:
    door.write("task.json", envelope("once", f'echo x >> "{door.folder}/ran"; echo 7 > "$HOLDFAST_RESULT"'))
    assert door.run("run", "task.json").json == 7
    again = door.run("run", "task.json")
    assert (again.status, again.json) == (0, 7)
    assert "once is already done" in again.err
    assert "--fresh" in again.err
    assert (door.folder / "ran").read_text() == "x\n"
    assert door.run("run", "task.json", "--fresh").status == 0
    assert (door.folder / "ran").read_text() == "x\nx\n"


def test_quiet_leaves_the_last_line_and_the_errors(door: Door) -> None:
    door.write("good.json", workflow("good", a=shell("true")))
    door.write("bad.json", workflow("bad", a=shell(FAILING)))
    good, bad = door.run("run", "good.json", "--quiet"), door.run("run", "bad.json", "--quiet")
    assert (good.status, len(good.err.splitlines())) == (0, 1)
    assert bad.status == 1
    assert "3" in bad.err
    assert len(bad.err.splitlines()) <= 4


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "document.empty"),
        ("{", "document.syntax"),
        ("[]", "document.empty"),
        ('{"execution": {"agent_type": "command", "contxt": {}}}', "context"),
        ('{"execution": {"agent_type": "no_such_agent"}}', "agent.unknown"),
        ('{"workflow": "w", "tasks": {"a": {"agent_type": "command", "needs": ["b"]}}}', "needs"),
        (
            '{"execution": {"agent_type": "command", "context": {"argv": ["x"]}, "resources": {"timeout": "soon"}}}',
            "timeout",
        ),
    ],
)
def test_bad_input_is_refused_with_place_code_and_remedy(door: Door, text: str, says: str) -> None:
    ran = door.run("run", "-", stdin=text)
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err
    assert "nothing was started" in ran.err
    assert "Traceback" not in ran.err
    as_json = door.run("run", "-", "--json", stdin=text)
    assert as_json.status == 2
    assert as_json.json["error"]["problems"][0].keys() == {"code", "path", "message", "remedy"}


@pytest.mark.parametrize("file, code", [("none.json", "file.missing"), (".", "file.folder")])
def test_a_file_that_cannot_be_read_is_refused(door: Door, file: str, code: str) -> None:
    ran = door.run("run", file)
    assert ran.status == 2
    assert f"[{code}]" in ran.err
    assert not list(door.folder.iterdir())


@pytest.mark.parametrize("given", [["x"], ["=1"], ["n=1", "n=2"], ["m=1"]])
def test_inputs_are_set_by_name_or_refused(door: Door, given: list[str]) -> None:
    document: dict[str, Any] = {**workflow(a=shell("true")), "inputs": {"n": 0}}
    door.write("flow.json", document)
    options = [word for each in given for word in ("--set", each)]
    assert door.run("run", "flow.json", *options).status == 2
    assert not (door.folder / ".holdfast").exists()


def test_an_input_that_is_set_arrives(door: Door) -> None:
    step = shell('printf %s "$N" > "$HOLDFAST_RESULT"')
    step["context"]["env"] = {"N": "${{ inputs.n }}"}
    door.write("flow.json", {**workflow(a=step), "inputs": {"n": "1"}})
    assert door.run("run", "flow.json", "--set", "n=23", "--json").json["tasks"]["a"]["result"] == 23


def test_the_store_is_where_it_is_said_to_be(door: Door) -> None:
    door.write("task.json", envelope("t", "true"))
    assert door.run("run", "task.json", HOLDFAST_STORE="by-variable").status == 0
    assert door.run("run", "task.json", "--store", "by-option", HOLDFAST_STORE="by-variable").status == 0
    assert {path.name for path in door.folder.iterdir()} == {"task.json", "by-variable", "by-option"}
    assert door.run("status", "t", "--store", "by-option").status == 0


def test_status_tells_of_the_store(stored: Door) -> None:
    ran = stored.run("status")
    assert (ran.status, ran.err) == (0, "")
    assert "none runs" in ran.out
    assert "2 succeeded, 2 failed, 1 cancelled" in ran.out
    assert "mixed" in ran.out
    assert stored.run("status", "--json").json["tasks"]["failed"] == 2


def test_status_of_a_task_tells_attempts_limits_and_what_to_do(stored: Door) -> None:
    ran = stored.run("status", id_of(stored, "late"))
    assert ran.status == 0
    for part in ("timed_out", "timeout", "0.3s", "yes", "holdfast logs"):
        assert part in ran.out
    assert stored.run("status", id_of(stored, "twice")).out.count("errored") == 1


def test_status_of_a_workflow_tells_each_task_and_what_went_wrong(stored: Door) -> None:
    workflow_id = stored.run("status", "--json").json["workflows"][0]["id"]
    ran = stored.run("status", workflow_id)
    for part in ("good", "bad", "late", "after", "twice", "timed_out", "2 of 5 tasks succeeded, 2 failed, 1 cancelled"):
        assert part in ran.out
    assert stored.run("status", workflow_id, "--json").json["tasks"].keys() == {"good", "bad", "late", "after", "twice"}


def test_an_unknown_id_is_refused_with_what_to_do(stored: Door) -> None:
    for command in ("status", "logs", "result", "cancel"):
        ran = stored.run(command, "nobody")
        assert (ran.status, ran.out) == (2, "")
        assert "`nobody`" in ran.err
        assert "task.unknown" in ran.err


def test_list_filters_and_counts(stored: Door) -> None:
    assert len(stored.run("list").out.splitlines()) == 6
    assert {task["name"] for task in stored.run("list", "--state", "failed", "--json").json["tasks"]} == {"bad", "late"}
    few = stored.run("list", "--limit", "2", "--json").json
    assert (len(few["tasks"]), few["more"]) == (2, True)
    workflow_id = few["tasks"][0]["workflow_id"]
    assert len(stored.run("list", "--workflow", workflow_id).out.splitlines()) == 6
    assert stored.run("list", "--workflow", "nobody").status == 2


def test_a_result_is_json_and_one_that_is_not_there_is_explained(stored: Door) -> None:
    good = stored.run("result", id_of(stored, "good"))
    assert (good.status, good.json, good.err) == (0, {"n": [1, "two"]}, "")
    bad = stored.run("result", id_of(stored, "bad"))
    assert (bad.status, bad.out) == (1, "")
    assert "bad has no result: errored" in bad.err
    whole = stored.run("result", stored.run("status", "--json").json["workflows"][0]["id"])
    assert whole.status == 1
    assert whole.json["good"] == {"n": [1, "two"]}
    assert whole.json.keys() == {"good", "twice"}


def test_logs_keep_the_streams_apart_and_the_bytes_as_they_were(stored: Door) -> None:
    good = id_of(stored, "good")
    ran = stored.run("logs", good)
    assert (ran.status, ran.out, ran.err) == (0, "\x1b[31mred\n", "loud")
    assert stored.run("logs", good, "--stream", "stderr").out == "loud"
    assert stored.run("logs", "-f", good).out == "\x1b[31mred\n"
    assert stored.run("logs", id_of(stored, "twice"), "--attempt", "1").status == 0
    assert stored.run("logs", id_of(stored, "twice"), "--attempt", "3").status == 2
    assert stored.run("logs", id_of(stored, "after")).status == 2


BROKEN = """
import sys
from holdfast.cli import main, request

def boom(*words, **names):
    raise ZeroDivisionError("oops")

request.read_document = boom
sys.exit(main.main(["run", "flow.json"]))
"""


def test_a_shell_is_told_the_ids_that_the_store_holds(stored: Door) -> None:
    variables = {"COMP_WORDS": "holdfast status ", "COMP_CWORD": "2", "_HOLDFAST_COMPLETE": "bash_complete"}
    offered = {line.partition(",")[2] for line in stored.run(**variables).out.splitlines()}
    assert {id_of(stored, "good"), id_of(stored, "late"), id_of(stored, "good").partition(".")[0]} <= offered


def test_a_fault_of_ours_is_told_in_a_line_and_traced_only_when_asked(door: Door) -> None:
    door.write("flow.json", workflow(a=shell("true")))
    for trace in ("0", "1"):
        environment = {**door.environment, "HOLDFAST_TRACEBACK": trace}
        done = subprocess.run(
            [sys.executable, "-c", BROKEN],
            cwd=door.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 3
        assert "ZeroDivisionError: oops" in done.stderr
        assert "[engine.bug]" in done.stderr
        assert ("Traceback" in done.stderr) is (trace == "1")


def test_in_a_locale_without_unicode_people_are_told_in_ascii(door: Door) -> None:
    door.write("flow.json", workflow(a=shell("true"), b=shell(FAILING)))
    ran = door.run("run", "flow.json", LC_ALL="C")
    assert ran.status == 1
    assert ran.err.isascii()


def test_status_shows_the_last_words_of_what_failed(door: Door) -> None:
    call = {"agent_type": "python", "context": {"call": "json:loads", "args": ["{"]}}
    door.write("work.json", workflow("work", shout=shell("printf 'all \\033[31mis lost\\n' >&2; exit 4"), call=call))
    assert door.run("run", "work.json").status == 1
    shout, call_id = id_of(door, "shout"), id_of(door, "call")
    shown = door.run("status", shout).out
    assert "is lost" in shown
    assert "\x1b" not in shown
    assert "JSONDecodeError" in door.run("status", call_id).out
    assert "Traceback" in door.run("status", call_id).out


@pytest.mark.parametrize("number", ["nan", "inf", "0", "-1"])
def test_processors_that_are_no_number_are_refused(door: Door, number: str) -> None:
    door.write("task.json", envelope("one", "true"))
    ran = door.run("run", "task.json", f"--cpus={number}")
    assert ran.status == 2
    assert "option.value" in ran.err
    assert not (door.folder / ".holdfast").exists()


def test_a_result_that_is_no_plain_file_is_no_success(door: Door) -> None:
    door.write("task.json", envelope("link", 'ln -s /etc/hostname "$HOLDFAST_RESULT"'))
    ran = door.run("run", "task.json", "--json")
    assert ran.status == 1
    outcome = ran.json["execution"]["outcome"]
    assert outcome["kind"] == "invalid"
    assert "refused" in outcome["message"]
