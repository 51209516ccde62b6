"""Python functions as tasks: what may be one, and how it is named so that another process finds it."""

from __future__ import annotations

import dataclasses
import inspect
import os
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar

import msgspec

from holdfast.model.errors import Problem, Refused
from holdfast.model.json import Json

P = ParamSpec("P")
R = TypeVar("R")

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


def call_context(function: Callable[..., Any], args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, Json]:
    """The `context` of agent type `python` that calls this function. Raises Refused with every reason."""
    target = _target(function)
    try:
        values = msgspec.to_builtins({"args": list(args), "kwargs": dict(kwargs)}, str_keys=True)
    except TypeError as error:
        remedy = "Pass JSON values, dataclasses of them, or the name of a file."
        raise Refused([Problem("call.arguments", "args", f"an argument is no JSON value: {error}", remedy)]) from None
    return {"call": target, "args": values["args"], "kwargs": values["kwargs"]}


def call_folder(function: Callable[..., Any]) -> str:
    """The folder on whose modules the function may rely: that of the script being run, else the current one."""
    script = _script()
    return os.path.dirname(script) if script else os.getcwd()


def typed_result(function: Callable[..., Any], value: Json) -> Any:
    """The result as the function's annotation says where that is a dataclass, else the JSON value as it is."""
    try:
        hint = typing.get_type_hints(function).get("return")
    except (NameError, TypeError):
        return value
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return msgspec.convert(value, hint)
    return value


def _target(function: Callable[..., Any]) -> str:
    if not inspect.isfunction(function):
        raise _no_function(repr(function), "is no plain function", "Define a function at the top of a module.")
    name = function.__qualname__
    if function.__name__ == "<lambda>":
        raise _no_function("a lambda", "has no name by which another process could find it", "Give it a name with `def`.")
    if "<locals>" in name or function.__closure__:
        remedy = "Move it to the top of its module, and pass what it needs as arguments."
        raise _no_function(f"`{name}`", "is defined inside another function, so no other process can find it", remedy)
    if function.__module__ != "__main__":
        return f"{function.__module__}:{name}"
    script = _script()
    if script is None:
        remedy = "Put it into a file: a module, or the script that you run."
        raise _no_function(f"`{name}`", "was typed in, so no other process can find it", remedy)
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return f"{spec.name}:{name}" if spec is not None and spec.name else f"{script}:{name}"


def _script() -> str | None:
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.abspath(path) if isinstance(path, str) and os.path.isfile(path) else None


def _no_function(what: str, why: str, remedy: str) -> Refused:
    return Refused([Problem("call.function", "call", f"{what} {why}", remedy)])
