# SPDX-License-Identifier: Apache-2.0
"""Who is in which group of the fleet. Only exact matches count; a group that cannot be told apart changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gaitops.directory.answer import Answer, Group
from gaitops.documents.models.directory import DirectoryMappingSpec, GroupMapping
from gaitops.errors import Problem


@dataclass(frozen=True, slots=True)
class Memberships:
    """Groups of the fleet by what the directory says."""

    members: Mapping[str, frozenset[str]]
    """Ids of users by group."""
    unsettled: frozenset[str]
    """Groups of which the directory says nothing clear: whoever is in them stays, and nobody comes in."""
    problems: tuple[Problem, ...]

    def of(self, user: str, present: frozenset[str]) -> frozenset[str]:
        """The groups that a user belongs to, who is in ``present`` now; groups without a mapping stay as they are."""
        managed = self.members.keys()
        return (present - managed) | {name for name, ids in self.members.items() if user in ids}


def memberships(spec: DirectoryMappingSpec, answer: Answer) -> Memberships:
    """Match groups of the directory with those of the mapping."""
    members: dict[str, frozenset[str]] = {}
    unsettled: set[str] = set()
    problems: list[Problem] = []
    for row in spec.groups:
        fitting = [item for item in answer.groups if _fits(item, row)]
        absent = not fitting and (answer.all_groups or row.id is None)
        if absent or len(fitting) > 1:
            unsettled.add(row.group)
            problems.append(_unclear(row, len(fitting)))
        else:
            members[row.group] = frozenset[str]().union(*(item.members for item in fitting))
    return Memberships(members, frozenset(unsettled), tuple(problems))


def _fits(group: Group, row: GroupMapping) -> bool:
    if row.id is not None:
        return group.id == row.id
    return group.display_name is not None and group.display_name == row.display_name


def _unclear(row: GroupMapping, found: int) -> Problem:
    key = f"the id {row.id!r}" if row.id is not None else f"the name {row.display_name!r}"
    return Problem(
        "identity.group",
        f"{found or 'no'} groups of the directory have {key}; {row.group} stays as it is",
        remedy="name the group by its id in the mapping" if found else "correct the mapping or the directory",
    )
