"""`command`: a program with its arguments, in any language.

Its result is the JSON that it writes to the file named in `HOLDFAST_RESULT`; where it writes none, its exit code and
what it printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from holdfast.agents import context as shape
from holdfast.model.errors import Problem
from holdfast.model.json import Json
from holdfast.model.launch import Conclusion, Exec, Observation, Preparation
from holdfast.model.outcome import Check, Outcome, OutcomeKind, Verdict
from holdfast.model.place import below, quoted
from holdfast.ports import OutputReader
from holdfast.rules.reference import has_reference
from holdfast.rules.seal import canonical
from holdfast.wire.value import BadValue, read_value

SHOWN_BYTES: Final = 64 * 1024
"""So much of stdout and of stderr stands in a result."""

TAIL_BYTES: Final = 4 * 1024
"""So much of them stands in the detail of a failure."""

NAME_BYTES: Final = 255
"""So long may the name of a file be, on every common file system (NAME_MAX)."""

PATH_BYTES: Final = 1024
"""So long may its path be, which leaves room for the folders above it in what the kernel takes (PATH_MAX)."""

REFUSED: Final = "the result file was refused"
"""How the evidence begins where what stands at HOLDFAST_RESULT is no plain file."""

SHELL: Final = "/bin/sh"


def _argv(value: Json, path: str) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from shape.text(value, path)
    elif not isinstance(value, (list, tuple)):
        yield shape.wrong(path, value, "a list of words")
    else:
        if not value or value[0] == "":
            message = "it begins with an empty word" if value else "it is empty"
            yield Problem("command.no_program", path, message, "Begin with the name of a program.")
        for index, word in enumerate(value):
            yield from shape.word(word, below(path, index))


def _env(value: Json, path: str) -> Iterator[Problem]:
    yield from shape.mapping(value, path)
    for name, word in _mapping(value).items():
        here = below(path, name)
        if not name or "=" in name or "\0" in name:
            message = f"{quoted(name)} cannot be the name of a variable"
            yield Problem("command.env_name", here, message, "Give it a name without `=`.")
        elif name.startswith("HOLDFAST_") or has_reference(name):
            message = f"{quoted(name)} is no name that a task may give to a variable"
            yield Problem(
                "command.env_name", here, message, "Names with HOLDFAST_ are the engine's; `${{` is for values."
            )
        yield from shape.word(word, here)


def _files(value: Json, path: str) -> Iterator[Problem]:
    yield from shape.mapping(value, path)
    files = _mapping(value)
    for name in files:
        wrong = _wrong_name(name, files)
        if wrong is not None:
            remedy = "Write `name` or `folder/name`: a path below the working directory."
            yield Problem("command.file_name", below(path, name), wrong, remedy)


def _wrong_name(name: str, files: Mapping[str, Json]) -> str | None:
    parts = name.split("/")
    if "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
        return f"{quoted(name)} is no name within the working directory"
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    if max(sizes) > NAME_BYTES or sum(sizes) + len(parts) > PATH_BYTES:
        return f"{quoted(name)} is too long: at most {NAME_BYTES} bytes a name, {PATH_BYTES} in all"
    for end in range(1, len(parts)):
        folder = "/".join(parts[:end])
        if folder in files:
            return f"{quoted(folder)} cannot be both a file and a folder"
    return None


_SHAPES: Final[Mapping[str, shape.Shape]] = MappingProxyType({
    "argv": _argv,
    "stdin": shape.anything,
    "env": _env,
    "files": _files,
    "shell": shape.truth,
})


class CommandAgent:
    """Runs a program; `environment` is what every program gets, before the context's own `env`."""

    name = "command"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    def check(self, context: Mapping[str, Json], path: str) -> tuple[Problem, ...]:
        problems = shape.check_keys(context, path, _SHAPES)
        argv, shell = context.get("argv"), context.get("shell", False)
        if argv is None:
            problems.append(shape.missing_key(path, "argv", 'for example `argv: ["echo", "hello"]`'))
        elif isinstance(argv, str) and not (shell is True or shape.is_open(argv) or shape.is_open(shell)):
            problems.append(
                Problem(
                    "command.no_shell",
                    below(path, "argv"),
                    "it is one string, but no shell was asked for",
                    "Write a list of words, or add `shell: true` to have /bin/sh run the string.",
                )
            )
        elif shell is True and shape.is_list(argv):
            problems.append(
                Problem(
                    "command.shell_list",
                    below(path, "argv"),
                    "it is a list, but `shell: true` asks for one string",
                    "Write the command as one string, or leave out `shell`.",
                )
            )
        return tuple(problems)

    def prepare(self, context: Mapping[str, Json], folder: str) -> Preparation:
        argv = context["argv"]
        files = _mapping(context.get("files"))
        words = _located(tuple(map(_word, _sequence(argv))), folder, files)
        if isinstance(argv, str):
            words = (SHELL, "-c", argv) if context.get("shell") is True else (argv,)
        environment = {**self._environment, **{k: _word(v) for k, v in _mapping(context.get("env")).items()}}
        if folder:
            environment.setdefault("HOLDFAST_FOLDER", folder)
        return Preparation(
            program=Exec(argv=words),
            environment=tuple(environment.items()),
            stdin=_bytes(context.get("stdin")),
            files=tuple((name, _bytes(body)) for name, body in files.items()),
        )

    def conclude(self, seen: Observation, read: OutputReader) -> Conclusion:
        if seen.exit_code != 0:
            return _failed(seen, read)
        checks = [Check("exit_code", True, "0")]
        refused = next((line for line in seen.evidence if line.startswith(REFUSED)), None)
        if refused is not None:
            return _invalid(checks, refused)
        if seen.report is None and seen.report_bytes == 0:
            printed = {
                "exit_code": 0,
                "stdout": _shown(read(seen.stdout, SHOWN_BYTES)),
                "stderr": _shown(read(seen.stderr, SHOWN_BYTES)),
            }
            return Conclusion(Verdict(tuple(checks)), canonical(printed))
        try:
            value = read_value(seen.report, seen.report_bytes)
        except BadValue as bad:
            return _invalid(checks, str(bad))
        checks.append(Check("result", True, "one JSON value"))
        return Conclusion(Verdict(tuple(checks)), canonical(value))


