# SPDX-License-Identifier: Apache-2.0
"""Signature checks, each made once, and started early where it is known that they will be needed.

A check does not depend on who is believed: it asks whether these bytes carry a valid signature of this key, or what a
bundle proves under a trusted root. So it can run on another thread (the arithmetic releases the interpreter lock)
before the fold knows what it means.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from securesystemslib.signer import Key

from gaitops.change.context import UNTIMED, Proof, Signed
from gaitops.errors import GaitopsError, MissingDependencyError, Problem
from gaitops.fleet.people import SIGSTORE_ROOT, Directory, Identity
from gaitops.git.commits import Commit, CommitSignature
from gaitops.history.commit_signatures import (
    CommitSigner,
    check_gitsign,
    check_openpgp,
    check_ssh,
    judge_gitsign,
    named_certificates,
    named_subjects,
    nobody,
    not_proven,
    owner,
    somebody_else,
)
from gaitops.signing.dsse import Envelope, verified_by
from gaitops.signing.openpgp import OpenPGPCertificate
from gaitops.signing.sigstore.expected import Person, Workload
from gaitops.signing.sigstore.verify import TrustedRootFile, VerifiedBundle, verify_bundle

_Bundle = VerifiedBundle | Problem

NO_TRUSTED_ROOT = Problem(
    "sigstore.trust_root",
    f"verified state has no {SIGSTORE_ROOT}, so keyless signatures cannot be verified",
    remedy="add the trusted root of your Sigstore instance, approved by the root people",
)
"""Why nothing keyless counts in a fleet without a trusted root."""


class SignatureChecks:
    """A memory of signature checks, with worker threads. Use as a context manager."""

    def __init__(self, workers: int = 2) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="signature")
        self._envelopes: dict[tuple[str, str], Future[bool]] = {}
        self._bundles: dict[tuple[str, str], Future[_Bundle]] = {}
        self._commits: dict[str, Future[str | Problem]] = {}
        self._certificates: dict[tuple[str, str], Problem | None] = {}
        self._subjects: dict[tuple[str, str], _Bundle] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def expect_envelope(self, signed: Signed, people: Directory) -> None:
        """Start checking an envelope against the identities that it names."""
        for identity in people.candidates(signed.envelope):
            if identity.key is not None:
                self._envelope(signed, identity.key)
            elif people.trusted_root is not None:
                self._bundle(signed, people.trusted_root)

    def expect_commit(self, commit: Commit) -> None:
        """Start checking a commit's signature."""
        if commit.signature is not None and commit.signature.kind == "ssh":
            self._ssh(commit)

    def envelope(self, signed: Signed, identity: Identity, people: Directory) -> Proof | Problem:
        """How this identity signed an envelope, or why it did not."""
        if identity.key is not None:
            if signed.envelope.bundle is None and self._envelope(signed, identity.key).result():
                return UNTIMED
            return _invalid(f"the signature of {identity.label} does not verify")
        if not isinstance(identity.credential, Person | Workload) or signed.envelope.bundle is None:
            return _invalid(f"{identity.label} cannot sign an envelope of this form")
        if people.trusted_root is None:
            return NO_TRUSTED_ROOT
        return self._keyless(signed, identity.credential, people.trusted_root)

    def commit(self, commit: Commit, people: Directory) -> CommitSigner:
        """Which identities of these people signed a commit, or why nobody did."""
        if commit.problem is not None:
            return nobody("signature.invalid", commit, commit.problem)
        if commit.signature is None:
            return nobody("proposer.unknown", commit, "is not signed")
        if commit.signature.kind == "ssh":
            found = self._ssh(commit).result()
            return owner(commit, found, people) if isinstance(found, str) else CommitSigner(problem=found)
        if commit.signature.kind == "openpgp":
            return self._openpgp(commit, commit.signature, people)
        if commit.signature.kind == "x509":
            return self._gitsign(commit, commit.signature, people)
        return nobody(
            "proposer.unknown", commit, f"carries a signature of another kind ({commit.signature.kind})"
        )

    def _openpgp(self, commit: Commit, signature: CommitSignature, people: Directory) -> CommitSigner:
        named = named_certificates(commit, signature.armored, people)
        if isinstance(named, CommitSigner):
            return named
        problems: list[Problem] = []
        signers: list[Identity] = []
        for identity in named.identities:
            if isinstance(identity.credential, OpenPGPCertificate):
                name = (commit.id, identity.credential.text)
                if name not in self._certificates:
                    self._certificates[name] = check_openpgp(
                        commit, signature.payload, named.signature, identity.credential
                    )
                problem = self._certificates[name]
                if problem is None:
                    signers.append(identity)
                else:
                    problems.append(problem)
        if not signers:
            return CommitSigner(problem=problems[0])
        return CommitSigner(tuple(signers), made_at=named.signature.created)

    def _gitsign(self, commit: Commit, signature: CommitSignature, people: Directory) -> CommitSigner:
        named = named_subjects(commit, signature.armored, people)
        if isinstance(named, CommitSigner):
            return named
        root = people.trusted_root
        if root is None:
            return CommitSigner(problem=not_proven(commit, NO_TRUSTED_ROOT))
        name = (commit.id, root.sha256)
        if name not in self._subjects:
            self._subjects[name] = check_gitsign(commit, signature.payload, named.signature, root)
        verified = self._subjects[name]
        if isinstance(verified, Problem):
            return CommitSigner(problem=verified)
        return judge_gitsign(commit, verified, named.identities)

    def _keyless(
        self, signed: Signed, expected: Person | Workload, trusted_root: TrustedRootFile
    ) -> Proof | Problem:
        verified = self._bundle(signed, trusted_root).result()
        if isinstance(verified, Problem):
            return verified
        mismatch = verified.mismatch(expected)
        if mismatch is not None:
            return somebody_else(mismatch)
        return Proof(verified.source, verified.signed_at, verified.log)

    def _envelope(self, signed: Signed, key: Key) -> Future[bool]:
        # Two envelopes of one payload may carry different signatures, so both take part in the name of a check.
        name = (
            signed.payload_digest + "".join(item.sig for item in signed.envelope.signatures),
            key.keyid,
        )
        if name not in self._envelopes:
            self._envelopes[name] = self._pool.submit(verified_by, signed.envelope, key)
        return self._envelopes[name]

    def _bundle(self, signed: Signed, trusted_root: TrustedRootFile) -> Future[_Bundle]:
        name = (signed.sha256, trusted_root.sha256)
        if name not in self._bundles:
            self._bundles[name] = self._pool.submit(_check_bundle, signed.envelope, trusted_root)
        return self._bundles[name]

    def _ssh(self, commit: Commit) -> Future[str | Problem]:
        if commit.id not in self._commits:
            self._commits[commit.id] = self._pool.submit(check_ssh, commit)
        return self._commits[commit.id]


def _check_bundle(envelope: Envelope, trusted_root: TrustedRootFile) -> _Bundle:
    try:
        return verify_bundle(envelope, trusted_root)
    except MissingDependencyError:
        raise  # Another verdict than where the library is installed would be worse than none.
    except GaitopsError as error:
        return error.problems[0]


def _invalid(message: str) -> Problem:
    return Problem("signature.invalid", message, remedy="sign again with an identity of the principal")
