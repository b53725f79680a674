# SPDX-License-Identifier: Apache-2.0
"""The approval attestation: what people sign (design 6).

An envelope file is read in one step into an :class:`Attestation`, or into a reason why it is ignored. Reading
verifies nothing but shape; signatures are checked against the people of a state, in ``change.approvals``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from gaitops.change.deltas import Delta, delta_from_json, deltas_digest, ordered
from gaitops.change.forge import ForgeReview, review_from_json
from gaitops.documents.times import format_timestamp, parse_timestamp
from gaitops.errors import GaitopsError, VerificationError
from gaitops.fleet.credentials import FORGE
from gaitops.signing.canonical import canonical_json
from gaitops.signing.dsse import Envelope
from gaitops.signing.envelopes import read_envelope
from gaitops.signing.statement import PAYLOAD_TYPE, Statement, Subject, parse_statement

PREDICATE_TYPE = "https://gaitops.dev/attestation/approval/v1"
MAX_ENVELOPE_BYTES = 64 * 1024

T = TypeVar("T")

Intent = Literal["propose", "approve", "withdraw"]

_ENVELOPE_PATH = re.compile(r"approvals/([0-9a-f]{2})/([0-9a-f]{62})/[^/]+\.json")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Attestation:
    """One envelope, parsed: somebody's statement about exact deltas. Nothing in it is believed yet."""

    envelope: Envelope
    sha256: str
    """Of the envelope file."""
    payload_digest: str
    """SHA-256 of the payload: names the statement whatever its file is called."""
    subject: str
    """Digest that the statement is about; equals that of its own deltas, or the attestation is refused."""
    intent: Intent
    principal: str
    base: str | None
    """Commit that the signer looked at; ``None`` only for genesis."""
    deltas: tuple[Delta, ...]
    operations: Sequence[object]
    contributors: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    reason: str
    withdraws: frozenset[str]
    forge: ForgeReview | None = None
    """The review at a forge that a service attests; then :attr:`principal` is the reviewer and did not sign."""

    @property
    def signed_by(self) -> str:
        """The principal whose signature it needs: the attesting service of a review, else the one it names."""
        return self.forge.attested_by if self.forge is not None else self.principal


def envelope_subject(path: str) -> str | None:
    """The deltas digest that an envelope's folder names; ``None`` when the path is not an envelope's."""
    match = _ENVELOPE_PATH.fullmatch(path)
    return match[1] + match[2] if match else None


def statement_payload(
    *,
    trust_root: str,
    intent: Intent,
    principal: str,
    base: str | None,
    deltas: Sequence[Delta],
    operations: Sequence[Mapping[str, object]],
    contributors: Sequence[str],
    issued_at: datetime,
    expires_at: datetime,
    reason: str,
    withdraws: Sequence[str] = (),
    forge: ForgeReview | None = None,
) -> bytes:
    """The bytes that are signed: an in-toto Statement in canonical JSON."""
    predicate: dict[str, object] = {
        "intent": intent,
        "principal": principal,
        "base": base,
        "deltas": [item.to_json() for item in ordered(deltas)],
        "operations": [dict(operation) for operation in operations],
        "contributors": sorted(contributors),
        "issuedAt": format_timestamp(issued_at),
        "expiresAt": format_timestamp(expires_at),
        "reason": reason,
        "payloadVersion": 1,
    }
    if intent == "withdraw":
        predicate["withdraws"] = sorted(withdraws)
    if forge is not None:
        predicate |= {"assurance": FORGE, "forge": forge.to_json()}
    subject = Subject("deltas", {"sha256": deltas_digest(trust_root, deltas)})
    return Statement((subject,), PREDICATE_TYPE, predicate).to_bytes()


def read_attestation(data: bytes, path: str) -> Attestation:
    """Parse one envelope file.

    Raises:
        VerificationError: ``approval.malformed`` or the reader's own code. A malformed envelope is ignored
            and reported, never fatal (threat T22).
    """
    if len(data) > MAX_ENVELOPE_BYTES:
        raise _malformed(
            path, f"an envelope has at most {MAX_ENVELOPE_BYTES} bytes, this one has {len(data)}"
        )
    try:
        envelope = read_envelope(data, path)
        if envelope.payload_type != PAYLOAD_TYPE:
            raise _malformed(path, f"payload type is {envelope.payload_type!r}, expected {PAYLOAD_TYPE!r}")
        statement = parse_statement(envelope.payload, path)
        if statement.predicate_type != PREDICATE_TYPE:
            raise _malformed(
                path, f"predicate type is {statement.predicate_type!r}, expected {PREDICATE_TYPE!r}"
            )
        return _attestation(envelope, statement, hashlib.sha256(data).hexdigest(), path)
    except VerificationError:
        raise
    except GaitopsError as error:
        raise VerificationError(error.problems) from error


