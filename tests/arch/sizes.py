"""Gates on size: no file, function, class or parameter list grows past what one reads at a sitting.

Complexity is ruff's C901 (see test_tools.py); everything here counts lines and names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from arch.source import Function, Source, functions

FILE_LINES: Final = 500
FUNCTION_LINES: Final = 60
CLASS_LINES: Final = 300
PARAMETERS: Final = 6


def long_files(sources: Iterable[Source]) -> list[str]:
    counted = ((source, source.text.count("\n")) for source in sources)
    return [f"{source.at(1)} has {n} lines, at most {FILE_LINES}" for source, n in counted if n > FILE_LINES]


def long_functions(sources: Iterable[Source]) -> list[str]:
    return [
        f"{source.at(node)} function {node.name} has {_lines(node)} lines, at most {FUNCTION_LINES}"
        for source in sources
        for node in functions(source.tree)
        if _lines(node) > FUNCTION_LINES
    ]


def long_classes(sources: Iterable[Source]) -> list[str]:
    return [
        f"{source.at(node)} class {node.name} has {_lines(node)} lines, at most {CLASS_LINES}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and _lines(node) > CLASS_LINES
    ]


def many_parameters(sources: Iterable[Source]) -> list[str]:
    return [
        f"{source.at(node)} function {node.name} takes {n} parameters, at most {PARAMETERS}: make an options dataclass"
        for source in sources
        for node in functions(source.tree)
        if (n := len(list(_parameters(node)))) > PARAMETERS
    ]


def _lines(node: ast.ClassDef | Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _parameters(node: Function) -> Iterator[str]:
    """Names of what a caller passes: keyword-only ones too, the instance or class itself not."""
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return (each.arg for each in every if each.arg not in {"self", "cls"})
