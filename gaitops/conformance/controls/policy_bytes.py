# SPDX-License-Identifier: Apache-2.0
"""``policy.bytes``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from gaitops.conformance.control import Control, failed, passed, unknown
from gaitops.conformance.inputs import Context, KnownVersion, Required, Subject
from gaitops.conformance.model import Assessment
from gaitops.documents.models.policy import POLICY_FILE
from gaitops.gait.policy_digest import digest_policy
from gaitops.pin.layout import CANDIDATE, ENFORCED, FOLDER, files_folder
from gaitops.pin.model import PinnedVersion


def _evaluate(subject: Subject, required: Required | None, _context: Context) -> Assessment:
    claimed = subject.claimed
    if claimed is None:
        return unknown("there is no readable pin")
    checked = []
    for which, version in ((ENFORCED, claimed.enforced), (CANDIDATE, claimed.candidate)):
        if version is None:
            continue
        own = subject.reading.versions.get(version.digest)
        known = own if required is None else required.known.get(version.digest, own)
        if known is None:
            return unknown(f"nothing that verifies says which files {version} has")
        problem = next(_problems(subject, which, version, known), None)
        if problem is not None:
            return problem
        checked.append(str(version))
    return passed(f"files and Gait digest of {' and '.join(checked)} are those that were published")


def _problems(
    subject: Subject, which: str, version: PinnedVersion, known: KnownVersion
) -> Iterator[Assessment]:
    files = subject.reading.files
    folder = files_folder(subject.environment, which)
    present = {path.removeprefix(folder) for path in files if path.startswith(folder)}
    for name in sorted(present | known.files.keys()):
        path = f"{FOLDER}/{folder}{name}"
        if name not in present:
            yield failed(f"a file of {version} is missing", path=path)
        elif name not in known.files:
            yield failed(f"{version} has no such file", path=path)
        elif hashlib.sha256(files[folder + name]).hexdigest() != known.files[name]:
            yield failed(f"the file is not the one that {version} has", path=path)
    path = f"{FOLDER}/{folder}{POLICY_FILE}"
    reading = digest_policy(files.get(folder + POLICY_FILE, b""))
    if reading.digest is None:
        why = reading.reason or reading.problems[0].message
        yield unknown(f"the Gait digest of the file was not computed: {why}", path=path)
    elif reading.digest != known.gait_digest:
        yield failed(
            f"Gait reads a policy with digest {reading.digest}, {version} has {known.gait_digest}", path=path
        )


CONTROL = Control(
    id="policy.bytes",
    title="The policy files are the published bytes",
    why="Agents obey the file on disk, whatever the pin says of it.",
    measured="Every file of the enforced and the candidate version has the SHA-256 of the signed statement, nothing "
    "is missing or added, and Gait's own digest of `gait.policy.yaml`, computed here, is the published one. When the "
    "digest cannot be computed with certainty, the control cannot tell.",
    remedy="restore .gaitops/ from Git, or renew it: gaitops pin update --from RELEASE",
    evaluate=_evaluate,
)
