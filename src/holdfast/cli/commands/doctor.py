"""`holdfast doctor`."""

from __future__ import annotations

import sys

import click
from rich.text import Text

from holdfast.app.doctor import document, examine, sound
from holdfast.cli import options
from holdfast.cli.columns import Cell, Column, hanging
from holdfast.cli.output import emit_json
from holdfast.cli.terminal import Terminal, wrapped
from holdfast.model.limits import Capabilities, Offer

COLUMNS = (Column("", gap=1), Column("limit"), Column("holds"), Column("by"))


@click.command("doctor")
@options.as_json
def command(as_json: bool) -> int:
    """Show what this host can enforce, found out by trying.

    For each level of isolation: which limits hold against a task, by what, and what would help those that do not.

    Exit status: 0 if every limit holds at every level, 1 if one does not.
    """
    found = examine()
    if as_json:
        emit_json(document(found))
    else:
        terminal = Terminal(sys.stdout)
        for level in found:
            _print_level(level, terminal)
    return 0 if sound(found) else 1


def _print_level(level: Capabilities, terminal: Terminal) -> None:
    terminal.say(f"level {level.level}", "bold")
    rows = [_row(name, offer, terminal) for name, offer in level.offers.items()]
    terminal.print(hanging(COLUMNS, rows, terminal.width, terminal.glyphs.cut))
    for remedy, names in _remedies(level).items():
        text = Text(f"To have {', '.join(names)} enforced: ", "yellow").append(remedy, "default")
        terminal.say()
        terminal.print(wrapped(text, terminal.width, indent=2))


def _row(name: str, offer: Offer, terminal: Terminal) -> list[Cell]:
    style = "green" if offer.enforced else "yellow"
    sign = terminal.glyphs.succeeded if offer.enforced else terminal.glyphs.failed
    return [(sign, style), name, ("yes" if offer.enforced else "no", style), (offer.by, "dim")]


def _remedies(level: Capabilities) -> dict[str, list[str]]:
    """The limits that do not hold, by what would help."""
    by_remedy: dict[str, list[str]] = {}
    for name, offer in level.offers.items():
        if not offer.enforced and offer.remedy:
            by_remedy.setdefault(offer.remedy, []).append(name)
    return by_remedy
