# SPDX-License-Identifier: Apache-2.0
"""``evidence.verifiable``."""

from __future__ import annotations

from gaitops.conformance.control import Control, failed, passed, unknown
from gaitops.conformance.evidence import evidence_row
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment


def _evaluate(subject: Subject, _required: Required | None, context: Context) -> Assessment:
    row = evidence_row(subject, context)
    if isinstance(row, Assessment):
        return row
    counts = row.artifacts
    if counts.total == 0:
        return unknown("no artifact was collected in the window of the summary")
    if counts.unproven == 0:
        return passed(f"all {counts.total} artifacts verify")
    kinds = {
        "unsigned": counts.unsigned,
        "signed by an unknown key": counts.unverifiable,
        "failed": counts.failed,
        "rejected": counts.rejected,
    }
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)
    return failed(f"{counts.unproven} of {counts.total} artifacts prove nothing: {listed}")


CONTROL = Control(
    id="evidence.verifiable",
    title="No evidence is unverifiable",
    why="Evidence that nobody signed, or that an unknown key signed, can be written by whoever has something to hide.",
    measured="In the evidence summary, every artifact of this repository and environment verifies under a registered "
    "producer key. Without a summary or a row for the repository it cannot tell.",
    remedy="sign with a production key (gait keys), register it as a Producer in the fleet repository, and look into "
    "what failed",
    evaluate=_evaluate,
)
