"""Gates on habits: what hides errors, what hides state, what hides meaning."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from arch.source import Source, dotted, functions, shown

BROAD: Final = frozenset({"Exception", "BaseException", "builtins.Exception", "builtins.BaseException"})
SILENCED: Final = re.compile(r"#\s*(type:\s*ignore|mypy:\s*(ignore|disable)|pyright:\s*ignore)")
VAGUE: Final = frozenset([
    "common",
    "executor",
    "handler",
    "helper",
    "helpers",
    "job",
    "jobs",
    "manager",
    "misc",
    "util",
    "utils",
])
MUTABLE_CALLS: Final = frozenset(
    ["bytearray", "count", "Counter", "cycle", "defaultdict", "deque", "dict", "list", "OrderedDict", "Queue", "set"]
    + ["SimpleNamespace", "WeakKeyDictionary", "WeakSet", "WeakValueDictionary", "Event", "Lock", "RLock", "Condition"]
)
READ_ONLY: Final = frozenset({"Final", "Mapping", "Sequence", "Set", "Collection", "frozenset", "tuple", "ClassVar"})
CONSTANT: Final = re.compile(r"_{0,2}[A-Z][A-Z0-9_]*")


def silenced_types(sources: Iterable[Source]) -> list[str]:
    return [
        f"{source.at(token.start[0])} silences the type checker: {token.string}"
        for source in sources
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline)
        if token.type == tokenize.COMMENT and SILENCED.search(token.string)
    ]


def broad_excepts(sources: Iterable[Source], allowed: Mapping[str, str]) -> list[str]:
    """Handlers that swallow anything, outside the files named; named files that no longer have one.

    A handler that ends by raising again hides nothing and is not counted.
    """
    found = [(source, node) for source in sources for node in ast.walk(source.tree) if _swallows_anything(node)]
    files = {shown(source.path) for source, _ in found}
    return [
        *(f"{source.at(node)} catches everything" for source, node in found if shown(source.path) not in allowed),
        *(f"{path} is in the list of broad excepts and has none: strike it" for path in allowed if path not in files),
    ]


def _swallows_anything(node: ast.AST) -> bool:
    match node:
        case ast.ExceptHandler(type=caught, body=body):
            again = isinstance(body[-1], ast.Raise) and body[-1].exc is None
            return not again and (caught is None or _is_broad(caught))
        case ast.Call(func=func, args=args):
            return dotted(func).endswith("suppress") and any(map(_is_broad, args))
        case _:
            return False


def _is_broad(node: ast.expr) -> bool:
    return any(map(_is_broad, node.elts)) if isinstance(node, ast.Tuple) else dotted(node) in BROAD


def module_state(sources: Iterable[Source]) -> list[str]:
    """Mutable values bound at module level, and functions that rebind module names."""
    return [
        *(
            f"{source.at(node)} {name} is mutable state of the module: a constant is UPPER_CASE and typed read-only"
            for source in sources
            for node, name in _module_bindings(source.tree.body)
            if _is_mutable(node.value) and not _is_constant(node, name)
        ),
        *(
            f"{source.at(node)} rebinds {', '.join(node.names)} of the module"
            for source in sources
            for function in functions(source.tree)
            for node in ast.walk(function)
            if isinstance(node, ast.Global)
        ),
    ]


def _module_bindings(body: Iterable[ast.stmt]) -> Iterator[tuple[ast.Assign | ast.AnnAssign, str]]:
    """Assignments to names that happen on import, also under `if`, `try` and `with`."""
    for node in body:
        match node:
            case ast.Assign(targets=targets):
                yield from ((node, target.id) for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield node, name
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
                inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
                yield from _module_bindings(inner)
            case _:
                pass


def _is_mutable(value: ast.expr | None) -> bool:
    match value:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return True
        case ast.Call(func=func):
            return dotted(func).rpartition(".")[2] in MUTABLE_CALLS
        case _:
            return False


def _is_constant(node: ast.Assign | ast.AnnAssign, name: str) -> bool:
    if name == "__all__":
        return True
    if not CONSTANT.fullmatch(name) or isinstance(node, ast.Assign):
        return False
    outer = node.annotation.value if isinstance(node.annotation, ast.Subscript) else node.annotation
    return dotted(outer).rpartition(".")[2] in READ_ONLY


def vague_names(sources: Iterable[Source], but: Collection[str] = ()) -> list[str]:
    """Words outside the vocabulary in names of modules and classes."""
    named = [
        *((source.at(1), source.name.rpartition(".")[2]) for source in sources),
        *((s.at(node), node.name) for s in sources for node in ast.walk(s.tree) if isinstance(node, ast.ClassDef)),
    ]
    return [
        f"{place} is called {name}: '{word}' says too little"
        for place, name in named
        if name not in but
        for word in sorted(VAGUE & _words(name))
    ]


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
