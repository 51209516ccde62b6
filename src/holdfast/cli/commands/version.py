"""`holdfast version`."""

from __future__ import annotations

import click

from holdfast._version import __version__
from holdfast.cli.output import emit_text


@click.command("version")
def command() -> None:
    """Print the version."""
    emit_text(f"holdfast {__version__}\n")
