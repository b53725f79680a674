# SPDX-License-Identifier: Apache-2.0
"""The permission table (design 4), shared by the engine, the documentation and a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

AUTHOR = "policy_author"
APPROVER = "approver"
ADMIN = "platform_admin"
AUDITOR = "auditor"
OPERATOR = "operator"
ANALYST = "analyst"

ROLES = (AUTHOR, APPROVER, ADMIN, AUDITOR, OPERATOR, ANALYST)


SAFE: Final = frozenset({"revocation.identity"})
"""Kinds that are in the safe direction as long as they do not reach back: an identity is revoked from now on."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may propose and who may approve one kind of operation."""

    meaning: str
    proposers: frozenset[str]
    approvers: frozenset[str]
    floor: Literal["root", "org"] | None = None
    """``root``: needs root-role keys at the root threshold. ``org``: at least the highest quorum in which the
    identity, group or role could count in its organization."""


def _by_author(meaning: str) -> Permission:
    return Permission(meaning, frozenset({AUTHOR}), frozenset({APPROVER}))


def _by_operator(meaning: str) -> Permission:
    return Permission(meaning, frozenset({AUTHOR, OPERATOR}), frozenset({APPROVER}))


def _by_admin(meaning: str, floor: Literal["root", "org"] | None = None) -> Permission:
    return Permission(meaning, frozenset({ADMIN}), frozenset({ADMIN}), floor)


PERMISSIONS: dict[str, Permission] = {
    "fleet.genesis": _by_admin("the first tree of a fleet", "root"),
    "fleet.update": _by_admin("fleet.yaml: rules version, unprotected paths, time limits, caps", "root"),
    "principal.change": _by_admin("a principal of the fleet and its identities", "root"),
    "role.change": _by_admin("a role binding of the fleet", "root"),
    "directory.change": _by_admin("what a directory is in the fleet", "root"),
    "approval_rule.change": _by_admin("an approval rule", "root"),
    "sigstore_root.change": _by_admin("the pinned Sigstore trust root", "root"),
    "ci.change": _by_admin("CI configuration, CODEOWNERS or .gitattributes", "root"),
    "root.rotate": _by_admin("a new root version; authorized by the TUF signatures inside it", "root"),
    "org_principal.change": _by_admin("a principal of an organization", "org"),
    "org_role.change": _by_admin("a role binding inside an organization", "org"),
    "org_directory.change": _by_admin("what a directory is in an organization", "org"),
    "organization.change": _by_admin("an organization and the repositories it owns (fleet scope)"),
    "project.change": _by_admin("a project"),
    "repository.change": _by_admin("a repository: its URL and labels"),
    "environment.change": _by_admin("an environment: tier and selector"),
    "policy.create": _by_author("a new policy"),
    "policy.update": _by_author("a policy's owner, risk, sharing or archival"),
    "policy.publish": _by_author("a new, immutable policy version"),
    "policy.channel": _by_author("a channel of a policy"),
    "assignment.change": Permission(
        "the policy version that repositories must run",
        frozenset({AUTHOR, ADMIN}),
        frozenset({APPROVER}),
    ),
    "rollout.change": _by_author("the plan of a rollout that holds nothing"),
    "rollout.start": _by_author("a rollout starts; approving it approves the plan"),
    "rollout.advance": _by_operator("a rollout enters its next step"),
    "rollout.complete": _by_operator("a rollout ends; environments name the new version"),
    "rollout.pause": _by_operator("a rollout is held where it is"),
    "rollout.resume": _by_author("a paused rollout goes on"),
    "rollout.rollback": _by_operator("a rollout is undone"),
    "rollout.abort": _by_author("a rollout is given up before anything is enforced"),
    "waiver.change": _by_author("a waiver"),
    "gate.change": _by_author("a deployment gate"),
    "freeze_window.change": _by_admin("a freeze window"),
    "producer.change": _by_admin("a key that signs evidence"),
    "evidence.governance": _by_admin("evidence stores, retention classes and records"),
    "hold.place": Permission("a new legal hold", frozenset({AUDITOR}), frozenset({APPROVER})),
    "hold.release": Permission(
        "release or change of a legal hold", frozenset({ADMIN}), frozenset({APPROVER})
    ),
    "revocation.identity": _by_admin("an identity is revoked"),
    "revocation.policy_version": Permission(
        "a policy version is withdrawn", frozenset({AUTHOR, ADMIN}), frozenset({APPROVER})
    ),
    "revocation.release": _by_admin("a release is revoked"),
    "approvals.prune": _by_admin("old approval envelopes are removed from the tree"),
    "repository.file.change": _by_admin("any other protected file"),
}
"""Every operation kind that the engine derives. ``assignment.change`` may be proposed by a ``platform_admin``
only as an effect of documents that administrators own (a label, a selector, a tier); a rollout's edge by an
``operator`` only where the approved plan allows it."""
