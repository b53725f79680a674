# SPDX-License-Identifier: Apache-2.0
"""Decisions of the gate: what was decided under which policy, where and when (contract 2).

Only proven traces count, and each emission once; :func:`decisions_by_verdict` shows what is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gaitops.evidence.queries.artifacts import PLACE
from gaitops.evidence.queries.counting import (
    Aggregate,
    count_where,
    counted_decisions,
    day_of,
    is_true,
    ordered,
    proven,
    when,
)
from gaitops.evidence.queries.selection import EVERYTHING, Selection, select

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Tables

KILL_SWITCH_ACTIVE: Final = "active"


def decided(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """The decisions of a selection that count, with all their columns."""
    return counted_decisions({"decisions": select(tables, "decisions", selection)})


def decisions_by_verdict(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """All traces by place and verdict, so that no count hides what does not count; ``repeats`` are emissions known before."""
    rows = select(tables, "decisions", selection)
    return Aggregate(
        rows,
        (*PLACE, "verdict"),
        {
            "traces": rows.count(),
            "repeats": count_where(rows["repeat"]),
            "counted": count_where(proven(rows) & ~is_true(rows["repeat"])),
        },
    )


def decision_counts(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Decisions by place, policy, decision and day in UTC."""
    rows = decided(tables, selection)
    rows = rows.mutate(day=day_of(rows))
    return Aggregate(
        rows,
        (*PLACE, "policy_digest", "decision", "day"),
        {"decisions": rows.count(), "first_at": when(rows).min(), "last_at": when(rows).max()},
    )


def policies_in_use(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """By place and policy digest: decisions of each kind, first and last, and how often the kill switch stopped a call."""
    rows = decided(tables, selection)
    return Aggregate(
        rows,
        (*PLACE, "policy_digest"),
        {
            "decisions": rows.count(),
            "allow": count_where(rows.decision == "allow"),
            "block": count_where(rows.decision == "block"),
            "require_approval": count_where(rows.decision == "require_approval"),
            "dry_run": count_where(rows.decision == "dry_run"),
            "kill_switch_stops": count_where(rows.kill_switch == KILL_SWITCH_ACTIVE),
            "first_at": when(rows).min(),
            "last_at": when(rows).max(),
        },
    )


def kill_switch_stops(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Calls that the kill switch stopped, by place."""
    rows = decided(tables, selection)
    rows = rows.filter(rows.kill_switch == KILL_SWITCH_ACTIVE)
    return Aggregate(
        rows, PLACE, {"stops": rows.count(), "first_at": when(rows).min(), "last_at": when(rows).max()}
    )


def tool_decisions(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Decisions by place, tool and decision."""
    rows = decided(tables, selection)
    return Aggregate(
        rows,
        (*PLACE, "tool_name", "decision"),
        {"decisions": rows.count(), "first_at": when(rows).min(), "last_at": when(rows).max()},
    )


def violations(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Violations by place, tool and decision: a decision with several counts once under each."""
    rows = decided(tables, selection)
    rows = rows.mutate(at=when(rows)).select(
        "artifact", *PLACE, "tool_name", "decision", "at", violation=rows.violations.unnest()
    )
    return Aggregate(
        rows,
        (*PLACE, "violation", "tool_name", "decision"),
        {"decisions": rows.count(), "first_at": rows["at"].min(), "last_at": rows["at"].max()},
    )


def comparisons(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """Calls that two policies judged in one place, matched by the digest of the intent.

    A call that came n times before one policy and m times before the other was judged by both min(n, m) times;
    ``unexpected_blocks`` are those of them that the first allowed and the second blocked, as far as they can be paired.
    Only pairs that share a call show.
    """
    rows = decided(tables, selection)
    rows = rows.filter(rows.environment.notnull(), rows.intent_digest.notnull())
    calls = rows.group_by(["repository", "environment", "policy_digest", "intent_digest"]).agg(
        judged=rows.count(),
        allowed=count_where(rows.decision == "allow"),
        blocked=count_where(rows.decision == "block"),
    )
    # Most calls were judged by one policy only, and a join of everything with itself would be for nothing.
    shared = (
        calls.group_by(["repository", "environment", "intent_digest"])
        .having(calls.count() > 1)
        .agg(policies=calls.count())
    )
    keys = ["repository", "environment", "intent_digest"]
    calls = calls.semi_join(shared, keys)
    other = calls.view()
    pairs = calls.join(
        other,
        [
            calls.repository == other.repository,
            calls.environment == other.environment,
            calls.intent_digest == other.intent_digest,
            calls.policy_digest != other.policy_digest,
        ],
    ).select(
        repository=calls.repository,
        environment=calls.environment,
        enforced=calls.policy_digest,
        candidate=other.policy_digest,
        both=_smaller(calls.judged, other.judged),
        unexpected=_smaller(calls.allowed, other.blocked),
    )
    by = ("repository", "environment", "enforced", "candidate")
    found = pairs.group_by(list(by)).agg(both=pairs.both.sum(), unexpected_blocks=pairs.unexpected.sum())
    return ordered(found, by)


def _smaller(left: ir.IntegerColumn, right: ir.IntegerColumn) -> ir.IntegerColumn:
    return (left <= right).ifelse(left, right)
