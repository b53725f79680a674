# SPDX-License-Identifier: Apache-2.0
"""Tools and servers that Gait's scanner found, as the newest snapshot of each repository says (contract 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from gaitops.evidence.queries.artifacts import PLACE, known_artifacts
from gaitops.evidence.queries.counting import Aggregate, readable, when
from gaitops.evidence.queries.selection import EVERYTHING, Selection

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Tables

SNAPSHOT: str = "inventory_snapshot"


def newest_snapshots(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """The newest snapshot of each repository; also one that found nothing."""
    rows = known_artifacts(tables, selection)
    rows = rows.filter(rows.kind == SNAPSHOT, readable(rows))
    rows = rows.mutate(at=when(rows))
    order = [rows["at"].desc(), rows.artifact.asc()]
    ranked = rows.mutate(rank=ibis.row_number().over(group_by=rows.repository, order_by=order))
    return ranked.filter(ranked["rank"] == 0).select("artifact", *PLACE, "at")


def inventory(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Items of the newest snapshots, one by one."""
    items = tables["inventory_items"].semi_join(newest_snapshots(tables, selection), "artifact")
    return Aggregate(
        items,
        (*PLACE, "item_kind", "item_id", "name", "locator", "risk_level", "snapshot_id"),
        {"seen": items.count(), "at": when(items).max()},
    )
