"""`holdfast schema`."""

from __future__ import annotations

import click

from holdfast.cli.output import emit_json
from holdfast.wire.schemas import Document, schema


@click.command("schema")
@click.argument("document", type=click.Choice([each.value for each in Document]))
def command(document: str) -> int:
    """Print the JSON Schema of a document.

    The documents are a task envelope, a workflow file, what `run --json` prints, and an event.
    """
    emit_json(schema(Document(document)))
    return 0
