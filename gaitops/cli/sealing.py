# SPDX-License-Identifier: Apache-2.0
"""Envelopes around what a person signs, by the path under which the fleet repository keeps them (design 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from gaitops.change.attestation import Intent
    from gaitops.fleet.people import Directory
    from gaitops.history.session import History
    from gaitops.history.signable import Signable


class Sealer(Protocol):
    """Something that signs for a principal."""

    def require_listed(self, principal: str, people: Directory) -> None:
        """Make sure that what signs belongs to the principal, before anything is signed.

        Raises:
            InvalidInputError: ``key.not_principals``.
        """

    def seal(self, payload: bytes, principal: str, people: Directory) -> bytes:
        """The file around a signed statement.

        Raises:
            GaitopsError: It could not be signed.
        """


@dataclass(frozen=True, slots=True)
class KeySealer:
    """Signs with a key, wherever that lives."""

    signer: Signer

    def require_listed(self, principal: str, people: Directory) -> None:
        """See :class:`Sealer`."""
        known = people.by_keyid.get(self.signer.public_key.keyid, ())
        if principal not in {identity.principal for identity in known}:
            raise InvalidInputError.of(
                "key.not_principals",
                f"verified state does not list this key for {principal}",
                remedy="Use a key of that principal, or have the key added first.",
            )

    def seal(self, payload: bytes, principal: str, people: Directory) -> bytes:  # noqa: ARG002 - as the protocol has it
        """A DSSE envelope."""
        from gaitops.signing.dsse import seal
        from gaitops.signing.statement import PAYLOAD_TYPE

        return seal(PAYLOAD_TYPE, payload, [self.signer])


def sealed(
    history: History,
    signables: Sequence[Signable],
    sealer: Sealer,
    intent: Intent,
    principal: str,
    lifetime: timedelta,
    reason: str,
) -> dict[str, bytes]:
    """Envelope files by path, one per partition.

    Raises:
        InvalidInputError: ``key.not_principals``: verified state does not list the key, or the identity, for this
            principal; ``approval.none``: there is nothing to withdraw.
        GaitopsError: As :meth:`Sealer.seal`.
    """
    trust_root = history.standing.root.trust_root
    # All of it is checked before any of it is signed: a signature in a public log cannot be taken back.
    for item in signables:
        sealer.require_listed(principal, item.judgement.change.directory)
        if intent == "withdraw" and not item.own_approvals(principal):
            raise InvalidInputError.of(
                "approval.none", f"{principal} has not approved this change to {item.partition}"
            )
    files = {}
    for item in signables:
        payload = item.payload(
            trust_root,
            intent,
            principal,
            issued_at=history.at,
            lifetime=lifetime,
            reason=reason,
            withdraws=item.own_approvals(principal) if intent == "withdraw" else (),
        )
        path = statement_path(trust_root, item, principal, payload)
        files[path] = sealer.seal(payload, principal, item.judgement.change.directory)
    return files


def statement_path(trust_root: str, signable: Signable, principal: str, payload: bytes) -> str:
    """Where the fleet repository keeps the file around a statement in which a principal approves this."""
    from gaitops.change.deltas import deltas_digest
    from gaitops.documents.layout import envelope_path

    subject = deltas_digest(trust_root, signable.judgement.change.deltas)
    return envelope_path(subject, principal, hashlib.sha256(payload).hexdigest())
