from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from arch import texts
from arch.source import ROOT, nothing

LOCKS = [ROOT / "requirements" / f"{name}.lock" for name in ("runtime", "dev")]
REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def test_the_pages_that_a_reader_looks_for_are_there() -> None:
    for name in ("README.md", "CHANGELOG.md", "LICENSE", "CONTRIBUTING.md", "SECURITY.md", "docs/index.md"):
        assert (ROOT / name).is_file(), f"{name} is missing"
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_readme_is_read_in_two_minutes() -> None:
    assert (ROOT / "README.md").read_text(encoding="utf-8").count("\n") < texts.README_LINES


def test_links_between_pages_lead_somewhere() -> None:
    nothing(texts.broken_links(path for path in texts.committed() if path.suffix == ".md"))


def test_no_committed_file_names_a_place_of_this_machine() -> None:
    nothing(texts.machine_paths(texts.committed(), texts.places_here()))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_every_package_by_hash_and_names_no_host(lock: Path) -> None:
    assert texts.named_hosts(lock) == []
    assert texts.unhashed(lock) == []
    assert texts.pins(lock)


def test_the_two_locks_agree_and_cover_what_the_package_declares() -> None:
    runtime, dev = map(texts.pins, LOCKS)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = (ROOT / "requirements" / "runtime.in").read_text(encoding="utf-8").splitlines()
    declared = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    assert runtime.items() <= dev.items()
    assert sorted(declared) == sorted(line for line in asked if not line.startswith("#"))
    assert {_name(requirement) for requirement in declared} <= runtime.keys()


def _name(requirement: str) -> str:
    match = REQUIREMENT.match(requirement)
    assert match, requirement
    return match.group().lower()


@pytest.mark.parametrize(
    "line, found",
    [
        ("see /srv/tree/docs/a.md", True),
        ("cd '/srv/tree'", True),
        ("root=file:///srv/tree/x", True),
        ("fetched from https://index.example/simple", True),
        ("other/srv/tree/x, ../srv/tree, /srv/treehouse", False),
        ("/srv/other", False),
    ],
)
def test_a_place_of_one_machine_is_found(tmp_path: Path, line: str, found: bool) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"first\n{line}\n", encoding="utf-8")
    assert bool(texts.machine_paths([page], {"/srv/tree", "index.example"})) is found


def test_bytes_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\xff\xfe\x00/srv/tree")
    assert texts.machine_paths([picture], {"/srv/tree"}) == []


@pytest.mark.parametrize(
    "line",
    ["--index-url x", "-i x", "--find-links /wheels", "--trusted-host h", "a @ https://h/a.whl", "a @ file:a.whl"],
)
def test_a_lock_that_names_where_to_fetch_from_is_found(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "x.lock"
    lock.write_text(f"{line}\nsix==1.0 --hash=sha256:0\n", encoding="utf-8")
    assert len(texts.named_hosts(lock)) == 1


def test_a_pin_without_a_hash_is_found(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    lock.write_text("a==1 \\\n    --hash=sha256:0\nb==2 ; sys_platform == 'darwin'\n", encoding="utf-8")
    assert texts.unhashed(lock) == ["x.lock: no hash for b==2 ; sys_platform == 'darwin'"]


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("[one](a.md#x) [two](b.md) [three](https://example.org) [four](#here)", encoding="utf-8")
    assert texts.broken_links([page]) == ["a.md links to b.md, which is not there"]