def _failed(seen: Observation, read: OutputReader) -> Conclusion:
    tail = _shown(read(seen.stderr, seen.stderr.kept)[-TAIL_BYTES:])
    detail: dict[str, Json] = {"exit_code": seen.exit_code, "stderr": tail}
    detail["stdout"] = _shown(read(seen.stdout, seen.stdout.kept)[-TAIL_BYTES:])
    last = tail.strip().splitlines()[-1:] or seen.evidence[:1]
    message = f"exited with {seen.exit_code}" + (f": {last[0][:300]}" if last else "")
    outcome = Outcome(
        kind=OutcomeKind.ERRORED,
        message=message,
        detail=detail,
        next_steps=("`holdfast logs` shows all that it printed.",),
    )
    return Conclusion(Verdict((Check("exit_code", False, str(seen.exit_code)),)), failure=outcome)


def _invalid(checks: list[Check], reason: str) -> Conclusion:
    outcome = Outcome(
        kind=OutcomeKind.INVALID,
        message=f"what it wrote as its result cannot be taken: {reason}",
        next_steps=("Write one JSON value to the file named in HOLDFAST_RESULT, or none at all.",),
    )
    return Conclusion(Verdict((*checks, Check("result", False, reason))), failure=outcome)


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _word(value: Json) -> str:
    return value if isinstance(value, str) else canonical(value).decode()


def _bytes(value: Json) -> bytes:
    """Text as UTF-8; any other JSON value as JSON; nothing for null."""
    if value is None:
        return b""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else canonical(value)


def _located(words: tuple[str, ...], folder: str, files: Mapping[str, Json]) -> tuple[str, ...]:
    """A program named by a relative path is meant from the folder of the request, unless the task brings it along."""
    if not words or not folder:
        return words
    name = words[0]
    if "/" not in name or name.startswith("/") or name.removeprefix("./") in files:
        return words
    return (f"{folder}/{name.removeprefix('./')}", *words[1:])


def _sequence(value: Json) -> tuple[Json, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else ()


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
