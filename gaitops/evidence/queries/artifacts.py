# SPDX-License-Identifier: Apache-2.0
"""Artifacts as such: how many of which verdict, from where, how recent, by whose keys, delivered how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gaitops.evidence.queries.counting import Aggregate, count_where, is_true, ordered, proven, when
from gaitops.evidence.queries.selection import EVERYTHING, Selection, select
from gaitops.gait.artifacts.model import Verdict

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Tables

PLACE: Final = ("org", "project", "team", "repository", "environment")
"""Columns that say to whom a row belongs."""


def known_artifacts(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """Artifacts once each, whoever delivered them how often."""
    artifacts = select(tables, "artifacts", selection)
    return artifacts.filter(~is_true(artifacts.duplicate))


def artifacts_by_verdict(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Artifacts by place, kind and verdict."""
    rows = known_artifacts(tables, selection)
    return Aggregate(
        rows,
        (*PLACE, "kind", "verdict"),
        {
            "artifacts": rows.count(),
            "bytes": rows["size"].sum().fill_null(0),
            "first_at": when(rows).min(),
            "last_at": when(rows).max(),
        },
    )


def last_evidence(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """The newest evidence of each place.

    ``last_proven_at`` is the newest time that a proven artifact states, ``last_made_at`` that of any artifact;
    ``last_collected_at`` is when the newest artifact came in.
    """
    rows = known_artifacts(tables, selection)
    return Aggregate(
        rows,
        PLACE,
        {
            "artifacts": rows.count(),
            "last_proven_at": rows.made_at.max(where=proven(rows)),
            "last_made_at": rows.made_at.max(),
            "last_collected_at": rows.collected_at.max(),
        },
    )


def unverifiable_keys(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Keys that nobody registered, by place, with the artifacts that name them.

    Gait's development mode makes a new key for each invocation (contract 2.3): a key with one artifact is most likely
    such a key, and many of them are one finding.
    """
    rows = known_artifacts(tables, selection)
    rows = rows.filter(rows.verdict == Verdict.UNVERIFIABLE.value, rows.key_id.notnull())
    return Aggregate(
        rows,
        (*PLACE, "key_id"),
        {"artifacts": rows.count(), "first_at": when(rows).min(), "last_at": when(rows).max()},
    )


def throwaway_keys(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """By place: keys that nobody registered, how many of them signed one artifact only, and all their artifacts."""
    keys = unverifiable_keys(tables, selection)
    everywhere = keys.counted.group_by("key_id").agg(everywhere=keys.counted.count())
    by_place = keys.counted.group_by([*PLACE, "key_id"]).agg(artifacts=keys.counted.count())
    joined = by_place.left_join(everywhere, "key_id").drop("key_id_right")
    found = joined.group_by(list(PLACE)).agg(
        keys=joined.count(),
        single_use_keys=count_where(joined.everywhere == 1),
        artifacts=joined.artifacts.sum(),
    )
    return ordered(found, PLACE)


def duplicates(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Deliveries of bytes that were known already, by place and kind."""
    artifacts = select(tables, "artifacts", selection)
    rows = artifacts.filter(is_true(artifacts.duplicate))
    return Aggregate(
        rows,
        (*PLACE, "kind"),
        {"deliveries": rows.count(), "artifacts": rows.artifact.nunique()},
    )


def repeated_events(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Emissions of a decision that were known from other bytes, by place; they are counted once elsewhere."""
    decisions = select(tables, "decisions", selection)
    rows = decisions.filter(is_true(decisions["repeat"]))
    return Aggregate(rows, PLACE, {"repeats": rows.count(), "events": rows.event_key.nunique()})
