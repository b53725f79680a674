# SPDX-License-Identifier: Apache-2.0
"""Which users may become principals, or stay what they are: each told apart from everybody else, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gaitops.directory.answer import Answer, User
from gaitops.directory.groups import Memberships
from gaitops.directory.holders import revoked_fingerprints
from gaitops.directory.names import principal_name, subject, unusable
from gaitops.directory.people import sign_in
from gaitops.documents.layout import principal_path
from gaitops.documents.models.directory import DirectoryMappingSpec
from gaitops.documents.models.identities import SigstoreIdentity
from gaitops.documents.models.trust import DirectoryLink, Principal
from gaitops.errors import Problem, UnsafeOperationError
from gaitops.fleet.state import FleetState


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that is not planned, and why."""

    principal: str | None
    """Name beside the other principals of its owner, where there is one."""
    user: str | None
    """Id in the directory, where it is about a user."""
    problem: Problem


@dataclass(frozen=True, slots=True)
class Member:
    """A principal that the directory manages."""

    person: Principal
    link: DirectoryLink


@dataclass
class Candidates:
    """Users whom the directory vouches for."""

    joining: list[tuple[str, User, str]] = field(default_factory=list)
    """(name, user, subject) of new principals."""
    subjects: dict[str, str] = field(default_factory=dict)
    """Subject by id, of active users who are principals already and may stay."""
    present: frozenset[str] = frozenset()
    """Subjects of all active users."""
    refused: list[Refusal] = field(default_factory=list)


def candidates(
    spec: DirectoryMappingSpec,
    org: str | None,
    answer: Answer,
    groups: Memberships,
    members: Mapping[str, Member],
    people: Mapping[str, Principal],
    state: FleetState,
) -> Candidates:
    """Tell users apart.

    Only who is managed already or is in a group of the mapping is looked at; with no groups in the mapping, everybody.

    Args:
        spec: the mapping.
        org: whose principals.
        answer: of the directory.
        groups: of the fleet, by the same answer.
        members: principals that this mapping manages, by name.
        people: all principals of the same owner, by name.
        state: the fleet, for identities of others.
    """
    found = Candidates()
    active = [user for user in sorted(answer.users.values(), key=lambda item: item.id) if user.active]
    grouped = frozenset[str]().union(*groups.members.values())
    names_of = _names_by_user(members)
    readable = {user.id: text for user in active if (text := _subject(spec, user)) is not None}
    found.present = frozenset(readable.values())
    looked_at = [user for user in active if user.id in names_of or user.id in grouped or not spec.groups]
    doubts = _doubts(looked_at, active, readable, names_of, _owners(spec.users.issuer, state), org)
    wanted: dict[str, list[User]] = {}
    for user in looked_at:
        names = names_of.get(user.id, ())
        problem = next(_flaws(spec, user), None) or doubts.get(user.id)
        if problem is not None:
            found.refused.append(Refusal(names[0] if names else None, user.id, problem))
        elif names:
            found.subjects[user.id] = readable[user.id]
        else:
            try:
                wanted.setdefault(principal_name(user, spec.users), []).append(user)
            except UnsafeOperationError as error:
                found.refused.append(Refusal(None, user.id, error.problems[0]))
    revoked = revoked_fingerprints(state)
    for name, users in wanted.items():
        for user in users:
            taken = _taken(name, user, users, people, org)
            if taken is None and sign_in("sso", spec.users.issuer, readable[user.id])[1] in revoked:
                taken = unusable(f"{readable[user.id]} was revoked, and can sign nothing any more").problems[
                    0
                ]
            if taken is not None:
                found.refused.append(Refusal(name, user.id, taken))
            else:
                found.joining.append((name, user, readable[user.id]))
    return found


def _names_by_user(members: Mapping[str, Member]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, member in members.items():
        found[member.link.id] = (*found.get(member.link.id, ()), name)
    return found


def _subject(spec: DirectoryMappingSpec, user: User) -> str | None:
    try:
        return None if user.flaw is not None else subject(user, spec.users)
    except UnsafeOperationError:
        return None  # Said of whoever it matters for, by _flaws.


def _flaws(spec: DirectoryMappingSpec, user: User) -> Iterator[Problem]:
    """What is wrong with a user alone."""
    try:
        if user.flaw is not None:
            raise unusable(f"user {user.id!r}: {user.flaw}")
        subject(user, spec.users)
    except UnsafeOperationError as error:
        yield error.problems[0]


def _doubts(
    looked_at: Iterable[User],
    active: Iterable[User],
    subjects: Mapping[str, str],
    names_of: Mapping[str, tuple[str, ...]],
    owners: Mapping[str, str],
    org: str | None,
) -> dict[str, Problem]:
    """Why a user cannot be told apart from somebody else, by id."""
    addresses: dict[str, set[str]] = {}
    sharing: dict[str, set[str]] = {}
    for user in active:
        for text in user.emails:
            addresses.setdefault(text.lower(), set()).add(user.id)
        if user.id in subjects:
            sharing.setdefault(subjects[user.id].lower(), set()).add(user.id)
    found: dict[str, Problem] = {}
    for user in looked_at:
        names = names_of.get(user.id, ())
        shared = next((text for text in user.emails if len(addresses[text.lower()]) > 1), None)
        text = subjects.get(user.id, "")
        owner = owners.get(text)
        mine = {name if org is None else f"{org}/{name}" for name in names}
        if len(names) > 1:
            found[user.id] = _collision(f"{' and '.join(names)} are linked to the same user {user.id!r}")
        elif shared is not None:
            found[user.id] = _collision(f"{len(addresses[shared.lower()])} users have the address {shared}")
        elif len(sharing.get(text.lower(), ())) > 1:
            found[user.id] = _collision(f"{len(sharing[text.lower()])} users would sign in as {text}")
        elif owner is not None and owner not in mine:
            found[user.id] = _collision(f"{owner} signs in as {text} already", principal_path(owner))
    return found


def _owners(issuer: str, state: FleetState) -> dict[str, str]:
    """Principals of the whole fleet by what they sign in as at an issuer."""
    return {
        identity.subject: ref
        for org in (None, *state.orgs())
        for ref, _path, person in state.principals(org)
        for identity in person.spec.identities
        if isinstance(identity, SigstoreIdentity) and identity.issuer == issuer
    }


def _taken(
    name: str, user: User, users: list[User], people: Mapping[str, Principal], org: str | None
) -> Problem | None:
    """Why a new principal cannot have a name: a name in history always means the same person."""
    if len(users) > 1:
        others = ", ".join(repr(item.id) for item in users if item is not user)
        return _collision(f"user {user.id!r} would be called {name} like {others}")
    if name in people:
        ref = name if org is None else f"{org}/{name}"
        return _collision(
            f"user {user.id!r} would be called {name} like a principal who exists", principal_path(ref)
        )
    return None


def _collision(message: str, path: str | None = None) -> Problem:
    return Problem(
        "identity.collision",
        message,
        path=path,
        remedy="give them different values in the directory, name one in users.named of the mapping, or link the "
        "principal who is meant with spec.directory",
    )
