"""A document's text to plain data: JSON, YAML 1.2 or TOML, read strictly and with bounded memory."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from os.path import splitext
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from holdfast.model.errors import Problem, Refused
from holdfast.model.json import Json
from holdfast.wire.json_text import load_json
from holdfast.wire.reader import refused
from holdfast.wire.toml_text import load_toml
from holdfast.wire.yaml_text import load_yaml

MAX_BYTES: Final = 16 * 1024 * 1024

Form: TypeAlias = Literal["json", "yaml", "toml"]

_SUFFIXES: Final[Mapping[str, Form]] = MappingProxyType({
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
})


def read_document(text: bytes, form: Form | None = None, name: str = "-") -> Json:
    """The plain data of a document. Raises Refused with every reason.

    Without a form, that of the name's suffix is taken; where it tells none (`-`), JSON is tried, then YAML.
    """
    if len(text) > MAX_BYTES:
        remedy = "keep large data in a file of its own and give its name"
        raise refused("document.too_large", f"it has more than {MAX_BYTES} bytes, which is all that is read", remedy)
    text = text.removeprefix(codecs.BOM_UTF8)
    decoded = _decoded(text)
    if not decoded.strip():
        raise refused("document.empty", "it holds nothing", "write an envelope or a workflow")
    form = form or _SUFFIXES.get(splitext(name.lower())[1])
    if form == "json":
        return load_json(text, decoded)
    if form == "toml":
        return load_toml(text, decoded)
    return load_yaml(decoded) if form == "yaml" else _json_or_yaml(text, decoded)


def _json_or_yaml(text: bytes, decoded: str) -> Json:
    try:
        return load_json(text, decoded)
    except Refused as json_refusal:
        if not _is_syntax(json_refusal):
            raise
        if decoded.lstrip()[0] not in "{[":
            return load_yaml(decoded)
        try:
            return load_yaml(decoded)
        except Refused as yaml_refusal:
            # It looks like JSON: what is wrong with it as JSON says more.
            raise (json_refusal if _is_syntax(yaml_refusal) else yaml_refusal) from None


def _is_syntax(refusal: Refused) -> bool:
    return any(problem.code == "document.syntax" for problem in refusal.problems)


def _decoded(text: bytes) -> str:
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise refused("document.not_utf8", "it is UTF-16", "save it as UTF-8")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        message = f"it is not UTF-8: byte {error.start + 1}, in line {line}, belongs to no character"
        raise Refused([Problem("document.not_utf8", "", message, "Save it as UTF-8.")]) from None
