# SPDX-License-Identifier: Apache-2.0
"""The documents of people who join, move and leave. Nothing is dropped from one that its history may need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gaitops.directory.answer import User
from gaitops.documents.models.directory import UserMapping
from gaitops.documents.models.identities import Identity, SigstoreIdentity
from gaitops.documents.models.trust import DirectoryLink, Principal, PrincipalSpec
from gaitops.documents.times import format_timestamp
from gaitops.fleet.credentials import credential_of

_SSO = "sso"


@dataclass(frozen=True, slots=True)
class Changed:
    """What one principal's document is to say, and the difference in words."""

    principal: str
    """Name beside the other principals of its owner."""
    user: str
    """Id in the directory."""
    before: Principal | None
    after: Principal
    what: tuple[str, ...]


def joined(
    name: str, org: str | None, mapping: str, user: User, subject: str, issuer: str, groups: frozenset[str]
) -> Changed:
    """Somebody new."""
    spec: dict[str, object] = {"type": "human"}
    if user.display_name is not None:
        spec["displayName"] = user.display_name
    spec["groups"] = sorted(groups)
    spec["emails"] = list(_addresses((), user))
    identity, _ = sign_in(_SSO, issuer, subject)
    spec["identities"] = [identity.model_dump(by_alias=True, exclude_none=True)]
    spec["directory"] = {"mapping": mapping, "id": user.id}
    metadata = {"name": name} if org is None else {"name": name, "org": org}
    body = {"apiVersion": "gaitops.dev/v1", "kind": "Principal", "metadata": metadata, "spec": spec}
    words = (f"signs in as {subject}", *(f"+{group}" for group in sorted(groups)))
    return Changed(name, user.id, None, Principal.model_validate(body), words)


def moved(
    name: str,
    before: Principal,
    user: User,
    mapping: UserMapping,
    subject: str,
    groups: frozenset[str],
    now: datetime,
) -> Changed | None:
    """Somebody who stays, or comes back; ``None`` when nothing is different."""
    link = before.spec.directory
    returning = link is not None and link.left is not None
    identities, words = _signs_in(before, mapping.issuer, subject, now, returning=returning)
    present = frozenset(before.spec.groups)
    words += [f"+{group}" for group in sorted(groups - present)]
    words += [f"-{group}" for group in sorted(present - groups)]
    kept = [group for group in before.spec.groups if group in groups]
    emails = _addresses(before.spec.emails, user)
    words += [f"address {text}" for text in emails[len(before.spec.emails) :]]
    display = user.display_name or before.spec.display_name
    if display != before.spec.display_name:
        words.append(f"is called {display}")
    if returning:
        words.insert(0, "is back")
    spec = before.spec.model_copy(
        update={
            "groups": (*kept, *sorted(groups - present)),
            "emails": emails,
            "display_name": display,
            "identities": identities,
            "directory": link.model_copy(update={"left": None}) if link is not None else None,
        }
    )
    after = before.model_copy(update={"spec": spec})
    return Changed(name, user.id, before, after, tuple(words)) if after != before else None


def lessened(name: str, before: Principal, user: str, groups: frozenset[str]) -> Changed | None:
    """Somebody of whom nothing is believed but the groups that they are no longer in; ``None`` when they are in all."""
    kept = tuple(group for group in before.spec.groups if group in groups)
    if kept == before.spec.groups:
        return None
    after = before.model_copy(update={"spec": before.spec.model_copy(update={"groups": kept})})
    words = tuple(f"-{group}" for group in sorted(set(before.spec.groups) - groups))
    return Changed(name, user, before, after, words)


def left(name: str, before: Principal, link: DirectoryLink, now: datetime) -> Changed | None:
    """Somebody who is gone: every identity that is open ends now, and all groups with their roles; ``None`` when both did."""
    moment = format_timestamp(now)
    identities: list[Identity] = []
    words: list[str] = []
    for identity in before.spec.identities:
        if identity.valid_from is not None and identity.valid_from >= moment:
            # It never began, and no stretch of time can end before it begins: nothing was signed with it.
            words.append(f"{identity.id} taken out")
        elif is_open(identity, now):
            identities.append(identity.model_copy(update={"valid_until": moment}))
            words.append(f"{identity.id} ends")
        else:
            identities.append(identity)
    words += [f"-{group}" for group in before.spec.groups]
    if not words and link.left is not None:
        return None
    update = {
        "groups": (),
        "identities": tuple(identities),
        "directory": link.model_copy(update={"left": link.left or moment}),
    }
    after = before.model_copy(update={"spec": before.spec.model_copy(update=update)})
    return Changed(name, link.id, before, after, tuple(words) or ("marked as left",))


def is_open(identity: Identity, now: datetime) -> bool:
    """Whether an identity may sign at some time after ``now``."""
    # Timestamps have one form and length, so their text sorts as their time does.
    return identity.valid_until is None or identity.valid_until > format_timestamp(now)


def _signs_in(
    before: Principal, issuer: str, subject: str, now: datetime, *, returning: bool
) -> tuple[tuple[Identity, ...], list[str]]:
    """The identities of somebody who signs in as ``subject`` from now on.

    One that people ended stays ended: only what ended because its owner had left is given anew, from now on, so
    that what was signed in between stays without effect. Another subject at the same issuer ends.
    """
    moment = format_timestamp(now)
    identities: list[Identity] = []
    words: list[str] = []
    known = False
    for identity in before.spec.identities:
        mine = isinstance(identity, SigstoreIdentity) and identity.issuer == issuer
        same = mine and isinstance(identity, SigstoreIdentity) and identity.subject == subject
        known = known or (same and (is_open(identity, now) or not returning))
        if mine and not same and is_open(identity, now):
            if identity.valid_from is not None and identity.valid_from >= moment:
                words.append(f"{identity.id} taken out")
                continue
            identities.append(identity.model_copy(update={"valid_until": moment}))
            words.append(f"{identity.id} ends")
        else:
            identities.append(identity)
    if not known:
        taken = {identity.id for identity in before.spec.identities}
        label = next(name for name in _labels() if name not in taken)
        identities.append(sign_in(label, issuer, subject, moment)[0])
        words.append(f"signs in as {subject}")
    return tuple(identities), words


def _labels() -> list[str]:
    return [_SSO, *(f"{_SSO}-{number}" for number in range(2, 1_000))]


def _addresses(present: tuple[str, ...], user: User) -> tuple[str, ...]:
    """Old addresses and new ones: an old one still bars its owner from approving what was committed under it."""
    found = {text.lower(): text for text in reversed((*present, *user.emails))}
    return tuple(text for text in dict.fromkeys((*present, *user.emails)) if found[text.lower()] == text)


def sign_in(label: str, issuer: str, subject: str, since: str | None = None) -> tuple[SigstoreIdentity, str]:
    """The identity of somebody who signs in at an issuer, and its fingerprint."""
    body = {"id": label, "type": "sigstore", "issuer": issuer, "subject": subject}
    identity = SigstoreIdentity.model_validate(body if since is None else {**body, "validFrom": since})
    return identity, credential_of(identity)[1]


def open_subjects(spec: PrincipalSpec, issuer: str, now: datetime) -> frozenset[str]:
    """What a principal may sign in as at an issuer."""
    return frozenset(
        identity.subject
        for identity in spec.identities
        if isinstance(identity, SigstoreIdentity) and identity.issuer == issuer and is_open(identity, now)
    )
