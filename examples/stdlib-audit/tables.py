"""The tables of the report, as HTML."""

from __future__ import annotations

from html import escape
from typing import Any

from charts import number

Json = dict[str, Any]

_COLUMNS = (
    "Files",
    "Lines",
    "Code",
    "Docstrings",
    "Comments",
    "Classes",
    "Functions",
    "Median length",
    "Median complexity",
    "Seconds",
)


def package_table(packages: list[Json]) -> str:
    """All packages by name, with their numbers."""
    head = "".join(f'<th scope="col" class="n">{name}</th>' for name in _COLUMNS)
    rows = "".join(_package_row(p) for p in sorted(packages, key=lambda p: p["package"]))
    return (
        '<div class="scroll"><table><thead><tr><th scope="col">Package</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _package_row(p: Json) -> str:
    name = f'<th scope="row">{escape(p["package"])}</th>'
    if not p["files"]:
        note = f'<td colspan="{len(_COLUMNS)}">{escape(p["note"])}</td>'
        return f'<tr class="absent">{name}{note}</tr>'
    lines, counts = p["lines"], p["counts"]
    values = [
        len(p["files"]),
        sum(lines.values()),
        lines["code"],
        lines["docstring"],
        lines["comment"],
        counts["classes"],
        counts["functions"],
        p["median_length"],
        p["median_complexity"],
    ]
    cells = [number(value) for value in values] + [f"{p['ended'] - p['started']:.2f}"]
    note = f'<span class="where">{escape(p["note"])}</span>' if p["note"] else ""
    name = name.replace("</th>", f"{note}</th>")
    return f"<tr>{name}" + "".join(f'<td class="n">{cell}</td>' for cell in cells) + "</tr>"


def function_table(caption: str, key: str, functions: list[Json]) -> str:
    """The functions with their `key` ("lines" or "complexity") as a number and as a bar."""
    highest = max((f[key] for f in functions), default=1)
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(f["name"])}</code>'
        f'<span class="where">{escape(f["file"])}:{f["line"]}</span></th>'
        f'<td class="n">{number(f[key])}</td>'
        f'<td class="meter"><i style="width:{100 * f[key] / highest:.0f}%"></i></td></tr>'
        for f in functions
    )
    return (
        f'<div class="scroll"><table><caption>{caption}</caption><thead><tr>'
        f'<th scope="col">Function</th><th scope="col" class="n">{key.capitalize()}</th>'
        f"<td></td></tr></thead><tbody>{rows}</tbody></table></div>"
    )
