# SPDX-License-Identifier: Apache-2.0
"""Rules of policies and their versions (design 7; threats D6, D7, D8)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from gaitops.change.context import Change
from gaitops.documents.layout import Location, classify
from gaitops.documents.models.policy import DESCRIPTOR_FILE, POLICY_FILE, Policy, PolicyVersion
from gaitops.errors import Problem
from gaitops.fleet.graph import version_digest
from gaitops.fleet.semver import precedence

_VERSION_FOLDER = re.compile(r"orgs/[^/]+/policies/[^/]+/versions/[^/]+/")


def check_policies(change: Change) -> Iterator[Problem]:
    """Immutability, digests, graph and channels of everything that the change touches."""
    checked: set[str] = set()
    for item in change.deltas:
        location = classify(item.path)
        if location.kind == "Policy":
            yield from _policy(item.path, location, change)
        found = _VERSION_FOLDER.match(item.path)
        if found is None:
            continue
        # By the path alone: a file of any kind, CODEOWNERS included, would change what was published.
        folder = found[0].rstrip("/")
        if change.before.snapshot.entry(folder) is not None:
            yield _immutable(item.path)
        elif location.kind in ("PolicyVersion", "policy_file") and folder not in checked:
            checked.add(folder)
            yield from _version(folder, location, change)


def _immutable(path: str) -> Problem:
    return Problem(
        "policy.immutable",
        "a published policy version never changes and never disappears",
        path=path,
        remedy="restore it and publish a new version; withdraw the old one with gaitops trust revoke",
    )


def _policy(path: str, location: Location, change: Change) -> Iterator[Problem]:
    document = change.after.document(path, Policy)
    if document is None:
        yield Problem(
            "policy.immutable",
            "a policy never disappears, because its versions may be pinned",
            path=path,
            remedy="set spec.archived: true instead",
        )
        return
    for channel, version in document.spec.channels.items():
        if change.after.version(location.org or "", location.name or "", version) is None:
            yield Problem(
                "assignment.unknown_version",
                f"channel {channel} points to version {version}, which does not exist",
                path=path,
                field=f"spec.channels.{channel}",
                remedy="publish that version first, or name another one",
            )


def _version(folder: str, location: Location, change: Change) -> Iterator[Problem]:
    """A new version: its descriptor says exactly what lies beside it, and descends from what it names."""
    path = f"{folder}/{DESCRIPTOR_FILE}"
    descriptor = change.after.document(path, PolicyVersion)
    org, policy = location.org or "", location.name or ""
    if descriptor is None:
        yield Problem(
            "policy.digest_mismatch",
            f"a version folder needs its {DESCRIPTOR_FILE}",
            path=path,
            remedy="use gaitops policy add-version",
        )
        return
    if change.after.policy(org, policy) is None:
        yield Problem(
            "policy.graph", "the version has no policy.yaml", path=path, remedy="use gaitops policy new first"
        )
    yield from _files(folder, descriptor, change)
    yield from _gait_digest(folder, descriptor, change)
    yield from _parents(path, org, policy, location.version or "", descriptor, change)


def _files(folder: str, descriptor: PolicyVersion, change: Change) -> Iterator[Problem]:
    snapshot = change.after.snapshot
    declared = {item.path: item.sha256 for item in descriptor.spec.files}
    present = {path.removeprefix(folder + "/"): entry for path, entry in snapshot.walk(folder)}
    present.pop(DESCRIPTOR_FILE, None)
    for name in sorted({*declared, *present}):
        found = snapshot.sha256(present[name].oid) if name in present else None
        if found != declared.get(name):
            said = declared.get(name) or "nothing"
            yield Problem(
                "policy.digest_mismatch",
                f"{DESCRIPTOR_FILE} declares {said} for {name}, the file has {found or 'no bytes: it is missing'}",
                path=f"{folder}/{name}",
                remedy="use gaitops policy add-version, which computes the digests",
            )


def _gait_digest(folder: str, descriptor: PolicyVersion, change: Change) -> Iterator[Problem]:
    entry = change.after.snapshot.entry(f"{folder}/{POLICY_FILE}")
    path = f"{folder}/{POLICY_FILE}"
    if entry is None:
        yield Problem(
            "policy.digest_mismatch", f"{POLICY_FILE} is missing", path=path, remedy="add the policy file"
        )
        return
    data = change.after.snapshot.read(entry.oid)
    from gaitops.gait.policy_digest import digest_policy  # noqa: PLC0415 - only publications need it (design 14)

    reading = digest_policy(data)
    declared = descriptor.spec.gait
    if reading.digest is None:
        detail = reading.reason or "; ".join(str(problem) for problem in reading.problems)
        yield Problem(
            "policy.gait_digest_mismatch",
            f"no Gait digest can be computed for these bytes (SHA-256 {hashlib.sha256(data).hexdigest()}): {detail}",
            path=path,
            remedy="write the policy in plain YAML that Gait accepts",
        )
    elif reading.digest != declared.digest:
        yield Problem(
            "policy.gait_digest_mismatch",
            f"Gait's digest is {reading.digest}, the descriptor says {declared.digest}",
            path=f"{folder}/{DESCRIPTOR_FILE}",
            field="spec.gait",
            remedy="use gaitops policy add-version, which computes the digest",
        )


def _parents(
    path: str, org: str, policy: str, number: str, descriptor: PolicyVersion, change: Change
) -> Iterator[Problem]:
    """Edges rise in semver and lead to what verified state or this change holds, so no cycle can close."""

    def wrong(message: str) -> Problem:
        return Problem("policy.graph", f"version {number} {message}", path=path, field="spec.parents")

    if not descriptor.spec.parents:
        root = _other_root(org, policy, number, change)
        if root is not None:
            yield wrong(f"has no parent, but {root} is already the root of this policy")
    for parent in descriptor.spec.parents:
        document = change.after.version(org, policy, parent.version)
        if document is None:
            yield wrong(f"names the parent {parent.version}, which does not exist")
        elif version_digest(document) != parent.digest:
            yield wrong(
                f"names {parent.digest} as digest of {parent.version}, which has {version_digest(document)}"
            )
        elif precedence(parent.version) >= precedence(number):
            yield wrong(f"is not higher than its parent {parent.version}")


def _other_root(org: str, policy: str, number: str, change: Change) -> str | None:
    """Another version without parents: any one of verified state descends from one, or it is in this change."""
    if change.before.versions(org, policy):
        return change.before.versions(org, policy)[0]
    for name in change.after.versions(org, policy):
        document = change.after.version(org, policy, name) if name != number else None
        if document is not None and not document.spec.parents:
            return name
    return None
