"""Charts as inline SVG, drawn by hand: numbers in, one `<svg>` text out.

Colours are CSS variables of the page (`page.css`), so that a chart follows light and dark. Every
chart has a title and a description for screen readers, and its marks have titles of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_FONT_WIDTH = 0.62  # of the font size: the average letter of a wide sans-serif face


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart: `css` is the name of a CSS variable."""

    name: str
    css: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a bar chart: a label and a value for each series."""

    label: str
    values: Sequence[float]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One rectangle of a tree map: its area, and the level of its colour."""

    label: str
    size: float
    level: int
    note: str


@dataclass(frozen=True, slots=True)
class Span:
    """One bar of a timeline, in seconds from its start."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    w: float
    h: float

    def inset(self, by: float, top: float = 0) -> Box:
        return Box(
            self.x + by,
            self.y + by + top,
            max(self.w - 2 * by, 0),
            max(self.h - 2 * by - top, 0),
        )


def svg(size: tuple[float, float], title: str, description: str, marks: list[str]) -> str:
    """Wraps `marks` in an accessible `<svg>` of `size` (width, height); the titles of a page differ."""
    width, height = size
    name = "chart-" + "".join(c if c.isalnum() else "-" for c in title.lower())
    return (
        f'<div class="chart" style="--natural:{width:.0f}px">'
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-labelledby="{name} {name}-more">'
        f'<title id="{name}">{escape(title)}</title><desc id="{name}-more">{escape(description)}</desc>'
        + "".join(marks)
        + "</svg></div>"
    )


def legend(series: Sequence[Series]) -> str:
    """The key of a chart, as HTML to stand above it."""
    items = "".join(f'<li><i style="background:var({s.css})"></i>{escape(s.name)}</li>' for s in series)
    return f'<ul class="legend">{items}</ul>'


def number(value: float) -> str:
    """12345 -> "12,345"; 0.25 -> "0.25"."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def text(x: float, y: float, content: str, css: str = "", anchor: str = "start") -> str:
    kind = f' class="{css}"' if css else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}{place}>{escape(content)}</text>'


def _rect(box: Box, css: str, title: str = "", radius: float = 0) -> str:
    tip = f"<title>{escape(title)}</title>" if title else ""
    corner = f' rx="{radius}"' if radius else ""
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.w:.1f}" height="{box.h:.1f}"'
        f'{corner} style="fill:var({css})">{tip}</rect>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, css: str = "grid") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def shorten(content: str, width: float, font_px: float) -> str:
    """`content` if it fits in `width`, else its start and "…", else "" where little would be left."""
    letters = int(width / (font_px * _FONT_WIDTH))
    if len(content) <= letters:
        return content
    return content[: letters - 1] + "…" if letters > 5 else ""


def _round_steps(top: float, about: int = 5) -> Iterator[float]:
    """Round values from 0 to just below or at `top`, about so many."""
    magnitude = 1.0
    while top / (magnitude * 10) >= about / 2:
        magnitude *= 10
    step = min((m * magnitude for m in (1, 2, 5, 10)), key=lambda s: abs(top / s - about))
    value = 0.0
    while value <= top:
        yield value
        value += step


@dataclass(frozen=True, slots=True)
class Bars:
    """The look of a bar chart; with `shares` every row is 100 % long."""

    width: float = 1040.0
    pitch: float = 25.0
    shares: bool = False


def stacked_bars(title: str, description: str, series: Sequence[Series], rows: Sequence[Row], look: Bars) -> str:
    """Horizontal bars, one per row, cut into the series."""
    left, right, top = 118.0, 66.0, 26.0
    pitch, width, shares = look.pitch, look.width, look.shares
    span = width - left - right
    longest = 1.0 if shares else max((sum(r.values) for r in rows), default=0) or 1.0
    height = top + pitch * len(rows) + 4
    marks = []
    for step in [0, 0.25, 0.5, 0.75, 1] if shares else _round_steps(longest):
        x = left + span * step / longest
        marks.append(_line(x, top - 6, x, height - 4))
        label = f"{step:.0%}" if shares else number(step)
        marks.append(text(x, top - 11, label, "tick", "middle"))
    for index, row in enumerate(rows):
        y = top + pitch * index
        marks.append(text(left - 10, y + pitch / 2 + 4, row.label, "label", "end"))
        total = sum(row.values)
        scale = span / ((total or 1) if shares else longest)
        x = left
        for one, value in zip(series, row.values, strict=True):
            bar = Box(x, y + 3, value * scale, pitch - 6)
            tip = f"{row.label}: {one.name}, {number(value)} ({value / total if total else 0:.0%})"
            if bar.w > 0.05:
                marks.append(_rect(bar, one.css, tip))
            x += bar.w
        marks.append(text((width - right if shares else x) + 8, y + pitch / 2 + 4, row.note, "tick"))
    return svg((width, height), title, description, marks)


