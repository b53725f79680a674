# SPDX-License-Identifier: Apache-2.0
"""Whether the files of a policy version are those that its descriptor promises (design 7, threats D6 and D8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gaitops.content import Entry, Snapshot
from gaitops.documents.models.policy import DESCRIPTOR_FILE, POLICY_FILE, PolicyVersion
from gaitops.errors import Problem
from gaitops.gait.policy_digest import digest_policy

_REMEDY = "A published version never changes; add a new version with `gaitops policy add-version`."


def version_problems(snapshot: Snapshot, folder: str, descriptor: PolicyVersion) -> tuple[Problem, ...]:
    """Everything in which the files of the version ``folder`` differ from ``descriptor``; empty when nothing does.

    Codes: ``policy.missing_file`` and ``policy.unlisted_file`` for files that only one of the two has,
    ``policy.digest_mismatch`` for other bytes, ``policy.gait_digest_mismatch`` when Gait's digest of the policy
    is not the declared one, also because Gait refuses the policy or the digest cannot be computed with certainty.
    """
    return tuple(_problems(snapshot, folder, descriptor))


def version_files(snapshot: Snapshot, folder: str) -> dict[str, Entry]:
    """Entries of a version folder by path below it, without the descriptor."""
    start = len(folder) + 1
    entries = {path[start:]: entry for path, entry in snapshot.walk(folder)}
    entries.pop(DESCRIPTOR_FILE, None)
    return entries


def _problems(snapshot: Snapshot, folder: str, descriptor: PolicyVersion) -> Iterator[Problem]:
    found = version_files(snapshot, folder)
    declared = {file.path: file.sha256 for file in descriptor.spec.files}
    for path in sorted(found.keys() - declared.keys()):
        message = f"is not listed in {DESCRIPTOR_FILE}"
        yield Problem("policy.unlisted_file", message, path=f"{folder}/{path}", remedy=_REMEDY)
    for path in sorted(declared.keys() - found.keys()):
        message = f"is listed in {DESCRIPTOR_FILE}, but does not exist"
        yield Problem("policy.missing_file", message, path=f"{folder}/{path}", remedy=_REMEDY)
    yield from _other_bytes(snapshot, folder, declared, found)
    policy = found.get(POLICY_FILE)
    if policy is not None:
        yield from _gait_problems(snapshot.read(policy.oid), folder, descriptor.spec.gait.digest)


def _other_bytes(
    snapshot: Snapshot, folder: str, declared: Mapping[str, str], found: Mapping[str, Entry]
) -> Iterator[Problem]:
    for path in sorted(declared.keys() & found.keys()):
        actual = snapshot.sha256(found[path].oid)
        if actual != declared[path]:
            message = f"SHA-256 is {actual}, but {DESCRIPTOR_FILE} says {declared[path]}"
            yield Problem("policy.digest_mismatch", message, path=f"{folder}/{path}", remedy=_REMEDY)


def _gait_problems(policy: bytes, folder: str, declared: str) -> Iterator[Problem]:
    reading = digest_policy(policy)
    if reading.digest == declared:
        return
    if reading.digest is not None:
        fact = f"Gait's digest of the policy is {reading.digest}, but {DESCRIPTOR_FILE} says {declared}"
        line = None
    elif reading.outcome == "rejected":
        fact = f"Gait refuses the policy: {reading.problems[0].message}"
        line = reading.problems[0].line
    else:
        fact = f"Gait's digest cannot be computed with certainty: {reading.reason}"
        line = None
    yield Problem("policy.gait_digest_mismatch", fact, path=f"{folder}/{POLICY_FILE}", line=line)
