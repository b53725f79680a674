# SPDX-License-Identifier: Apache-2.0
"""Rules of the trust folder: root chain, add-only files, one owner per identity (design 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gaitops.change.context import Change, Facts
from gaitops.documents.layout import classify, root_path
from gaitops.documents.models.trust import Fleet, Revocation, RoleBinding
from gaitops.errors import GaitopsError, MissingDependencyError, Problem
from gaitops.fleet.people import identities_of, reused_identities
from gaitops.fleet.root import TrustedRoot, verify_next_root
from gaitops.fleet.scopes import contains, org_scope
from gaitops.fleet.state import FleetState

RULES_VERSIONS = frozenset({1})
"""Versions of the verification rules that this engine knows; every released one stays (design 5)."""

_ROOT = re.compile(r"trust/root/([1-9][0-9]*)\.root\.json")


def check_trust(change: Change, facts: Facts) -> Iterator[Problem]:
    """Everything about people and keys that no approval can allow."""
    people_changed = False
    for item in change.deltas:
        location = classify(item.path)
        if location.kind == "Principal":
            people_changed = True
        elif location.kind == "Fleet":
            yield from _rules_version(change)
        elif location.kind == "RoleBinding" and location.org is not None and item.after is not None:
            yield from _org_binding(item.path, location.org, change)
        elif location.kind == "Revocation":
            yield from _revocation(item.path, item.before is not None, change, facts)
    root, problems = roots_after(change, facts.root)
    yield from problems
    if people_changed or root is not facts.root:
        yield from _identities(change, root)


def check_genesis_trust(change: Change, facts: Facts) -> Iterator[Problem]:
    """Rules of the trust folder for the first tree: only root version 1, known rules, one owner per identity."""
    yield from _rules_version(change)
    for item in change.deltas:
        location = classify(item.path)
        if location.kind == "root_metadata" and item.path != root_path(1):
            yield _rotation(item.path, "the first tree holds root version 1 only")
        elif location.kind == "RoleBinding" and location.org is not None:
            yield from _org_binding(item.path, location.org, change)
        elif location.kind == "Revocation":
            yield Problem("revocation.immutable", "the first tree has nothing to revoke", path=item.path)
    yield from _identities(change, facts.root)


def _identities(change: Change, root: TrustedRoot) -> Iterator[Problem]:
    try:
        yield from reused_identities(change.after, root)
    except MissingDependencyError:
        raise  # Another verdict than where the library is installed would be worse than none.
    except GaitopsError as error:
        yield from error.problems


def _rules_version(change: Change) -> Iterator[Problem]:
    fleet = change.after.document("fleet.yaml", Fleet)
    if fleet is None:
        yield Problem("fleet.missing", "fleet.yaml cannot be removed", path="fleet.yaml", remedy="restore it")
    elif fleet.spec.rules not in RULES_VERSIONS:
        yield Problem(
            "engine.too_old",
            f"rules version {fleet.spec.rules} is unknown to this gaitops, which knows {sorted(RULES_VERSIONS)}",
            path="fleet.yaml",
            field="spec.rules",
            remedy="verify with a newer gaitops",
        )


def _org_binding(path: str, org: str, change: Change) -> Iterator[Problem]:
    binding = change.after.document(path, RoleBinding)
    if binding is not None and not contains(org_scope(org), binding.spec.scope):
        yield Problem(
            "permission.denied",
            f"a role of organization {org} cannot reach {binding.spec.scope}",
            path=path,
            field="spec.scope",
            remedy=f"use {org_scope(org)} or a scope inside it",
        )


def _revocation(path: str, existed: bool, change: Change, facts: Facts) -> Iterator[Problem]:
    document = change.after.document(path, Revocation)
    if existed or document is None:
        yield Problem(
            "revocation.immutable",
            "revocations are never changed or removed",
            path=path,
            remedy="restore the file; a mistaken revocation of a key is mended by adding a new key",
        )
        return
    named = document.spec.identity
    if named is not None and named.fingerprint in {item.fingerprint for item in facts.root.keys}:
        yield Problem(
            "revocation.root_key",
            "root keys are replaced by a new root version only",
            path=path,
            remedy="run gaitops trust rotate",
        )
    owner = _owner(change.before, named.fingerprint) if named is not None else None
    if named is not None and owner not in (None, named.principal):
        yield Problem(
            "revocation.owner",
            f"the identity belongs to {owner}, not to {named.principal}",
            path=path,
            field="spec.identity",
            remedy="name the principal whose identity it is",
        )
    if document.spec.since is not None and facts.position_of(document.spec.since) is None:
        yield Problem(
            "revocation.since",
            f"{document.spec.since} is not on the first-parent chain",
            path=path,
            field="spec.since",
            remedy="name the commit on the protected branch since which the key is not to be trusted",
        )


def _owner(state: FleetState, key: str) -> str | None:
    """The principal whose identity has this fingerprint, anywhere in the fleet."""
    for org in (None, *state.orgs()):
        for name, _path, principal in state.principals(org):
            if any(identity.fingerprint == key for identity in identities_of(name, principal)):
                return name
    return None


def roots_after(change: Change, root: TrustedRoot) -> tuple[TrustedRoot, tuple[Problem, ...]]:
    """The trusted root once the change is applied, or why its root files are refused (threat T3).

    Root metadata is authorized by the TUF signatures inside it: the threshold of the version before and its own.
    """
    problems: list[Problem] = []
    added: dict[int, str] = {}
    for item in change.deltas:
        if classify(item.path).kind != "root_metadata":
            continue
        match = _ROOT.fullmatch(item.path)
        if match is None or item.before is not None or item.after is None:
            message = "root metadata is add-only and named <version>.root.json"
            problems.append(_rotation(item.path, message))
        else:
            added[int(match[1])] = item.path
    current = root
    for version in sorted(added):
        path = added[version]
        entry = change.entries[path][1]
        if entry is None or version != current.version + 1:
            problems.append(_rotation(path, f"root version {current.version + 1} expected, {version} found"))
            break
        try:
            current = verify_next_root(current, change.after.snapshot.read(entry.oid))
        except GaitopsError as error:
            problems.extend(Problem(p.code, p.message, path=path, remedy=p.remedy) for p in error.problems)
            break
    return current, tuple(problems)


def _rotation(path: str, message: str) -> Problem:
    return Problem(
        "trust.root_rotation", message, path=path, remedy="use gaitops trust rotate and trust sign"
    )
