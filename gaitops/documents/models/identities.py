# SPDX-License-Identifier: Apache-2.0
"""What a principal signs with: keys, OIDC identities, workloads, OpenPGP certificates, accounts at a forge (design 4)."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gaitops.documents.models.base import (
    EXPECTATIONS,
    CommitId,
    Items,
    Line,
    Model,
    Name,
    Timestamp,
    require_unique,
)

_PEM_HEADER: Final = "-----BEGIN PUBLIC KEY-----\n"
_PEM_FOOTER: Final = "-----END PUBLIC KEY-----"
_PGP_HEADER: Final = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
_PGP_FOOTER: Final = "-----END PGP PUBLIC KEY BLOCK-----"
_SSH_TYPES: Final = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
FOREIGN_TRIGGERS: Final = frozenset(
    {
        "pull_request",
        "pull_request_target",
        "pull_request_review",
        "pull_request_review_comment",
        "issue_comment",
        "issues",
        "workflow_run",
        "merge_request_event",
        "external_pull_request_event",
    }
)
"""Events that somebody without write access can cause: a run that they start must never count for the repository."""


def _checked_public_key(text: str) -> str:
    """Only the shape: whether the key itself is sound is decided where keys are parsed."""
    if text.startswith(_PEM_HEADER) and text.rstrip("\n").endswith(_PEM_FOOTER):
        return text
    words = text.split(" ")
    if words[0] in _SSH_TYPES and len(words) >= 2 and words[1] and "\n" not in text.rstrip("\n"):
        return text
    # A private key pasted by mistake must not be echoed, so the message never contains the text.
    raise ValueError(
        "expected a public key: PEM (-----BEGIN PUBLIC KEY-----) or one OpenSSH line (ssh-ed25519 ...)"
    )


def _checked_certificate(text: str) -> str:
    """Only the shape, as for public keys."""
    if text.startswith(_PGP_HEADER) and text.rstrip("\n").endswith(_PGP_FOOTER):
        return text
    raise ValueError("expected one armored OpenPGP certificate (-----BEGIN PGP PUBLIC KEY BLOCK-----)")


PublicKeyText = Annotated[str, Field(min_length=32, max_length=16_384), AfterValidator(_checked_public_key)]
OpenPGPText = Annotated[str, Field(min_length=64, max_length=65_536), AfterValidator(_checked_certificate)]
AccountId = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,18}$")]
"""Number that a forge gives an account, repository or owner, and never gives again."""
GitRef = Annotated[str, Field(pattern=r"^refs/[!-~]{1,250}$")]
Subject = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[!-~]+$")]
"""Subject of a certificate: e-mail addresses and URIs in certificates are ASCII (RFC 5280 4.2.1.6), so a name with a letter
that only looks like one of them can never be right, and is refused where people review it."""
Location = Annotated[str, Field(max_length=512, pattern=r"^https://[^\s/?#@\x80-\U0010ffff]+[!-~]*$")]
"""An https URL in ASCII, as issuers and forges spell themselves."""
HostName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?$")]

EXPECTATIONS[r"^[!-~]+$"] = "printable ASCII without spaces, as certificates hold it"
EXPECTATIONS[r"^https://[^\s/?#@\x80-\U0010ffff]+[!-~]*$"] = "an https URL in ASCII without credentials"
EXPECTATIONS[r"^[1-9][0-9]{0,18}$"] = "a number in quotes, as the forge gives it"
EXPECTATIONS[r"^refs/[!-~]{1,250}$"] = "a full ref such as refs/heads/main"
EXPECTATIONS[r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?$"] = "a host name in lowercase"


class Validity(Model):
    """A stretch of time in which an identity may sign; open on a side that is absent."""

    valid_from: Timestamp | None = Field(default=None, description="First instant at which it may sign.")
    valid_until: Timestamp | None = Field(
        default=None, description="Instant from which it may no longer sign."
    )

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        # Timestamps have one form and length, so their text sorts as their time does.
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("expected validFrom before validUntil")
        return self


class KeyIdentity(Validity):
    """A public key that a principal signs with."""

    id: Name = Field(description="Name of the identity, unique in its principal.")
    type: Literal["key"] = Field(description="Always key.")
    public_key: PublicKeyText = Field(
        description="SPKI PEM, or one line as in an OpenSSH .pub file.",
        examples=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO5lHDDYcTUSbnoGxnW7p8bAjEbvVxDvfGkQbLdUyN2j dana"],
    )


class SigstoreIdentity(Validity):
    """Somebody who signs in at an OpenID provider and signs through Sigstore, without a long-lived key."""

    id: Name = Field(description="Name of the identity, unique in its principal.")
    type: Literal["sigstore"] = Field(description="Always sigstore.")
    issuer: Location = Field(description="OIDC issuer.", examples=["https://accounts.example.com"])
    subject: Subject = Field(
        description="Exact subject of the certificate, such as an e-mail address; no patterns."
    )


class WorkloadAlias(Validity):
    """What a workload is or was called, and when; its ids stay the same."""

    repository: Location = Field(
        description="URI of the repository, as in the certificate.",
        examples=["https://github.com/acme/publisher"],
    )
    workflow: Location = Field(
        description="URI of the workflow or pipeline file, without @ref.",
        examples=["https://github.com/acme/publisher/.github/workflows/publish.yml"],
    )

    @model_validator(mode="after")
    def _no_ref(self) -> Self:
        if "@" in self.workflow:
            raise ValueError("expected the workflow without @ref; refs are listed in refs")
        return self


class WorkloadSigner(Model):
    """A reusable workflow that signs for its callers."""

    workflow: Location = Field(description="URI of the reusable workflow, without @ref.")
    digests: Items[CommitId] = Field(min_length=1, description="Commits at which it may be.")


class WorkloadIdentity(Validity):
    """A pipeline of one repository that signs through Sigstore with the identity its CI gives it."""

    id: Name = Field(description="Name of the identity, unique in its principal.")
    type: Literal["workload"] = Field(description="Always workload.")
    issuer: Location = Field(
        description="OIDC issuer.", examples=["https://token.actions.githubusercontent.com"]
    )
    repository_id: AccountId = Field(description="Immutable id of the repository.", examples=["1296269"])
    owner_id: AccountId = Field(description="Immutable id of its owner.", examples=["9919"])
    names: Items[WorkloadAlias] = Field(
        min_length=1,
        description="Names of repository and workflow; one is added when either is renamed, the first stays first.",
    )
    refs: Items[GitRef] = Field(
        min_length=1, description="Refs that it may run on.", examples=[["refs/heads/main"]]
    )
    triggers: Items[Line] = Field(
        min_length=1, description="Events that may start it.", examples=[["push", "schedule"]]
    )
    runner_environments: Items[Line] = Field(
        min_length=1, description="Where it may run.", examples=[["github-hosted"]]
    )
    workflow_digests: Items[CommitId] = Field(
        default=(), description="Commits at which the workflow file may be; any when empty."
    )
    signer: WorkloadSigner | None = Field(
        default=None, description="The reusable workflow that signs; absent when the workflow itself does."
    )

    @model_validator(mode="after")
    def _closed(self) -> Self:
        for values, what in (
            (self.refs, "ref"),
            (self.triggers, "trigger"),
            (self.runner_environments, "runner environment"),
        ):
            require_unique(values, what)
        foreign = sorted(FOREIGN_TRIGGERS.intersection(self.triggers))
        if foreign:
            raise ValueError(
                f"{foreign[0]!r} can be caused by people without write access, so it never counts"
            )
        return self


class OpenPGPIdentity(Validity):
    """An OpenPGP certificate with which a principal signs commits."""

    id: Name = Field(description="Name of the identity, unique in its principal.")
    type: Literal["openpgp"] = Field(description="Always openpgp.")
    certificate: OpenPGPText = Field(description="The certificate, armored: gpg --armor --export ID.")


class ForgeIdentity(Validity):
    """An account at a forge, whose reviews a service principal may attest where a rule allows it."""

    id: Name = Field(description="Name of the identity, unique in its principal.")
    type: Literal["forge"] = Field(description="Always forge.")
    provider: Literal["github", "gitlab"] = Field(description="Kind of forge.")
    host: HostName = Field(description="Host of the forge.", examples=["github.com"])
    account_id: AccountId = Field(description="Immutable id of the account.", examples=["583231"])
    login: Line = Field(description="Name of the account, for people; the id decides.", examples=["octocat"])


Identity = Annotated[
    KeyIdentity | SigstoreIdentity | WorkloadIdentity | OpenPGPIdentity | ForgeIdentity,
    Field(discriminator="type"),
]