def columns(title: str, description: str, rows: Sequence[Row], series: Sequence[Series]) -> str:
    """Upright columns, each in the colour of its own series, its share of all on top."""
    width, height, left, bottom, top = 500.0, 400.0, 8.0, 44.0, 26.0
    total = sum(r.values[0] for r in rows) or 1
    highest = max((r.values[0] for r in rows), default=0) or 1
    pitch = (width - 2 * left) / max(len(rows), 1)
    marks = []
    for index, (row, one) in enumerate(zip(rows, series, strict=True)):
        value = row.values[0]
        tall = (height - top - bottom) * value / highest
        box = Box(left + pitch * index + 5, height - bottom - tall, pitch - 10, tall)
        middle = box.x + box.w / 2
        tip = f"{row.label}: {number(value)} functions, {value / total:.1%}"
        marks.append(_rect(box, one.css, tip, 2))
        share = f"{value / total:.1%}" if value / total < 0.1 else f"{value / total:.0%}"
        marks.append(text(middle, box.y - 7, share, "value", "middle"))
        marks.append(text(middle, height - bottom + 18, row.label, "label", "middle"))
        marks.append(text(middle, height - bottom + 34, number(value), "tick", "middle"))
    marks.append(_line(left, height - bottom, width - left, height - bottom, "axis"))
    return svg((width, height), title, description, marks)


@dataclass(frozen=True, slots=True)
class Axis:
    """A binned axis: bin i holds values from edges[i] up to the next edge."""

    name: str
    edges: Sequence[int]

    def bin_name(self, index: int) -> str:
        low = self.edges[index]
        if index + 1 == len(self.edges):
            return f"{low}+"
        high = self.edges[index + 1] - 1
        return str(low) if low == high else f"{low}–{high}"


def bubbles(title: str, description: str, x: Axis, y: Axis, cells: list[list[int]]) -> str:
    """A circle per cell [x bin, y bin, number]: its area is the number."""
    width, height, left, bottom, top = 500.0, 400.0, 46.0, 48.0, 8.0
    column = (width - left - 8) / len(x.edges)
    row = (height - bottom - top) / len(y.edges)
    most = max((n for *_, n in cells), default=0) or 1
    marks = []
    for index, edge in enumerate(x.edges):
        middle = left + column * (index + 0.5)
        marks.append(_line(middle, top, middle, height - bottom))
        suffix = "+" if index + 1 == len(x.edges) else ""
        marks.append(text(middle, height - bottom + 16, f"{edge}{suffix}", "tick", "middle"))
    for index, edge in enumerate(y.edges):
        middle = height - bottom - row * (index + 0.5)
        marks.append(_line(left, middle, width - 8, middle))
        suffix = "+" if index + 1 == len(y.edges) else ""
        marks.append(text(left - 8, middle + 4, f"{edge}{suffix}", "tick", "end"))
    for i, j, n in sorted(cells, key=lambda cell: -cell[2]):
        radius = max(0.62 * max(column, row) * (n / most) ** 0.5, 1.6)
        cx, cy = left + column * (i + 0.5), height - bottom - row * (j + 0.5)
        tip = f"{number(n)} functions: {x.name} {x.bin_name(i)}, {y.name} {y.bin_name(j)}"
        marks.append(
            f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{radius:.1f}" class="bubble"><title>{escape(tip)}</title></circle>'
        )
    marks.append(text(left + (width - left) / 2, height - 8, x.name, "axis-name", "middle"))
    marks.append(
        f'<text transform="translate(11 {(height - bottom) / 2:.0f}) rotate(-90)" '
        f'class="axis-name" text-anchor="middle">{escape(y.name)}</text>'
    )
    return svg((width, height), title, description, marks)


def dots(title: str, description: str, rows: Sequence[Row], series: Sequence[Series]) -> str:
    """Shares from 0 to 1 on one line per row, a dot for each series."""
    left, right, top, pitch, width = 110.0, 24.0, 26.0, 22.0, 500.0
    span = width - left - right
    height = top + pitch * len(rows) + 2
    marks = []
    for step in (0, 0.25, 0.5, 0.75, 1):
        x = left + span * step
        marks.append(_line(x, top - 6, x, height - 2))
        marks.append(text(x, top - 11, f"{step:.0%}", "tick", "middle"))
    for index, row in enumerate(rows):
        y = top + pitch * (index + 0.5)
        marks.append(text(left - 12, y + 4, row.label, "label", "end"))
        if row.values:
            ends = [left + span * v for v in (min(row.values), max(row.values))]
            marks.append(_line(ends[0], y, ends[1], y, "stem"))
        for one, value in zip(series, row.values, strict=False):
            tip = f"{row.label}: {one.name} {value:.0%}"
            marks.append(
                f'<circle cx="{left + span * value:.1f}" cy="{y:.1f}" r="5.5" class="dot" '
                f'style="fill:var({one.css})"><title>{escape(tip)}</title></circle>'
            )
    return svg((width, height), title, description, marks)


def timeline(title: str, description: str, spans: Sequence[Span]) -> str:
    """A bar per task over seconds, in the order they started."""
    left, right, top, pitch, width = 128.0, 60.0, 26.0, 19.0, 1040.0
    last = max((s.end_s for s in spans), default=0) or 1.0
    scale = (width - left - right) / last
    height = top + pitch * len(spans) + 4
    marks = []
    for tick in _round_steps(last * 10):
        x = left + tick / 10 * scale
        marks.append(_line(x, top - 6, x, height - 4))
        marks.append(text(x, top - 11, f"{tick / 10:g} s", "tick", "middle"))
    for index, one in enumerate(sorted(spans, key=lambda s: s.start_s)):
        y = top + pitch * index
        taken = one.end_s - one.start_s
        bar = Box(left + one.start_s * scale, y + 3, max(taken * scale, 2), pitch - 6)
        marks.append(text(left - 10, y + 14, one.label, "label", "end"))
        marks.append(_rect(bar, "--accent", f"{one.label}: {taken:.2f} s", 2))
        marks.append(text(bar.x + bar.w + 6, y + 14, f"{taken:.2f}", "tick"))
    return svg((width, height), title, description, marks)
