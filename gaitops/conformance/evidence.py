# SPDX-License-Identifier: Apache-2.0
"""What the controls of evidence share: the one row that they may believe."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from gaitops.conformance.control import unknown
from gaitops.conformance.inputs import Context, Subject
from gaitops.conformance.model import Assessment
from gaitops.documents.models.summary import RepositoryEvidence
from gaitops.documents.times import parse_timestamp

OLDEST_SUMMARY: Final = timedelta(days=7)
"""A summary that ended earlier says nothing about now."""


def evidence_row(subject: Subject, context: Context) -> RepositoryEvidence | Assessment:
    """What the summary says of the subject, or why it says nothing that counts."""
    summary = context.evidence
    if summary is None:
        return unknown("there is no evidence summary", "name one with --evidence")
    if summary.trust_root != context.trust_root:
        return unknown(f"the evidence summary is of another fleet, with trust root {summary.trust_root}")
    if context.at - parse_timestamp(summary.window.end) > OLDEST_SUMMARY:
        return unknown(
            f"the evidence summary ends at {summary.window.end}",
            "name a newer evidence summary with --evidence",
        )
    row = context.row(subject)
    if row is None:
        return unknown(
            f"the evidence summary heard nothing of {subject.repository} in {subject.environment}",
            "have the repository's traces collected",
        )
    return row
