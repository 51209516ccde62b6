"""The examples' own code, called directly: what it measures, writes and expects is right."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

SOURCE = '''\
"""Module."""
import x  # counts as code
# a comment

async def f(a: int, b=1):
    "Documented."
    if a and b or c: return 1
    elif b: pass
    for i in range(3):
        while i: pass
    try: pass
    except A: pass
    def inner(): return [i for i in x if i]
    match a:
        case 1: pass
        case _: pass
    return f"{a:>{b}}" + "%s" % a + "{}".format(1)
'''

EXPECTED = {
    "behaves": ("succeeded", {"primes": 78498}),
    "hangs": ("timed_out", None),
    "eats_memory": ("over_limit", None),
    "leaves_daemon": ("succeeded", {"daemon_started": True}),
    "crashes": ("crashed", None),
    "raises": ("errored", None),
    "flaky": ("succeeded", {"answered_at_attempt": 2}),
}


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The audit's tasks, imported as their workflow does it: from their folder."""
    monkeypatch.syspath_prepend(EXAMPLES / "stdlib-audit")
    for name in ("audit", "charts", "metrics", "page", "tables", "treemap"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import audit

    return audit


def test_a_source_is_measured_by_the_definitions_it_states(audit: ModuleType) -> None:
    source = audit.measure_source(SOURCE, "m.py")
    assert dataclasses.asdict(source.lines) == {"code": 13, "docstring": 2, "comment": 1, "blank": 1}
    assert {f.name: (f.complexity, f.lines) for f in source.functions} == {"f": (9, 13), "f.inner": (3, 1)}
    assert source.counts == {
        "functions": 2,
        "async": 1,
        "annotated": 1,
        "public": 1,
        "documented": 1,
        "f-string": 1,
        "percent": 1,
        "format": 1,
    }


def test_a_package_that_is_missing_is_noted_and_harms_nothing(audit: ModuleType, tmp_path: Path) -> None:
    measures = [as_json(audit.measure(name)) for name in ("json", "no_such_package")]
    assert measures[1]["note"] == "not part of this installation"
    written = audit.report(audit.join(measures), {"system": "any", "cpus": 1}, str(tmp_path / "made" / "here"))
    assert written["totals"]["files"] == len(measures[0]["files"]) > 0
    assert "not part of this installation" in Path(written["html"]).read_text(encoding="utf-8")
    assert json.loads(Path(written["json"]).read_text(encoding="utf-8"))["totals"] == written["totals"]


def test_the_report_is_one_page_that_loads_nothing_and_names_every_chart(audit: ModuleType, tmp_path: Path) -> None:
    measures = [as_json(audit.measure("json")), as_json(audit.measure_modules("a", "b"))]
    written = audit.report(audit.join(measures), {"system": "any", "cpus": 1}, str(tmp_path))
    page = Elements()
    page.feed(Path(written["html"]).read_text(encoding="utf-8"))
    assert not page.open
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.seen}
    assert not [attributes for _, attributes in page.seen if {"src", "href"} & set(attributes)]
    charts = [attributes for tag, attributes in page.seen if tag == "svg"]
    ids = [attributes["id"] for _, attributes in page.seen if "id" in attributes]
    assert len(charts) == 8
    assert len(ids) == len(set(ids))
    assert all(set(chart["aria-labelledby"].split()) <= set(ids) for chart in charts)


def test_the_check_passes_what_is_expected_and_advisory_memory() -> None:
    document = as_expected()
    assert check(document) == 0
    document["tasks"]["eats_memory"] = execution("succeeded", None, enforced=False)
    assert check(document) == 0


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_check_refuses_any_task_that_ended_otherwise(name: str) -> None:
    document = as_expected()
    document["tasks"][name] = execution("cancelled", None, enforced=True)
    assert check(document) == 1


def test_the_check_finds_a_daemon_that_is_left() -> None:
    marker = "left-by-test-examples"
    with subprocess.Popen([sys.executable, "-c", "input()", marker], stdin=subprocess.PIPE) as daemon:
        assert check(as_expected(), "--marker", marker) == 1
        daemon.communicate(b"\n")
    assert check(as_expected(), "--marker", marker) == 0


class Elements(HTMLParser):
    """Every element with its attributes, and those not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, {name: value or "" for name, value in attrs}))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(dataclasses.asdict(value)))


def as_expected() -> dict[str, Any]:
    tasks = {name: execution(kind, result, enforced=True) for name, (kind, result) in EXPECTED.items()}
    return {"workflow": "unruly", "state": "failed", "tasks": tasks}


def execution(kind: str, result: Any, *, enforced: bool) -> dict[str, Any]:
    limit = {"limit": "memory_limit", "asked": 200_000_000, "enforced": enforced, "by": "cgroup"}
    outcome = {"kind": kind, "message": "used more memory than its limit"}
    return {"execution": {"outcome": outcome, "result": result, "enforcement": [limit]}}


def check(document: dict[str, Any], *arguments: str) -> int:
    command = [sys.executable, str(EXAMPLES / "unruly" / "check.py"), *arguments]
    return subprocess.run(command, input=json.dumps(document), text=True, capture_output=True).returncode
