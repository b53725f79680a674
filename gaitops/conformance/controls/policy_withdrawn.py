# SPDX-License-Identifier: Apache-2.0
"""``policy.withdrawn``."""

from __future__ import annotations

from gaitops.conformance.assignment import NO_PIN, NO_REQUIREMENT
from gaitops.conformance.control import Control, failed, passed, unknown, warned
from gaitops.conformance.inputs import Context, KnownVersion, Required, Subject
from gaitops.conformance.model import Assessment
from gaitops.documents.times import format_timestamp
from gaitops.pin.layout import FOLDER, PIN_FILE

_PATH = f"{FOLDER}/{PIN_FILE}"


def _evaluate(subject: Subject, required: Required | None, context: Context) -> Assessment:
    pinned = subject.pinned
    if required is None:
        return unknown(NO_REQUIREMENT)
    if pinned is None:
        return unknown(NO_PIN)
    versions = [item for item in (pinned.enforced, pinned.candidate) if item is not None]
    for item in versions:
        known = required.known.get(item.digest)
        if known is None:
            return failed(f"{item} is not in the release any more", path=_PATH)
        if known.withdrawn:
            return _withdrawn(known, required, context)
    named = " and ".join(map(str, versions))
    if required.timeline is None:
        return unknown(
            f"{named} was not withdrawn when the pin was made; later withdrawals are in newer releases only",
            "name the newest release with --release",
        )
    return passed(f"{named} is not withdrawn")


def _withdrawn(version: KnownVersion, required: Required, context: Context) -> Assessment:
    if version.withdrawn_at is None:
        return failed(f"{version} was withdrawn, nobody knows when", path=_PATH)
    until = version.withdrawn_at + required.withdrawn_grace
    reason = (
        f"{version} was withdrawn at {format_timestamp(version.withdrawn_at)} and may be used until "
        f"{format_timestamp(until)}"
    )
    return warned(reason, path=_PATH) if context.at < until else failed(reason, path=_PATH)


CONTROL = Control(
    id="policy.withdrawn",
    title="No withdrawn version is in use",
    why="A version is withdrawn because it is wrong: agents that still run under it are exposed.",
    measured="Neither the enforced nor the candidate version of the verified pin is withdrawn in the newest release. "
    "Inside `withdrawnGrace` of `fleet.yaml` (14 days by default) it warns, afterwards it fails. A pin alone can show "
    "a withdrawal but never its absence.",
    remedy="gaitops pin update --from RELEASE; if the release still assigns the version, its owners must assign another",
    evaluate=_evaluate,
)
