# SPDX-License-Identifier: Apache-2.0
"""Signature checks, each made once, and started early where it is known that they will be needed.

A check does not depend on who is believed: it asks whether these bytes carry a valid signature of this key. So it can run
on another thread (the arithmetic releases the interpreter lock) before the fold knows what it means.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from securesystemslib.signer import Key

from gaitops.change.context import Signed
from gaitops.errors import GaitopsError, Problem
from gaitops.fleet.people import Directory, Identity
from gaitops.git.commits import Commit, CommitSignature
from gaitops.signing.dsse import verified_by
from gaitops.signing.keys import fingerprint
from gaitops.signing.ssh import sshsig_public_key, verify_sshsig

GIT_NAMESPACE = "git"
"""Namespace under which Git makes SSH signatures."""


@dataclass(frozen=True, slots=True)
class CommitSigner:
    """Whose key signed a commit, or why nobody's did."""

    fingerprint: str | None
    problem: Problem | None


class SignatureChecks:
    """A memory of signature checks, with worker threads. Use as a context manager."""

    def __init__(self, workers: int = 2) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="signature")
        self._envelopes: dict[tuple[str, str], Future[bool]] = {}
        self._commits: dict[str, Future[CommitSigner]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def expect_envelope(self, attestation: Signed, directory: Directory) -> None:
        """Start checking an envelope against the keys that its signatures name."""
        for signature in attestation.envelope.signatures:
            for identity in directory.by_keyid.get(signature.keyid, ()):
                self._envelope(attestation, identity.key)

    def expect_commit(self, commit: Commit) -> None:
        """Start checking a commit's signature."""
        self._commit(commit)

    def envelope(self, attestation: Signed, identity: Identity) -> bool:
        """Whether this identity's key signed the envelope."""
        return self._envelope(attestation, identity.key).result()

    def commit(self, commit: Commit) -> CommitSigner:
        """Whose key signed the commit."""
        return self._commit(commit).result()

    def _envelope(self, attestation: Signed, key: Key) -> Future[bool]:
        # Two envelopes of one payload may carry different signatures, so both take part in the name of a check.
        name = (
            attestation.payload_digest + "".join(item.sig for item in attestation.envelope.signatures),
            key.keyid,
        )
        if name not in self._envelopes:
            self._envelopes[name] = self._pool.submit(verified_by, attestation.envelope, key)
        return self._envelopes[name]

    def _commit(self, commit: Commit) -> Future[CommitSigner]:
        if commit.id not in self._commits:
            self._commits[commit.id] = self._pool.submit(_check_commit, commit)
        return self._commits[commit.id]


def _check_commit(commit: Commit) -> CommitSigner:
    if commit.problem is not None:
        return _nobody("signature.invalid", commit, commit.problem)
    if commit.signature is None:
        return _nobody("proposer.unknown", commit, "is not signed")
    if commit.signature.kind != "ssh":
        return _nobody(
            "proposer.unknown", commit, f"carries a signature of another kind ({commit.signature.kind})"
        )
    return _check_ssh(commit, commit.signature)


def _check_ssh(commit: Commit, signature: CommitSignature) -> CommitSigner:
    try:
        key = sshsig_public_key(signature.armored)
    except GaitopsError as error:
        return _nobody("signature.invalid", commit, error.problems[0].message)
    if not verify_sshsig(key, signature.payload, signature.armored, GIT_NAMESPACE):
        return _nobody("signature.invalid", commit, "carries a signature over other bytes")
    return CommitSigner(fingerprint(key), None)


def _nobody(code: str, commit: Commit, message: str) -> CommitSigner:
    problem = Problem(
        code,
        f"commit {commit.id[:12]} {message}",
        remedy="sign the commit with a key of a principal, or run gaitops propose for the change",
    )
    return CommitSigner(None, problem)
