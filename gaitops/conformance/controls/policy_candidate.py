# SPDX-License-Identifier: Apache-2.0
"""``policy.candidate``."""

from __future__ import annotations

from gaitops.conformance.assignment import NO_PIN, NO_REQUIREMENT, compare, version_part
from gaitops.conformance.control import Control, not_applicable, unknown
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment


def _evaluate(subject: Subject, required: Required | None, context: Context) -> Assessment:
    if required is None:
        return unknown(NO_REQUIREMENT)
    pinned = subject.pinned
    if pinned is None:
        return unknown(NO_PIN)
    if required.candidate is None and pinned.candidate is None:
        return not_applicable("no rollout gives this repository a candidate")
    parts = version_part(pinned.candidate), version_part(required.candidate)
    return compare("the candidate", *parts, subject, required, context)


CONTROL = Control(
    id="policy.candidate",
    title="The candidate is the required one",
    why="A rollout learns from candidates that run beside the enforced policy. A repository without its candidate "
    "makes the evidence thinner than it looks.",
    measured="The candidate's version digest in the verified pin is the one that the release assigns. A difference "
    "warns while the pin may lag behind, and fails afterwards. Does not apply while there is no candidate.",
    remedy="gaitops pin update --from RELEASE, and merge the result",
    evaluate=_evaluate,
)
