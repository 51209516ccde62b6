"""Writes the reference pages of docs/reference from the code; with --check, tells which are out of step.

Each page is a function below, drawn from what the program itself uses: tables, error classes, commands, schemas.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click
from schema_rows import Rows

from holdfast.cli import main as door
from holdfast.model import errors
from holdfast.model.attempt import AttemptState
from holdfast.model.outcome import FAULTS, OutcomeKind
from holdfast.model.task import TaskState
from holdfast.rules.lifecycle import ATTEMPT_MOVES, TASK_MOVES
from holdfast.wire.schemas import Document, schema

REFERENCE: Final = Path(__file__).resolve().parents[1] / "docs" / "reference"
WIDTH: Final = 88
NOTE: Final = "<!-- Written by `make docs` from the code: change it there. -->"


def life_cycle() -> str:
    """The two tables of `holdfast.rules.lifecycle` as diagrams, and how attempts end."""
    moved_from = {before for before, _ in TASK_MOVES}
    tasks = [
        "[*] --> ready: submit",
        "[*] --> waiting: submit",
        *(f"{before} --> {after}: {move}" for (before, move), after in TASK_MOVES.items()),
        *(f"{state} --> [*]" for state in TaskState if state not in moved_from),
    ]
    order = list(AttemptState)
    steps = sorted(ATTEMPT_MOVES, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    attempts = ["[*] --> claimed", *(f"{before} --> {after}" for before, after in steps), "ended --> [*]"]
    return "\n\n".join([
        "# Life cycle",
        "A task is submitted as ready, or as waiting where its start time or its dependencies lie ahead. "
        "A cancel of a running task marks it; its attempt then ends.",
        "## Task",
        _diagram(tasks),
        "## Attempt",
        _diagram(attempts),
        "## How an attempt ends",
        "The fault says who has to change something before another try can end differently.",
        _table(("Outcome", "Fault"), ((f"`{kind}`", FAULTS[kind]) for kind in OutcomeKind)),
    ])


def error_classes() -> str:
    """Every error that Holdfast raises."""
    classes = [
        kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.HoldfastError)
    ]
    rows = (
        (
            f"`{kind.__name__}`",
            f"`{vars(kind)['code']}`" if "code" in vars(kind) else "",
            str(kind.exit_status),
            _paragraph(kind),
        )
        for kind in classes
    )
    return "\n\n".join([
        "# Errors",
        "Each has a code that stays the same. Exit is the exit status with which the command line ends.",
        _table(("Class", "Code", "Exit", "When"), rows),
    ])


def command_line() -> str:
    """What each command says of itself with --help."""
    top = click.Context(door.holdfast, info_name="holdfast", terminal_width=WIDTH, **door.holdfast.context_settings)
    parts = [
        "# Command line",
        f"Exit status: {_paragraph(door, 1)}",
        "## holdfast",
        _block(door.holdfast.get_help(top)),
    ]
    for name in door.holdfast.list_commands(top):
        if command := door.holdfast.get_command(top, name):
            inner = click.Context(command, info_name=name, parent=top, terminal_width=WIDTH)
            parts += [f"## holdfast {name}", _block(command.get_help(inner))]
    return "\n\n".join(parts)


def schemas() -> str:
    """The JSON Schemas, key by key."""
    parts = [
        "# Documents",
        "`holdfast schema task` and so on print these as JSON Schema (2020-12), as editors and other programs want it. "
        "A key that is not named here is refused.",
    ]
    rows = Rows()
    for document in Document:
        whole = schema(document)
        parts += [f"## {document}", str(whole["description"]), _table(SCHEMA_HEAD, rows.of(whole))]
    return "\n\n".join(parts)


SCHEMA_HEAD: Final = ("Key", "Type", "Required", "Meaning")
PAGES: Final[Mapping[str, Callable[[], str]]] = MappingProxyType({
    "life-cycle.md": life_cycle,
    "errors.md": error_classes,
    "command-line.md": command_line,
    "documents.md": schemas,
})


def _diagram(lines: Iterable[str]) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in lines), "```"])


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ("---",) * len(head), *rows])


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"


def _paragraph(thing: object, number: int = 0) -> str:
    """One paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[number].split())


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(f"{NOTE}\n\n{page()}\n", encoding="utf-8")


def out_of_step(folder: Path) -> list[str]:
    """Pages that differ from what would be written now, are missing, or are not written from here at all."""
    wanted = {name: f"{NOTE}\n\n{page()}\n" for name, page in PAGES.items()}
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of step")
    parser.add_argument("--folder", type=Path, default=REFERENCE, help="where the pages are")
    asked = parser.parse_args()
    if not asked.check:
        write(asked.folder)
        return 0
    stale = out_of_step(asked.folder)
    for name in stale:
        print(f"docs/reference/{name} is out of step with the code: run make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
