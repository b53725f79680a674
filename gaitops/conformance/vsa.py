# SPDX-License-Identifier: Apache-2.0
"""The signed statement about a result: a SLSA Verification Summary Attestation 1.x (``verification_summary/v1``).

It is about one commit of one repository in one environment. It names the verifier, the policy version that was required
with its digest, and everything that was read; the whole result, with trust root and waivers, is a member of our
own, which other readers ignore. It dies with what it rests on: another policy is required, a waiver ends or is
taken back, it grows old.

``verifiedLevels`` is ``GAITOPS_CONFORMANT`` when every control could be judged and none fails, and
``GAITOPS_CONFORMANT_WITH_UNKNOWNS`` when none fails and some could not be judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from securesystemslib.signer import Key

from gaitops.conformance.inputs import Required
from gaitops.conformance.model import InputDigest, RepositoryResult
from gaitops.conformance.result_json import read_result
from gaitops.documents.times import format_timestamp
from gaitops.errors import GaitopsError, InvalidInputError, Problem, VerificationError
from gaitops.pin.require import Require
from gaitops.signing.dsse import parse_envelope, verified_by
from gaitops.signing.keys import fingerprint
from gaitops.signing.statement import PAYLOAD_TYPE, Statement, Subject, parse_statement

VSA_TYPE: Final = "https://slsa.dev/verification_summary/v1"
VERIFIER: Final = "https://gaitops.dev/conformance"
CONFORMANT: Final = "GAITOPS_CONFORMANT"
WITH_UNKNOWNS: Final = "GAITOPS_CONFORMANT_WITH_UNKNOWNS"
FAILED: Final = "FAILED"
"""SLSA's own word for an artifact that reached no level."""
OURS: Final = "https://gaitops.dev/conformance-result/v1"
"""Member of the predicate that holds the whole result."""
MAX_AGE: Final = timedelta(days=7)
SKEW: Final = timedelta(minutes=5)


