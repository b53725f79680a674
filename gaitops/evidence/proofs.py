# SPDX-License-Identifier: Apache-2.0
"""Checking proofs about an evidence log: a checkpoint, a proof, and nothing else. Needs no store and no optional library."""

from __future__ import annotations

from gaitops.documents.models.checkpoint import EvidenceCheckpoint, EvidenceProof
from gaitops.errors import VerificationError
from gaitops.evidence.merkle import root_from_inclusion


def check_inclusion(
    proof: EvidenceProof, checkpoint: EvidenceCheckpoint, artifact: str | None = None
) -> None:
    """Accept only if ``proof`` shows that its artifact is in the log of ``checkpoint``.

    Args:
        proof: the proof.
        checkpoint: from a source that the caller believes, such as a release.
        artifact: SHA-256 of the file that the caller holds, if it holds one.

    Raises:
        VerificationError: ``evidence.proof``.
    """
    if artifact is not None and artifact != proof.artifact:
        raise _refused(f"the file has SHA-256 {artifact}, the proof is about {proof.artifact}")
    if proof.store != checkpoint.store:
        raise _refused(f"the proof is about store {proof.store}, the checkpoint about {checkpoint.store}")
    if proof.size != checkpoint.size:
        raise _refused(
            f"the proof is about a log of {proof.size}, the checkpoint about one of {checkpoint.size}"
        )
    root = root_from_inclusion(
        bytes.fromhex(proof.artifact),
        proof.position,
        proof.size,
        [bytes.fromhex(item) for item in proof.path],
    )
    if root is None or root.hex() != checkpoint.root:
        raise _refused(f"the proof does not lead to the root {checkpoint.root}")


def _refused(reason: str) -> VerificationError:
    return VerificationError.of(
        "evidence.proof",
        reason,
        remedy="Ask for a proof against this very checkpoint, or for the checkpoint it was made for.",
    )
