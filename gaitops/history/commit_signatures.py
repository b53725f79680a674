# SPDX-License-Identifier: Apache-2.0
"""Whose signature a commit carries: a key names its owner, and what nobody of the fleet owns is nobody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from gaitops.change.context import UNTIMED, Proof
from gaitops.errors import GaitopsError, MissingDependencyError, Problem
from gaitops.fleet.people import Directory, Identity
from gaitops.git.commits import Commit
from gaitops.signing import openpgp_signatures
from gaitops.signing.forge_keys import forge_of
from gaitops.signing.keys import fingerprint
from gaitops.signing.openpgp import OpenPGPCertificate
from gaitops.signing.openpgp_signatures import OpenPGPSignature
from gaitops.signing.sigstore.expected import Person, Workload
from gaitops.signing.sigstore.gitsign import GitsignSignature, read_gitsign, verify_gitsign
from gaitops.signing.sigstore.verify import TrustedRootFile, VerifiedBundle
from gaitops.signing.ssh import sshsig_public_key, verify_sshsig

GIT_NAMESPACE = "git"
"""Namespace under which Git makes SSH signatures."""


@dataclass(frozen=True, slots=True)
class CommitSigner:
    """Which identities signed a commit, or why nobody did."""

    identities: tuple[Identity, ...] = ()
    problem: Problem | None = None
    proof: Proof = UNTIMED
    made_at: datetime | None = None
    """When an OpenPGP signature was made by its own word; others do not say."""


class OpenPGPSigned(NamedTuple):
    """An OpenPGP signature, and the identities whose certificate it names."""

    signature: OpenPGPSignature
    identities: tuple[Identity, ...]


def check_ssh(commit: Commit) -> str | Problem:
    """Fingerprint of the SSH key that validly signed a commit, whoever owns it; or why none did."""
    if commit.signature is None:
        return refusal("proposer.unknown", commit, "is not signed")
    try:
        key = sshsig_public_key(commit.signature.armored)
    except GaitopsError as error:
        return refusal("signature.invalid", commit, error.problems[0].message)
    if not verify_sshsig(key, commit.signature.payload, commit.signature.armored, GIT_NAMESPACE):
        return refusal("signature.invalid", commit, "carries a signature over other bytes")
    return fingerprint(key)


def owner(commit: Commit, key: str, people: Directory) -> CommitSigner:
    """The identities with this fingerprint."""
    identities = people.by_fingerprint.get(key, ())
    if identities:
        return CommitSigner(identities)
    forge = forge_of([key])
    if forge is not None:
        return by_forge(commit, forge)
    return nobody("proposer.unknown", commit, f"is signed with a key that belongs to nobody (SHA-256 {key})")


def named_certificates(commit: Commit, armored: bytes, people: Directory) -> OpenPGPSigned | CommitSigner:
    """An OpenPGP signature and the identities that it may be by, or why it is nobody's. Nothing is verified."""
    try:
        signature = openpgp_signatures.read_signature(armored)
    except GaitopsError as error:
        return nobody("signature.invalid", commit, f"carries {error.problems[0].message}")
    forge = forge_of(signature.issuers)
    if forge is not None:
        return by_forge(commit, forge)
    identities = dict.fromkeys(
        identity for name in signature.key_ids for identity in people.by_certificate.get(name, ())
    )
    if not identities:
        named = ", ".join(sorted(signature.issuers))
        message = f"is signed with an OpenPGP key that belongs to nobody ({named})"
        return nobody("proposer.unknown", commit, message)
    return OpenPGPSigned(signature, tuple(identities))


def check_openpgp(
    commit: Commit, payload: bytes, signature: OpenPGPSignature, certificate: OpenPGPCertificate
) -> Problem | None:
    """Why an OpenPGP signature on a commit is not by this certificate; ``None`` when it is.

    Raises:
        MissingDependencyError: ``dependency.openpgp``.
    """
    if commit.committer.time is None:
        return refusal("signature.invalid", commit, "is signed with OpenPGP, and its time cannot be read")
    try:
        openpgp_signatures.verify(
            certificate, signature, payload, datetime.fromtimestamp(commit.committer.time, UTC)
        )
    except MissingDependencyError:
        raise  # Another verdict than where the library is installed would be worse than none.
    except GaitopsError as error:
        return refusal("signature.invalid", commit, f"carries {error.problems[0].message}")
    return None


