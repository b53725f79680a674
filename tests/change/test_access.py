# SPDX-License-Identifier: Apache-2.0
"""Whether anybody can have an operation authorized, told from who may propose it and who may approve it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from gaitops.change.access import Access, Approver
from gaitops.change.requirements import Requirement


def access(
    proposers: str, approvers: Mapping[str, str], quorum: int, groups: str = "", *, root: bool = False
) -> Access:
    """An operation that these people propose and approve, each approver with a group or none."""
    needed = Requirement(quorum, timedelta(days=7), groups=frozenset(groups.split()), root=root)
    people = tuple(
        Approver(name, (), frozenset(group.split()), identities=()) for name, group in approvers.items()
    )
    return Access("org/acme", "project.change", None, None, needed, (), people, tuple(proposers.split()))


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (access("alice", {"bob": ""}, 1), None),
        (access("alice", {"alice": "", "bob": ""}, 1), None),
        (access("", {"bob": ""}, 1), "nobody who may propose it can sign"),
        (access("alice", {"alice": ""}, 1), "needs 1, and 1 could approve, not counting who proposes"),
        (access("alice bob", {"alice": "", "bob": ""}, 1), None),
        (access("", {"alice": "", "bob": ""}, 2, root=True), None),
        (access("alice", {"alice": "sec", "bob": "sec"}, 1, "sec"), None),
        (
            access("alice", {"alice": "sec", "bob": "", "carol": ""}, 2, "sec"),
            "nobody who could approve belongs to sec, not counting who proposes",
        ),
        (access("alice bob", {"alice": "sec", "bob": "", "carol": ""}, 2, "sec"), None),
        (
            access("alice bob", {"alice": "sec", "bob": "ops", "carol": ""}, 2, "sec ops"),
            "nobody who could approve belongs to sec, not counting who proposes",
        ),
    ],
)
def test_whoever_proposes_does_not_approve(operation: Access, why: str | None) -> None:
    """Quorum and groups must be met by the others, whoever of the proposers it is."""
    assert operation.unreachable == why
