"""What the tests of bad input share."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from holdfast.model.errors import Problem, Refused
from holdfast.wire.document import Form, read_document
from holdfast.wire.parse import parse


class Bad(NamedTuple):
    """A document with one problem: its code and its path."""

    situation: str
    form: Form
    text: str | bytes
    code: str
    path: str


def problems_of(text: str | bytes, form: Form | None = None) -> tuple[Problem, ...]:
    """Why a document is refused."""
    with pytest.raises(Refused) as caught:
        parse(read_document(text.encode() if isinstance(text, str) else text, form, "sample"))
    return caught.value.problems


def check(bad: Bad) -> None:
    """The document is refused for just the one reason, which says what to do, in words fit for a terminal."""
    problems = problems_of(bad.text, bad.form)
    assert [(problem.code, problem.path) for problem in problems] == [(bad.code, bad.path)]
    for problem in problems:
        assert problem.message
        assert problem.remedy.endswith((".", "?", "!"))
        assert str(problem).isprintable()
        assert len(str(problem)) < 600
