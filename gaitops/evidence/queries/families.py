# SPDX-License-Identifier: Apache-2.0
"""Runs and what they have in common: the same fingerprint is one family, wherever it happened (contract 7.3, 7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gaitops.evidence.queries.artifacts import PLACE
from gaitops.evidence.queries.counting import Aggregate, count_where, ordered, proven, readable, when
from gaitops.evidence.queries.selection import EVERYTHING, Selection, select

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Tables

RUN: Final = ("repository", "run_id", "manifest_digest")
"""What names a run: a run id alone is unique in no repository (contract 12)."""


def readable_runs(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """Runs whose runpack holds together, signed or not; one may show twice, alone and inside a pack."""
    rows = select(tables, "runs", selection)
    return rows.filter(readable(rows), rows.fingerprint.notnull())


def families(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """Families across the fleet: runs, in how many repositories, teams and environments, first and last seen.

    A run counts once, however often it was delivered. ``proven_runs`` are those in a signed artifact of a known key.
    """
    rows = readable_runs(tables, selection)
    rows = rows.mutate(at=when(rows), signed=proven(rows).cast("int64"))
    # Counting distinct things over all rows is slow; over runs, which have one row each after this, it is cheap.
    runs = rows.group_by(["fingerprint", "family_id", *RUN]).agg(
        signed=rows.signed.max(),
        first_at=rows["at"].min(),
        last_at=rows["at"].max(),
        max_privilege=rows.max_privilege.max(),
        team=rows.team.min(),
        environment=rows.environment.min(),
    )
    places = runs.group_by(["fingerprint", "family_id", "repository", "team", "environment"]).agg(
        runs=runs.count(),
        signed=runs.signed.sum(),
        first_at=runs.first_at.min(),
        last_at=runs.last_at.max(),
        max_privilege=runs.max_privilege.max(),
    )
    found = places.group_by(["fingerprint", "family_id"]).agg(
        runs=places.runs.sum(),
        proven_runs=places.signed.sum(),
        repositories=places.repository.nunique(),
        teams=places.team.nunique(),
        environments=places.environment.nunique(),
        first_at=places.first_at.min(),
        last_at=places.last_at.max(),
        max_privilege=places.max_privilege.max(),
    )
    return ordered(found, ("fingerprint", "family_id"))


def family_runs(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Runs by place, family and run: the proof of :func:`families`."""
    rows = readable_runs(tables, selection)
    return Aggregate(
        rows,
        (*PLACE, "fingerprint", "family_id", "run_id", "manifest_digest"),
        {
            "deliveries": rows.count(),
            "proven_deliveries": count_where(proven(rows)),
            "first_at": when(rows).min(),
            "last_at": when(rows).max(),
            "max_privilege": rows.max_privilege.max(),
        },
    )
