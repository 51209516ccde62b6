"""Canonical bytes, digests, and the receipt of an ended attempt."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from holdfast.model.attempt import AttemptRef
from holdfast.model.content import Content
from holdfast.model.launch import Launch, Observation
from holdfast.model.outcome import Outcome, Verdict
from holdfast.model.receipt import Receipt

STATEMENT_TYPE: Final = "urn:holdfast:receipt:1"
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def canonical(value: object) -> bytes:
    """Compact UTF-8 JSON with sorted keys: equal values have equal bytes. Takes JSON values and model dataclasses."""
    return _ENCODER.encode(value)


def digest(data: bytes) -> str:
    """sha256 as hex."""
    return hashlib.sha256(data).hexdigest()


def receipt(
    ref: AttemptRef,
    outcome: Outcome,
    verdict: Verdict,
    *,
    spec_digest: str,
    evidence: tuple[Launch, Observation] | None,
    contents: dict[str, Content | None],
) -> Receipt:
    """The receipt: who, what was started, how it ended, what was checked, and the digests of what it left.

    `evidence` is None for an attempt that was never started, or whose engine died.
    """
    statement: dict[str, object] = {
        "type": STATEMENT_TYPE,
        "task": ref.task_id,
        "attempt": ref.number,
        "epoch": ref.epoch,
        "spec": spec_digest,
        "outcome": outcome,
        "verdict": verdict,
        "contents": {
            name: {"sha256": content.digest, "bytes": content.size, "produced": content.total}
            for name, content in contents.items()
            if content is not None
        },
    }
    if evidence is not None:
        launch, seen = evidence
        statement["launch"] = launch.digest
        statement["enforcement"] = launch.enforcement
        statement["level"] = launch.level
        statement["usage"] = seen.usage
        statement["containment"] = {"swept": seen.swept, "survivors": seen.survivors}
    data = canonical(statement)
    return Receipt(data, digest(data))
