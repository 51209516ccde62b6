"""How the program is called: help, usage, streams, exit statuses, and what it does where there is nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import jsonschema_rs
import pytest

from holdfast._version import __version__
from holdfast.cli.main import COMMANDS
from story.cli_door import PROGRAM, Door


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_the_version_goes_to_stdout(door: Door) -> None:
    for words in (["version"], ["--version"]):
        ran = door.run(*words)
        assert (ran.status, ran.out, ran.err) == (0, f"holdfast {__version__}\n", "")


def test_the_list_of_commands_says_what_each_command_says_of_itself(door: Door) -> None:
    ran = door.run("--help")
    assert ran.status == 0
    for name, text in COMMANDS.items():
        assert text in ran.out
        help_of = door.run(name, "--help")
        assert (help_of.status, help_of.err) == (0, "")
        assert f"Usage: holdfast {name}" in help_of.out
        assert " ".join(help_of.out.split()).find(text.removesuffix(".")) >= 0


def test_called_with_nothing_it_says_what_there_is(door: Door) -> None:
    ran = door.run()
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("Usage: holdfast")


@pytest.mark.parametrize(
    "words, says",
    [
        (["bogus"], "No such command 'bogus'"),
        (["run"], "Missing argument 'FILE'"),
        (["run", "x.json", "--workers", "0"], "0 is not in the range x>=1"),
        (["run", "x.json", "--isolation", "castle"], "'castle' is not one of"),
        (["list", "--state", "odd"], "'odd' is not one of"),
        (["schema", "novel"], "'novel' is not one of"),
        (["version", "--loud"], "No such option"),
        (["cancel"], "Missing argument 'ID...'"),
    ],
)
def test_a_wrong_call_is_refused_in_two_lines(door: Door, words: list[str], says: str) -> None:
    ran = door.run(*words)
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err
    assert "[usage]" in ran.err
    assert "--help` shows how to call it." in ran.err
    assert len(ran.err.splitlines()) == 2
    assert not list(door.folder.iterdir())


def test_a_wrong_call_that_asks_for_json_gets_json(door: Door) -> None:
    ran = door.run("run", "--json")
    assert ran.status == 2
    assert ran.json["error"]["code"] == "usage"


@pytest.mark.parametrize(
    "words", [["status"], ["list"], ["status", "x"], ["logs", "x"], ["result", "x"], ["cancel", "x"]]
)
def test_where_there_is_no_store_it_says_so_and_makes_none(door: Door, words: list[str]) -> None:
    ran = door.run(*words)
    assert (ran.status, ran.out) == (2, "")
    assert ".holdfast" in ran.err
    assert "Traceback" not in ran.err
    assert not list(door.folder.iterdir())


@pytest.mark.parametrize("name", ["task", "workflow", "result", "event"])
def test_a_schema_is_a_schema(door: Door, name: str) -> None:
    ran = door.run("schema", name)
    assert (ran.status, ran.err) == (0, "")
    jsonschema_rs.validator_for(ran.json)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_names_the_program_alone(door: Door, shell: str) -> None:
    ran = door.run("completion", shell)
    assert (ran.status, ran.err) == (0, "")
    assert "_HOLDFAST_COMPLETE" in ran.out


@pytest.mark.parametrize(
    "line, expected",
    [
        ("holdfast ", {"run", "status", "version", "completion"}),
        ("holdfast st", {"status"}),
        ("holdfast run --isol", {"--isolation"}),
        ("holdfast run --isolation p", {"process"}),
        ("holdfast status ", set()),
    ],
)
def test_a_shell_is_told_what_may_follow(door: Door, line: str, expected: set[str]) -> None:
    words = line.split(" ")
    variables = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_HOLDFAST_COMPLETE": "bash_complete"}
    ran = door.run(**variables)
    offered = {word.partition(",")[2] for word in ran.out.split()}
    assert (ran.err, expected - offered) == ("", set())
    assert len(offered) == len(expected) or line == "holdfast "
    assert not list(door.folder.iterdir())


def test_a_reader_that_goes_away_is_no_error(door: Door) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [PROGRAM, "schema", "task"], cwd=door.folder, env=door.environment, stdout=writing, stderr=subprocess.PIPE
    ) as process:
        os.close(writing)
        assert process.communicate()[1] == b""
    assert process.returncode == 141


def test_a_full_disk_behind_stdout_is_told(door: Door) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, "version"], cwd=door.folder, env=door.environment, stdout=full, stderr=-1)
    assert done.returncode == 3
    assert (
        done.stderr.decode()
        == "holdfast: standard output cannot be written to: No space left on device [output.failed]\n"
    )


def test_closed_streams_do_not_disturb(door: Door) -> None:
    done = subprocess.run(
        ["sh", "-c", f"'{PROGRAM}' version 0<&- 1>&- 2>&-"], cwd=door.folder, env=door.environment, check=False
    )
    assert done.returncode == 0
