"""`python`: a function of a module or a script, called with JSON values, its JSON value the result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from holdfast.agents import context as shape
from holdfast.model.errors import Problem
from holdfast.model.json import Json
from holdfast.model.launch import Call, Conclusion, Observation, Preparation
from holdfast.model.outcome import Check, Outcome, OutcomeKind, Verdict
from holdfast.model.place import below, quoted
from holdfast.ports import OutputReader
from holdfast.rules.seal import canonical
from holdfast.wire.value import MAX_VALUE_DEPTH, BadValue, read_value

_TARGET: Final = re.compile(r"(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*|[^\0:]*\.py):[^\W\d]\w*(?:\.[^\W\d]\w*)*")
TAIL_BYTES: Final = 4 * 1024

_SHAPES: Final[Mapping[str, shape.Shape]] = MappingProxyType({
    "call": shape.text,
    "args": shape.listing,
    "kwargs": shape.mapping,
})


class PythonAgent:
    """Calls `package.module:function` or `/path/of/script.py:function` in a process of its own."""

    name = "python"

    def __init__(self, environment: Mapping[str, str], import_path: tuple[str, ...] = ()) -> None:
        self._environment = tuple(environment.items())
        self._import_path = import_path

    def check(self, context: Mapping[str, Json], path: str) -> tuple[Problem, ...]:
        problems = shape.check_keys(context, path, _SHAPES)
        call = context.get("call")
        if call is None:
            problems.append(shape.missing_key(path, "call", "for example `call: package.module:function`"))
        elif isinstance(call, str) and not shape.is_open(call) and _TARGET.fullmatch(call) is None:
            problems.append(
                Problem(
                    "python.call",
                    below(path, "call"),
                    f"{quoted(call)} does not name a function",
                    "Write `package.module:function` or `path/of/script.py:function`.",
                )
            )
        return tuple(problems)

    def prepare(self, context: Mapping[str, Json], folder: str) -> Preparation:
        arguments = canonical({"args": context.get("args") or [], "kwargs": context.get("kwargs") or {}})
        target = str(context["call"])
        if target.partition(":")[0].endswith(".py") and not target.startswith("/") and folder:
            target = f"{folder}/{target}"
        import_path = ((folder,) if folder else ()) + self._import_path
        return Preparation(
            program=Call(target=target, arguments=arguments, import_path=import_path),
            environment=(*self._environment, ("HOLDFAST_FOLDER", folder)) if folder else self._environment,
        )

    def conclude(self, seen: Observation, read: OutputReader) -> Conclusion:
        if seen.report is None and seen.report_bytes == 0:
            return _no_result(seen, read)
        try:
            report = read_value(seen.report, seen.report_bytes, MAX_VALUE_DEPTH + 1)  # the report's own level
        except BadValue as bad:
            return _invalid(str(bad))
        if isinstance(report, Mapping) and set(report) == {"ok"}:
            if seen.exit_code != 0:
                return _no_result(seen, read)
            return Conclusion(Verdict((Check("result", True, "one JSON value"),)), canonical(report["ok"]))
        error = report.get("error") if isinstance(report, Mapping) and set(report) == {"error"} else None
        return _raised(error) if isinstance(error, Mapping) else _invalid("it is not a report of this engine's")


def _no_result(seen: Observation, read: OutputReader) -> Conclusion:
    tail = read(seen.stderr, seen.stderr.kept)[-TAIL_BYTES:].decode("utf-8", "replace")
    outcome = Outcome(
        kind=OutcomeKind.CRASHED,
        message=f"its process exited with {seen.exit_code} before it could return the function's value",
        detail={"exit_code": seen.exit_code, "stderr": tail},
        next_steps=("Look for `os._exit` or a library that ends the process; `holdfast logs` shows what it printed.",),
    )
    return Conclusion(Verdict((Check("result", False, "none was left"),)), failure=outcome)


def _raised(error: Mapping[str, Json]) -> Conclusion:
    kind, message = str(error.get("type", "Exception"))[:200], str(error.get("message", ""))[:2000]
    outcome = Outcome(
        kind=OutcomeKind.ERRORED,
        message=f"{kind}: {message}" if message else kind,
        detail={"type": kind, "message": message, "traceback": str(error.get("traceback", ""))[:20_000]},
        next_steps=("The traceback is in the task's `outcome.detail.traceback`: `holdfast status` shows it.",),
    )
    return Conclusion(Verdict((Check("result", False, f"raised {kind}"),)), failure=outcome)


def _invalid(reason: str) -> Conclusion:
    outcome = Outcome(
        kind=OutcomeKind.INVALID,
        message=f"what it left as its result cannot be taken: {reason}",
        next_steps=("Return JSON values (or dataclasses of them), and write to no descriptor that is not yours.",),
    )
    return Conclusion(Verdict((Check("result", False, reason),)), failure=outcome)
