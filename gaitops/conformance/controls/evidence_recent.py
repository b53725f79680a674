# SPDX-License-Identifier: Apache-2.0
"""``evidence.recent``."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from gaitops.conformance.assignment import NO_REQUIREMENT
from gaitops.conformance.control import Control, failed, passed, unknown, warned
from gaitops.conformance.evidence import evidence_row
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.lag import lag_of
from gaitops.conformance.model import Assessment
from gaitops.documents.models.summary import RepositoryEvidence
from gaitops.documents.times import parse_timestamp

RECENT: Final = timedelta(days=7)
"""Oldest decision that still shows that the policy decides."""


def _evaluate(subject: Subject, required: Required | None, context: Context) -> Assessment:
    row = evidence_row(subject, context)
    if isinstance(row, Assessment):
        return row
    if required is None or required.enforced is None:
        return unknown(NO_REQUIREMENT)
    wanted = required.enforced.gait_digest
    times = {
        policy.gait_policy_digest: policy.last_at
        for policy in row.policies
        if policy.total and policy.last_at is not None
    }
    newest = times.get(wanted)
    if newest is None:
        return _under_others(times, subject, required, context)
    if context.at - parse_timestamp(newest) > RECENT:
        return failed(f"the newest decision under {required.enforced} was made at {newest}")
    return _candidate(row, required) or passed(
        f"the newest decision under {required.enforced} was made at {newest}"
    )


def _under_others(
    times: dict[str, str], subject: Subject, required: Required, context: Context
) -> Assessment:
    if not times:
        return unknown("the evidence holds no decision that verifies")
    digest, newest = max(times.items(), key=lambda item: item[1])
    reason = (
        f"no decision was made under {required.enforced}; the newest, of {newest}, was made under the policy with Gait "
        f"digest {digest}"
    )
    lag = lag_of(subject, required, context)
    if lag is not None and lag.accepted:
        return warned(f"{reason}; the pinned release was {lag}")
    return failed(reason)


def _candidate(row: RepositoryEvidence, required: Required) -> Assessment | None:
    candidate = required.candidate
    if candidate is None:
        return None
    seen = any(item.gait_policy_digest == candidate.gait_digest and item.total for item in row.policies)
    return None if seen else warned(f"no decision was made under the candidate {candidate}")


CONTROL = Control(
    id="evidence.recent",
    title="Recent evidence shows the required policy at work",
    why="A pin shows what should decide; only signed traces show what does. Agents that run past Gait, or with another "
    "policy, leave no decision under the required digest.",
    measured="The evidence summary counts, for this repository and environment, a verified decision of the last "
    f"{RECENT.days} days under the Gait digest of the required version. Decisions under other policies alone fail, "
    "or warn while the pin may lag behind. Warns when a candidate is required and has not decided anything. Without a "
    "summary, without a row for the repository, or with a summary older than that, it cannot tell.",
    remedy="run agents through gait with the pinned policy (gaitops pin gait-args), and have their traces collected",
    evaluate=_evaluate,
)
