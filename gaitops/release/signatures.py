# SPDX-License-Identifier: Apache-2.0
"""Signatures of TUF metadata: making one, and counting who made how many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import Key, Signature, Signer
from tuf.api.metadata import Metadata

from gaitops.errors import GaitopsError, InternalError
from gaitops.fleet.root import read_root, signature_holds
from gaitops.signing.keys import load
from gaitops.signing.verification import verify


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """The keys of one role, none of them twice, and how many must sign."""

    keys: Mapping[str, Key]
    """Key id → key."""
    threshold: int

    def missing(self, metadata: Metadata[Any]) -> int:
        """Signatures that ``metadata`` still needs."""
        return max(0, self.threshold - count_signers(metadata, self.keys.values()))


def role_keys(root: bytes) -> dict[str, RoleKeys]:
    """The top-level roles of a root that was verified before: that is what makes the keys distinct."""
    signed = read_root(root, "trust.root_invalid", "root.json").signed
    return {
        name: RoleKeys({keyid: signed.keys[keyid] for keyid in role.keyids}, role.threshold)
        for name, role in signed.roles.items()
    }


def count_signers(metadata: Metadata[Any], keys: Iterable[Key]) -> int:
    """How many of ``keys`` (no key twice among them) have signed."""
    payload = metadata.signed_bytes
    return sum(
        key.keyid in metadata.signatures
        and signature_holds(key, metadata.signatures[key.keyid].signature, payload)
        for key in keys
    )


def sign_bytes(signer: Signer, payload: bytes) -> Signature:
    """A signature over ``payload`` under the recomputed id of the signer's key.

    Raises:
        InvalidInputError: ``key.*`` for a refused key.
        InternalError: ``signing.failed`` when the signer fails or its signature does not verify.
    """
    key = signer.public_key
    keyid = load(key).keyid
    try:
        signature = signer.sign(payload)
    except GaitopsError:
        raise
    except Exception as error:
        # Signers of HSMs and clouds raise whatever their libraries raise.
        raise InternalError.of("signing.failed", f"signing with key {keyid} failed: {error}") from error
    if not verify(key, bytes.fromhex(signature.signature), payload):
        raise InternalError.of(
            "signing.failed",
            f"the signature made with key {keyid} does not verify",
            remedy="check that the private key belongs to the public key",
        )
    return Signature(keyid, signature.signature)
