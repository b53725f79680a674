# SPDX-License-Identifier: Apache-2.0
"""What the posture counts, as expressions that no engine is named in (:mod:`gaitops.posture.inputs` says what rows mean).

Every query reads one window. A fact without a time of its own lies somewhere before it was collected; it counts in the
window that its collection falls into, or in the last one before it, so that no window hides what proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import ibis

from gaitops.evidence.queries.approvals import calls
from gaitops.evidence.queries.artifacts import known_artifacts
from gaitops.evidence.queries.counting import (
    count_where,
    counted_decisions,
    day_number,
    is_true,
    moment,
    proven,
    readable,
    when,
)
from gaitops.evidence.queries.decisions import KILL_SWITCH_ACTIVE
from gaitops.evidence.queries.inventory import newest_snapshots
from gaitops.evidence.queries.selection import Selection
from gaitops.gait.artifacts.model import Verdict
from gaitops.posture.metrics import RUN_KINDS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Tables
    from gaitops.posture.inputs import Window

LONG_LIVED: Final = timedelta(hours=1)
"""A token that lives longer is counted as long-lived."""
_PLACED: Final = (
    "artifact", "kind", "verdict", "repository", "environment", "claimed_environment", "duplicate", "made_at", "collected_at",
)  # fmt: skip
REGRESS_RESULT: Final = "regress_result"
_MINUTE: Final = 60
_TICK: Final = timedelta(microseconds=1)


def stamped(table: ir.Table, window: Window) -> ir.Table:
    """Rows of a window with ``at``: when the fact was made, or else collected, and never after the window."""
    last = moment(window.until - _TICK)
    collected = (table.collected_at > last).ifelse(last, table.collected_at)
    table = table.mutate(at=ibis.coalesce(table.made_at, collected))
    return table.filter(table["at"] >= moment(window.since), table["at"] < moment(window.until))


def named(table: ir.Table) -> ir.Table:
    """With empty text for a repository or environment that is not known."""
    return table.mutate(
        repository=table.repository.fill_null(""), environment=table.environment.fill_null("")
    )


def judged_decisions(tables: Tables, window: Window, boundaries: Sequence[datetime]) -> ir.Table:
    """Decisions that count, with ``at`` and ``segment``: how many boundaries lie at or before them."""
    return named(_judged(tables, window, boundaries))


def _judged(tables: Tables, window: Window, boundaries: Sequence[datetime]) -> ir.Table:
    rows = stamped(counted_decisions(tables), window)
    return rows.mutate(segment=_segment(rows["at"], boundaries, 0))


def _segment(at: ir.TimestampValue, boundaries: Sequence[datetime], below: int) -> ir.IntegerValue:
    """The number of boundaries up to a time, found by halving."""
    if not boundaries:
        return ibis.literal(below, type="int64")
    middle = len(boundaries) // 2
    return (at >= moment(boundaries[middle])).ifelse(
        _segment(at, boundaries[middle + 1 :], below + middle + 1), _segment(at, boundaries[:middle], below)
    )


def decision_counts(tables: Tables, window: Window, boundaries: Sequence[datetime]) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.DecisionCount`, days as :func:`~gaitops.evidence.queries.counting.day_number`."""
    rows = _judged(tables, window, boundaries)
    rows = rows.mutate(day=day_number(rows["at"]))
    counted = rows.group_by(["repository", "environment", "policy_digest", "decision", "day", "segment"]).agg(
        events=rows.count(),
        kill_switch=count_where(rows.kill_switch == KILL_SWITCH_ACTIVE),
        first=rows["at"].min(),
        last=rows["at"].max(),
    )
    return named(
        counted
    )  # After counting: engines group columns as they are stored faster than computed ones.


def placed_artifacts(tables: Tables, window: Window) -> ir.Table:
    """Deliveries of a window with ``at``, and with the environment as far as it can be told.

    A recorded run says in no environment where it ran (contract 12); the proven decisions of the same run do, where all
    of them name the same. What proves nothing is counted where it claims to be.
    """
    artifacts = stamped(tables["artifacts"].select(*_PLACED), window)
    without = artifacts.environment.isnull() & artifacts.kind.isin(sorted(RUN_KINDS))
    # Only these need the join, and most artifacts are traces.
    runs = artifacts.filter(without).left_join(_run_environments(tables), "artifact")
    joined = runs.mutate(environment=runs.joined_environment).select(*artifacts.columns)
    rows = artifacts.filter(~without).union(joined)
    claimed = proven(rows).ifelse(ibis.null("string"), rows.claimed_environment)
    return named(rows.mutate(environment=ibis.coalesce(rows.environment, claimed)))


