# SPDX-License-Identifier: Apache-2.0
"""Envelopes are add-only; old ones leave by an operation of their own (design 2, 6; threat T22)."""

from __future__ import annotations

from collections.abc import Iterator

from gaitops.change.context import Change
from gaitops.documents.layout import classify
from gaitops.errors import Problem


def check_envelopes(change: Change) -> Iterator[Problem]:
    """Never edited; removed only by a change that does nothing else. Signed analyses are never edited either."""
    for item in change.deltas:
        if classify(item.path).kind == "analysis" and item.after is not None:
            yield Problem(
                "approval.tampered",
                "a signed analysis was edited",
                path=item.path,
                remedy="restore it; a new analysis is a new file",
            )
    envelopes = [item for item in change.deltas if classify(item.path).kind == "envelope"]
    edited = [item for item in envelopes if item.after is not None]
    mixed = len(envelopes) != len(change.deltas)
    for item in edited or (envelopes if mixed else []):
        yield Problem(
            "approval.tampered",
            "an approval envelope was edited"
            if item.after is not None
            else "an approval envelope was removed on the side",
            path=item.path,
            remedy="restore it; old envelopes are removed by a change that does nothing else",
        )
