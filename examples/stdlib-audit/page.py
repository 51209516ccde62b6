"""The report: the audit's numbers as one self-contained HTML page, charts and style inside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from charts import (
    Axis,
    Bars,
    Leaf,
    Row,
    Series,
    Span,
    bubbles,
    columns,
    dots,
    legend,
    number,
    stacked_bars,
    timeline,
)
from tables import function_table, package_table
from treemap import treemap

Json = dict[str, Any]

_CODE, _DOCSTRING, _COMMENT, _BLANK = (
    Series("code", "--code"),
    Series("docstrings", "--docstring"),
    Series("comments", "--comment"),
    Series("blank lines", "--blank"),
)
_COMPLEXITY_BANDS = (  # the highest complexity of each band, and its colour
    (1, Series("1", "--level0")),
    (5, Series("2–5", "--level1")),
    (10, Series("6–10", "--level2")),
    (20, Series("11–20", "--level3")),
    (50, Series("21–50", "--level4")),
    (10**9, Series("over 50", "--level5")),
)
_AVERAGE_BANDS = (  # the same for the average complexity of a file's functions
    (0, Series("no functions", "--level0")),
    (2, Series("up to 2", "--level1")),
    (3, Series("to 3", "--level2")),
    (4.5, Series("to 4.5", "--level3")),
    (7, Series("to 7", "--level4")),
    (10**9, Series("over 7", "--level5")),
)
_FORMATTING = (
    Series("f-strings", "--code"),
    Series("% operator", "--comment"),
    Series(".format()", "--docstring"),
)


def render(audit: Json) -> str:
    """The whole page; `audit` is what `audit.join` returns, with `made` and `host` added."""
    present = [p for p in audit["packages"] if p["files"]]
    sections = [
        _map(present),
        _lines(audit["totals"], present),
        _complexity(audit, present),
        _top_functions(audit),
        _habits(audit["totals"], present),
        _all_packages(audit["packages"]),
        _making(audit, present),
    ]
    title = f"The {' and '.join(audit['python'])} standard library, measured"
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
{_header(title, audit, len(present))}
<main>
{"".join(sections)}</main>
{_footer(audit)}
</body>
</html>
"""


def _header(title: str, audit: Json, packages: int) -> str:
    totals, median = audit["totals"], audit["median"]
    tiles = [
        (number(totals["files"]), "files"),
        (number(totals["lines"]), "lines"),
        (number(totals["code lines"]), "lines of code"),
        (number(totals["classes"]), "classes"),
        (number(totals["functions"]), "functions"),
        (number(median["length"]), "median function length"),
        (number(median["complexity"]), "median complexity"),
    ]
    items = "".join(f"<li><b>{value}</b><span>{label}</span></li>" for value, label in tiles)
    return f"""<header>
<h1>{escape(title)}</h1>
<p>How large, how documented and how complex is the Python code that comes with Python?
{packages} parts of it, each parsed and measured by a task in a process of its own.</p>
<ul class="tiles">{items}</ul>
</header>"""


def _section(heading: str, said: str, *body: str) -> str:
    return (
        f'<section>\n<h2>{escape(heading)}</h2>\n<p class="said">{escape(said)}</p>\n'
        + "\n".join(body)
        + "\n</section>\n"
    )


def _map(packages: list[Json]) -> str:
    groups = [(p["package"], [_leaf(row) for row in p["files"]]) for p in packages]
    files: list[list[Any]] = [row for p in packages for row in p["files"]]
    name, lines = max(((row[0], row[2]) for row in files), key=lambda pair: pair[1], default=("none", 0))
    return _section(
        "A map of the source",
        "Every rectangle is a file: its area is its lines of code, its colour the average "
        f"complexity of its functions. The largest is {name} with {number(lines)} lines of code.",
        legend([band for _, band in _AVERAGE_BANDS]),
        treemap(
            "Map of the source files",
            "Tree map of all files by package, sized by lines of code and coloured by complexity.",
            groups,
            (1040, 560),
        ),
    )


