"""Calling a Python function in a process of its own, and writing down what it gave or raised."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from types import BuiltinFunctionType, CoroutineType, FunctionType, MethodType, ModuleType

from . import encode
from .wire import REPORT_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

SCRIPT_NAME = "__holdfast_main__"
_RESULT_FD = 3
_SMALL_BYTES = 64 * 1024
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


class NotAFunction(TypeError):
    """The target names something that is not a plain function."""

    __module__ = "builtins"


class Given:
    """A call, taken apart as far as that can be done before the fork."""

    __slots__ = ("arguments", "attributes", "import_path", "positional", "target", "where", "words")

    def __init__(self, target: str, arguments: bytes, import_path: list[str]) -> None:
        self.target = target
        self.where, _, self.attributes = target.rpartition(":")
        self.arguments: bytes | None = arguments
        self.import_path = import_path
        self.positional: list[object] = []
        self.words: dict[str, object] = {}
        if len(arguments) <= _SMALL_BYTES:
            with contextlib.suppress(Exception):  # the child will meet it again, and tell
                self.read()

    def read(self) -> None:
        """Read the arguments, unless that is done. Raises whatever is wrong with them."""
        if self.arguments is not None:
            document = json.loads(self.arguments)
            self.positional = list(document.get("args", ()))
            self.words = dict(document.get("kwargs", {}))
            self.arguments = None


def carry_out(given: Given) -> NoReturn:
    """Call the function, write the result, and leave without a look back: no atexit, no waiting for threads."""
    status = 1
    try:
        document, status = _outcome(given)
        if len(document) > REPORT_BYTES:
            os.ftruncate(_RESULT_FD, len(document))
        else:
            os.pwrite(_RESULT_FD, document, 0)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        os._exit(status)


def rehearse() -> None:
    """Go through the parts of a call that leave no trace."""
    _find(Given("operator:add", b'{"args":[1],"kwargs":{}}', []))
    encode.result([1])
    sys.stdout.flush()
    sys.stderr.flush()


def _outcome(given: Given) -> tuple[bytes, int]:
    try:
        sys.argv = [given.target]
        if given.import_path:
            sys.path[:0] = given.import_path
        if given.arguments is not None:
            given.read()
        function = _find(given)
        gc.enable()
        value = function(*given.positional, **given.words)
        if isinstance(value, CoroutineType):
            import asyncio

            value = asyncio.run(value)
        return encode.result(value), 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        return encode.failure(error, _OWN_FOLDER), code & 255 or 1
    except BaseException as error:  # the boundary: whatever the function raised is data from here on
        return encode.failure(error, _OWN_FOLDER), 1


def _find(given: Given) -> Callable[..., object]:
    where = given.where
    module = sys.modules.get(where)
    if module is None:
        with contextlib.suppress(ModuleNotFoundError):
            module = _load(where)
    if module is None:
        import site

        site.main()  # import hooks of editable installs are only there after this
        module = _load(where)
    found: object = module
    for name in given.attributes.split("."):
        found = getattr(found, name)
    if type(found) is FunctionType:
        return found
    return _function(found, given.target)


def _load(where: str) -> ModuleType:
    if "/" not in where and not where.endswith(".py"):
        __import__(where)
        return sys.modules[where]
    from importlib.machinery import ModuleSpec, SourceFileLoader

    folder = os.path.dirname(os.path.abspath(where))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    loader = SourceFileLoader(SCRIPT_NAME, where)
    module = ModuleType(SCRIPT_NAME)
    module.__file__ = where
    module.__loader__ = loader
    module.__spec__ = ModuleSpec(SCRIPT_NAME, loader, origin=where)
    module.__spec__.has_location = True
    sys.modules[SCRIPT_NAME] = sys.modules["__main__"] = module
    loader.exec_module(module)
    return module


def _function(found: object, target: str) -> Callable[..., object]:
    for _ in range(8):
        if isinstance(found, (FunctionType, BuiltinFunctionType, MethodType)):
            return found
        inner = getattr(found, "__wrapped__", None)
        if inner is None:
            break
        found = inner
    raise NotAFunction(f"{target} is of type {type(found).__name__}; a task is a plain function")
