"""Measures the text of one Python source file.

Nothing here reads a file or knows what a standard library is: text in, numbers out.

Cyclomatic complexity is McCabe's (IEEE TSE, 1976): one, plus one for every decision in the
function's own body. Decisions are `if`, `elif`, the conditional expression, `for`, `while`,
`except`, a comprehension's `for` and each of its `if`s, each `case` that can fail to match, and
each operand of `and`/`or` after the first. A nested function is a function of its own.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Definition = FunctionNode | ast.ClassDef
Documentable = Definition | ast.Module

_ONE_DECISION = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
)
_LAYOUT_TOKENS = frozenset({
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
})


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method; `lines` counts from its `def` to its last line."""

    name: str
    file: str
    line: int
    lines: int
    complexity: int


@dataclass(frozen=True, slots=True)
class Lines:
    """Every line of a file is exactly one of the four."""

    code: int = 0
    docstring: int = 0
    comment: int = 0
    blank: int = 0

    @property
    def total(self) -> int:
        return self.code + self.docstring + self.comment + self.blank


@dataclass(slots=True)
class Source:
    """What one file holds."""

    path: str
    lines: Lines = field(default_factory=Lines)
    functions: list[Function] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Scope:
    """A place on the walk: where we are, and which function the decisions count for."""

    name: str
    public: bool
    decisions: list[int]


def measure_source(text: str, path: str) -> Source:
    """Measures `text`; `path` is only its name. Raises SyntaxError where it isn't Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a stray "\d" in old code is not our business
        tree = ast.parse(text, filename=path)
    source = Source(path, lines=_classify_lines(text, tree))
    pending: list[tuple[Function, list[int]]] = []
    stack: list[tuple[ast.AST, _Scope]] = [(tree, _Scope("", True, [0]))]
    while stack:
        node, scope = stack.pop()
        for child in ast.iter_child_nodes(node):
            inner = scope
            if isinstance(child, Definition):
                inner = _enter(child, scope, source, pending)
            else:
                scope.decisions[0] += _decisions(child)
                _count_habits(child, source.counts)
            stack.append((child, inner))
    source.functions = [Function(f.name, f.file, f.line, f.lines, 1 + decisions[0]) for f, decisions in pending]
    return source


def _enter(
    node: Definition,
    scope: _Scope,
    source: Source,
    pending: list[tuple[Function, list[int]]],
) -> _Scope:
    name = f"{scope.name}.{node.name}" if scope.name else node.name
    public = scope.public and not node.name.startswith("_")
    counts = source.counts
    if public:
        counts["public"] += 1
        counts["documented"] += ast.get_docstring(node, clean=False) is not None
    if isinstance(node, ast.ClassDef):
        counts["classes"] += 1
        return _Scope(name, public, scope.decisions)
    counts["functions"] += 1
    counts["async"] += isinstance(node, ast.AsyncFunctionDef)
    counts["annotated"] += _is_annotated(node)
    decisions = [0]
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    pending.append((Function(name, source.path, node.lineno, length, 0), decisions))
    return _Scope(name, False, decisions)


def _decisions(node: ast.AST) -> int:
    if isinstance(node, _ONE_DECISION):
        return 1
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    if isinstance(node, ast.match_case):
        pattern = node.pattern
        catches_all = isinstance(pattern, ast.MatchAs) and pattern.pattern is None
        return 0 if catches_all and node.guard is None else 1
    return 0


def _count_habits(node: ast.AST, counts: Counter[str]) -> None:
    if isinstance(node, ast.JoinedStr):
        counts["f-string"] += 1
    elif isinstance(node, ast.FormattedValue):
        counts["f-string"] -= node.format_spec is not None  # parsed as one more f-string
    elif isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Mod) and _is_text(node.left):
            counts["percent"] += 1
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
        and _is_text(node.func.value)
    ):
        counts["format"] += 1


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_annotated(node: FunctionNode) -> bool:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return node.returns is not None or any(a.annotation is not None for a in every)


def _classify_lines(text: str, tree: ast.Module) -> Lines:
    docstring_starts = set(_docstring_starts(tree))
    code: set[int] = set()
    docstring: set[int] = set()
    comment: set[int] = set()
    for kind, _, start, end, _ in tokenize.generate_tokens(io.StringIO(text).readline):
        if kind in _LAYOUT_TOKENS:
            continue
        if kind == tokenize.COMMENT:
            comment.add(start[0])
        elif kind == tokenize.STRING and start in docstring_starts:
            docstring.update(range(start[0], end[0] + 1))
        elif start[0] == end[0]:
            code.add(start[0])
        else:
            code.update(range(start[0], end[0] + 1))
    docstring -= code
    comment -= code | docstring
    total = text.count("\n") + (not text.endswith("\n") and text != "")
    return Lines(
        code=len(code),
        docstring=len(docstring),
        comment=len(comment),
        blank=total - len(code) - len(docstring) - len(comment),
    )


def _docstring_starts(tree: ast.Module) -> Iterator[tuple[int, int]]:
    for node in ast.walk(tree):
        if isinstance(node, Documentable) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and _is_text(first.value):
                yield first.lineno, first.col_offset
