from __future__ import annotations

from arch import sizes
from arch.conftest import Plant
from arch.source import Source, nothing


def test_no_file_function_class_or_parameter_list_is_too_long(everything: list[Source]) -> None:
    nothing(sizes.long_files(everything))
    nothing(sizes.long_functions(everything))
    nothing(sizes.long_classes(everything))
    nothing(sizes.many_parameters(everything))


def test_a_file_of_501_lines_is_found(plant: Plant) -> None:
    assert len(sizes.long_files(plant({"a.py": "x = 1\n" * 501, "b.py": "x = 1\n" * 500}))) == 1


def test_a_function_of_61_lines_is_found(plant: Plant) -> None:
    body = "def f():\n" + "    x = 1\n" * 59
    assert sizes.long_functions(plant({"a.py": body})) == []
    assert sizes.long_functions(plant({"a.py": body + "    x = 1\n"})) == ["a.py:1 function f has 61 lines, at most 60"]


def test_a_class_of_301_lines_is_found(plant: Plant) -> None:
    assert len(sizes.long_classes(plant({"a.py": "class C:\n" + "    x = 1\n" * 300}))) == 1


def test_a_seventh_parameter_is_found_and_self_is_none(plant: Plant) -> None:
    found = sizes.many_parameters(
        plant({"a.py": "def f(a, b, /, c, *, d, e, f, g): ...\nclass C:\n    def m(self, a, b, c, d, e, f): ...\n"})
    )
    assert found == ["a.py:1 function f takes 7 parameters, at most 6: make an options dataclass"]
