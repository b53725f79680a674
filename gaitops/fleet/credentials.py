# SPDX-License-Identifier: Apache-2.0
"""What an identity document stands for: a key, somebody at an OpenID provider, a pipeline, a certificate, an account.

Each has a fingerprint, so that revocation, doubt, admission and reuse work alike for all of them: of a key, SHA-256
of its SPKI; of the others, SHA-256 over the canonical JSON of what makes the identity.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import assert_never

from securesystemslib.signer import Key

from gaitops.documents.models.identities import (
    ForgeIdentity,
    Identity,
    KeyIdentity,
    OpenPGPIdentity,
    SigstoreIdentity,
    WorkloadIdentity,
)
from gaitops.documents.times import parse_timestamp
from gaitops.signing.canonical import digest
from gaitops.signing.forge_keys import require_own
from gaitops.signing.keys import assurance, fingerprint, parse_public_key
from gaitops.signing.openpgp import OpenPGPCertificate, read_certificate
from gaitops.signing.sigstore.expected import BuildSigner, Person, Workload, WorkloadName

FORGE = "forge"
"""Assurance of what somebody else says that a person did at a forge; counts only where a rule allows it."""


@dataclass(frozen=True, slots=True)
class ForgeAccount:
    """An account at a forge, by the id that is never given again."""

    provider: str
    host: str
    account_id: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what makes the identity."""
        return digest(
            {"account": self.account_id, "host": self.host, "provider": self.provider, "type": FORGE}
        )


_NO_REPLY = re.compile(r"([1-9][0-9]{0,18})([+-])[^@]+@users\.noreply\.([a-z0-9][a-z0-9.-]*)")
"""GitHub writes ``ID+LOGIN@users.noreply.HOST`` into commits of people who keep their address private, GitLab ``ID-LOGIN@…``."""


def account_of_address(email: str) -> ForgeAccount | None:
    """The account that a forge's own address of somebody names, case folded; ``None`` for any other address."""
    found = _NO_REPLY.fullmatch(email)
    if found is None:
        return None
    return ForgeAccount("github" if found[2] == "+" else "gitlab", found[3], found[1])


Credential = Key | Person | Workload | OpenPGPCertificate | ForgeAccount


def credential_of(identity: Identity) -> tuple[Credential, str]:
    """What an identity document stands for, and its fingerprint.

    Raises:
        InvalidInputError: a key or certificate that cannot be read (``key.*``), or is a forge's
            (``identity.forge_key``).
        MissingDependencyError: ``dependency.openpgp``.
    """
    if isinstance(identity, KeyIdentity):
        key = parse_public_key(identity.public_key)
        require_own([fingerprint(key)])
        return key, fingerprint(key)
    credential = _other(identity)
    if isinstance(credential, OpenPGPCertificate):
        require_own([credential.primary, *(key.fingerprint for key in credential.signing)])
    return credential, credential.fingerprint


def how_held(credential: Credential) -> str:
    """The kind that approval rules, reports and the audit log name."""
    if isinstance(credential, Key):
        return assurance(credential)
    if isinstance(credential, Person | Workload):
        return "sigstore"
    return "openpgp" if isinstance(credential, OpenPGPCertificate) else FORGE


def described(credential: Credential) -> dict[str, str]:
    """A credential in words that mean something outside the fleet: for the audit log and reports."""
    if isinstance(credential, Key):
        return {"type": "key", "keyid": credential.keyid}
    if isinstance(credential, Person):
        return {"type": "sigstore", "issuer": credential.issuer, "subject": credential.subject}
    if isinstance(credential, Workload):
        return {
            "type": "workload",
            "issuer": credential.issuer,
            "repositoryId": credential.repository_id,
            "ownerId": credential.owner_id,
            "workflow": credential.names[0].build_config,
        }
    if isinstance(credential, OpenPGPCertificate):
        return {"type": "openpgp", "certificate": credential.primary}
    if isinstance(credential, ForgeAccount):
        host, account = credential.host, credential.account_id
        return {"type": FORGE, "provider": credential.provider, "host": host, "accountId": account}
    assert_never(credential)


def marks_of(credential: Credential) -> frozenset[str]:
    """What no other principal's identity may have as well: fingerprints, of a workload for each of its names."""
    if isinstance(credential, Key):
        return frozenset({fingerprint(credential)})
    if isinstance(credential, OpenPGPCertificate):
        # Its keys can sign in other forms as well: GnuPG's agent serves them to SSH.
        return frozenset({credential.fingerprint, *(key.spki for key in credential.signing)})
    if not isinstance(credential, Workload):
        return frozenset({credential.fingerprint})
    place = {"issuer": credential.issuer, "repositoryId": credential.repository_id}
    # A workflow that signs itself is the same one whether it is called its own signer or nothing is said of one.
    return frozenset(
        digest(
            {
                **place,
                "signer": credential.signer.uri if credential.signer is not None else name.build_config,
                "workflow": name.build_config,
            }
        )
        for name in credential.names
    )


def reach(credential: Credential) -> Hashable:
    """What may sign in the name of an identity: two documents of one fingerprint and one reach admit the same."""
    if isinstance(credential, Key):
        return fingerprint(credential)
    return credential.signing if isinstance(credential, OpenPGPCertificate) else credential


def _other(
    identity: SigstoreIdentity | WorkloadIdentity | OpenPGPIdentity | ForgeIdentity,
) -> Person | Workload | OpenPGPCertificate | ForgeAccount:
    if isinstance(identity, SigstoreIdentity):
        return Person(identity.issuer, identity.subject)
    if isinstance(identity, WorkloadIdentity):
        return workload_of(identity)
    if isinstance(identity, OpenPGPIdentity):
        return read_certificate(identity.certificate)
    if isinstance(identity, ForgeIdentity):
        return ForgeAccount(identity.provider, identity.host, identity.account_id)
    assert_never(identity)


def workload_of(identity: WorkloadIdentity) -> Workload:
    """The workload that a document describes."""
    return Workload(
        issuer=identity.issuer,
        repository_id=identity.repository_id,
        owner_id=identity.owner_id,
        names=tuple(
            WorkloadName(
                name.repository,
                name.workflow,
                parse_timestamp(name.valid_from) if name.valid_from else None,
                parse_timestamp(name.valid_until) if name.valid_until else None,
            )
            for name in identity.names
        ),
        refs=identity.refs,
        triggers=identity.triggers,
        runner_environments=identity.runner_environments,
        build_config_digests=identity.workflow_digests,
        signer=BuildSigner(identity.signer.workflow, identity.signer.digests)
        if identity.signer is not None
        else None,
    )
