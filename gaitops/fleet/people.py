# SPDX-License-Identifier: Apache-2.0
"""Who is who: principals, their identities, their groups and their roles (design 4).

A :class:`Directory` is what one partition believes: the fleet's people, and the people of one organization
whose roles count only inside it. Quorum counts principals, never identities, so everything here leads from an
identity to the one principal that owns it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from securesystemslib.signer import Key

from gaitops.content import FILE_MODES
from gaitops.documents.models.trust import Principal
from gaitops.documents.times import parse_timestamp
from gaitops.errors import GaitopsError, InvalidInputError, Problem
from gaitops.fleet.credentials import (
    Credential,
    account_of_address,
    credential_of,
    how_held,
    marks_of,
    reach,
)
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.scopes import contains, org_scope
from gaitops.fleet.state import FleetState
from gaitops.signing.dsse import Envelope
from gaitops.signing.keys import assurance
from gaitops.signing.openpgp import OpenPGPCertificate
from gaitops.signing.sigstore.claims import Handle, read_claims
from gaitops.signing.sigstore.expected import Person as KeylessPerson
from gaitops.signing.sigstore.expected import Workload
from gaitops.signing.sigstore.verify import TrustedRootFile

SIGSTORE_ROOT = "trust/sigstore/trusted_root.json"
"""Where the fleet pins the authorities that keyless signatures are verified with."""
_MAX_ROLES = 4096
"""Answers about roles that a directory remembers."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One thing that one principal signs with, and the time in which it may be used."""

    principal: str
    """Qualified name: ``dana`` for the fleet, ``acme/bob`` inside an organization."""
    label: str
    """The identity's id inside the principal's document; ``root`` for a root key."""
    fingerprint: str
    """Names the identity whatever its notation: of a key, SHA-256 of its SPKI; see ``fleet.credentials``."""
    credential: Credential
    assurance: str
    """``key``, ``ssh``, ``ssh-sk``, ``sigstore``, ``openpgp`` or ``forge``."""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    is_root: bool = False
    key: Key | None = field(init=False, repr=False, compare=False)
    """The public key, where the identity is one."""
    marks: frozenset[str] = field(init=False, repr=False, compare=False)
    """What a revocation may know it by: its fingerprint, and what it shares with what it was or may be called."""

    def __post_init__(self) -> None:
        """Find out once what every weighing of every signature asks."""
        object.__setattr__(self, "key", self.credential if isinstance(self.credential, Key) else None)
        object.__setattr__(self, "marks", _marks(self.credential, self.fingerprint))

    def __hash__(self) -> int:
        """Of what differs between identities; hashing a key means hashing everything that it holds."""
        return hash((self.principal, self.label, self.fingerprint))

    def admits(self, other: Identity) -> bool:
        """Whether whoever signs as ``other`` could sign as this identity as well, at every time at which they could."""
        return (
            self.fingerprint == other.fingerprint
            and reach(self.credential) == reach(other.credential)
            and (
                self.valid_from is None
                or (other.valid_from is not None and self.valid_from <= other.valid_from)
            )
            and (
                self.valid_until is None
                or (other.valid_until is not None and other.valid_until <= self.valid_until)
            )
        )

    def valid_at(self, at: datetime) -> bool:
        """Whether ``at`` lies in [valid_from, valid_until)."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )


def _marks(credential: Credential, fingerprint: str) -> frozenset[str]:
    if isinstance(credential, Key):
        return frozenset({fingerprint})
    own = credential.fingerprints if isinstance(credential, Workload) else frozenset()
    return marks_of(credential) | own | {fingerprint}


@dataclass(frozen=True, slots=True)
class Grant:
    """One role binding, resolved to names."""

    role: str
    scope: str
    principals: frozenset[str]
    groups: frozenset[str]


@dataclass(frozen=True)
class Person:
    """What the directory knows of one principal besides its keys."""

    name: str
    kind: str
    groups: frozenset[str]
    emails: frozenset[str]


@dataclass(frozen=True)
class Directory:
    """The people whom one partition believes."""

    people: Mapping[str, Person]
    identities: tuple[Identity, ...]
    grants: tuple[Grant, ...]
    trusted_root: TrustedRootFile | None = field(repr=False)
    """What keyless signatures are verified with; without it none is."""
    by_keyid: Mapping[str, tuple[Identity, ...]] = field(repr=False)
    by_handle: Mapping[Handle, tuple[Identity, ...]] = field(repr=False)
    by_certificate: Mapping[str, tuple[Identity, ...]] = field(repr=False)
    """By the 64-bit id of each signing key of an OpenPGP certificate: all that some signatures name."""
    by_fingerprint: Mapping[str, tuple[Identity, ...]] = field(repr=False)
    by_email: Mapping[str, frozenset[str]] = field(repr=False)
    _roles: dict[tuple[str, str], frozenset[str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What :meth:`roles` found: every decision asks about the same few people and scopes, everybody in turn."""

    @staticmethod
    def of(
        people: Iterable[Person],
        identities: Iterable[Identity],
        grants: Iterable[Grant],
        trusted_root: TrustedRootFile | None = None,
    ) -> Directory:
        """Index the given people."""
        known = tuple(identities)
        by_keyid: dict[str, tuple[Identity, ...]] = {}
        by_handle: dict[Handle, tuple[Identity, ...]] = {}
        by_certificate: dict[str, tuple[Identity, ...]] = {}
        by_fingerprint: dict[str, tuple[Identity, ...]] = {}
        for identity in known:
            credential = identity.credential
            if isinstance(credential, Key):
                by_keyid[credential.keyid] = (*by_keyid.get(credential.keyid, ()), identity)
            elif isinstance(credential, KeylessPerson | Workload):
                by_handle[credential.handle] = (*by_handle.get(credential.handle, ()), identity)
            elif isinstance(credential, OpenPGPCertificate):
                for key_id in dict.fromkeys(key.key_id for key in credential.signing):
                    by_certificate[key_id] = (*by_certificate.get(key_id, ()), identity)
            by_fingerprint[identity.fingerprint] = (*by_fingerprint.get(identity.fingerprint, ()), identity)
        persons = {person.name: person for person in people}
        by_email: dict[str, frozenset[str]] = {}
        for person in persons.values():
            for email in person.emails:
                by_email[email] = by_email.get(email, frozenset()) | {person.name}
        return Directory(
            persons,
            known,
            tuple(grants),
            trusted_root,
            by_keyid,
            by_handle,
            by_certificate,
            by_fingerprint,
            by_email,
        )

    def candidates(self, envelope: Envelope) -> tuple[Identity, ...]:
        """Identities that may have signed an envelope, by what it says of itself. Nothing is verified."""
        if envelope.bundle is not None:
            try:
                return self.by_handle.get(read_claims(envelope.bundle.certificate).handle, ())
            except GaitopsError:
                return ()  # Whose certificate cannot be read is nobody's.
        named = dict.fromkeys(signature.keyid for signature in envelope.signatures)
        return tuple(identity for keyid in named for identity in self.by_keyid.get(keyid, ()))

    def addressed(self, email: str) -> frozenset[str]:
        """Principals whom an address in a commit names, case folded: by their own, or by that of their account at a forge."""
        account = account_of_address(email)
        owners = self.by_fingerprint.get(account.fingerprint, ()) if account is not None else ()
        return self.by_email.get(email, frozenset()).union(identity.principal for identity in owners)

    def roles(self, principal: str, scope: str) -> frozenset[str]:
        """Roles that a principal holds at a scope, through any binding at it or around it."""
        found = self._roles.get((principal, scope))
        if found is None:
            if len(self._roles) >= _MAX_ROLES:
                self._roles.clear()
            found = self._roles[principal, scope] = self._find_roles(principal, scope)
        return found

    def _find_roles(self, principal: str, scope: str) -> frozenset[str]:
        person = self.people.get(principal)
        if person is None:
            return frozenset()
        return frozenset(
            grant.role
            for grant in self.grants
            if contains(grant.scope, scope)
            and (principal in grant.principals or not grant.groups.isdisjoint(person.groups))
        )

    def holders(self, roles: frozenset[str], scope: str) -> frozenset[str]:
        """Principals that hold any of ``roles`` at ``scope``."""
        return frozenset(name for name in self.people if not roles.isdisjoint(self.roles(name, scope)))

    def identities_of(self, principal: str) -> tuple[Identity, ...]:
        """All identities of one principal."""
        return tuple(identity for identity in self.identities if identity.principal == principal)

    def usable(self, principal: str, at: datetime, revoked: frozenset[str]) -> tuple[Identity, ...]:
        """Identities with which a principal may sign at a time; ``revoked`` are fingerprints that are not believed."""
        return tuple(
            identity
            for identity in self.identities_of(principal)
            if identity.valid_at(at) and identity.fingerprint not in revoked
        )


