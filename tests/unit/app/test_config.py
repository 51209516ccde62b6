"""The configuration: the nearest one counts, and everything wrong with it is told at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.app.config import AgentDeclaration, Config, read_config
from holdfast.model.errors import Problem, Refused
from holdfast.model.limits import Level

SEED = Path(__file__).resolve().parents[3] / "examples" / "seed"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder deep below one that holds an empty configuration, so that none of this machine is found."""
    (tmp_path / "holdfast.toml").touch()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    return deep


def write(folder: Path, text: str, name: str = "holdfast.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def problems(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(Refused) as refused:
        read_config(folder)
    assert all(problem.message and problem.remedy for problem in refused.value.problems)
    return refused.value.problems


def places(folder: Path) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in problems(folder)]


def test_where_nothing_is_configured_nothing_is_said(folder: Path) -> None:
    assert read_config(folder) == Config()


def test_every_setting_is_read(folder: Path) -> None:
    write(
        folder,
        """
        environment = ["EDITOR", "HTTP_PROXY"]
        isolation = "process"
        workers = 8
        cpus = 1.5
        memory = "4GB"
        [agents.specialized_agent]
        type = "command"
        context = { argv = ["sh", "-c", "true"], env = { A = 1 } }
        [agents.nightly]
        type = "python"
        """,
    )
    assert read_config(folder) == Config(
        agents=(
            AgentDeclaration("specialized_agent", "command", {"argv": ["sh", "-c", "true"], "env": {"A": 1}}),
            AgentDeclaration("nightly", "python", {}),
        ),
        environment=("EDITOR", "HTTP_PROXY"),
        isolation=Level.PROCESS,
        workers=8,
        cpus=1.5,
        memory_bytes=4 * 10**9,
    )


def test_the_declaration_of_the_seeds_agent_type_is_read() -> None:
    (declared,) = read_config(SEED).agents
    assert (declared.name, declared.base) == ("specialized_agent", "command")


@pytest.mark.parametrize(
    "text, size", [('"512MiB"', 2**29), ("1000", 1000), ('"1GB"', 10**9), ("9223372036854775807", 2**63 - 1)]
)
def test_memory_is_a_number_of_bytes_or_text_with_a_unit(folder: Path, text: str, size: int) -> None:
    assert read_config(write(folder, f"memory = {text}")).memory_bytes == size


def test_the_nearest_configuration_counts_alone(folder: Path) -> None:
    write(folder.parent, "workers = 1\ncpus = 2")
    assert read_config(folder).workers == 1
    write(folder, "workers = 3")
    assert read_config(folder) == Config(workers=3)


def test_a_relative_folder_is_looked_up_from_the_current_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder.parent, "workers = 7")
    monkeypatch.chdir(folder)
    assert read_config(Path(".")).workers == 7
    assert read_config(Path("not/there/yet")).workers == 7


def test_the_table_in_pyproject_counts_as_a_file_of_ours(folder: Path) -> None:
    write(folder.parent, "workers = 1")
    write(folder, "[tool.holdfast]\nworkers = 4", "pyproject.toml")
    assert read_config(folder).workers == 4


def test_our_own_file_counts_before_pyproject_in_the_same_folder(folder: Path) -> None:
    write(folder, "[tool.holdfast]\nworkers = 4", "pyproject.toml")
    assert read_config(write(folder, "workers = 5")).workers == 5


@pytest.mark.parametrize(
    "text", ["", "[tool.other]\nx = 1", "[project]\nname = 'x'", "tool = 5", "not toml", "x = 2020-01-01"]
)
def test_a_pyproject_that_says_nothing_of_us_is_passed_by(folder: Path, text: str) -> None:
    write(folder.parent, "workers = 6")
    assert read_config(write(folder, text, "pyproject.toml")).workers == 6


def test_an_empty_configuration_of_our_own_ends_the_search(folder: Path) -> None:
    write(folder.parent, "workers = 6")
    assert read_config(write(folder, "# nothing")) == Config()


