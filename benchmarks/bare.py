# SPDX-License-Identifier: Apache-2.0
"""The floor: nothing but the Ed25519 checks that a cold verification cannot avoid."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from benchmarks.people import Person, sshsig_message
from benchmarks.writer import PEOPLE
from gaitops.git.repository import Repository
from gaitops.signing.dsse import pae, parse_envelope

_SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class Check:
    """One signature with everything at hand that checking it needs."""

    key: Ed25519PublicKey
    signature: bytes
    message: bytes


def collect(repository: Repository, commits: Iterable[str]) -> list[Check]:
    """Every signature of these commits and of the envelopes that they brought in."""
    people = {person.name: person for person in map(Person, PEOPLE)}
    by_keyid = {person.signer.public_key.keyid: person for person in people.values()}
    checks = []
    for oid in commits:
        commit = repository.commit(oid)
        assert commit.signature is not None
        blob = base64.b64decode(b"".join(commit.signature.armored.splitlines()[1:-1]))
        key = people[commit.author.name].public
        checks.append(Check(key, blob[-_SIGNATURE_BYTES:], sshsig_message(commit.signature.payload)))
        for data in _envelopes(repository, oid, commit.parents):
            envelope = parse_envelope(data, oid)
            for item in envelope.signatures:
                key = by_keyid[item.keyid].public
                checks.append(
                    Check(key, base64.b64decode(item.sig), pae(envelope.payload_type, envelope.payload))
                )
    return checks


def _envelopes(repository: Repository, commit: str, parents: tuple[str, ...]) -> Iterable[bytes]:
    new = repository.subtree(repository.tree_of(commit), "approvals")
    old = repository.subtree(repository.tree_of(parents[0]), "approvals") if parents else None
    for change in repository.tree_changes(old, new, "approvals"):
        if change.after is not None:
            yield repository.read(change.after.oid)


def check_all(checks: Iterable[Check]) -> None:
    """Verify them one after the other; raises InvalidSignature for a wrong one."""
    for check in checks:
        check.key.verify(check.signature, check.message)
