"""Names of tasks and workflows: what is allowed, and how new ones are made."""

from __future__ import annotations

import re
from typing import Final

MAX_ID: Final = 200
ID_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._:~@+-]*"
NAME_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
_ID: Final = re.compile(ID_PATTERN)
_NAME: Final = re.compile(NAME_PATTERN)
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


def valid_id(text: str) -> bool:
    """Whether text can be a task or workflow id: letters, digits and `. _ : ~ @ + -`, at most 200 characters."""
    return len(text) <= MAX_ID and _ID.fullmatch(text) is not None


def valid_name(text: str) -> bool:
    """Whether text can name a task, an input or a workflow: a letter or `_`, then letters, digits, `_` and `-`."""
    return len(text) <= MAX_ID and _NAME.fullmatch(text) is not None


def new_id(unix_ms: int, chance: int) -> str:
    """A new id that sorts by time: ten characters of milliseconds, ten of chance (50 bits), in Crockford's base 32."""
    return _base32(unix_ms, 10) + _base32(chance, 10)


def _base32(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
