# SPDX-License-Identifier: Apache-2.0
"""Envelopes around what a person signs, by the path under which the fleet repository keeps them (design 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from gaitops.change.attestation import Intent
    from gaitops.history.session import History
    from gaitops.history.signable import Signable


def sealed(
    history: History,
    signables: Sequence[Signable],
    signer: Signer,
    intent: Intent,
    principal: str,
    lifetime: timedelta,
    reason: str,
) -> dict[str, bytes]:
    """Envelope files by path, one per partition.

    Raises:
        InvalidInputError: ``key.not_principals``: verified state does not list the key for this principal;
            ``approval.none``: there is nothing to withdraw.
    """
    from gaitops.change.deltas import deltas_digest
    from gaitops.documents.layout import envelope_path
    from gaitops.signing.dsse import seal
    from gaitops.signing.statement import PAYLOAD_TYPE

    trust_root = history.standing.root.trust_root
    files = {}
    for item in signables:
        known = item.judgement.change.directory.by_keyid.get(signer.public_key.keyid, ())
        if principal not in {identity.principal for identity in known}:
            raise InvalidInputError.of(
                "key.not_principals",
                f"verified state does not list this key for {principal}",
                remedy="Use a key of that principal, or have the key added first.",
            )
        withdrawn = item.own_approvals(principal) if intent == "withdraw" else ()
        if intent == "withdraw" and not withdrawn:
            raise InvalidInputError.of(
                "approval.none", f"{principal} has not approved this change to {item.partition}"
            )
        payload = item.payload(
            trust_root,
            intent,
            principal,
            issued_at=history.at,
            lifetime=lifetime,
            reason=reason,
            withdraws=withdrawn,
        )
        subject = deltas_digest(trust_root, item.judgement.change.deltas)
        path = envelope_path(subject, principal, hashlib.sha256(payload).hexdigest())
        files[path] = seal(PAYLOAD_TYPE, payload, [signer])
    return files
