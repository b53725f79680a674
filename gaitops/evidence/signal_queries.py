# SPDX-License-Identifier: Apache-2.0
"""What signals are made from, as expressions that no engine is named in (:mod:`gaitops.signals.rows` says what rows mean).

Groups name the smallest and the largest digest behind them, as examples; :mod:`gaitops.evidence.signal_proof` lists all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gaitops.evidence.posture_queries import (
    failing_graders,
    judged_decisions,
    named,
    placed_artifacts,
    regress_rows,
    stamped,
)
from gaitops.evidence.queries.approvals import CALL, calls
from gaitops.evidence.queries.counting import (
    count_where,
    counted_decisions,
    is_true,
    moment,
    proven,
    readable,
)
from gaitops.evidence.queries.decisions import KILL_SWITCH_ACTIVE
from gaitops.evidence.queries.selection import Selection
from gaitops.signals.from_artifacts import RECORDS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Engine, Tables
    from gaitops.posture.inputs import Window

DOUBTFUL: Final = ("unsigned", "unverifiable", "failed", "rejected")
"""Verdicts that prove nothing."""


_USED: Final = {
    "artifacts": (
        "artifact", "kind", "verdict", "key_id", "team", "repository", "environment", "made_at", "collected_at", "position", "duplicate",
        "claimed_repository", "claimed_environment", "producer_version",
    ),
    "decisions": (
        "artifact", "verdict", "org", "project", "team", "repository", "environment", "made_at", "collected_at", "repeat", "tool_name",
        "decision", "policy_digest", "intent_digest", "kill_switch", "run_id",
    ),
    "findings": ("artifact", "team", "repository", "environment", "made_at", "collected_at", "code"),
}  # fmt: skip
"""Table → the columns that signals use; expressions over fewer columns are made faster."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An engine and its tables with only the columns that signals use."""

    engine: Engine
    tables: Tables

    @classmethod
    def of(cls, engine: Engine) -> Asked:
        """The tables of an engine, narrowed."""
        tables = {
            name: table.select(*_USED[name]) if name in _USED else table
            for name, table in engine.tables.items()
        }
        return cls(engine, tables)

    def rows(self, expression: ir.Table) -> list[dict[str, Any]]:
        """The rows of an expression as plain values."""
        return self.engine.rows(expression)


def _seen(rows: ir.Table) -> dict[str, ir.Scalar]:
    """Times and examples of a group."""
    return {
        "first": rows["at"].min(),
        "last": rows["at"].max(),
        "one": rows.artifact.min(),
        "other": rows.artifact.max(),
    }


def decision_groups(tables: Tables, window: Window, boundaries: Sequence[datetime]) -> ir.Table:
    """Decisions that count, by place, tool, outcome and policy, apart at every boundary of what is expected."""
    rows = judged_decisions(tables, window, boundaries)
    rows = rows.mutate(stopped=is_true(rows.kill_switch == KILL_SWITCH_ACTIVE))
    by = ["repository", "environment", "tool_name", "decision", "policy_digest", "stopped", "segment"]
    return rows.group_by(by).agg(count=rows.count(), team=rows.team.max(), **_seen(rows))


def waiting_calls(tables: Tables, window: Window) -> ir.Table:
    """Calls that needed an approval by place and tool, and of them those that wait."""
    rows = open_calls(tables, window)
    return rows.group_by(["repository", "environment", "tool_name"]).agg(
        calls=rows.count(),
        waiting=count_where(rows.open),
        team=rows.team.max(),
        first=rows.asked_at.min(where=rows.open),
        last=rows.last_asked_at.max(where=rows.open),
        one=rows.artifact.min(where=rows.open),
        other=rows.artifact.max(where=rows.open),
    )


def open_calls(tables: Tables, window: Window) -> ir.Table:
    """Calls of a window that needed an approval, each with one artifact in which it was asked for."""
    return named(calls(tables, Selection(since=window.since, until=window.until)))


def run_rows(tables: Tables, window: Window) -> ir.Table:
    """Readable runs of a window, with the program that recorded them."""
    rows = stamped(tables["runs"], window)
    rows = named(rows.filter(readable(rows), rows.fingerprint.notnull()))
    artifacts = tables["artifacts"]
    written = artifacts.filter(~is_true(artifacts.duplicate)).select(
        written="artifact", producer_version="producer_version"
    )
    return rows.left_join(written, rows.artifact == written.written).drop("written")


def run_decisions(tables: Tables, window: Window) -> ir.Table:
    """Decisions that name a recorded run, by run, environment, policy and version of Gait."""
    runs = stamped(tables["runs"], window).select("repository", "run_id").distinct()
    rows = counted_decisions(tables).semi_join(runs, ["repository", "run_id"])
    artifacts = tables["artifacts"]
    written = artifacts.filter(~is_true(artifacts.duplicate)).select(
        written="artifact", gait_version="producer_version"
    )
    rows = named(rows.left_join(written, rows.artifact == written.written).drop("written"))
    by = ["repository", "run_id", "environment", "policy_digest", "gait_version"]
    return rows.group_by(by).agg(one=rows.artifact.min())