def _run_environments(tables: Tables) -> ir.Table:
    """Artifacts of runs that name no environment, and the one that all proven decisions of the run name."""
    runs = tables["runs"]
    runs = runs.filter(runs.environment.isnull(), ~is_true(runs.embedded), runs.kind.isin(sorted(RUN_KINDS)))
    runs = runs.select("artifact", "repository", "run_id")
    decisions = counted_decisions(tables).semi_join(runs, ["repository", "run_id"])
    decisions = decisions.filter(decisions.environment.notnull())
    places = decisions.group_by(["repository", "run_id"]).agg(
        one=decisions.environment.min(), other=decisions.environment.max()
    )
    found = runs.inner_join(places.filter(places.one == places.other), ["repository", "run_id"])
    return found.group_by("artifact").agg(joined_environment=found.one.min())


def artifact_counts(tables: Tables, window: Window) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.ArtifactCount`, days as :func:`~gaitops.evidence.queries.counting.day_number`."""
    rows = placed_artifacts(tables, window)
    rows = rows.mutate(day=day_number(rows["at"]))
    return rows.group_by(["repository", "environment", "kind", "verdict", "day"]).agg(
        artifacts=count_where(~is_true(rows.duplicate)),
        repeated=count_where(rows.duplicate),
        # What states no time makes nobody look alive.
        last=ibis.coalesce(rows.made_at.max(), moment(window.since)),
    )


def approval_delays(tables: Tables, window: Window) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.ApprovalDelay`: calls of the window by how long they waited."""
    rows = named(calls(tables, Selection(since=window.since, until=window.until)))
    waited = (rows.seconds_to_approval // _MINUTE).cast("int64")
    rows = rows.mutate(minutes=rows.open.ifelse(ibis.null("int64"), waited))
    return rows.group_by(["repository", "environment", "minutes"]).agg(
        calls=rows.count(), oldest=rows.asked_at.min()
    )


def token_rows(tables: Tables, window: Window) -> ir.Table:
    """Approval tokens of a window, one row each, with ``long_lived`` and ``wildcard``."""
    rows = named(stamped(tables["approvals"], window))
    rows = rows.filter(rows.form == "token", readable(rows))
    lived = rows.expires_at.epoch_seconds() - rows.made_at.epoch_seconds()
    return rows.mutate(
        long_lived=is_true(lived > int(LONG_LIVED.total_seconds())),
        wildcard=is_true(rows.scope.contains("*")),
    )


def token_counts(tables: Tables, window: Window) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.TokenCount`."""
    rows = token_rows(tables, window)
    single = rows.group_by(["repository", "token_id"]).agg(
        long_lived=rows.long_lived.cast("int64").max(), wildcard=rows.wildcard.cast("int64").max()
    )
    return single.group_by("repository").agg(
        tokens=single.count(), long_lived=single.long_lived.sum(), wildcard=single.wildcard.sum()
    )


def taken_tokens(tables: Tables, window: Window) -> ir.Table:
    """Tokens that gates took, as audits tell."""
    rows = named(stamped(tables["approvals"], window))
    return rows.filter(rows.form == "entry", is_true(rows.valid), readable(rows), rows.approver.notnull())


def approvers(tables: Tables, window: Window) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.Approver`."""
    rows = taken_tokens(tables, window)
    return rows.group_by(["repository", "approver"]).agg(taken=rows.count())


def reused_decisions(tables: Tables, window: Window) -> ir.Table:
    """Decisions that present a token which more than one emission presents, in this window."""
    rows = named(stamped(counted_decisions(tables), window))
    rows = rows.filter(rows.approval_token_ref.notnull(), rows.approval_token_ref != "")
    uses = rows.group_by("approval_token_ref").agg(uses=rows.event_key.nunique())
    return rows.semi_join(uses.filter(uses.uses > 1), "approval_token_ref")


def reused_tokens(tables: Tables, window: Window) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.RepositoryCount`: a token counts in every repository that presented it."""
    rows = reused_decisions(tables, window)
    return rows.group_by("repository").agg(number=rows.approval_token_ref.nunique())


def expired_entries(tables: Tables, window: Window) -> ir.Table:
    """Tokens that gates refused because they had expired, as audits tell."""
    rows = named(stamped(tables["approvals"], window))
    return rows.filter(rows.form == "entry", is_true(rows.error_code.endswith("_expired")), readable(rows))


def expired_tokens(tables: Tables, window: Window) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.RepositoryCount`."""
    rows = expired_entries(tables, window)
    return rows.group_by("repository").agg(number=rows.count())