def summary_statement(result: RepositoryResult, version: str) -> Statement:
    """The statement about ``result``, to be sealed with :func:`gaitops.signing.dsse.seal`.

    Args:
        result: Of a commit; nobody else can look at a working tree.
        version: Version of gaitops.

    Raises:
        InvalidInputError: ``conformance.no_commit`` for the result of a working tree.
    """
    if result.commit is None:
        raise InvalidInputError.of(
            "conformance.no_commit",
            "a statement is about a commit, and this is the result of a working tree",
            remedy="name the commit with --rev",
        )
    predicate = {
        "verifier": {"id": VERIFIER, "version": {"gaitops": version}},
        "timeVerified": format_timestamp(result.at),
        "resourceUri": _resource(result.repository),
        "policy": _policy(result),
        "inputAttestations": [_descriptor(item) for item in result.inputs],
        "verificationResult": "PASSED" if result.conformant else "FAILED",
        "verifiedLevels": [_level(result)],
        "slsaVersion": "1.1",
        OURS: result.to_json(),
    }
    return Statement((Subject(result.repository, {"gitCommit": result.commit}),), VSA_TYPE, predicate)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a summary must be about to count."""

    trust_root: str
    repository: str
    environment: str
    at: datetime
    """When it is judged."""
    required: Required | None = None
    """What is required now; then the summary must be about that, with waivers that still exist."""
    commit: str | None = None
    """Commit that it must be about; any when ``None``."""
    max_age: timedelta = MAX_AGE
    require: Require = Require.KEY
    """Signatures that the verifier must have asked the pin for, at least."""


@dataclass(frozen=True, slots=True)
class VerifiedSummary:
    """A summary that counts."""

    result: RepositoryResult
    fingerprint: str
    """Of the key that signed it."""
    verifier_version: str | None
    """Version of gaitops that made it, as it says."""


def verify_summary(
    data: bytes, keys: Collection[Key], expected: Expected, path: str = "summary"
) -> VerifiedSummary:
    """Verify a summary that somebody submitted.

    (1) One of ``keys`` signed it. (2) It is a verification summary that holds a result of ours, and what it says
    in SLSA's words follows from that result. (3) It is about the expected repository, environment, commit and trust
    root. (4) It still holds: not from the future, not too old, no applied waiver has ended or gone, and what was
    required is still required.

    Args:
        data: The envelope.
        keys: Keys of the verifiers that the caller trusts.
        expected: What it must be about.
        path: Where it came from, for messages.

    Raises:
        VerificationError: ``signature.invalid``, ``statement.invalid``, ``conformance.other_subject``,
            ``conformance.outdated``.
    """
    payload, key = _signed(data, keys, path)
    statement, result = _read(payload, path)
    problems = [*_about(statement, result, expected), *_outdated(result, expected)]
    if problems:
        raise VerificationError([Problem(code, message, path) for code, message in problems])
    return VerifiedSummary(result, fingerprint(key), _version(statement))


def _signed(data: bytes, keys: Collection[Key], path: str) -> tuple[bytes, Key]:
    try:
        envelope = parse_envelope(data, path)
    except InvalidInputError as error:
        message = f"not an envelope: {error.problems[0].message}"
        raise VerificationError.of("signature.invalid", message, path=path) from error
    key = next((key for key in keys if verified_by(envelope, key)), None)
    if key is None or envelope.payload_type != PAYLOAD_TYPE:
        raise VerificationError.of("signature.invalid", "no trusted verifier signed this summary", path=path)
    return envelope.payload, key


def _read(payload: bytes, path: str) -> tuple[Statement, RepositoryResult]:
    try:
        statement = parse_statement(payload, path)
        if statement.predicate_type != VSA_TYPE:
            raise _unfit(f"expected a statement of type {VSA_TYPE}, found {statement.predicate_type}", path)
        result = read_result(statement.predicate.get(OURS), path)
        rewritten = summary_statement(result, _version(statement) or "")
    except VerificationError:
        raise
    except GaitopsError as error:
        raise _unfit(error.problems[0].message, path) from error
    for member in ("timeVerified", "resourceUri", "policy", "verificationResult", "verifiedLevels"):
        if statement.predicate.get(member) != rewritten.predicate[member]:
            raise _unfit(f"{member} does not follow from the result", path)
    if statement.subjects != rewritten.subjects:
        raise _unfit("the subject is not the commit of the result", path)
    return statement, result


def _about(statement: Statement, result: RepositoryResult, expected: Expected) -> Iterator[tuple[str, str]]:
    verifier = statement.predicate.get("verifier")
    if not isinstance(verifier, dict) or verifier.get("id") != VERIFIER:
        yield "conformance.other_subject", f"the verifier is not {VERIFIER}"
    pairs = {
        "trust root": (result.trust_root, expected.trust_root),
        "repository": (result.repository, expected.repository),
        "environment": (result.environment, expected.environment),
        "commit": (result.commit, expected.commit or result.commit),
    }
    for name, (found, wanted) in pairs.items():
        if found != wanted:
            yield "conformance.other_subject", f"the {name} is {found}, expected {wanted}"
    if expected.require not in Require.of([result.require]):
        yield (
            "conformance.other_subject",
            f"the pin was asked for signatures of kind {result.require}, expected {expected.require.word}",
        )


def _outdated(result: RepositoryResult, expected: Expected) -> Iterator[tuple[str, str]]:
    code, made = "conformance.outdated", format_timestamp(result.at)
    if result.at > expected.at + SKEW:
        yield code, f"it was made at {made}, which is not yet"
    if expected.at - result.at > expected.max_age:
        yield code, f"it was made at {made}, more than {expected.max_age} ago"
    for waiver in result.waivers:
        if expected.at >= waiver.expires_at:
            yield (
                code,
                f"waiver {waiver.id}, on which it rests, ended at {format_timestamp(waiver.expires_at)}",
            )
    if expected.required is not None:
        yield from ((code, message) for message in _no_longer_required(result, expected.required))


def _no_longer_required(result: RepositoryResult, required: Required) -> Iterator[str]:
    was = result.requirement
    if was is None:
        yield "it does not say what was required"
        return
    now = (
        None if required.enforced is None else required.enforced.ref,
        None if required.candidate is None else required.candidate.ref,
        required.mode,
    )
    if (was.enforced, was.candidate, was.mode) != now:
        named = now[0].name if now[0] is not None else "nothing"
        yield f"what is required has changed since: now it is {named}, mode {required.mode}"
    digests = {item.digest for item in required.waivers}
    for waiver in result.waivers:
        if waiver.digest not in digests:
            yield f"waiver {waiver.id}, on which it rests, is not there any more"


def _policy(result: RepositoryResult) -> dict[str, object]:
    enforced = None if result.requirement is None else result.requirement.enforced
    if enforced is None:
        return {"uri": "gaitops:unassigned"}
    return {"uri": f"gaitops:{enforced.name}", "digest": {"sha256": enforced.digest}}


def _level(result: RepositoryResult) -> str:
    if not result.conformant:
        return FAILED
    return CONFORMANT if result.complete else WITH_UNKNOWNS


def _resource(repository: str) -> str:
    return f"git+https://{repository}"


def _descriptor(item: InputDigest) -> dict[str, object]:
    return {"uri": item.uri, "digest": {"sha256": item.sha256}}


def _version(statement: Statement) -> str | None:
    verifier = statement.predicate.get("verifier")
    versions = verifier.get("version") if isinstance(verifier, dict) else None
    version = versions.get("gaitops") if isinstance(versions, dict) else None
    return version if isinstance(version, str) else None


def _unfit(message: str, path: str) -> VerificationError:
    return VerificationError.of("statement.invalid", message, path=path)
