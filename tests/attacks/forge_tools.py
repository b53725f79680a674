# SPDX-License-Identifier: Apache-2.0
"""Reviews at a forge, as an honest or a lying service puts them into envelopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gaitops.change.forge import ForgeReview
from gaitops.fleet.credentials import ForgeAccount
from tests.attacks.story import rule
from tests.simulator import Actor, World, binding_document, document, principal_document

ACCOUNTS = {"dave": "583231", "erin": "583232"}
"""People with accounts at github.com, none of them with a key that counts for anything here."""
BOT = "reviewbot"
PAY = "orgs/acme/projects/pay/project.yaml"


def forge_identity(account: str, **validity: str) -> dict[str, str]:
    """An account at github.com as an identity of a principal."""
    return {
        "id": "github",
        "type": "forge",
        "provider": "github",
        "host": "github.com",
        "accountId": account,
        "login": f"u{account}",
        **validity,
    }


def person(name: str, account: str, **validity: str) -> str:
    """A person who has nothing but an account."""
    spec = {"type": "human", "identities": [forge_identity(account, **validity)]}
    return document("Principal", name, spec)


def forge_fleet(
    world: World,
    *,
    operations: Sequence[str] = ("project.*",),
    assurance: Sequence[str] = ("key", "forge"),
    quorum: int = 1,
    **validity: str,
) -> None:
    """Dave and Erin may approve, by reviews that the service reviewbot attests where the rule ``reviews`` matches."""
    files = {
        f"trust/principals/{name}.yaml": person(name, account, **validity)
        for name, account in ACCOUNTS.items()
    }
    for role in ("platform_admin", "approver"):
        label = f"reviewers-{role.replace('_', '-')}"
        files[f"trust/roles/{label}.yaml"] = binding_document(label, role, "fleet", list(ACCOUNTS))
    files[f"trust/principals/{BOT}.yaml"] = principal_document(world.actor(BOT), kind="service")
    files |= rule("reviews", operations, quorum=quorum, assurance=list(assurance), forgeAttesters=[BOT])
    world.land(files, by="alice", approvers=["alice", "bob"])


def review_of(world: World, branch: str, reviewer: str = "dave", **changes: Any) -> ForgeReview:
    """A true review of a branch's head, submitted a moment ago."""
    review = ForgeReview(
        attested_by=BOT,
        provider="github",
        host="github.com",
        repository="larkspur/fleet",
        change=12,
        review="80",
        account_id=ACCOUNTS.get(reviewer, "999"),
        login=reviewer,
        commit=world.head(branch),
        submitted_at=world.now - timedelta(seconds=30),
    )
    return replace(review, **changes)


def attested(
    world: World,
    branch: str,
    reviewer: str = "dave",
    *,
    review: ForgeReview | None = None,
    by: Actor | None = None,
    pending: bool = False,
    issued_at: datetime | None = None,
    lifetime: timedelta = timedelta(hours=72),
) -> dict[str, bytes]:
    """Envelopes in which a service says that somebody reviewed a branch, one per partition."""
    files: dict[str, bytes] = {}
    given = review or review_of(world, branch, reviewer)
    for signable in world.signables(branch, include_pending=pending):
        payload = signable.payload(
            world.trust_root,
            "approve",
            reviewer,
            issued_at=issued_at or world.now,
            lifetime=lifetime,
            reason="review",
            forge=given,
        )
        files |= world.sealed(payload, by or world.actor(BOT), reviewer)
    return files


def account_revocation(name: str, principal: str, **members: str) -> dict[str, str]:
    """A revocation of somebody's account."""
    fingerprint = ForgeAccount("github", "github.com", ACCOUNTS[principal]).fingerprint
    spec = {
        "revokes": "identity",
        "cause": "compromised",
        "identity": {"principal": principal, "fingerprint": fingerprint},
        "reason": "story",
        **members,
    }
    return {f"trust/revocations/{name}.yaml": document("Revocation", name, spec)}
