# SPDX-License-Identifier: Apache-2.0
"""``policy.enforced``."""

from __future__ import annotations

from gaitops.conformance.assignment import NO_PIN, NO_REQUIREMENT, compare, version_part
from gaitops.conformance.control import Control, failed, unknown
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment


def _evaluate(subject: Subject, required: Required | None, context: Context) -> Assessment:
    if required is None:
        return unknown(NO_REQUIREMENT)
    pinned = subject.pinned
    if pinned is None:
        return unknown(NO_PIN)
    if required.enforced is None:
        return failed(
            f"the fleet assigns nothing to {subject.repository} in {subject.environment}",
            "ask the fleet's owners to assign a policy, or remove the environment from the pin",
        )
    parts = version_part(pinned.enforced), version_part(required.enforced)
    return compare("the enforced policy", *parts, subject, required, context)


CONTROL = Control(
    id="policy.enforced",
    title="The enforced policy is the required version",
    why="The policy that decides must be the one that was approved for this repository and environment, not the one "
    "of last month.",
    measured="The version digest in the verified pin is the one that the release assigns. A difference warns while "
    "the pin may lag behind (`pin.fresh`), and fails afterwards. Without a release, the pin's own signed statement "
    "says what is required.",
    remedy="gaitops pin update --from RELEASE, and merge the result",
    evaluate=_evaluate,
)
