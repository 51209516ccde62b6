"""The door itself: finds the command, loads that one only, and turns every end into an exit status.

0 all succeeded, 1 a task failed or was cancelled, 2 refused input or usage, 3 a fault of ours, 128 + N signal N.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import click
from click.shell_completion import CompletionItem

from holdfast._version import __version__
from holdfast.cli.output import ReaderGone, emit_json, error_document, silence
from holdfast.cli.words import safe
from holdfast.model.errors import HoldfastError, Refused

COMMANDS: Final[Mapping[str, str]] = MappingProxyType({
    "run": "Run a task, several tasks or a workflow, and wait for the end.",
    "status": "Show what the store holds, or how a task or workflow stands.",
    "list": "List tasks, newest first.",
    "logs": "Print what a task wrote to stdout and stderr.",
    "result": "Print the result of a task or workflow as JSON.",
    "cancel": "Cancel tasks, or all tasks of workflows.",
    "schema": "Print the JSON Schema of a document.",
    "doctor": "Show what this host can enforce, found out by trying.",
    "version": "Print the version.",
    "completion": "Print the completion script of a shell.",
})
"""Each is the module of its name in `holdfast.cli.commands`, with one click command called `command`."""

OK: Final = 0
REFUSED: Final = 2
FAULT: Final = 3
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
TRACEBACK: Final = "HOLDFAST_TRACEBACK"
COMPLETING: Final = "_HOLDFAST_COMPLETE"


class Lazy(click.Group):
    """A group that imports a command when it is called: `holdfast version` does not load an engine."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"holdfast.cli.commands.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The store is the folder .holdfast here, unless --store or HOLDFAST_STORE names another.",
)
@click.version_option(__version__, message="holdfast %(version)s")
def holdfast() -> None:
    """Run the tasks of a workflow, each in a process of its own, within limits that hold."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status of one call of the program."""
    _open_missing_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _guarded(words)
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        silence(1)
        return PIPE_CLOSED
    return status


def _guarded(words: list[str]) -> int:
    """Run the command; tell of what went wrong, on stderr and where asked for as JSON."""
    as_json = "--json" in words  # also where the words are too wrong to be parsed
    try:
        status = holdfast.main(words, prog_name="holdfast", standalone_mode=False)
        return status if isinstance(status, int) else OK
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as bare:
        sys.stderr.write(f"{bare.format_message()}\n")
        return REFUSED
    except (click.Abort, KeyboardInterrupt):
        _tell("interrupted")
        return INTERRUPTED
    except click.ClickException as wrong:
        error: HoldfastError = Usage(wrong)
    except HoldfastError as known:
        error = known
    except ReaderGone:
        raise
    except Exception as unknown:
        error = Bug(unknown)
    _report(error)
    if as_json:
        emit_json(error_document(error))
    return error.exit_status


class Usage(HoldfastError):
    """The command was not called as it can be."""

    code = "usage"
    exit_status = REFUSED

    def __init__(self, wrong: click.ClickException) -> None:
        context = wrong.ctx if isinstance(wrong, click.UsageError) else None
        self.remedy = f"`{context.command_path} --help` shows how to call it." if context else ""
        super().__init__(wrong.format_message())


class Bug(HoldfastError):
    """Something went wrong that nobody thought of."""

    code = "engine.bug"
    exit_status = FAULT

    def __init__(self, unknown: Exception) -> None:
        where = traceback.extract_tb(unknown.__traceback__)[-1:]
        place = f" at {os.path.basename(where[0].filename)}:{where[0].lineno}" if where else ""
        self.remedy = f"This is a bug in Holdfast: please report it. {TRACEBACK}=1 shows where it happened."
        super().__init__(f"{type(unknown).__name__}: {unknown}{place}")
        self.__cause__ = unknown


def _report(error: HoldfastError) -> None:
    """Every problem with its place, its code and what to do. A shell that asks for completions is told none."""
    if COMPLETING in os.environ:
        return
    if isinstance(error, Refused):
        _tell("refused; nothing was started")
        for problem in error.problems:
            place = f"{problem.path}: " if problem.path else ""
            _tell(f"{place}{problem.message} [{problem.code}]", indent=2)
            _tell(problem.remedy, indent=4)
    else:
        remedy = str(getattr(error, "remedy", ""))
        message = str(error).removesuffix(remedy).rstrip()
        _tell(message if f"[{error.code}]" in message else f"{message} [{error.code}]")
        _tell(remedy, indent=2)
    if os.environ.get(TRACEBACK) == "1":
        sys.stderr.write("".join(traceback.format_exception(error)))


def _tell(text: str, indent: int = 0) -> None:
    """One message on stderr; who cannot be told is not told."""
    if not text:
        return
    try:
        for number, line in enumerate(text.splitlines() or [""]):
            lead = "holdfast: " if not indent and not number else " " * max(indent, 2)
            sys.stderr.write(f"{lead}{safe(line)}\n")
        sys.stderr.flush()
    except OSError:
        silence(2)


def _open_missing_streams() -> None:
    """A closed stream (`>&-`) must not make the next opened file stdout: a store, for example."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)
    os.close(opened)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
