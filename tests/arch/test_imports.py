from __future__ import annotations

import pytest

from arch import imports
from arch.conftest import Plant
from arch.source import Source, nothing

GROUND = {"holdfast.model"}
ROOMS = {f"holdfast.{room}" for room in ("journal", "blobs", "sandbox", "agents", "dispatch")}
COMPOSE = {"holdfast.app.compose"}

# The front door answers for public names on first use (PEP 562); compose loads adapters on demand.
LAZY = COMPOSE | {"holdfast"}
# The command line loads the one command that is called.
COMMANDS = {"holdfast.cli.main": "holdfast.cli.commands"}
# The task's function is named in its context, and found in the task's own process.
BY_NAME = LAZY | COMMANDS.keys() | {"holdfast.sandbox.zygote.call"}

# What runs in the zygote is started by its path and finds no package around it.
ZYGOTE = {"holdfast.sandbox.zygote", "holdfast.sandbox.linux"}


def test_imports_go_in_no_circle_even_counting_lazy_ones(package: list[Source]) -> None:
    nothing(imports.cycles(package, COMMANDS))


def test_the_package_is_imported_at_the_top_and_by_name(package: list[Source]) -> None:
    nothing(imports.lazy_imports(package, LAZY))
    nothing(imports.run_time_imports(package, BY_NAME))
    nothing(imports.root_imports(package))


def test_the_model_uses_the_standard_library_only(package: list[Source]) -> None:
    nothing(imports.beyond_standard_library(package, GROUND))


def test_only_compose_names_adapters(package: list[Source]) -> None:
    nothing(imports.adapter_names(package, ROOMS, COMPOSE))


def test_what_runs_in_the_zygote_stands_alone(package: list[Source]) -> None:
    nothing(imports.strangers(package, ZYGOTE))
    assert {source.name for source in package} >= ZYGOTE, "the zygote has moved: name it here"


@pytest.mark.parametrize(
    "way",
    [
        "from holdfast import b",
        "import holdfast.b",
        "from . import b",
        "from .b import f",
        "def f():\n    from holdfast.b import g",
        "import importlib\nimportlib.import_module('holdfast.b')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import holdfast.b",
    ],
)
def test_a_circle_is_found_whatever_the_way_of_importing(plant: Plant, way: str) -> None:
    files = {"holdfast/__init__.py": "", "holdfast/a.py": way, "holdfast/b.py": "from holdfast.c import x"}
    assert imports.cycles(plant(files | {"holdfast/c.py": ""})) == []
    assert len(imports.cycles(plant(files | {"holdfast/c.py": "from holdfast.a import x"}))) == 1


def test_a_circle_by_way_of_a_module_loaded_by_name_is_found(plant: Plant) -> None:
    sources = plant({"holdfast/main.py": "", "holdfast/commands/run.py": "import holdfast.main"})
    assert imports.cycles(sources) == []
    assert len(imports.cycles(sources, {"holdfast.main": "holdfast.commands"})) == 1


def test_a_relative_import_in_a_package_names_its_own_modules(plant: Plant) -> None:
    sources = plant({
        "holdfast/p/__init__.py": "from .b import x\nfrom ..q import y",
        "holdfast/p/b.py": "",
        "holdfast/q.py": "",
    })
    assert imports.graph(sources)["holdfast.p"] == {"holdfast.p.b", "holdfast.q"}


def test_an_import_within_a_function_is_found(plant: Plant) -> None:
    sources = plant({"holdfast/a.py": "async def f():\n    import holdfast.b\n    import json", "holdfast/b.py": ""})
    assert imports.lazy_imports(sources, ()) == ["a.py:2 imports holdfast.b within a function: move it to the top"]
    assert imports.lazy_imports(sources, {"holdfast.a"}) == []


@pytest.mark.parametrize("call", ["importlib.import_module(name)", "__import__(name)", "metadata.entry_points()"])
def test_a_module_found_at_run_time_is_found(plant: Plant, call: str) -> None:
    assert len(imports.run_time_imports(plant({"holdfast/a.py": call}), ())) == 1


def test_an_import_through_the_front_door_is_found(plant: Plant) -> None:
    sources = plant({"holdfast/__init__.py": "", "holdfast/a.py": "from holdfast import Engine"})
    assert imports.root_imports(sources) == [
        "a.py:1 imports holdfast.Engine from the front door: name the module it is in"
    ]


def test_a_third_party_import_on_the_ground_floor_is_found(plant: Plant) -> None:
    found = imports.beyond_standard_library(
        plant({"holdfast/model/a.py": "import json, msgspec", "holdfast/wire/b.py": "import msgspec"}),
        {"holdfast.model"},
    )
    assert found == ["a.py:1 imports msgspec: holdfast.model use the standard library only"]


def test_an_adapter_named_outside_compose_is_found(plant: Plant) -> None:
    names = "from holdfast.journal.memory import x"
    sources = plant(
        {f"holdfast/{at}.py": names for at in ("app/api", "app/compose", "journal/sqlite")}
        | {"holdfast/journal/memory.py": ""}
    )
    found = imports.adapter_names(sources, ROOMS, COMPOSE)
    assert found == ["holdfast.app.api imports holdfast.journal.memory: only holdfast.app.compose names adapters"]


def test_a_zygote_module_that_knows_the_house_is_found(plant: Plant) -> None:
    linux = "holdfast/sandbox/linux"
    sources = plant({
        f"{linux}/a.py": "from . import b\nfrom holdfast.model import m",
        f"{linux}/b.py": "",
        "holdfast/model/m.py": "",
    })
    assert len(imports.strangers(sources, {"holdfast.sandbox.linux"})) == 1
