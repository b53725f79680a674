# SPDX-License-Identifier: Apache-2.0
"""The report as a signed in-toto statement, and a signed report read back.

The subjects are the commit of the fleet repository and its trust root, so that a report cannot be passed off as one
about another fleet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError
from securesystemslib.signer import Key, Signer

from gaitops.documents.models.drill import DrillReport
from gaitops.documents.times import parse_timestamp
from gaitops.errors import InvalidInputError, VerificationError
from gaitops.fleet.people import Identity
from gaitops.history.session import History
from gaitops.signing.dsse import Envelope, parse_envelope, seal, verified_by
from gaitops.signing.statement import PAYLOAD_TYPE, Statement, Subject, parse_statement

PREDICATE_TYPE: Final = "https://gaitops.dev/attestation/drill/v1"
"""Type of the predicate that a signed report carries."""
_BENIGN = frozenset({"retired", "superseded"})
"""Causes of a revocation that say nothing against what the key signed before."""


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report and the envelope around it; nothing says yet whose signature it is."""

    report: DrillReport
    envelope: Envelope
    path: str


def sealed_report(report: DrillReport, signer: Signer) -> bytes:
    """The file that a drill leaves: a DSSE envelope around the statement.

    Raises:
        InvalidInputError: ``key.*``; ``envelope.too_large``.
        InternalError: ``signing.failed``.
    """
    statement = Statement(
        _subjects(report), PREDICATE_TYPE, report.model_dump(mode="json", by_alias=True, exclude_none=True)
    )
    return seal(PAYLOAD_TYPE, statement.to_bytes(), [signer])


def read_report(data: bytes, path: str) -> SignedReport:
    """Read a signed report. Nothing is verified.

    Raises:
        InvalidInputError: ``drill.report``: not a report of a drill; ``envelope.malformed``,
            ``statement.malformed`` or a ``document.*`` code of the strict JSON reader.
        VerificationError: ``signature.invalid`` when no signature is there.
    """
    envelope = parse_envelope(data, path)
    statement = parse_statement(envelope.payload, path)
    if envelope.payload_type != PAYLOAD_TYPE or statement.predicate_type != PREDICATE_TYPE:
        raise _unreadable(path, f"expected a statement with predicate {PREDICATE_TYPE}")
    try:
        report = DrillReport.model_validate(statement.predicate, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _unreadable(path, f"predicate.{where}: {first['msg']}") from error
    if statement.subjects != _subjects(report):
        raise _unreadable(path, "the subjects are not the commit and the trust root that the predicate names")
    return SignedReport(report, envelope, path)


def signed_with(signed: SignedReport, key: Key) -> None:
    """Require a signature by one key.

    Raises:
        VerificationError: ``drill.signer``.
    """
    if not verified_by(signed.envelope, key):
        raise VerificationError.of(
            "drill.signer",
            "the report is not signed by this key",
            path=signed.path,
            remedy="Ask who ran the drill for their public key, or resolve the signer with --repo.",
        )


def signed_by(signed: SignedReport, history: History) -> Identity:
    """The identity of a principal in verified state who signed a report about this very fleet.

    Raises:
        VerificationError: ``drill.other_fleet``: another trust root, or a commit that is not in this history;
            ``drill.signer``: by no key of a principal; ``identity.expired``, ``identity.revoked``.
    """
    report = signed.report
    known = report.trust_root == history.standing.root.trust_root
    if not known or history.fold.facts.position_of(report.commit) is None:
        raise VerificationError.of(
            "drill.other_fleet",
            "the report is about another fleet, or about a commit that is not in this history",
            path=signed.path,
            remedy="Compare the trust root and the commit that it names with those of the repository.",
        )
    found = [
        item
        for item in _identities(history)
        if item.key is not None and verified_by(signed.envelope, item.key)
    ]
    if not found:
        raise VerificationError.of(
            "drill.signer",
            "the report is signed by no key of a principal in verified state",
            path=signed.path,
            remedy="Have it signed by whoever ran it, with a key that trust/principals/ lists.",
        )
    identity = found[0]
    who = f"{identity.principal}/{identity.label}"
    if not identity.valid_at(parse_timestamp(report.started_at)):
        raise VerificationError.of(
            "identity.expired", f"{who} was not valid when the drill began", path=signed.path
        )
    revoked = history.fold.facts.revoked(identity.fingerprint)
    if revoked is not None and revoked.cause not in _BENIGN:
        raise VerificationError.of("identity.revoked", f"{who} is revoked: {revoked.cause}", path=signed.path)
    return identity


def _identities(history: History) -> list[Identity]:
    people = [history.fold.people(()), *(history.fold.people((org,)) for org in history.state().orgs())]
    return [identity for directory in people for identity in directory.identities]


def _subjects(report: DrillReport) -> tuple[Subject, ...]:
    return (
        Subject(report.fleet, {"gitCommit": report.commit}),
        Subject(f"{report.fleet} trust root", {"sha256": report.trust_root}),
    )


def _unreadable(path: str, message: str) -> InvalidInputError:
    return InvalidInputError.of("drill.report", message, path=path)