def unverifiable_artifacts(tables: Tables, window: Window) -> ir.Table:
    """Traces and runs signed by keys that nobody registered; other people's keys sign tokens."""
    rows = known_artifacts({**tables, "artifacts": named(stamped(tables["artifacts"], window))})
    own = rows.kind.isin(["trace", *sorted(RUN_KINDS)])
    return rows.filter(rows.verdict == Verdict.UNVERIFIABLE.value, rows.key_id.notnull(), own)


def unregistered_keys(tables: Tables, window: Window) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.KeyUse`."""
    rows = unverifiable_artifacts(tables, window)
    return rows.group_by("repository").agg(keys=rows.key_id.nunique(), artifacts=rows.count())


def regress_rows(table: ir.Table, window: Window) -> ir.Table:
    """Rows of a regress table by when they were collected, or the end of the window: see the module.

    A result only says when its first fixture ran, which may be long before regress did (contract 6).
    """
    started = when(table)
    rows = table.filter(
        readable(table), started < moment(window.until), table.collected_at >= moment(window.since)
    )
    last = moment(window.until - _TICK)
    return named(rows.mutate(at=(rows.collected_at > last).ifelse(last, rows.collected_at)))


def regress_deliveries(tables: Tables, window: Window) -> ir.Table:
    """Regress results, one row for each place in which one was collected.

    Gait writes equal bytes for equal runs, so bytes that were delivered again from elsewhere are another run.
    """
    facts = tables["regress_results"]
    facts = facts.filter(readable(facts))
    delivered = tables["artifacts"]
    delivered = delivered.filter(delivered.kind == REGRESS_RESULT)
    rows = facts.drop("collected_at", "repository", "environment").inner_join(
        delivered.select("artifact", "collected_at", "repository", "environment"), "artifact"
    )
    return regress_rows(rows, window)


def regress_counts(tables: Tables, window: Window) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.RegressCount`, days as :func:`~gaitops.evidence.queries.counting.day_number`."""
    rows = regress_deliveries(tables, window)
    rows = rows.mutate(
        day=day_number(rows["at"]),
        vacuous=is_true(rows.vacuous),
        drift_class=rows.drift_class.fill_null("none"),
    )
    return rows.group_by(["repository", "day", "status", "vacuous", "drift_class"]).agg(results=rows.count())


def failing_graders(tables: Tables, window: Window) -> ir.Table:
    """Graders that did not pass."""
    rows = regress_rows(tables["regress_graders"], window)
    return rows.filter(rows.status != "pass").mutate(fixture=rows.fixture.fill_null(""))


def grader_failures(tables: Tables, window: Window) -> ir.Table:
    """Rows of :class:`gaitops.posture.inputs.GraderFailures` without their reasons."""
    rows = failing_graders(tables, window)
    return rows.group_by(["repository", "fixture", "grader"]).agg(
        failures=rows.count(), last=rows["at"].max()
    )


def grader_reasons(tables: Tables, window: Window) -> ir.Table:
    """The reasons of :func:`grader_failures`, one row each."""
    rows = failing_graders(tables, window)
    return rows.select("repository", "fixture", "grader", reason=rows.reason_codes.unnest()).distinct()


def snapshots(tables: Tables, window: Window) -> ir.Table:
    """The newest inventory of each repository before the end of the window, however old."""
    artifacts = tables["artifacts"]
    until = artifacts.filter(artifacts.made_at.isnull() | (artifacts.made_at < moment(window.until)))
    return newest_snapshots({**tables, "artifacts": until}).select("artifact", "repository")


def inventory_items(tables: Tables, window: Window) -> ir.Table:
    """Items of :func:`snapshots`."""
    return tables["inventory_items"].semi_join(snapshots(tables, window), "artifact")
