# SPDX-License-Identifier: Apache-2.0
"""``policy.mode``."""

from __future__ import annotations

from gaitops.conformance.assignment import NO_PIN, NO_REQUIREMENT, Part, compare
from gaitops.conformance.control import Control, not_applicable, unknown
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment


def _evaluate(subject: Subject, required: Required | None, context: Context) -> Assessment:
    if required is None:
        return unknown(NO_REQUIREMENT)
    pinned = subject.pinned
    if pinned is None:
        return unknown(NO_PIN)
    if required.mode is None:
        return not_applicable("nothing is assigned")
    parts = Part(pinned.mode, pinned.mode), Part(required.mode, required.mode)
    return compare("the mode", *parts, subject, required, context)


CONTROL = Control(
    id="policy.mode",
    title="The mode is the assigned one",
    why="In `observe` and `dry_run` the candidate decides nothing; a repository that stays there after the fleet "
    "has moved on to `enforce` is not protected by the new policy.",
    measured="The mode in the verified pin is the one that the release assigns. A difference warns while the pin may "
    "lag behind, and fails afterwards.",
    remedy="gaitops pin update --from RELEASE, and merge the result",
    evaluate=_evaluate,
)