def _leaf(row: list[Any]) -> Leaf:
    path, _, code, functions, complexity, peak = row
    average = complexity / functions if functions else 0
    folder, _, name = path.rpartition("/")
    name = folder.rpartition("/")[2] if name == "__init__.py" else name.removesuffix(".py")
    note = f"{path}: {number(code)} lines of code, {number(functions)} functions"
    if functions:
        note += f", average complexity {average:.1f}, highest {peak}"
    return Leaf(name, code, _band(average, _AVERAGE_BANDS), note)


def _band(value: float, bands: Sequence[tuple[float, Series]]) -> int:
    return next(index for index, (top, _) in enumerate(bands) if value <= top)


def _lines(totals: Json, packages: list[Json]) -> str:
    series = (_CODE, _DOCSTRING, _COMMENT, _BLANK)
    kinds = ("code", "docstring", "comment", "blank")
    rows = [Row(p["package"], [p["lines"][kind] for kind in kinds], number(sum(p["lines"].values()))) for p in packages]
    rows.sort(key=lambda row: -sum(row.values))
    lines = totals["lines"] or 1
    words = totals["docstring lines"] + totals["comment lines"]
    return _section(
        "What the lines are",
        f"{totals['code lines'] / lines:.0%} of all lines are code and {words / lines:.0%} are "
        "documentation: docstrings and comments.",
        legend(series),
        stacked_bars(
            "Lines by package and kind",
            "Bars of code, docstring, comment and blank lines for every package.",
            series,
            rows,
            Bars(),
        ),
    )


def _bands_of(pairs: list[list[int]]) -> list[int]:
    found = [0] * len(_COMPLEXITY_BANDS)
    for complexity, n in pairs:
        found[_band(complexity, _COMPLEXITY_BANDS)] += n
    return found


def _complexity(audit: Json, packages: list[Json]) -> str:
    bands = [band for _, band in _COMPLEXITY_BANDS]
    found = _bands_of(audit["complexity"])
    all_rows = [Row(band.name, [n]) for band, n in zip(bands, found, strict=True)]
    share = sum(found[3:]) / (sum(found) or 1)
    by_package = [(p, _bands_of(p["complexity"])) for p in packages]
    by_package.sort(key=lambda pair: -sum(pair[1][3:]) / (sum(pair[1]) or 1))
    rows = [Row(p["package"], n, f"{sum(n[3:]) / (sum(n) or 1):.1%}") for p, n in by_package]
    grid = audit["grid"]
    axes = (
        Axis("lines in the function", grid["length_edges"]),
        Axis("cyclomatic complexity", grid["complexity_edges"]),
    )
    return _section(
        "How complex the functions are",
        f"Half of all functions have a complexity of {audit['median']['complexity']} or less; "
        f"{share:.1%} exceed 10, the limit that McCabe suggested when he defined the measure.",
        '<div class="pair"><div><h3>Functions by complexity</h3>',
        '<p class="small">The share and the number of all functions in each class.</p>',
        columns(
            "Functions by complexity",
            "Columns: the share of all functions in each band of cyclomatic complexity.",
            all_rows,
            bands,
        ),
        "</div><div><h3>Length against complexity</h3>",
        '<p class="small">A circle stands at the lower end of its class: 5 lines are 5 to 7.</p>',
        bubbles(
            "Length against complexity",
            "A circle's area is the number of functions of that length and that complexity.",
            *axes,
            grid["cells"],
        ),
        "</div></div><h3>Complexity by package</h3>",
        '<p class="small">At the right the share of functions over 10; the highest first.</p>',
        legend(bands),
        stacked_bars(
            "Complexity by package",
            "For every package the share of its functions in each band of complexity; at the "
            "right the share that exceeds 10.",
            bands,
            rows,
            Bars(shares=True, pitch=23),
        ),
    )


