"""A squarified tree map (Bruls, Huizing, van Wijk 2000) of two levels: groups and their leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from charts import Box, Leaf, shorten, svg, text

_HEADING_PX = 15.0


def treemap(
    title: str,
    description: str,
    groups: Sequence[tuple[str, Sequence[Leaf]]],
    size: tuple[float, float],
) -> str:
    """Draws each group as a box as large as the sum of its leaves, and the leaves inside it."""
    sized = [(name, sum(leaf.size for leaf in leaves), leaves) for name, leaves in groups]
    sized = sorted((g for g in sized if g[1] > 0), key=lambda g: -g[1])
    marks: list[str] = []
    boxes = squarify([total for _, total, _ in sized], Box(0, 0, *size))
    for (name, total, leaves), box in zip(sized, boxes, strict=True):
        marks += _group(name, total, leaves, box)
    return svg(size, title, description, marks)


def squarify(sizes: Sequence[float], box: Box) -> Iterator[Box]:
    """Cuts `box` into one rectangle for each of `sizes` (largest first), as square as may be."""
    scale = box.w * box.h / (sum(sizes) or 1)
    areas = [size * scale for size in sizes]
    while areas:
        short = min(box.w, box.h)
        taken = 1
        while taken < len(areas) and _worst(areas[: taken + 1], short) <= _worst(areas[:taken], short):
            taken += 1
        strip, areas = areas[:taken], areas[taken:]
        yield from _lay(strip, box)
        thick = sum(strip) / short if short else 0.0
        if box.w >= box.h:
            box = Box(box.x + thick, box.y, max(box.w - thick, 0), box.h)
        else:
            box = Box(box.x, box.y + thick, box.w, max(box.h - thick, 0))


def _worst(strip: Sequence[float], short: float) -> float:
    """The worst ratio of sides were `strip` laid along a side of length `short`."""
    whole = sum(strip)
    return max(
        short**2 * max(strip) / whole**2,
        whole**2 / (short**2 * min(strip)) if short else float("inf"),
    )


def _lay(strip: Sequence[float], box: Box) -> Iterator[Box]:
    short = min(box.w, box.h)
    thick = sum(strip) / short if short else 0.0
    at = 0.0
    for area in strip:
        long = area / thick if thick else 0.0
        if box.w >= box.h:
            yield Box(box.x, box.y + at, thick, long)
        else:
            yield Box(box.x + at, box.y, long, thick)
        at += long


def _group(name: str, total: float, leaves: Sequence[Leaf], box: Box) -> Iterator[str]:
    heading = shorten(name, box.w - 8, 12) if box.h > 2.2 * _HEADING_PX else ""
    inner = box.inset(1.5, top=_HEADING_PX if heading else 0)
    yield "<g>" + f"<title>{escape(name)}: {total:,.0f} lines of code</title>"
    if heading:
        yield text(box.x + 4, box.y + 12, heading, "group")
    ordered = sorted((leaf for leaf in leaves if leaf.size > 0), key=lambda leaf: -leaf.size)
    boxes = squarify([leaf.size for leaf in ordered], inner)
    for leaf, place in zip(ordered, boxes, strict=True):
        yield _leaf(leaf, place)
    yield "</g>"


def _leaf(leaf: Leaf, box: Box) -> str:
    cell = box.inset(min(0.5, box.w / 4, box.h / 4))
    mark = (
        f'<rect x="{cell.x:.1f}" y="{cell.y:.1f}" width="{cell.w:.1f}" height="{cell.h:.1f}" '
        f'class="level{leaf.level}"><title>{escape(leaf.note)}</title></rect>'
    )
    label = shorten(leaf.label, cell.w - 6, 10) if cell.h > 15 else ""
    if label:
        mark += text(cell.x + 4, cell.y + 12, label, f"leaf on{leaf.level}")
    return mark