def run_steps(tables: Tables, manifests: Sequence[str]) -> ir.Table:
    """Steps of the runs with these manifest digests, in order."""
    rows = tables["run_steps"]
    rows = rows.filter(rows.manifest_digest.isin(manifests))
    rows = rows.select(
        "artifact", "manifest_digest", "index", "tool_name", "args_digest", "status", "result_digest"
    )
    return rows.order_by(["artifact", "manifest_digest", "index"])


def results(tables: Tables, window: Window) -> ir.Table:
    """Regress results of a window, with their place in the evidence log and their last delivery."""
    rows = regress_rows(tables["regress_results"], window)
    artifacts = tables["artifacts"]
    # The same bytes may come again: a fixture set that passes, fails and passes once more gives two artifacts, not three.
    known = artifacts.group_by("artifact").agg(
        position=artifacts.position.min(),
        producer_version=artifacts.producer_version.max(),
        delivered=artifacts.collected_at.max(),
    )
    joined = rows.left_join(known.rename(known="artifact"), rows.artifact == known.artifact).drop("known")
    return joined.order_by(["repository", "delivered", "position", "artifact"])


def failed_graders(tables: Tables, window: Window) -> ir.Table:
    """Graders that did not pass, with their reasons."""
    rows = failing_graders(tables, window)
    return rows.select("artifact", "fixture", "grader", "reason_codes", "run_id").order_by(
        ["artifact", "fixture", "grader"]
    )


def doubts(tables: Tables, window: Window) -> ir.Table:
    """Artifacts that prove nothing, by place, kind and verdict."""
    rows = doubtful(tables, window)
    return rows.group_by(["repository", "environment", "kind", "verdict"]).agg(
        count=rows.count(), keys=rows.key.nunique(), team=rows.owner.max(), **_seen(rows)
    )


def doubtful(tables: Tables, window: Window) -> ir.Table:
    """Each artifact that proves nothing once, with the environment as far as it can be told."""
    rows = placed_artifacts(tables, window)
    rows = rows.filter(rows.verdict.isin(DOUBTFUL), ~is_true(rows.duplicate))
    artifacts = tables["artifacts"]
    signed = artifacts.filter(artifacts.verdict.isin(DOUBTFUL), ~is_true(artifacts.duplicate))
    signed = signed.select(signed="artifact", key="key_id", owner="team")
    return rows.left_join(signed, rows.artifact == signed.signed).drop("signed")


def conflicts(tables: Tables, window: Window) -> ir.Table:
    """Findings about where artifacts come from, by place and code."""
    rows = origin_findings(tables, window)
    return rows.group_by(["repository", "environment", "code"]).agg(
        count=rows.artifact.nunique(), team=rows.team.max(), **_seen(rows)
    )


def origin_findings(tables: Tables, window: Window) -> ir.Table:
    """Findings of attribution and of producer keys, one row each."""
    rows = named(stamped(tables["findings"], window))
    return rows.filter(rows.code.startswith("attribution.") | rows.code.startswith("producer."))


def last_evidence(tables: Tables, window: Window) -> ir.Table:
    """The newest proven artifact of each repository before the end of a window, however old."""
    rows = tables["artifacts"]
    rows = named(rows.filter(proven(rows), rows.made_at.notnull(), rows.made_at < moment(window.until)))
    newest = rows.group_by("repository").agg(last=rows.made_at.max())
    joined = rows.inner_join(newest, [rows.repository == newest.repository, rows.made_at == newest.last])
    joined = joined.select(rows.repository, rows.team, rows.artifact, newest.last)
    return joined.group_by("repository").agg(
        last=joined["last"].max(), team=joined.team.max(), artifact=joined.artifact.min()
    )


def repeated(tables: Tables, window: Window) -> ir.Table:
    """Deliveries of known bytes and of known emissions, by repository."""
    rows = repetitions(tables, window)
    return rows.group_by("repository").agg(count=rows.count(), **_seen(rows))


def repetitions(tables: Tables, window: Window) -> ir.Table:
    """Each repeated delivery of a record, one row; other documents may well say the same twice."""
    columns = ("repository", "artifact", "at")
    artifacts = named(stamped(tables["artifacts"], window))
    again = artifacts.filter(is_true(artifacts.duplicate), artifacts.kind.isin(sorted(RECORDS)))
    again = again.select(*columns)
    decisions = named(stamped(tables["decisions"], window))
    return again.union(decisions.filter(is_true(decisions["repeat"])).select(*columns))


def unclaimed(tables: Tables, window: Window) -> ir.Table:
    """Decisions that count and name no repository, by repository."""
    rows = unnamed_decisions(tables, window)
    return rows.group_by("repository").agg(count=rows.count(), **_seen(rows))


def unnamed_decisions(tables: Tables, window: Window) -> ir.Table:
    """Each decision that counts and names no repository."""
    artifacts = tables["artifacts"]
    silent = artifacts.filter(
        ~is_true(artifacts.duplicate), artifacts.claimed_repository.fill_null("") == ""
    ).select("artifact")
    return named(stamped(counted_decisions(tables), window)).semi_join(silent, "artifact")


def requests(tables: Tables, window: Window) -> ir.Table:
    """Each request of a call that still waits."""
    asked = open_calls(tables, window)
    rows = named(stamped(counted_decisions(tables), window))
    rows = rows.filter(rows.decision == "require_approval")
    return rows.semi_join(asked.filter(asked.open), [*CALL, "environment"])