def directory(state: FleetState, root: TrustedRoot, orgs: Sequence[str]) -> Directory:
    """The people of the fleet, and those of ``orgs`` with their roles confined to their own.

    Root keys join as identities of the person that root metadata names; they carry no role by themselves.
    """
    people: list[Person] = []
    identities: list[Identity] = list(root_identities(root))
    seen = {(identity.principal, identity.fingerprint) for identity in identities}
    grants = list(_grants(state, None))
    for owner in (None, *orgs):
        for name, _path, principal in state.principals(owner):
            people.append(person_of(name, principal, owner))
            identities.extend(
                identity
                for identity in identities_of(name, principal)
                if (identity.principal, identity.fingerprint) not in seen
            )
    for org in orgs:
        grants.extend(_grants(state, org))
    return Directory.of(people, identities, grants, _trusted_root(state))


def _trusted_root(state: FleetState) -> TrustedRootFile | None:
    entry = state.snapshot.entry(SIGSTORE_ROOT)
    if entry is None or entry.mode not in FILE_MODES:
        return None
    return TrustedRootFile(state.snapshot.read(entry.oid), state.snapshot.sha256(entry.oid))


def root_identities(root: TrustedRoot) -> tuple[Identity, ...]:
    """The root-role keys as identities."""
    return tuple(
        Identity(item.principal, "root", item.fingerprint, item.key, assurance(item.key), is_root=True)
        for item in root.keys
    )


