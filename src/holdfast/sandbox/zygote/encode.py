"""A result or an exception as a JSON document, with caps, whatever the objects do."""

from __future__ import annotations

from .wire import write_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    Path = tuple["Path | None", str | int]

MAX_DEPTH = 200
MESSAGE_CHARS = 8 * 1024
TRACEBACK_CHARS = 64 * 1024


class NotJson(TypeError):
    """The function returned something that is not a JSON value."""

    __module__ = "builtins"  # what is ours is nothing to the reader of a traceback


def result(value: object) -> bytes:
    """`{"ok": value}`. Raises NotJson."""
    if value is None:
        return b'{"ok": null}'
    text = write_json({"ok": plain(value, None, MAX_DEPTH)})
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotJson(f"the result holds text that is not Unicode: {error.reason}") from None


def plain(value: object, path: Path | None, depth: int) -> object:
    """The value in JSON's own types. Dataclasses become objects, tuples arrays. Raises NotJson with the path."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return _finite(float.__float__(value), path)
    if depth == 0:
        raise NotJson(f"{_where(path)} is nested more than {MAX_DEPTH} levels deep, or contains itself")
    if isinstance(value, dict):
        return {_key(key, path): plain(item, (path, key), depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, (path, index), depth - 1) for index, item in enumerate(value)]
    names = getattr(type(value), "__dataclass_fields__", None)
    if names is not None:
        return {name: plain(getattr(value, name), (path, name), depth - 1) for name in names}
    raise NotJson(
        f"{_where(path)} is of type {_name(type(value))}, which is not a JSON value: return None, bool, int, float, "
        "str, lists, tuples, dicts with text keys, or dataclasses of these"
    )


def failure(error: BaseException, hidden: str) -> bytes:
    """`{"error": {"type", "message", "traceback"}}`. Frames of files in the folder `hidden` are left out."""
    document = {"type": _name(type(error)), "message": _message(error), "traceback": _traceback(error, hidden)}
    return write_json({"error": document}).encode("utf-8", "backslashreplace")


def _finite(value: float, path: Path | None) -> float:
    if value - value != 0:
        raise NotJson(f"{_where(path)} is {value}, which JSON does not have")
    return value


def _key(key: object, path: Path | None) -> str:
    if not isinstance(key, str):
        raise NotJson(f"{_where(path)} has a key of type {_name(type(key))}: JSON has text keys only; use str(key)")
    return str.__str__(key)


def _where(path: Path | None) -> str:
    parts: list[str] = []
    while path is not None:
        path, step = path
        parts.append(f"[{step}]" if isinstance(step, int) else f".{step}"[:80])
    text = "".join(reversed(parts))
    return f"result{text[:100]}…" if len(text) > 100 else f"result{text}"


def _name(kind: type) -> str:
    module = kind.__module__
    name = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    return name[:200]


def _message(error: BaseException) -> str:
    try:
        return _short(str(error), MESSAGE_CHARS)
    except BaseException as second:  # a str() that raises is the task's, and must not hide the first error
        return f"<the message could not be made: str() raised {_name(type(second))}>"


def _traceback(error: BaseException, hidden: str) -> str:
    try:
        from traceback import TracebackException

        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith((hidden, "<frozen importlib")):
            trace = trace.tb_next
        lines = TracebackException(type(error), error, trace, limit=-50, compact=True).format()
        return _short("".join(lines), TRACEBACK_CHARS)
    except BaseException as second:
        return f"<the traceback could not be made: {_name(type(second))}>"


def _short(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"
