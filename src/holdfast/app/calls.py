"""Python functions as tasks: what may be one, and how it is named so that another process finds it."""

from __future__ import annotations

import dataclasses
import inspect
import os
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any, Final, ParamSpec, TypeVar

import msgspec

from holdfast.model.errors import Problem, Refused
from holdfast.model.json import Json
from holdfast.wire.plain import plain, too_deep

P = ParamSpec("P")
R = TypeVar("R")

LOADED_SCRIPT: Final = "__holdfast_main__"
"""The name under which a task imports the script that its function is in."""

OPTIONS_ATTRIBUTE: Final = "__holdfast_options__"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """Options of a task as a person writes them: `timeout="90s"`, `memory_limit="1GB"`, `retry=3`.

    `retry` is a number of attempts or the envelope's `retry_policy`; `resources` takes any further key of the
    envelope's `resources`.
    """

    timeout: str | float | None = None
    memory_limit: str | int | None = None
    retry: int | Mapping[str, Json] | None = None
    isolation: str | None = None
    resources: Mapping[str, Json] = dataclasses.field(default_factory=dict)

    def as_resources(self) -> dict[str, Json]:
        """The envelope's `resources`."""
        resources: dict[str, Json] = dict(self.resources)
        for key in ("timeout", "memory_limit", "isolation"):
            value = getattr(self, key)
            if value is not None:
                resources[key] = value
        if self.retry is not None:
            resources["retry_policy"] = {"max_attempts": self.retry} if isinstance(self.retry, int) else self.retry
        return resources

    def over(self, other: TaskOptions) -> TaskOptions:
        """These options, with `other` where these leave something open."""
        mine = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) is not None}
        mine["resources"] = {**other.resources, **self.resources}
        return dataclasses.replace(other, **mine)


def task(
    *,
    timeout: str | float | None = None,
    memory_limit: str | int | None = None,
    retry: int | Mapping[str, Json] | None = None,
    isolation: str | None = None,
    resources: Mapping[str, Json] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a function its options as a task. Called directly it stays the plain function that it was.

    `timeout` is in seconds or text ("90s"), `memory_limit` in bytes or text ("1GB"), `retry` the number of attempts
    or a mapping like the envelope's `retry_policy`.
    """
    options = TaskOptions(
        timeout=timeout, memory_limit=memory_limit, retry=retry, isolation=isolation, resources=resources or {}
    )

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        setattr(function, OPTIONS_ATTRIBUTE, options)
        return function

    return mark


def options_of(function: Callable[..., Any]) -> TaskOptions:
    """The options given by `@holdfast.task`, or none."""
    options = getattr(function, OPTIONS_ATTRIBUTE, None)
    return options if isinstance(options, TaskOptions) else TaskOptions()


def call_context(
    function: Callable[..., Any], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> dict[str, Json]:
    """The `context` of agent type `python` that calls this function. Raises Refused with every reason."""
    target = _target(function)
    try:
        given = _built({"args": args, "kwargs": dict(kwargs)})
    except RecursionError:
        raise too_deep() from None
    plain(given)
    return {"call": target, **given}


def call_folder(function: Callable[..., Any]) -> str:
    """The folder on whose modules the function may rely.

    It is the one that its module was imported from, unless that is installed; else that of the script being run, else
    the current one.
    """
    script = _script()
    return _import_folder(function) or (os.path.dirname(script) if script else os.getcwd())


def _import_folder(function: Callable[..., Any]) -> str | None:
    name = getattr(function, "__module__", None) or "__main__"
    file = getattr(sys.modules.get(name), "__file__", None)
    if name == "__main__" or not isinstance(file, str) or not os.path.isfile(file):
        return None
    path = Path(os.path.abspath(file))
    depth = name.count(".") + (path.stem == "__init__")
    if depth >= len(path.parents) or {"site-packages", "dist-packages"} & set(path.parts):
        return None
    folder = str(path.parents[depth])
    return folder if folder in map(os.path.abspath, sys.path) else None


def refuse_while_loading() -> None:
    """Raise Refused where a script that a task imports opens an engine at its top, as one without a guard does.

    Unrefused, each task would start the whole script anew.
    """
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == LOADED_SCRIPT and frame.f_code.co_name == "<module>":
            message = "an engine was opened while a task imported the script that its function is in"
            remedy = 'Put what the script does under `if __name__ == "__main__":`.'
            raise Refused([Problem("call.guard", "", message, remedy)])
        frame = frame.f_back


def typed_result(function: Callable[..., Any], value: Json) -> Any:
    """The result as the function's annotation says where that is a dataclass which it fits, else the JSON value."""
    written = inspect.unwrap(function)
    try:
        returns = SimpleNamespace(__annotations__={"return": inspect.get_annotations(written).get("return")})
        hint = typing.get_type_hints(returns, written.__globals__)["return"]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
            return msgspec.convert(value, hint)
    except (NameError, TypeError, AttributeError, SyntaxError, msgspec.ValidationError):
        pass  # annotations promise nothing: the value is what the function returned
    return value


def _built(value: Any) -> Any:
    """The value with its dataclasses taken apart, so that what is left is JSON or is refused as none."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _built(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _built(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_built(item) for item in value]
    return value


def _target(function: Callable[..., Any]) -> str:
    if not inspect.isfunction(function):
        raise _no_function(repr(function), "is no plain function", "Define a function at the top of a module.")
    name = function.__qualname__
    if function.__name__ == "<lambda>":
        raise _no_function("a lambda", "has no name by which another process could find it", "Name it with `def`.")
    if "<locals>" in name:
        remedy = "Move it to the top of its module and pass what it needs; let a decorator use functools.wraps."
        raise _no_function(f"`{name}`", "is defined inside another function, so no other process can find it", remedy)
    script = _script()
    if function.__module__ == "__main__" and script is None:
        remedy = "Put it into a file: a module, or the script that you run."
        raise _no_function(f"`{name}`", "was typed in, so no other process can find it", remedy)
    if not _found_by_name(function):
        remedy = "Pass the function that stands under this name, and let a decorator use functools.wraps."
        raise _no_function(f"`{name}`", f"is not what stands under this name in `{function.__module__}`", remedy)
    if function.__module__ != "__main__":
        return f"{function.__module__}:{name}"
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return f"{spec.name}:{name}" if spec is not None and spec.name else f"{script}:{name}"


def _found_by_name(function: FunctionType) -> bool:
    """Whether another process that looks it up as we would, by module and name, comes upon the same function."""
    found: object = sys.modules.get(function.__module__)
    for step in function.__qualname__.split("."):
        found = getattr(found, step, None)
    return found is function


def _script() -> str | None:
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.abspath(path) if isinstance(path, str) and os.path.isfile(path) else None


def _no_function(what: str, why: str, remedy: str) -> Refused:
    return Refused([Problem("call.function", "call", f"{what} {why}", remedy)])
