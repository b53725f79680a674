# SPDX-License-Identifier: Apache-2.0
"""From what a directory says to what a change of the fleet must hold; deterministic, minimal, and empty the second time.

Only principals whose document names this mapping are ever touched. What cannot be done for one person is refused for
that person, and everything else is still planned: nobody stays valid because of somebody else's odd name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gaitops.directory.answer import Answer
from gaitops.directory.bindings import Bindings, planned_bindings
from gaitops.directory.candidates import Candidates, Member, Refusal, candidates
from gaitops.directory.groups import Memberships, memberships
from gaitops.directory.holders import Authorities
from gaitops.directory.people import Changed, is_open, joined, left, lessened, moved, open_subjects
from gaitops.documents.layout import directory_path, principal_path
from gaitops.documents.models.directory import DirectoryMapping
from gaitops.documents.models.trust import Principal
from gaitops.errors import Problem, UnsafeOperationError
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.state import FleetState

FREE_LEAVERS = 5
"""People who may always leave at once, or lose groups."""
LEAVING_PERCENT = 20
"""Share of the managed people beyond which somebody must say that so many may."""


@dataclass(frozen=True)
class Plan:
    """What is to change, each list sorted by principal."""

    joins: tuple[Changed, ...]
    moves: tuple[Changed, ...]
    leavers: tuple[Changed, ...]
    bindings: Bindings
    refused: tuple[Refusal, ...]
    """What was not planned, each with its reason; somebody must look at it."""


@dataclass(frozen=True)
class Setting:
    """What a plan is made for."""

    name: str
    """Of the mapping."""
    mapping: DirectoryMapping
    org: str | None
    """Whose principals: an org's, or the fleet's."""
    state: FleetState
    """Documents that the plan is to change."""
    root: TrustedRoot
    now: datetime

    def qualified(self, name: str) -> str:
        """A principal or group of this owner, as others name it."""
        return name if self.org is None else f"{self.org}/{name}"

    def people(self) -> dict[str, Principal]:
        """Principals of this owner by name."""
        return {ref.rpartition("/")[2]: found for ref, _path, found in self.state.principals(self.org)}


def known_users(setting: Setting) -> frozenset[str]:
    """Ids of users by whom somebody may still sign, or has a group: each needs an answer from the directory."""
    return frozenset(
        member.link.id
        for member in _members(setting, setting.people()).values()
        if member.link.left is None
        or member.person.spec.groups
        or any(is_open(identity, setting.now) for identity in member.person.spec.identities)
    )


def make_plan(setting: Setting, answer: Answer, *, max_leavers: int | None = None) -> Plan:
    """Plan a change.

    Args:
        setting: the fleet as it is.
        answer: what the directory said of :func:`known_users`, and of everybody else.
        max_leavers: most people who may leave at once, and most others who may lose groups; by default five or a fifth of those who are managed.

    Raises:
        UnsafeOperationError: ``directory.too_many_leavers``.
        InvalidInputError: a document of the fleet cannot be read.
    """
    people = setting.people()
    members = _members(setting, people)
    groups = memberships(setting.mapping.spec, answer)
    refused = [Refusal(None, None, problem) for problem in groups.problems]
    found = candidates(setting.mapping.spec, setting.org, answer, groups, members, people, setting.state)
    refused += found.refused
    leavers = [
        change
        for name, member in members.items()
        if _has_left(member, answer)
        and (change := left(name, member.person, member.link, setting.now)) is not None
    ]
    _limited(leavers, members, _most(members, max_leavers))
    moves = list(_moves(setting, members, answer, groups, found))
    moves, kept = _without_landslide(setting, moves, _most(members, max_leavers))
    refused += kept
    leavers, moves, kept = _without_losses(setting, leavers, moves)
    refused += kept
    users = setting.mapping.spec.users
    joins = [
        joined(name, setting.org, setting.name, user, subject, users.issuer, groups.of(user.id, frozenset()))
        for name, user, subject in found.joining
    ]
    refused += _unmanaged(setting, people, answer, found)
    after = {**people, **{item.principal: item.after for item in (*joins, *moves, *leavers)}}
    bindings, conflicts = planned_bindings(setting.mapping.spec, setting.org, setting.state, after)
    refused += [Refusal(None, None, problem) for problem in conflicts]
    order = sorted(refused, key=lambda item: (item.principal or "", item.user or "", item.problem.message))
    return Plan(_sorted(joins), _sorted(moves), _sorted(leavers), bindings, tuple(order))


def _sorted(changes: Iterable[Changed]) -> tuple[Changed, ...]:
    return tuple(sorted(changes, key=lambda item: item.principal))


def _members(setting: Setting, people: Mapping[str, Principal]) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for name, person in sorted(people.items()):
        link = person.spec.directory
        if link is not None and link.mapping == setting.name:
            found[name] = Member(person, link)
    return found


def _has_left(member: Member, answer: Answer) -> bool:
    user = answer.users.get(member.link.id)
    return member.link.id in answer.gone or (user is not None and not user.active)


def _most(members: Mapping[str, Member], given: int | None) -> int:
    """How many people may leave at once, and how many others may lose groups."""
    if given is not None:
        return given
    return max(FREE_LEAVERS, _present(members) * LEAVING_PERCENT // 100)


def _present(members: Mapping[str, Member]) -> int:
    return sum(member.link.left is None for member in members.values())


def _limited(leavers: list[Changed], members: Mapping[str, Member], most: int) -> None:
    """Stop before a broken directory, or one in the wrong hands, empties the fleet."""
    if len(leavers) > most:
        raise UnsafeOperationError.of(
            "directory.too_many_leavers",
            f"{len(leavers)} of {_present(members)} people would leave at once; at most {most} may",
            remedy=f"if they really left, say so with --max-leavers {len(leavers)}",
        )


def _without_landslide(
    setting: Setting, moves: list[Changed], most: int
) -> tuple[list[Changed], list[Refusal]]:
    """The changes without those that take groups away, where these are too many to be believed.

    Some service providers list groups without their members, which looks as if everybody had been taken out. Leavers do
    not wait for that to be cleared up.
    """
    losing = [
        item
        for item in moves
        if item.before is not None and not set(item.before.spec.groups) <= set(item.after.spec.groups)
    ]
    if len(losing) <= most:
        return moves, []
    refused = [
        Refusal(
            item.principal,
            item.user,
            Problem(
                "identity.group",
                f"{item.principal} stays as before: {len(losing)} people would lose groups at once; at most {most} may",
                path=principal_path(setting.qualified(item.principal)),
                remedy=f"if the directory is right, say so with --max-leavers {len(losing)}",
            ),
        )
        for item in losing
    ]
    return [item for item in moves if item not in losing], refused


def _moves(
    setting: Setting, members: Mapping[str, Member], answer: Answer, groups: Memberships, found: Candidates
) -> Iterator[Changed]:
    for name, member in members.items():
        user = answer.users.get(member.link.id)
        if user is None or not user.active:
            continue
        wanted = groups.of(user.id, frozenset(member.person.spec.groups))
        if user.id not in found.subjects:
            # Refused, but for what the directory takes: nobody keeps a group by making their own entry unreadable.
            change = lessened(name, member.person, user.id, wanted)
        else:
            subject = found.subjects[user.id]
            change = moved(
                name, member.person, user, setting.mapping.spec.users, subject, wanted, setting.now
            )
        if change is not None:
            yield change


def _without_losses(
    setting: Setting, leavers: list[Changed], moves: list[Changed]
) -> tuple[list[Changed], list[Changed], list[Refusal]]:
    """The changes without those by which the fleet would lose an authority that nobody else has."""
    if not leavers and not moves:
        return leavers, moves, []
    authorities = Authorities.of(setting.state, setting.root, setting.now)
    later = {
        setting.qualified(item.principal): frozenset(
            setting.qualified(group) for group in item.after.spec.groups
        )
        for item in (*leavers, *moves)
    }
    lost = authorities.lost(later, frozenset(setting.qualified(item.principal) for item in leavers))
    refused = [
        Refusal(
            item.principal,
            item.user,
            Problem(
                "identity.last_holder",
                f"{item.principal} stays as before: {lost[setting.qualified(item.principal)]}",
                path=principal_path(setting.qualified(item.principal)),
                remedy="give somebody else the authority first; a root key is replaced with gaitops trust rotate",
            ),
        )
        for item in (*leavers, *moves)
        if setting.qualified(item.principal) in lost
    ]
    stay = {item.principal for item in refused}
    return (
        [item for item in leavers if item.principal not in stay],
        [item for item in moves if item.principal not in stay],
        refused,
    )


def _unmanaged(
    setting: Setting, people: Mapping[str, Principal], answer: Answer, found: Candidates
) -> Iterator[Refusal]:
    """People who sign in at the directory's issuer, are not managed, and whom the directory does not have (any more).

    Whoever takes the link out of a document must not keep somebody valid in silence.
    """
    if not answer.complete:
        return
    for name, person in sorted(people.items()):
        link = person.spec.directory
        if link is not None and setting.state.document(
            directory_path(setting.org, link.mapping), DirectoryMapping
        ):
            continue
        strange = open_subjects(person.spec, setting.mapping.spec.users.issuer, setting.now) - found.present
        if strange:
            problem = Problem(
                "identity.unmanaged",
                f"{name} may sign in as {min(strange)}, whom the directory does not have as an active user, and no "
                "directory manages it",
                path=principal_path(setting.qualified(name)),
                remedy="end its validity, or link it to its user with spec.directory",
            )
            yield Refusal(name, None, problem)
