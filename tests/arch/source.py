"""Reads Python files for the gates: path, module name, text and syntax tree, nothing imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "holdfast"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file; `name` is its dotted module name below the folder it was read from."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    def at(self, node: ast.AST | int) -> str:
        """`path:line`, as every complaint begins."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return f"{shown(self.path)}:{line}"


def shown(path: Path) -> str:
    """A path as a reader of the tree knows it."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def read(folder: Path) -> list[Source]:
    """Every Python file below a folder, in order of path; none if there is no such folder."""
    return [_source(path, folder) for path in sorted(folder.rglob("*.py"))]


def _source(path: Path, folder: Path) -> Source:
    parts = path.relative_to(folder).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Source(path, name, text, ast.parse(text, filename=str(path)))


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute chain, else the empty string."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr) if base := dotted(value):
            return f"{base}.{attr}"
        case _:
            return ""


def nothing(found: list[str]) -> None:
    """Fail with every complaint, one a line."""
    assert not found, "\n" + "\n".join(found)
