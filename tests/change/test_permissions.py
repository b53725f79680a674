# SPDX-License-Identifier: Apache-2.0
"""The permission table is the one that the documentation shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gaitops.change.permissions import ADMIN, APPROVER, AUDITOR, AUTHOR, OPERATOR, PERMISSIONS, ROLES

CONCEPTS = Path(__file__).parents[2] / "docs" / "concepts.md"
EDGES = {"rollout.advance", "rollout.complete", "rollout.pause", "rollout.rollback"}
KINDS = {
    "policies": {"policy.create", "policy.update"},
    "versions": {"policy.publish"},
    "channels": {"policy.channel"},
    "assignments": {"assignment.change"},
    "rollouts": {"rollout.change", "rollout.start", "rollout.resume", "rollout.abort"} | EDGES,
    "the edges that an approved rollout plan allows": EDGES,
    "waivers": {"waiver.change"},
    "gates": {"gate.change"},
    "organizations": {"organization.change"},
    "projects": {"project.change"},
    "repositories": {"repository.change"},
    "environments": {"environment.change"},
    "people": {"principal.change", "org_principal.change"},
    "roles": {"role.change", "org_role.change"},
    "files": {"repository.file.change", "ci.change", "fleet.update"},
    "placing legal holds": {"hold.place"},
}
"""What the words of the documented table mean."""


def documented() -> dict[str, tuple[str, str]]:
    """Role → (proposes, approves), as the page says it."""
    rows = re.findall(
        r"^\| `(\w+)`[^|]*\| ([^|]*) \| ([^|]*) \|$", CONCEPTS.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {role: (proposes.strip(), approves.strip()) for role, proposes, approves in rows}


def test_every_role_is_documented() -> None:
    """No role exists that the page does not show, and none is shown that does not exist."""
    assert set(documented()) == set(ROLES)


@pytest.mark.parametrize("role", [AUTHOR, ADMIN, AUDITOR, OPERATOR])
def test_a_role_proposes_what_the_page_says(role: str) -> None:
    """Every word of the page is allowed by the table; what else the table allows belongs to no other word."""
    words = [word.strip() for word in documented()[role][0].split(",")]
    promised = set().union(*(KINDS[word] for word in words))
    allowed = {kind for kind, permission in PERMISSIONS.items() if role in permission.proposers}
    assert promised <= allowed
    elsewhere = set().union(*KINDS.values()) - promised
    # Moving repositories by a label is an administrator's change with effects on assignments (design 4).
    assert allowed & elsewhere <= {"assignment.change"}


@pytest.mark.parametrize("role", ["approver", "analyst"])
def test_roles_that_propose_nothing(role: str) -> None:
    """Approvers approve and analysts sign analyses."""
    assert not any(role in permission.proposers for permission in PERMISSIONS.values())


def test_everything_an_author_proposes_is_approved_by_approvers() -> None:
    """An author's operation needs an approver, an administrator's another administrator."""
    for kind, permission in PERMISSIONS.items():
        if permission.proposers == {AUTHOR}:
            assert permission.approvers == {APPROVER}, kind
        if permission.proposers == {ADMIN} and kind != "hold.release":
            assert permission.approvers == {ADMIN}, kind


def test_nobody_below_the_root_approves_what_decides_about_authority() -> None:
    """Floors that no file can lower (design 4)."""
    root = {kind for kind, permission in PERMISSIONS.items() if permission.floor == "root"}
    assert root >= {
        "fleet.update",
        "principal.change",
        "role.change",
        "approval_rule.change",
        "directory.change",
        "ci.change",
        "root.rotate",
    }
    org = {kind for kind, permission in PERMISSIONS.items() if permission.floor == "org"}
    assert org == {"org_principal.change", "org_role.change", "org_directory.change"}
