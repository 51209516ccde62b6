"""What can be wrong with stored bytes."""

from __future__ import annotations

from holdfast.model.errors import EngineFault


class BlobMissing(EngineFault):
    """The bytes of a recorded digest are gone."""

    code = "blob.missing"


class BlobDamaged(EngineFault):
    """The bytes of a recorded digest are not those that were stored."""

    code = "blob.damaged"
