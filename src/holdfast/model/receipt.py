"""The sealed evidence of one attempt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """`statement` is canonical JSON (sorted keys, no spaces, UTF-8); `digest` its sha256 as hex."""

    statement: bytes
    digest: str
