from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from arch.source import ROOT, Source, read

Plant = Callable[..., list[Source]]


@pytest.fixture(scope="session")
def package() -> list[Source]:
    """The package as it stands."""
    return read(ROOT / "src")


@pytest.fixture(scope="session")
def everything(package: list[Source]) -> list[Source]:
    """All our Python."""
    return [*package, *(source for name in ("tests", "scripts", "examples", "bench") for source in read(ROOT / name))]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Writes files by name below tmp_path and reads them as the gates read ours."""

    def write(files: dict[str, str]) -> list[Source]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        return read(tmp_path)

    return write
