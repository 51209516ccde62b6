"""The tasks of the standard library audit: measure, join, report.

Each function here is one task's work, named in workflow.yaml as `audit:measure` and so on. It
takes and returns JSON values only, for it runs in a process of its own and shares nothing with
the others. Standard library only.
"""

from __future__ import annotations

import json
import platform
import sys
import sysconfig
import time
import tokenize
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import page
from metrics import Function, Source, measure_source

Json = dict[str, Any]

# Edges of the length-against-complexity chart: a cell holds values from its edge up to the next.
LENGTH_EDGES = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233)
COMPLEXITY_EDGES = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)

_NOT_MEASURED = frozenset({"test", "tests", "idle_test", "__pycache__"})
_TOP_OF_PACKAGE = 12
_TOP_OF_ALL = 15
_COUNTED = (
    "functions",
    "classes",
    "async",
    "annotated",
    "public",
    "documented",
    "f-string",
    "percent",
    "format",
)


@dataclass(frozen=True, slots=True)
class Measure:
    """What one task found out.

    `files` rows are [path, lines, code lines, functions, summed complexity, highest complexity];
    `complexity` and `length` are [value, number of functions] pairs; `grid` rows are
    [index in LENGTH_EDGES, index in COMPLEXITY_EDGES, number of functions]; times are Unix seconds.
    """

    package: str
    note: str | None
    files: list[list[Any]]
    lines: dict[str, int]
    counts: dict[str, int]
    complexity: list[list[int]]
    length: list[list[int]]
    grid: list[list[int]]
    longest: list[Function]
    most_complex: list[Function]
    python: str
    started: float
    ended: float


def measure(package: str) -> Measure:
    """Measures one package (or one-file module) of the running interpreter's library.

    A package that this installation lacks, as Linux distributions split some off, is no error:
    it comes back with no files and a note.
    """
    root = _library()
    folder, single = root / package, root / f"{package}.py"
    if folder.is_dir():
        found = folder.rglob("*.py")
        paths = [p for p in found if not _NOT_MEASURED & set(p.relative_to(root).parts)]
    else:
        paths = [single] if single.is_file() else []
    return _measure_files(package, sorted(paths), root)


def measure_modules(first: str, last: str) -> Measure:
    """Measures the library's single-file modules from letter `first` to letter `last`."""
    root = _library()
    paths = [p for p in root.glob("*.py") if first <= p.stem.lstrip("_")[:1].lower() <= last]
    return _measure_files(f"modules {first}–{last}", sorted(paths), root)


def join(measures: list[Json]) -> Json:
    """Merges the measures of all packages into one audit."""
    totals: Counter[str] = Counter(files=sum(len(m["files"]) for m in measures))
    for m in measures:
        totals.update({f"{kind} lines": n for kind, n in m["lines"].items()})
        totals.update(m["counts"])
    totals["lines"] = sum(n for name, n in totals.items() if name.endswith(" lines"))
    complexity = _merge_pairs(m["complexity"] for m in measures)
    length = _merge_pairs(m["length"] for m in measures)
    grid: Counter[tuple[int, int]] = Counter()
    for m in measures:
        for column, row, n in m["grid"]:
            grid[column, row] += n
    return {
        "python": sorted({m["python"] for m in measures}),
        "totals": dict(totals),
        "complexity": complexity,
        "length": length,
        "median": {"complexity": _quantile(complexity, 0.5), "length": _quantile(length, 0.5)},
        "grid": {
            "length_edges": LENGTH_EDGES,
            "complexity_edges": COMPLEXITY_EDGES,
            "cells": [[column, row, n] for (column, row), n in sorted(grid.items())],
        },
        "longest": _top((f for m in measures for f in m["longest"]), "lines"),
        "most_complex": _top((f for m in measures for f in m["most_complex"]), "complexity"),
        "packages": [_summary(m) for m in measures],
    }


