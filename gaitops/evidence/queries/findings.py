# SPDX-License-Identifier: Apache-2.0
"""What readers and ingestion noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaitops.evidence.queries.artifacts import PLACE
from gaitops.evidence.queries.counting import Aggregate
from gaitops.evidence.queries.selection import EVERYTHING, Selection, select

if TYPE_CHECKING:
    from gaitops.evidence.engines import Tables


def findings_by_code(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Findings by place, kind of artifact, code and effect."""
    rows = select(tables, "findings", selection)
    return Aggregate(
        rows,
        (*PLACE, "kind", "code", "effect"),
        {"findings": rows.count(), "artifacts": rows.artifact.nunique()},
    )