def _top_functions(audit: Json) -> str:
    complex_, long = audit["most_complex"], audit["longest"]
    said = "None was found."
    if complex_:
        said = (
            f"The most complex is {complex_[0]['name']} in {complex_[0]['file']}: "
            f"{complex_[0]['complexity']} linearly independent paths, and so as many test cases "
            "to walk each of them."
        )
    return _section(
        "The extremes",
        said,
        '<div class="pair">',
        function_table("Most complex functions", "complexity", complex_),
        function_table("Longest functions", "lines", long),
        "</div>",
    )


def _habits(totals: Json, packages: list[Json]) -> str:
    series = (Series("with a docstring", "--docstring"), Series("annotated", "--comment"))
    documented = totals["documented"] / (totals["public"] or 1)
    annotated = totals["annotated"] / (totals["functions"] or 1)
    ordered = sorted(packages, key=lambda p: -_share(p, "documented", "public"))
    habits = [
        Row(p["package"], [_share(p, "documented", "public"), _share(p, "annotated", "functions")]) for p in ordered
    ]
    kinds = ("f-string", "percent", "format")
    texts = [Row(p["package"], [p["counts"][k] for k in kinds]) for p in packages]
    texts = [Row(r.label, r.values, number(sum(r.values))) for r in texts if sum(r.values)]
    texts.sort(key=lambda row: -row.values[0] / sum(row.values))
    return _section(
        "Habits",
        f"{documented:.0%} of public functions and classes have a docstring, {annotated:.1%} of "
        f"functions an annotation. Text is put together by {number(totals['f-string'])} f-strings, "
        f"{number(totals['percent'])} uses of the % operator and {number(totals['format'])} of "
        ".format().",
        '<div class="pair"><div><h3>Docstrings and annotations</h3>',
        legend(series),
        dots(
            "Docstrings and annotations",
            "For every package the share of its public definitions that have a docstring and of "
            "its functions that are annotated.",
            habits,
            series,
        ),
        "</div><div><h3>How text is formatted</h3>",
        legend(_FORMATTING),
        stacked_bars(
            "How text is formatted",
            "For every package the shares of f-strings, % operator and .format(), and how many there are of them all.",
            _FORMATTING,
            texts,
            Bars(width=500, pitch=22, shares=True),
        ),
        "</div></div>",
    )


def _share(package: Json, part: str, whole: str) -> float:
    counts: dict[str, int] = package["counts"]
    return counts[part] / (counts[whole] or 1)


def _all_packages(packages: list[Json]) -> str:
    return _section(
        "All the numbers",
        "The same, and the charts' numbers in full, stand in numbers.json beside this page.",
        package_table(packages),
    )


def _making(audit: Json, packages: list[Json]) -> str:
    first = min((p["started"] for p in packages), default=0.0)
    spans = [Span(p["package"], p["started"] - first, p["ended"] - first) for p in packages]
    work = sum(s.end_s - s.start_s for s in spans)
    elapsed = max((s.end_s for s in spans), default=0.0)
    host = audit["host"]
    return _section(
        "How this page was made",
        f"{len(spans)} tasks did {work:.1f} s of work in {elapsed:.1f} s, on {host['cpus']} "
        f"processors ({host['system']}). One more joined their results and one drew this page.",
        timeline(
            "Timeline of the tasks",
            "A bar for every measuring task from its start to its end, in seconds.",
            spans,
        ),
    )


def _footer(audit: Json) -> str:
    return f"""<footer>
<p>Tests and their data are left out. Cyclomatic complexity is McCabe's: one, plus one for every
<code>if</code>, loop, <code>except</code>, conditional expression, comprehension clause,
<code>case</code> that can fail and further operand of <code>and</code> and <code>or</code>; nested functions count
for themselves. A function's length runs from its <code>def</code> to its last line.</p>
<p>Made {escape(audit["made"].replace("T", " ").replace("+00:00", " UTC"))} by the workflow
<code>stdlib-audit</code>, run by Holdfast. The page loads nothing from anywhere.</p>
</footer>"""
