# SPDX-License-Identifier: Apache-2.0
"""The artifacts behind one number of a posture report (design 11).

A number and its proof are made from the same rows (:mod:`gaitops.evidence.posture_queries`). A share is proven by the
artifacts of its numerator. An absence has no artifacts: of a place that is silent or unknown, what there is of it is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import ibis

from gaitops.evidence import posture_queries as queries
from gaitops.evidence.queries.approvals import CALL, approval_calls
from gaitops.evidence.queries.counting import is_true, ordered
from gaitops.evidence.queries.decisions import KILL_SWITCH_ACTIVE
from gaitops.evidence.queries.selection import Selection
from gaitops.posture.build import holds
from gaitops.posture.catalogue import METRICS
from gaitops.posture.counting import SIGNATURES_REQUIRED
from gaitops.posture.metrics import BROKEN, DECISIONS, RUN_KINDS, SIGNABLE
from gaitops.posture.regressions import iso_week
from gaitops.posture.report import PostureReport
from gaitops.posture.selectors import Scope, parse_selector

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Engine
    from gaitops.fleet.evidence import FleetView
    from gaitops.posture.expectation import Judge, Judgement

COLUMNS: Final = ("artifact", "kind", "verdict", "repository", "environment", "made_at", "source")
"""What is listed of each artifact."""
_LINE: Final = "\n"
_GROUP: Final = ("repository", "environment", "policy_digest", "segment")
_SIGNED_RUNS: Final = frozenset({"trace", *RUN_KINDS})


@dataclass(frozen=True)
class Proofs:
    """Lists the artifacts behind the numbers of one report."""

    engine: Engine
    report: PostureReport
    view: FleetView
    judge: Judge
    boundaries: Sequence[datetime]

    def artifacts(self, selector: str, limit: int | None = None) -> list[dict[str, Any]]:
        """The artifacts behind a number: :data:`COLUMNS`, oldest first, each once.

        Args:
            selector: the number and what it was counted over (:mod:`gaitops.posture.selectors`).
            limit: how many at most; all without it.

        Raises:
            InvalidInputError: ``posture.selector``.
            InternalError: ``query.failed``.
        """
        found = ordered(self._described(self.rows(selector)), ("made_at", "artifact"))
        return self.engine.rows(found.limit(limit) if limit is not None else found)

    def count(self, selector: str) -> int:
        """How many artifacts are behind a number."""
        rows = self.rows(selector)
        return int(self.engine.rows(rows.aggregate(number=rows.artifact.nunique()))[0]["number"])

    def rows(self, selector: str) -> ir.Table:
        """The counted rows behind a number; several may be of one artifact."""
        metric, scope = parse_selector(selector)
        numerator = METRICS[metric].over or metric
        family, _, name = numerator.partition(".")
        make = getattr(self, f"_{family}", None)
        rows: ir.Table = make(name) if make is not None else self._evidence_of(family, name)
        return self._narrowed(rows, scope)

    def listing(self, metric: str) -> ir.Table:
        """One row for each artifact behind a number of the whole report and each place where it counts.

        Columns are ``artifact``, ``repository``, ``environment``, ``policy_digest`` (empty where they do not apply) and
        ``at``, which may be null. For pages that show many numbers: one query for all scopes of a number.
        """
        rows = self.rows(metric)
        members: dict[str, ir.Value] = {"artifact": rows.artifact, "repository": rows.repository}
        for name in ("environment", "policy_digest"):
            members[name] = rows[name].fill_null("") if name in rows.columns else ibis.literal("")
        members["at"] = rows["at"] if "at" in rows.columns else ibis.null("timestamp('UTC', 6)")
        return rows.select(**members).distinct()

    def _described(self, rows: ir.Table) -> ir.Table:
        artifacts = self.engine.tables["artifacts"]
        first = artifacts.filter(~is_true(artifacts.duplicate))
        return first.semi_join(rows.select("artifact").distinct(), "artifact").select(*COLUMNS)

    # -- numbers -------------------------------------------------------------------------------------------

    def _decided(self) -> ir.Table:
        return queries.judged_decisions(self.engine.tables, self.report.basis.window, self.boundaries)

    def _events(self, name: str) -> ir.Table:
        rows = self._decided()
        if name in DECISIONS:
            return rows.filter(rows.decision == name)
        if name == "kill_switch":
            return rows.filter(rows.kill_switch == KILL_SWITCH_ACTIVE)
        if name == "without_environment":
            return rows.filter(rows.environment == "")
        if name == "unknown_policy":
            return rows.filter(rows.policy_digest.notin(sorted(self.view.versions)))
        return rows if name == "total" else self._judged(rows, name)

    def _judged(self, rows: ir.Table, name: str) -> ir.Table:
        """Decisions of one judgement, or of both that judge for ``judged``."""
        wanted = {"expected", "unexpected"} if name == "judged" else {name}
        groups = [group for group, judgement in self._judgements.items() if judgement in wanted]
        return _matching(rows, _GROUP, groups)

    @cached_property
    def _judgements(self) -> Mapping[tuple[Any, ...], Judgement]:
        """What the fleet says of each group of decisions that are alike."""
        counted = queries.decision_counts(self.engine.tables, self.report.basis.window, self.boundaries)
        return {
            tuple(row[name] for name in _GROUP): self.judge.of(
                row["repository"], row["environment"], row["policy_digest"], row["first"]
            )
            for row in self.engine.rows(counted)
        }

    def _places(self, name: str) -> ir.Table:
        """Decisions of the places in a state, and what proves nothing beside them."""
        places = {
            (item.repository.id, place.environment)
            for item in self.report.repositories
            for place in item.places
            if name in {"total", place.state.value}
        }
        rows = queries.placed_artifacts(self.engine.tables, self.report.basis.window)
        rows = rows.filter(rows.kind == "trace")
        return _matching(rows, ("repository", "environment"), places)

    def _repositories(self, name: str) -> ir.Table:
        marked = [
            (item.repository.id,)
            for item in self.report.repositories
            if item.tally.count(f"repositories.{name}")
        ]
        rows = queries.placed_artifacts(self.engine.tables, self.report.basis.window)
        return _matching(rows, ("repository",), marked)

    def _evidence(self, name: str) -> ir.Table:
        if name == "throwaway_keys":
            return queries.unverifiable_artifacts(self.engine.tables, self.report.basis.window)
        rows = queries.placed_artifacts(self.engine.tables, self.report.basis.window)
        if name == "repeated":
            return rows.filter(is_true(rows.duplicate))
        rows = rows.filter(~is_true(rows.duplicate))
        counts = rows.kind.isin(sorted(SIGNABLE)) | rows.verdict.isin(sorted(BROKEN))
        if name == "other":
            return rows.filter(~counts)
        if name.startswith("unsigned_"):
            rows = rows.filter(rows.verdict == "unsigned", rows.kind.isin(sorted(_SIGNED_RUNS)))
            return self._where_required(rows, anywhere=name == "unsigned_anywhere_required")
        return rows.filter(counts) if name == "total" else rows.filter(counts, rows.verdict == name)

    def _where_required(self, rows: ir.Table, *, anywhere: bool) -> ir.Table:
        strict = [
            (place.repository, "" if anywhere else place.environment)
            for own in self.view.places.values()
            for place in own
            if place.tier in SIGNATURES_REQUIRED
        ]
        return _matching(rows, ("repository", "environment"), strict)

    def _evidence_of(self, family: str, name: str) -> ir.Table:
        rows = self._evidence(name)
        return rows.filter(rows.kind.isin(["trace"] if family == "traces" else sorted(RUN_KINDS)))

    def _approvals(self, name: str) -> ir.Table:
        tables, window = self.engine.tables, self.report.basis.window
        tokens: Mapping[str, Callable[[], ir.Table]] = {
            "approvers": lambda: queries.taken_tokens(tables, window),
            "tokens": lambda: queries.token_rows(tables, window),
            "tokens_reused": lambda: queries.reused_decisions(tables, window),
            "refused_expired": lambda: queries.expired_entries(tables, window),
        }
        if name in tokens:
            return tokens[name]()
        if name in {"tokens_long_lived", "tokens_wildcard"}:
            rows = queries.token_rows(tables, window)
            return rows.filter(rows[name.removeprefix("tokens_")])
        calls = approval_calls(tables, Selection(since=window.since, until=window.until))
        if name == "open":
            calls = calls.filter(calls.open)
        elif name != "calls":
            calls = calls.filter(~calls.open)
        rows = self._decided()
        return rows.filter(rows.decision.isin(("require_approval", "allow"))).semi_join(calls, list(CALL))

    def _coverage(self, _name: str) -> ir.Table:
        rows = queries.snapshots(self.engine.tables, self.report.basis.window)
        return rows.mutate(repository=rows.repository.fill_null(""))

    def _regress(self, name: str) -> ir.Table:
        rows = queries.regress_deliveries(self.engine.tables, self.report.basis.window)
        vacuous = (rows.status == "pass") & is_true(rows.vacuous)
        if name.startswith("drift_"):
            return rows.filter(rows.drift_class.fill_null("none") == name.removeprefix("drift_"))
        conditions = {
            "passed": (rows.status == "pass") & ~vacuous,
            "vacuous": vacuous,
            "failed": rows.status != "pass",
            "judged": ~vacuous,
        }
        return rows.filter(conditions[name]) if name in conditions else rows

    # -- scopes --------------------------------------------------------------------------------------------

    def _narrowed(self, rows: ir.Table, scope: Scope) -> ir.Table:
        wide = Scope(**self.report.basis.scope)
        for part in (wide, scope):
            if part.members().keys() & {"org", "project", "team", "repository"}:
                rows = self._of_repositories(rows, part)
            if part.environment is not None and "environment" in rows.columns:
                rows = rows.filter(rows.environment.fill_null("") == part.environment)
        if not wide.members() and not scope.members():
            rows = rows.filter(rows.repository.isin(sorted(self.view.repositories)))
        if scope.tier is not None:
            places = [
                (item.repository, item.environment)
                for own in self.view.places.values()
                for item in own
                if item.tier == scope.tier
            ]
            rows = _matching(rows, ("repository", "environment"), places)
        if scope.policy is not None and "policy_digest" in rows.columns:
            rows = rows.filter(rows.policy_digest == scope.policy)
        return self._in_time(rows, scope)

    def _of_repositories(self, rows: ir.Table, scope: Scope) -> ir.Table:
        if scope.repository is not None and scope.repository not in self.view.repositories:
            return rows.filter(rows.repository == scope.repository)
        names = sorted(name for name, known in self.view.repositories.items() if holds(scope, known))
        return rows.filter(rows.repository.isin(names))

    def _in_time(self, rows: ir.Table, scope: Scope) -> ir.Table:
        if "at" not in rows.columns or (scope.day is None and scope.week is None):
            return rows
        days = [
            day
            for day in _days(self.report)
            if scope.day in {None, day.date().isoformat()} and scope.week in {None, iso_week(day.date())}
        ]
        return rows.filter(rows["at"].date().cast("string").isin([day.date().isoformat() for day in days]))


def _matching(rows: ir.Table, columns: Sequence[str], wanted: Iterable[Sequence[object]]) -> ir.Table:
    """Rows whose columns hold one of the wanted combinations, compared as one text: names have no line ends."""
    found = sorted({_LINE.join(map(str, values)) for values in wanted})
    if not found:
        return rows.limit(0)
    return rows.filter(ibis.literal(_LINE).join([rows[name].cast("string") for name in columns]).isin(found))


def _days(report: PostureReport) -> list[datetime]:
    window = report.basis.window
    first = window.since.replace(hour=0, minute=0, second=0, microsecond=0)
    return [first + timedelta(days=number) for number in range((window.until - first).days + 1)]
