"""How a place in a document is written, and which known word an unknown one most likely meant."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_LONGEST: Final = 64
_MANY: Final = 500


def below(place: str, step: str | int) -> str:
    """The place of a part: `tasks.build`, `needs[2]`, `env["a b"]`. Long keys are cut short."""
    if isinstance(step, int):
        return f"{place}[{step}]"
    if _PLAIN.fullmatch(step):
        return f"{place}.{step}" if place else step
    return f"{place}[{quoted(step)}]"


def quoted(text: str) -> str:
    """Text in double quotes, safe to print on any terminal, cut short where long."""
    return json.dumps(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known word most like this one, None where none is. Bounded work whatever the input."""
    if len(word) > _LONGEST or len(known) > _MANY:
        return None
    folded = word.casefold()
    for other in known:
        if other.casefold() == folded:
            return other
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return close[0] if close else None


def listed(words: Collection[str], most: int = 12) -> str:
    """Words as a person lists them; of many, the first and how many more there are."""
    shown = [word if _PLAIN.fullmatch(word) else quoted(word) for word, _ in zip(words, range(most), strict=False)]
    more = len(words) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
