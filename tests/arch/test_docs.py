"""The reference pages say what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from arch.source import ROOT


def gen_docs(*args: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(ROOT / "scripts" / "gen_docs.py"), *args]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """The pages as they would be written now."""
    done = gen_docs("--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_the_reference_pages_are_in_step_with_the_code() -> None:
    done = gen_docs("--check")
    assert done.returncode == 0, f"\n{done.stderr}"


def test_pages_just_written_are_in_step(pages: Path) -> None:
    assert gen_docs("--check", "--folder", str(pages)).returncode == 0


@pytest.mark.parametrize("change", ["altered", "missing", "extra"])
def test_a_page_out_of_step_is_found(pages: Path, change: str) -> None:
    page = pages / "life-cycle.md"
    match change:
        case "altered":
            page.write_text(page.read_text(encoding="utf-8").replace("ready --> running", "ready --> failed"), "utf-8")
        case "missing":
            page.unlink()
        case _:
            page = pages / "by-hand.md"
            page.write_text("# Not from the code\n", encoding="utf-8")
    done = gen_docs("--check", "--folder", str(pages))
    assert done.returncode == 1
    assert page.name in done.stderr
