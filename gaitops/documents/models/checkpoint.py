# SPDX-License-Identifier: Apache-2.0
"""What is written down about an evidence log so that its loss or alteration shows: checkpoints and proofs (design 11)."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from gaitops.documents.models.base import Items, Model, Sha256, Timestamp

CHECKPOINT_SCHEMA: Final = "gaitops.dev/evidence-checkpoint/v1"
PROOF_SCHEMA: Final = "gaitops.dev/evidence-proof/v1"

StoreId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
_Size = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Prefix(Model):
    """The beginning of an evidence log."""

    size: _Size = Field(description="Number of artifacts.")
    root: Sha256 = Field(
        description="Merkle root (RFC 6962) over their SHA-256 digests, in order of position."
    )


class EvidenceCheckpoint(Model):
    """The evidence log of one store at one time."""

    schema_: Literal["gaitops.dev/evidence-checkpoint/v1"] = Field(
        alias="schema", description="Always gaitops.dev/evidence-checkpoint/v1."
    )
    store: StoreId = Field(description="Id of the store, from its store.json.")
    size: _Size = Field(description="Number of artifacts.")
    root: Sha256 = Field(
        description="Merkle root (RFC 6962) over their SHA-256 digests, in order of position."
    )
    made_at: Timestamp = Field(description="When it was made, by whoever made it.")
    previous: Prefix | None = Field(
        default=None,
        description="The checkpoint before it, whose log was proven to be the beginning of this one.",
    )

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.previous is not None and self.previous.size > self.size:
            raise ValueError("expected the previous checkpoint to be no larger")
        return self

    @property
    def prefix(self) -> Prefix:
        """What it says of the log, without when."""
        return Prefix(size=self.size, root=self.root)


class EvidenceProof(Model):
    """That one artifact is in the log of a checkpoint, checkable by anybody who has the checkpoint (RFC 6962 2.1.1)."""

    schema_: Literal["gaitops.dev/evidence-proof/v1"] = Field(
        alias="schema", description="Always gaitops.dev/evidence-proof/v1."
    )
    store: StoreId = Field(description="Id of the store.")
    artifact: Sha256 = Field(description="SHA-256 of the artifact's bytes.")
    position: _Size = Field(description="Place of the artifact in the log, from 0.")
    size: _Size = Field(description="Number of artifacts in the log of the checkpoint.")
    path: Items[Sha256] = Field(description="Hashes of the neighbouring subtrees, from the leaf up.")
