# SPDX-License-Identifier: Apache-2.0
"""Signals from recorded runs and regress results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from gaitops.gait.scout import PRIVILEGES
from gaitops.gait.scout_report import sensitivity_of
from gaitops.signals.causes import Attribution, attribute_regress, attribute_run
from gaitops.signals.families import Family, families
from gaitops.signals.making import signal, together
from gaitops.signals.model import Signal
from gaitops.signals.priority import score
from gaitops.signals.rows import Evidence, RegressRow, RunRow, Seen

GATE_REASONS: Final = frozenset(
    f"result_status_{status}"
    for status in (
        *("block", "blocked", "deny", "denied"),
        *("approval_required", "require_approval", "requires_approval", "needs_approval", "dry_run"),
    )
)
"""Reasons that say that the gate did its work, by the statuses that Gait reads so (contract 6)."""


def from_runs(evidence: Evidence) -> Iterator[Signal]:
    """One signal per family that has reasons; runs that went well are none, and runs that the gate stopped stand together."""
    stopped: dict[tuple[str, str], list[RunRow]] = {}
    for family in families(evidence.runs):
        if len(family.runs) == 1 and family.reasons and GATE_REASONS.issuperset(family.reasons):
            run = family.runs[0]
            stopped.setdefault((PRIVILEGES[run.max_privilege], run.where.tier), []).append(run)
        elif family.reasons:
            yield _family_signal(family, evidence)
    for key in sorted(stopped):
        yield _stopped(key, stopped[key])


def _stopped(key: tuple[str, str], runs: Sequence[RunRow]) -> Signal:
    name, tier = key
    return signal(
        "stopped_runs",
        key,
        f"{len(runs)} run{'s' if len(runs) > 1 else ''} of {name} tools stopped in {tier or 'an unknown tier'}",
        together((run.where, Seen(1, run.made_at, run.made_at, (run.artifact,))) for run in runs),
        privilege=runs[0].max_privilege,
        selector={"table": "runs", "family_id": sorted({run.family_id for run in runs})},
        stopped=True,
    )


def _family_signal(family: Family, evidence: Evidence) -> Signal:
    first: dict[str, RunRow] = {}
    for run in family.runs:
        first.setdefault(run.where.repository, run)
    sightings = together(
        (run.where, Seen(1, run.made_at, run.made_at, (run.artifact,))) for run in family.runs
    )
    places = len(family.spread)
    made = signal(
        "incident_family" if len(family.runs) > 1 else "failed_run",
        (family.gait.fingerprint,),
        f"{' > '.join(family.runs[0].action_sequence) or 'no tools'}: {', '.join(family.reasons)}; "
        f"{len(family.runs)} run{'s' if len(family.runs) > 1 else ''} in "
        f"{places} {'repositories' if places > 1 else 'repository'}",
        sightings,
        privilege=family.runs[0].max_privilege,
        selector={"table": "runs", "fingerprint": family.gait.fingerprint},
        attributions=tuple(
            attribute_run(first[name], evidence.runs, evidence.assignments) for name in sorted(first)
        ),
    )
    return replace(
        made,
        score=score(
            privilege=family.runs[0].max_privilege,
            tiers=(run.where.tier for run in family.runs),
            repositories=family.spread,
            sensitivity=sensitivity_of(family.runs[0].target_systems),
            events=len(family.runs),
        ),
        artifacts=family.representatives,
        gait=family.gait.to_json(),
    )


def from_regress(results: Iterable[RegressRow]) -> Iterator[Signal]:
    """Failing regressions, and repositories whose regressions never compare with anything."""
    ordered = sorted(set(results), key=lambda row: (row.where.repository, row.delivered_at, row.position))
    for repository, group in groupby(ordered, key=lambda row: row.where.repository):
        rows = list(group)
        sets = sorted({row.fixture_set for row in rows})
        for fixture_set in sets:
            own = [row for row in rows if row.fixture_set == fixture_set]
            failing = _unrecovered(own)
            if failing:
                yield _failing(repository, fixture_set, failing, rows)
        if all(row.vacuous for row in rows):
            yield _vacuous(repository, rows)


def _unrecovered(rows: Sequence[RegressRow]) -> list[RegressRow]:
    """Failing results that no passing one of a later delivery answers; results themselves do not say when they were made."""
    passed = max((row.delivered_at for row in rows if row.status == "pass"), default=None)
    return [row for row in rows if row.status != "pass" and (passed is None or row.delivered_at >= passed)]


def _failing(
    repository: str, fixture_set: str, failing: Sequence[RegressRow], rows: Sequence[RegressRow]
) -> Signal:
    last = failing[-1]
    names = ", ".join(f"{name} ({reasons})" for name, reasons in last.failing) or "no grader named"
    return signal(
        "failing_regress",
        (repository, fixture_set),
        f"fixture set {fixture_set} of {repository} fails: {names}",
        [(row.where, _seen(row)) for row in failing],
        privilege=max(row.max_privilege for row in failing),
        selector={
            "table": "regress_results",
            "repository": repository,
            "fixture_set": fixture_set,
            "status": "fail",
        },
        attributions=(_attribution(last, rows),),
    )


def _attribution(last: RegressRow, rows: Sequence[RegressRow]) -> Attribution:
    earlier = [row for row in rows if (row.delivered_at, row.position) < (last.delivered_at, last.position)]
    return attribute_regress(last, earlier[-1] if earlier else None)


def _vacuous(repository: str, rows: Sequence[RegressRow]) -> Signal:
    return signal(
        "vacuous_regress",
        (repository,),
        f"every regress result of {repository} passes without a candidate to compare with",
        [(row.where, _seen(row)) for row in rows],
        privilege=2,
        why="a regression would pass unseen",
        selector={"table": "regress_results", "repository": repository, "vacuous": "true"},
    )


def _seen(row: RegressRow) -> Seen:
    return Seen(1, row.made_at, row.made_at, (row.artifact,))