def person_of(name: str, principal: Principal, org: str | None) -> Person:
    """One principal without its keys; groups of an org's people are qualified by the org."""
    groups = frozenset(group if org is None else f"{org}/{group}" for group in principal.spec.groups)
    emails = frozenset(email.casefold() for email in principal.spec.emails)
    return Person(name, principal.spec.type, groups, emails)


def identities_of(name: str, principal: Principal) -> tuple[Identity, ...]:
    """Everything that one principal signs with.

    Raises:
        InvalidInputError: a key or certificate that cannot be read (``key.malformed``, ``key.unsupported``,
            ``key.weak``), or is a forge's (``identity.forge_key``).
        MissingDependencyError: ``dependency.openpgp``.
    """
    found = []
    for identity in principal.spec.identities:
        try:
            credential, name_of_it = credential_of(identity)
        except InvalidInputError as error:
            whose = f"identity {name}/{identity.id}"
            problems = (replace(item, message=f"{whose}: {item.message}") for item in error.problems)
            raise InvalidInputError(problems) from error
        found.append(
            Identity(
                principal=name,
                label=identity.id,
                fingerprint=name_of_it,
                credential=credential,
                assurance=how_held(credential),
                valid_from=parse_timestamp(identity.valid_from) if identity.valid_from else None,
                valid_until=parse_timestamp(identity.valid_until) if identity.valid_until else None,
            )
        )
    return tuple(found)


def _grants(state: FleetState, org: str | None) -> Iterable[Grant]:
    for _name, binding in state.role_bindings(org):
        scope = binding.spec.scope
        if org is not None and not contains(org_scope(org), scope):
            continue  # Refused by the rules when it is proposed; never a grant outside the org (design 4).
        members = binding.spec.members
        yield Grant(binding.spec.role, scope, frozenset(members.principals), frozenset(members.groups))


def reused_identities(state: FleetState, root: TrustedRoot) -> tuple[Problem, ...]:
    """Identities that appear under two principals anywhere in the fleet, keys compared as SPKI (threat T18)."""
    owners: dict[str, tuple[str, str]] = {
        item.fingerprint: (item.principal, f"trust/root/{root.version}.root.json") for item in root.keys
    }
    problems = []
    for org in (None, *state.orgs()):
        for name, path, principal in state.principals(org):
            for identity in identities_of(name, principal):
                found = [owners.setdefault(mark, (name, path)) for mark in marks_of(identity.credential)]
                other = next((item for item in found if item[0] != name), None)
                if other is not None:
                    problems.append(
                        Problem(
                            "identity.reused",
                            f"the identity {name}/{identity.label} already belongs to {other[0]} ({other[1]})",
                            path=path,
                            remedy="one identity belongs to one principal; use another one",
                        )
                    )
    return tuple(problems)
