# SPDX-License-Identifier: Apache-2.0
"""Whose signature a commit carries: a key names its owner, and what nobody of the fleet owns is nobody's."""

from __future__ import annotations

from dataclasses import dataclass

from gaitops.change.context import UNTIMED, Proof
from gaitops.errors import GaitopsError, Problem
from gaitops.fleet.people import Directory, Identity
from gaitops.git.commits import Commit
from gaitops.signing.keys import fingerprint
from gaitops.signing.ssh import sshsig_public_key, verify_sshsig

GIT_NAMESPACE = "git"
"""Namespace under which Git makes SSH signatures."""


@dataclass(frozen=True, slots=True)
class CommitSigner:
    """Which identities signed a commit, or why nobody did."""

    identities: tuple[Identity, ...] = ()
    problem: Problem | None = None
    proof: Proof = UNTIMED


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
    return nobody("proposer.unknown", commit, f"is signed with a key that belongs to nobody (SHA-256 {key})")


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
