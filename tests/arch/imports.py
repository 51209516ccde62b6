"""Gates on imports that import-linter's contracts (pyproject.toml) do not cover.

The graph counts every import: at the top, inside functions, under TYPE_CHECKING, by importlib.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType

from arch.source import PACKAGE, Source, dotted, functions

Graph = Mapping[str, Collection[str]]


def graph(sources: Iterable[Source]) -> Graph:
    """Module -> modules of the package that it imports in any way."""
    sources = list(sources)
    names = {source.name for source in sources}
    return {
        source.name: {_module(target, names) for _, target in imported(source) if _own(target)} for source in sources
    }


def cycles(sources: Iterable[Source], by_name: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """At most one cycle, the first one met: mend it and look again.

    `by_name`: module -> package whose modules it loads by names that no import statement shows.
    """
    known = graph(sources)
    hidden = {name: {each for each in known if _within(each, {below})} for name, below in by_name.items()}
    try:
        TopologicalSorter({name: {*known[name], *hidden.get(name, ())} for name in known}).prepare()
    except CycleError as error:
        return ["import cycle: " + " -> ".join(reversed(error.args[1]))]
    return []


def lazy_imports(sources: Iterable[Source], allowed: Collection[str]) -> list[str]:
    """Imports of the package from within functions, save in the modules allowed to."""
    return [
        f"{source.at(node)} imports {target} within a function: move it to the top"
        for source in sources
        if source.name not in allowed
        for function in functions(source.tree)
        for node, target in _imported(function, source)
        if _own(target)
    ]


def run_time_imports(sources: Iterable[Source], allowed: Collection[str]) -> list[str]:
    """Module names resolved at run time and scans for plugins, save in the modules allowed to."""
    suspect = {"importlib.import_module", "import_module", "__import__", "importlib.__import__"}
    scans = {
        "pkgutil.iter_modules",
        "pkgutil.walk_packages",
        "importlib.metadata.entry_points",
        "metadata.entry_points",
    }
    return [
        f"{source.at(node)} calls {dotted(node.func)}: modules are imported by name, at the top"
        for source in sources
        if source.name not in allowed
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and dotted(node.func) in suspect | scans | {"entry_points"}
    ]


def root_imports(sources: Iterable[Source]) -> list[str]:
    """Imports of the package's own front door from inside: it knows every floor, so each would be a hidden cycle."""
    sources = list(sources)
    names = {source.name for source in sources}
    return [
        f"{source.at(node)} imports {target} from the front door: name the module it is in"
        for source in sources
        for node, target in imported(source)
        if _own(target) and target.count(".") < 2 and _module(target, names) == PACKAGE
    ]


def beyond_standard_library(sources: Iterable[Source], packages: Collection[str]) -> list[str]:
    """Third-party imports in packages that stand on the standard library alone."""
    return [
        f"{source.at(node)} imports {target}: {', '.join(sorted(packages))} use the standard library only"
        for source in sources
        if _within(source.name, packages)
        for node, target in imported(source)
        if not _own(target) and target.partition(".")[0] not in sys.stdlib_module_names
    ]


def strangers(sources: Iterable[Source], alone: Collection[str]) -> list[str]:
    """Imports of the package, but for siblings, in modules that run without it (the zygote's side)."""
    return [
        f"{name} imports {target}: it runs in the zygote and knows only {', '.join(sorted(alone))}"
        for name, targets in graph(sources).items()
        if _within(name, alone)
        for target in sorted(targets)
        if not _within(target, alone)
    ]


def adapter_names(sources: Iterable[Source], rooms: Collection[str], allowed: Collection[str]) -> list[str]:
    """Imports of a room from outside that room, save in the one module that puts rooms together."""
    return [
        f"{name} imports {target}: only {', '.join(sorted(allowed))} names adapters"
        for name, targets in graph(sources).items()
        if name not in allowed
        for target in sorted(targets)
        if (room := next((r for r in rooms if _within(target, {r})), None)) and not _within(name, {room})
    ]


def imported(source: Source) -> Iterator[tuple[ast.AST, str]]:
    return _imported(source.tree, source)


def _imported(tree: ast.AST, source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Each import below a node with the dotted name it asks for; `from a import b` asks for a.b."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node, alias.name) for alias in names)
            case ast.ImportFrom(names=names):
                yield from ((node, f"{_base(node, source)}.{alias.name}") for alias in names)
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if dotted(node.func).endswith("import_module"):
                yield node, name
            case _:
                pass


def _base(node: ast.ImportFrom, source: Source) -> str:
    if not node.level:
        return node.module or ""
    here = source.name.split(".")
    package = here[: len(here) - node.level + source.is_package]
    return ".".join([*package, *([node.module] if node.module else [])])


def _module(target: str, names: Collection[str]) -> str:
    """The module that a dotted name lives in: itself, or the nearest parent there is."""
    while target not in names and "." in target:
        target = target.rpartition(".")[0]
    return target


def _own(target: str) -> bool:
    return _within(target, {PACKAGE})


def _within(name: str, packages: Collection[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