@pytest.mark.parametrize(
    "text, path",
    [
        ("workers = 0", "workers"),
        ("workers = -1", "workers"),
        ("workers = 1.0", "workers"),
        ("workers = true", "workers"),
        ('workers = "4"', "workers"),
        ("cpus = 0", "cpus"),
        ("cpus = -0.5", "cpus"),
        ("cpus = true", "cpus"),
        ('cpus = "2"', "cpus"),
        ("memory = 0", "memory"),
        ("memory = -1", "memory"),
        ("memory = true", "memory"),
        ("memory = 1.5", "memory"),
        ('memory = "4"', "memory"),
        ('memory = "lots"', "memory"),
        ("memory = [1]", "memory"),
        ('isolation = "strict"', "isolation"),
        ("isolation = 1", "isolation"),
        ('isolation = ["process"]', "isolation"),
        ('environment = "PATH"', "environment"),
        ("environment = [1]", "environment[0]"),
        ('environment = ["A", ""]', "environment[1]"),
        ('environment = ["A=B"]', "environment[0]"),
        ("agents = 1", "agents"),
        ("agents = []", "agents"),
        ("agents.x = 1", "agents.x"),
        ("[agents.x]", "agents.x.type"),
        ("agents.x.type = 1", "agents.x.type"),
        ('agents.x = { type = "command", context = [] }', "agents.x.context"),
        ('agents."a b" = { type = "command" }', 'agents["a b"]'),
        ('agents."" = { type = "command" }', 'agents[""]'),
        ('agents.x = { type = "command", context = { argv = ["a", "${{ inputs.x }}"] } }', "agents.x.context.argv[1]"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_what_to_write(folder: Path, text: str, path: str) -> None:
    (problem,) = problems(write(folder, text))
    assert (problem.code, problem.path) == ("config.wrong_value", path)
    assert str(folder / "holdfast.toml") in problem.message
    assert problem.remedy.startswith("Write ")


@pytest.mark.parametrize(
    "text, code, path",
    [
        ("cpus = inf", "number.not_finite", "cpus"),
        ("cpus = nan", "number.not_finite", "cpus"),
        ("memory = 99999999999999999999", "number.too_large", "memory"),
        ('agents.x = { type = "command", context.stdin = 2020-01-31 }', "value.not_json", "agents.x.context.stdin"),
    ],
)
def test_what_toml_has_and_json_has_not_is_refused(folder: Path, text: str, code: str, path: str) -> None:
    (problem,) = problems(write(folder, text))
    assert (problem.code, problem.path) == (code, path)
    assert str(folder / "holdfast.toml") in problem.message


@pytest.mark.parametrize(
    "text, path, hint",
    [
        ("worker = 1", "worker", "Did you mean `workers`?"),
        ("Memory = 1", "Memory", "Did you mean `memory`?"),
        ("zzz = 1", "zzz", "Known: agents, cpus, environment, isolation, memory, workers."),
        ('agents.x = { type = "command", contxt = {} }', "agents.x.contxt", "Did you mean `context`?"),
        ('agents.x = { type = "command", "a b" = 1 }', 'agents.x["a b"]', "Known: context, type."),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(folder: Path, text: str, path: str, hint: str) -> None:
    (problem,) = problems(write(folder, text))
    assert (problem.code, problem.path) == ("config.unknown_key", path)
    assert hint in problem.remedy


def test_every_reason_is_told_at_once(folder: Path) -> None:
    write(folder, 'worker = 1\nworkers = 0\ncpus = 0\nmemory = "x"\nisolation = 1\nagents.x.typ = "command"')
    assert sorted(places(folder)) == [
        ("config.unknown_key", "agents.x.typ"),
        ("config.unknown_key", "worker"),
        ("config.wrong_value", "agents.x.type"),
        ("config.wrong_value", "cpus"),
        ("config.wrong_value", "isolation"),
        ("config.wrong_value", "memory"),
        ("config.wrong_value", "workers"),
    ]


@pytest.mark.parametrize("text", ["workers 8", "workers = 1\nworkers = 2", "x = " + "[" * 5000, "x = " + "9" * 5000])
def test_a_file_of_ours_that_is_no_toml_is_refused(folder: Path, text: str) -> None:
    (problem,) = problems(write(folder, text))
    assert problem.code == "config.unreadable"
    assert problem.path == str(folder / "holdfast.toml")


def test_a_file_of_ours_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "holdfast.toml").write_bytes(b"workers = '\xff'")
    assert places(folder) == [("config.unreadable", str(folder / "holdfast.toml"))]


def test_a_file_of_ours_that_cannot_be_read_is_refused(folder: Path) -> None:
    os.mkdir(folder / "holdfast.toml")
    assert places(folder) == [("config.unreadable", str(folder / "holdfast.toml"))]


@pytest.mark.parametrize("text", ["[tool]\nholdfast = 3", "[[tool.holdfast]]\nworkers = 1"])
def test_a_place_of_ours_in_pyproject_that_is_no_table_is_refused(folder: Path, text: str) -> None:
    assert places(write(folder, text, "pyproject.toml")) == [("config.wrong_value", "tool.holdfast")]


def test_what_is_wrong_with_our_table_in_pyproject_is_told_with_that_file(folder: Path) -> None:
    (problem,) = problems(write(folder, "[tool.holdfast]\nworkers = 0", "pyproject.toml"))
    assert str(folder / "pyproject.toml") in problem.message
