# SPDX-License-Identifier: Apache-2.0
"""Counted rows become tallies of places and repositories, and their series over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gaitops.fleet.evidence import FleetView
from gaitops.fleet.timeline import PlaceKey
from gaitops.gait.artifacts.model import PROVEN, Verdict
from gaitops.posture.expectation import Judge, Judgement
from gaitops.posture.inputs import ApprovalDelay, ArtifactCount, DecisionCount, PostureInputs, RegressCount
from gaitops.posture.metrics import BROKEN, RUN_KINDS, SIGNABLE
from gaitops.posture.regressions import outcome
from gaitops.posture.series import Axis, Series
from gaitops.posture.states import Judged
from gaitops.posture.tally import Tally, newest, oldest

SIGNATURES_REQUIRED: Final = frozenset({"staging", "production"})
"""Tiers of environments whose traces and runpacks must be signed."""
_MUST_BE_SIGNED: Final = frozenset({"trace", *RUN_KINDS})
_PROVEN: Final = frozenset(verdict.value for verdict in PROVEN)


@dataclass
class Counted:
    """Tallies by place (environment ``""`` for what names none), by repository for the rest, and series."""

    axis: Axis
    decisions: list[Judged] = field(default_factory=list)
    places: dict[PlaceKey, Tally] = field(default_factory=dict)
    repositories: dict[str, Tally] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)

    def place(self, repository: str, environment: str) -> Tally:
        """The tally of a place, made when it is first asked for."""
        return self.places.setdefault((repository, environment), Tally())

    def own(self, repository: str) -> Tally:
        """The tally of what a repository has in no single environment."""
        return self.repositories.setdefault(repository, Tally())

    def over_time(self, repository: str) -> Series:
        """The series of a repository."""
        return self.series.setdefault(repository, Series(self.axis))


def count(inputs: PostureInputs, view: FleetView, judge: Judge, axis: Axis) -> Counted:
    """Count everything once."""
    found = Counted(axis)
    tiers = {
        (place.repository, place.environment): place.tier for own in view.places.values() for place in own
    }
    strict = {repository for (repository, _name), tier in tiers.items() if tier in SIGNATURES_REQUIRED}
    for decision in inputs.decisions:
        _decision(found, decision, judge.judge(decision), known=decision.digest in view.versions)
    for artifact in inputs.artifacts:
        _artifact(found, artifact)
        if artifact.verdict == Verdict.UNSIGNED and artifact.kind in _MUST_BE_SIGNED:
            _unsigned(found, artifact, tiers, strict)
    for delay in inputs.approvals:
        _approval(found, delay)
    for row in inputs.regress:
        _regress(found, row)
    _tokens(found, inputs)
    return found


def _decision(found: Counted, row: DecisionCount, judgement: Judgement, *, known: bool) -> None:
    found.decisions.append(Judged(row, judgement))
    tally, series = found.place(row.repository, row.environment), found.over_time(row.repository)
    counts = tally.counts
    counts["events.total"] += row.events
    counts[f"events.{row.decision}"] += row.events
    counts[f"events.{judgement.value}"] += row.events
    counts["events.judged"] += row.events if judgement is not Judgement.UNJUDGED else 0
    counts["events.unknown_policy"] += row.events if not known else 0
    counts["events.without_environment"] += row.events if not row.environment else 0
    counts["events.kill_switch"] += row.kill_switch
    tally.last_decision = newest(tally.last_decision, row.last)
    series.add(f"events.{row.decision}", row.day, row.events)
    if judgement is not Judgement.EXPECTED:
        series.add(f"events.{judgement.value}", row.day, row.events)


def _artifact(found: Counted, row: ArtifactCount) -> None:
    tally = found.place(row.repository, row.environment)
    tally.counts["evidence.repeated"] += row.repeated
    families = ["traces"] if row.kind == "trace" else ["runpacks"] if row.kind in RUN_KINDS else []
    if row.kind not in SIGNABLE and row.verdict not in BROKEN:
        tally.counts["evidence.other"] += row.artifacts
        return
    for family in ("evidence", *families):
        tally.counts[f"{family}.total"] += row.artifacts
        tally.counts[f"{family}.{row.verdict}"] += row.artifacts
    found.over_time(row.repository).add(f"evidence.{row.verdict}", row.day, row.artifacts)
    if row.verdict in _PROVEN:
        tally.last_evidence = newest(tally.last_evidence, row.last)


def _unsigned(found: Counted, row: ArtifactCount, tiers: Mapping[PlaceKey, str], strict: set[str]) -> None:
    if not row.environment:
        if row.repository in strict:
            found.own(row.repository).counts["evidence.unsigned_anywhere_required"] += row.artifacts
    elif tiers.get((row.repository, row.environment)) in SIGNATURES_REQUIRED:
        place = found.place(row.repository, row.environment)
        place.counts["evidence.unsigned_where_required"] += row.artifacts


def _approval(found: Counted, row: ApprovalDelay) -> None:
    tally = found.place(row.repository, row.environment)
    tally.counts["approvals.calls"] += row.calls
    if row.minutes is None:
        tally.counts["approvals.open"] += row.calls
        tally.oldest_open = oldest(tally.oldest_open, row.oldest)
    else:
        tally.counts["approvals.granted"] += row.calls
        tally.delays[row.minutes] += row.calls


def _regress(found: Counted, row: RegressCount) -> None:
    counts, result = found.own(row.repository).counts, outcome(row)
    counts["regress.results"] += row.results
    counts[f"regress.{result}"] += row.results
    counts["regress.judged"] += row.results if result != "vacuous" else 0
    counts[f"regress.drift_{row.drift_class}"] += row.results
    found.over_time(row.repository).add(f"regress.{result}", row.day, row.results)


def _tokens(found: Counted, inputs: PostureInputs) -> None:
    for token in inputs.tokens:
        counts = found.own(token.repository).counts
        counts["approvals.tokens"] += token.tokens
        counts["approvals.tokens_long_lived"] += token.long_lived
        counts["approvals.tokens_wildcard"] += token.wildcard
    for approver in inputs.approvers:
        found.own(approver.repository).approvers.add(approver.approver)
    for reused in inputs.reused_tokens:
        found.own(reused.repository).counts["approvals.tokens_reused"] += reused.number
    for expired in inputs.expired_tokens:
        found.own(expired.repository).counts["approvals.refused_expired"] += expired.number
    for keys in inputs.keys:
        found.own(keys.repository).counts["evidence.throwaway_keys"] += keys.keys
