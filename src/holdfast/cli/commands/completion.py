"""`holdfast completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from holdfast.cli.output import emit_text

NAME = "holdfast"
VARIABLE = "_HOLDFAST_COMPLETE"


@click.command("completion", epilog='Bash: eval "$(holdfast completion bash)" in ~/.bashrc; the others likewise.')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"no completion for {shell}")
    emit_text(script(ctx.find_root().command, {}, NAME, VARIABLE).source() + "\n")