def _attestation(envelope: Envelope, statement: Statement, sha256: str, path: str) -> Attestation:
    predicate = _Reader(statement.predicate, path)
    if predicate.get("payloadVersion", int) != 1:
        raise _malformed(path, f"payloadVersion is {predicate.get('payloadVersion', int)}, expected 1")
    intent = predicate.text("intent")
    if intent not in ("propose", "approve", "withdraw"):
        raise _malformed(path, f"intent is {intent!r}, expected propose, approve or withdraw")
    base = predicate.optional_text("base")
    if base is not None and not _COMMIT.fullmatch(base):
        raise _malformed(path, "base is not a full commit id")
    if len(statement.subjects) != 1 or "sha256" not in statement.subjects[0].digest:
        raise _malformed(path, "one subject with a sha256 digest expected")
    return Attestation(
        envelope=envelope,
        sha256=sha256,
        payload_digest=hashlib.sha256(envelope.payload).hexdigest(),
        subject=statement.subjects[0].digest["sha256"],
        intent=intent,  # type: ignore[arg-type]  # narrowed by the membership test above
        principal=predicate.text("principal"),
        base=base,
        deltas=predicate.deltas(),
        operations=predicate.get("operations", list),
        contributors=frozenset(predicate.texts("contributors")),
        issued_at=parse_timestamp(predicate.text("issuedAt")),
        expires_at=parse_timestamp(predicate.text("expiresAt")),
        reason=predicate.text("reason"),
        withdraws=frozenset(predicate.texts("withdraws")) if intent == "withdraw" else frozenset(),
        forge=_forge(statement.predicate, intent, path),
    )


def _forge(predicate: Mapping[str, object], intent: str, path: str) -> ForgeReview | None:
    """The attested review; who looks only at one of the two members that announce it must not miss the other."""
    if "forge" not in predicate and "assurance" not in predicate:
        return None
    members = predicate.get("forge")
    if predicate.get("assurance") != FORGE or not isinstance(members, dict):
        raise _malformed(path, f"assurance: {FORGE} and forge are given together or not at all")
    if intent != "approve":
        raise _malformed(path, f"a review of a forge approves, it cannot {intent}")
    try:
        return review_from_json(members)
    except ValueError as error:
        raise _malformed(path, str(error)) from error


class _Reader:
    """Typed access to the members of a predicate; unknown members are ignored (design 3)."""

    def __init__(self, members: Mapping[str, object], path: str) -> None:
        self._members = members
        self._path = path

    def get(self, name: str, kind: type[T]) -> T:
        value = self._members.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise _malformed(self._path, f"{name} is missing or not of type {kind.__name__}")
        return value

    def text(self, name: str) -> str:
        return self.get(name, str)

    def optional_text(self, name: str) -> str | None:
        return None if self._members.get(name) is None else self.text(name)

    def texts(self, name: str) -> list[str]:
        values = self.get(name, list)
        if not all(isinstance(value, str) for value in values):
            raise _malformed(self._path, f"{name} is not a list of strings")
        return values

    def deltas(self) -> tuple[Delta, ...]:
        found = []
        for value in self.get("deltas", list):
            item = delta_from_json(value) if isinstance(value, dict) else None
            if item is None or not all(d is None or _DIGEST.fullmatch(d) for d in (item.before, item.after)):
                raise _malformed(self._path, "deltas has an entry that is not a delta")
            found.append(item)
        if not found or list(ordered(found)) != found or len({item.path for item in found}) != len(found):
            raise _malformed(self._path, "deltas are empty, repeated or not sorted by path bytes")
        return tuple(found)


def _malformed(path: str, message: str) -> VerificationError:
    return VerificationError.of(
        "approval.malformed", message, path=path, remedy="remove the file, or sign again with gaitops approve"
    )


def operations_equal(attested: Sequence[object], derived: Sequence[Mapping[str, object]]) -> bool:
    """Whether the operations in an envelope are those that the engine derives, in any order."""
    try:
        return sorted(canonical_json(item) for item in attested) == sorted(
            canonical_json(dict(item)) for item in derived
        )
    except GaitopsError:
        return False