class GitsignSigned(NamedTuple):
    """A signature by gitsign, and the identities whom its certificate names."""

    signature: GitsignSignature
    identities: tuple[Identity, ...]


def named_subjects(commit: Commit, armored: bytes, people: Directory) -> GitsignSigned | CommitSigner:
    """A keyless signature and the identities that it may be by, or why it is nobody's. Nothing is verified."""
    try:
        signature = read_gitsign(armored)
    except GaitopsError as error:
        return nobody("signature.invalid", commit, f"carries {error.problems[0].message}")
    try:
        claims = signature.claims
    except GaitopsError as error:
        reason = error.problems[0].message
        return nobody("proposer.unknown", commit, f"is signed with a certificate of no Sigstore: {reason}")
    identities = people.by_handle.get(claims.handle, ())
    if not identities:
        who = f"{claims.subject!r:.200} at {claims.issuer!r:.200}"
        return nobody(
            "proposer.unknown", commit, f"is signed with a certificate of {who}, who is no principal"
        )
    return GitsignSigned(signature, identities)


def check_gitsign(
    commit: Commit, payload: bytes, signature: GitsignSignature, trusted_root: TrustedRootFile
) -> VerifiedBundle | Problem:
    """What a keyless signature on a commit proves, or why it proves nothing.

    Raises:
        MissingDependencyError: ``dependency.sigstore``.
    """
    try:
        return verify_gitsign(signature, payload, trusted_root)
    except MissingDependencyError:
        raise  # As above.
    except GaitopsError as error:
        return not_proven(commit, error.problems[0])


def judge_gitsign(commit: Commit, verified: VerifiedBundle, identities: tuple[Identity, ...]) -> CommitSigner:
    """The identities who a verified certificate belongs to, at the time that authorities vouch for."""
    mismatches: list[str] = []
    signers: list[Identity] = []
    for identity in identities:
        if isinstance(identity.credential, Person | Workload):
            mismatch = verified.mismatch(identity.credential)
            if mismatch is None:
                signers.append(identity)
            else:
                mismatches.append(mismatch)
    if signers:
        return CommitSigner(tuple(signers), proof=Proof(verified.source, verified.signed_at, verified.log))
    return CommitSigner(problem=not_proven(commit, somebody_else(mismatches[0])))


def somebody_else(mismatch: str) -> Problem:
    """A certificate that does not name whom the principal's document lists."""
    return Problem(
        "sigstore.identity",
        mismatch,
        remedy="sign with the identity that the principal's document names, or change the document first",
    )


def not_proven(commit: Commit, why: Problem) -> Problem:
    """Why a keyless signature on a commit does not count."""
    message = f"commit {commit.id[:12]} is signed without a key, and not proven: {why.message}"
    return Problem(why.code, message, remedy=why.remedy)


def by_forge(commit: Commit, forge: str) -> CommitSigner:
    """A signature by a forge for whoever used its web pages: it may be anybody who can push, so it is nobody's."""
    return nobody(
        "proposer.unknown",
        commit,
        f"was made in the browser and is signed by {forge} itself, which vouches for no principal",
    )


def nobody(code: str, commit: Commit, message: str) -> CommitSigner:
    """Why a commit's signature vouches for nobody."""
    return CommitSigner(problem=refusal(code, commit, message))


def refusal(code: str, commit: Commit, message: str) -> Problem:
    """A problem about one commit, with what its author can do."""
    return Problem(
        code,
        f"commit {commit.id[:12]} {message}",
        remedy="sign the commit with an identity of a principal, or run gaitops propose for the change",
    )
