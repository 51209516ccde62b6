"""Reading a document: where one is in it, and every problem met on the way.

Nothing stops at the first problem. A reader notes it, goes on with what it has, and `Problems.refuse` ends the
reading: a document is taken whole, or refused with every reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from holdfast.model.errors import Problem, Refused
from holdfast.model.json import Json, type_name
from holdfast.model.place import below, nearest, quoted

MOST_PROBLEMS: Final = 1_000
"""More are counted, not kept: a hostile document must not fill the memory with its faults."""


class Problems:
    """The problems found so far, in order."""

    __slots__ = ("_found", "_left_out")

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._left_out = 0

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        """Whether further problems are only counted: no work need be put into telling them."""
        return len(self._found) >= MOST_PROBLEMS

    def add(self, problem: Problem) -> None:
        """Note one problem."""
        if self.full:
            self.count()
        else:
            self._found.append(problem)

    def count(self) -> None:
        """Note that there is one problem more than are told."""
        self._left_out += 1

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note several."""
        for problem in problems:
            self.add(problem)

    def found(self) -> tuple[Problem, ...]:
        """All that were noted; the last one says how many more there are, if any."""
        if not self._left_out:
            return tuple(self._found)
        more = Problem(
            "problems.more", "", f"there are {self._left_out} more problems", "Mend those above, then try again."
        )
        return (*self._found, more)

    def refuse(self) -> None:
        """Raise Refused if any problem was noted."""
        if self._found:
            raise Refused(self.found())


class Place:
    """Where the reader is. Its text is made only when there is something to say about it."""

    __slots__ = ("_parent", "_step", "problems")

    def __init__(self, problems: Problems, parent: Place | None = None, step: str | int = "") -> None:
        self.problems = problems
        self._parent = parent
        self._step = step

    def below(self, step: str | int) -> Place:
        """The place of a part."""
        return Place(self.problems, self, step)

    @property
    def path(self) -> str:
        """Such as `execution.resources.timeout`; empty for the whole."""
        steps: list[str | int] = []
        place = self
        while place._parent is not None:
            steps.append(place._step)
            place = place._parent
        path = ""
        for step in reversed(steps):
            path = below(path, step)
        return path

    def problem(self, code: str, message: str, remedy: str) -> None:
        """Note what is wrong here, and what to do about it."""
        if self.problems.full:
            self.problems.count()
            return
        self.problems.add(Problem(code, self.path, message, _sentence(remedy)))

    def nearest(self, word: str, known: Collection[str]) -> str | None:
        """The known word that was meant most likely; none is looked for once no more problems are told."""
        return None if self.problems.full else nearest(word, known)


def refused(code: str, message: str, remedy: str) -> Refused:
    """A refusal of the whole document for one reason."""
    return Refused([Problem(code, "", message, _sentence(remedy))])


def shown(value: Json) -> str:
    """A value in a message, cut short where long."""
    if isinstance(value, str):
        return quoted(value)
    return quoted(str(value))[1:-1] if isinstance(value, int | float) and value is not True else type_name(value)


def wrong_type(value: Json, at: Place, wanted: str, remedy: str = "") -> None:
    """Note that a value is of another type than wanted."""
    found = shown(value) if isinstance(value, str) and len(value) < 40 else type_name(value)
    at.problem("type.wrong", f"it is {found}, where {wanted} is wanted", remedy or f"give {wanted}")


def _sentence(remedy: str) -> str:
    """The remedy, beginning with a capital and ending as a sentence."""
    begun = remedy[:1].upper() + remedy[1:]
    return begun if begun.endswith((".", "?", "!")) else begun + "."
