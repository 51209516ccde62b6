"""What a task of level `sandbox` is shown of the host."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import holdfast
from holdfast.model.launch import Call, Exec
from holdfast.sandbox.grants import distinct, interpreter, of_task
from holdfast.sandbox.plan.policy import Kind, Mount

TRUE = Exec(argv=("true",))


def shown(path: str) -> bool:
    return any(path == mount.target or path.startswith(f"{mount.target}/") for mount in interpreter())


def test_the_interpreter_and_the_package_are_shown() -> None:
    for path in (os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix), os.path.dirname(holdfast.__file__)):
        assert shown(path) or path in ("/usr", "/usr/local"), path


def test_a_project_is_shown_under_its_name_and_its_real_one(tmp_path: Path) -> None:
    project, link = tmp_path / "project", tmp_path / "link"
    project.mkdir()
    link.symlink_to(project)
    assert of_task(str(project), TRUE) == (Mount(source=str(project), target=str(project)),)
    assert {(mount.source, mount.target) for mount in of_task(str(link), TRUE)} == {
        (str(project), str(link)),
        (str(project), str(project)),
    }


@pytest.mark.parametrize("folder", ["", "/", "/tmp", "/home", "/root", "/etc", "/proc", "/dev/shm", "/no/such/folder"])
def test_what_is_no_project_is_not_shown(folder: str) -> None:
    assert of_task(folder, TRUE) == ()


def test_of_a_home_only_the_script_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    home = tmp_path / "user"
    home.mkdir()
    script = home / "task.py"
    script.touch()
    program = Call(target=f"{script}:work", arguments=b"")
    for folder in (home, tmp_path):
        assert of_task(str(folder), program) == (Mount(source=str(script), target=str(script), kind=Kind.FILE),)
        assert of_task(str(folder), TRUE) == ()
    (home / "project").mkdir()
    assert of_task(str(home / "project"), TRUE) == (Mount(source=f"{home}/project", target=f"{home}/project"),)


def test_what_another_mount_shows_is_not_mounted_twice() -> None:
    outer, inner = Mount(source="/a", target="/a"), Mount(source="/a/b", target="/a/b")
    other = Mount(source="/c", target="/a/c")
    assert distinct([inner, other, outer, outer]) == (outer, other)