def report(audit: Json, host: Json, out: str) -> Json:
    """Writes `index.html` and `numbers.json` into folder `out` and returns their paths.

    A task's working directory is a private scratch folder that is gone afterwards, so a relative
    `out` is taken from the folder of the workflow file instead.
    """
    folder = Path(__file__).resolve().parent / Path(out).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": host,
        **audit,
    }
    html_path, json_path = folder / "index.html", folder / "numbers.json"
    html_path.write_text(page.render(numbers), encoding="utf-8")
    json_path.write_text(json.dumps(numbers, indent=1, ensure_ascii=False), encoding="utf-8")
    return {
        "html": str(html_path),
        "json": str(json_path),
        "totals": audit["totals"],
        "median": audit["median"],
    }


def _library() -> Path:
    return Path(sysconfig.get_path("stdlib"))


def _measure_files(package: str, paths: list[Path], root: Path) -> Measure:
    started = time.time()
    sources, unreadable = [], []
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            with tokenize.open(path) as stream:  # honours the file's own encoding line
                sources.append(measure_source(stream.read(), name))
        except (SyntaxError, UnicodeDecodeError, OSError) as error:
            unreadable.append(f"{name}: {error}")
    note = None if paths else "not part of this installation"
    if unreadable:
        note = f"{len(unreadable)} not measured: " + "; ".join(unreadable)[:300]
    functions = [f for s in sources for f in s.functions]
    counts = sum((s.counts for s in sources), Counter())
    grid = Counter(
        (bisect_right(LENGTH_EDGES, f.lines) - 1, bisect_right(COMPLEXITY_EDGES, f.complexity) - 1) for f in functions
    )
    return Measure(
        package=package,
        note=note,
        files=[_file_row(s) for s in sources],
        lines={
            kind: sum(getattr(s.lines, kind) for s in sources) for kind in ("code", "docstring", "comment", "blank")
        },
        counts={name: counts[name] for name in _COUNTED},
        complexity=_pairs(f.complexity for f in functions),
        length=_pairs(f.lines for f in functions),
        grid=[[column, row, n] for (column, row), n in sorted(grid.items())],
        longest=sorted(functions, key=lambda f: -f.lines)[:_TOP_OF_PACKAGE],
        most_complex=sorted(functions, key=lambda f: -f.complexity)[:_TOP_OF_PACKAGE],
        python=f"{platform.python_implementation()} {platform.python_version()}",
        started=started,
        ended=time.time(),
    )


def _file_row(source: Source) -> list[Any]:
    complexities = [f.complexity for f in source.functions]
    return [
        source.path,
        source.lines.total,
        source.lines.code,
        len(complexities),
        sum(complexities),
        max(complexities, default=0),
    ]


def _summary(m: Json) -> Json:
    return {
        "package": m["package"],
        "note": m["note"],
        "lines": m["lines"],
        "counts": m["counts"],
        "complexity": m["complexity"],
        "median_complexity": _quantile(m["complexity"], 0.5),
        "median_length": _quantile(m["length"], 0.5),
        "files": m["files"],
        "started": m["started"],
        "ended": m["ended"],
    }


def _top(functions: Iterable[Json], key: str) -> list[Json]:
    return sorted(functions, key=lambda f: (-f[key], f["file"], f["line"]))[:_TOP_OF_ALL]


def _pairs(values: Iterable[int]) -> list[list[int]]:
    return [[value, n] for value, n in sorted(Counter(values).items())]


def _merge_pairs(many: Iterable[list[list[int]]]) -> list[list[int]]:
    merged: Counter[int] = Counter()
    for pairs in many:
        for value, n in pairs:
            merged[value] += n
    return [[value, n] for value, n in sorted(merged.items())]


def _quantile(pairs: list[list[int]], share: float) -> int:
    """The smallest value that at least `share` of all are at or below; 0 of none."""
    left = share * sum(n for _, n in pairs)
    for value, n in pairs:
        left -= n
        if left <= 0:
            return value
    return 0


if __name__ == "__main__":
    sys.exit("These are the tasks of a workflow: run `holdfast run workflow.yaml` in this folder.")
