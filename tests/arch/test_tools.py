"""Runs the tools that judge the whole tree, with the settings of pyproject.toml, and shows what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from arch.source import ROOT

SETTINGS = ROOT / "pyproject.toml"
OURS = ("src", "tests", "scripts", "examples", "bench")


def run(*command: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a module of this environment at the root of the tree, `path` ahead on the import path."""
    first = {"PYTHONPATH": str(path)} if path else {}
    argv = [sys.executable, "-m", *command]
    return subprocess.run(argv, cwd=ROOT, env=os.environ | first, capture_output=True, text=True, check=False)


def ruff(*args: str) -> subprocess.CompletedProcess[str]:
    return run("ruff", args[0], "--config", str(SETTINGS), *args[1:])


def lint_imports(path: Path | None = None) -> subprocess.CompletedProcess[str]:
    code = "import importlinter.cli as c; c.lint_imports_command(['--no-cache', '--no-logo'])"
    argv = [sys.executable, "-c", code]
    first = {"PYTHONPATH": str(path)} if path else {}
    return subprocess.run(argv, cwd=ROOT, env=os.environ | first, capture_output=True, text=True, check=False)


def said(done: subprocess.CompletedProcess[str]) -> str:
    return f"\n{done.stdout}{done.stderr}"


def ours() -> list[str]:
    return [name for name in OURS if (ROOT / name).is_dir()]


def test_ruff_finds_nothing() -> None:
    done = ruff("check", "--quiet", *ours())
    assert done.returncode == 0, said(done)


def test_code_is_in_shape() -> None:
    done = ruff("format", "--check", "--quiet", *ours())
    assert done.returncode == 0, f"run make format{said(done)}"


@pytest.mark.timeout(400)
def test_the_package_is_typed_throughout() -> None:
    done = run("mypy", "--config-file", str(SETTINGS))
    assert done.returncode == 0, said(done)


def test_the_floors_hold() -> None:
    done = lint_imports()
    assert done.returncode == 0, said(done)


def test_ruff_would_find_a_function_of_complexity_11(tmp_path: Path) -> None:
    branches = "".join(f"    if x == {n}:\n        return {n}\n" for n in range(10))
    bad = tmp_path / "bad.py"
    bad.write_text(f"def f(x):\n{branches}    return 0\n", encoding="utf-8")
    assert "C901" in ruff("check", str(bad)).stdout


@pytest.mark.timeout(400)
def test_mypy_would_find_a_function_without_types(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f(x):\n    return x\n", encoding="utf-8")
    assert (
        "[no-untyped-def]" in run("mypy", "--config-file", str(SETTINGS), "--cache-dir", str(tmp_path), str(bad)).stdout
    )


@pytest.mark.parametrize(
    "module, line",
    [
        ("model/a.py", "import holdfast.app.api"),
        ("worker/a.py", "import holdfast.journal.store"),
        ("app/a.py", "import holdfast.cli.main"),
        ("rules/a.py", "import holdfast.wire.units"),
        ("rules/a.py", "import time"),
        ("model/a.py", "def f():\n    import os"),
        ("cellar/a.py", ""),
    ],
)
def test_import_linter_would_find_a_stair_upwards(tmp_path: Path, module: str, line: str) -> None:
    known = ["app/api.py", "cli/main.py", "journal/store.py", "wire/units.py", "worker/pipeline.py", "rules/judge.py"]
    for name in [*known, "model/task.py", "ports.py", module]:
        path = tmp_path / "holdfast" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
        (path.parent / "__init__.py").touch()
    (tmp_path / "holdfast" / "__init__.py").touch()
    assert lint_imports(tmp_path).returncode == 0 or module.startswith("cellar")
    (tmp_path / "holdfast" / module).write_text(line, encoding="utf-8")
    assert lint_imports(tmp_path).returncode == 1
