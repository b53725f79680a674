# SPDX-License-Identifier: Apache-2.0
"""What the tables, figures and charts of the page consist of: titles, columns, units, looks.

The document of a page names a spec and brings the values; so a thousand repositories do not repeat a thousand headings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gaitops.posture.catalogue import METRICS
from gaitops.posture.metrics import DECISIONS, STATES, VERDICTS
from gaitops.report.site.looks import DECISION_LOOKS, EXPECTATION_LOOKS, OUTCOME_LOOKS, VERDICT_LOOKS, Look

Spec = Mapping[str, object]

HEADLINE: Final = (
    "events.total",
    "events.unexpected_share",
    "evidence.verified_share",
    "coverage.gait_share",
    "coverage.strict_share",
    "approvals.open",
    "regress.pass_share",
    "repositories.silent",
    "repositories.without_evidence",
)
COVERAGE: Final = (
    "coverage.gait_share",
    "coverage.strict_share",
    "coverage.high_risk_ungated",
    "coverage.high_risk_not_strict",
    "repositories.without_inventory",
)
APPROVALS: Final = (
    "approvals.granted_share",
    "approvals.open",
    "approvals.minutes_median",
    "approvals.minutes_p90",
    "approvals.approvers",
    "approvals.refused_expired",
    "approvals.tokens_reused",
    "approvals.tokens_wildcard",
    "approvals.tokens_long_lived",
)
EVIDENCE: Final = (
    "evidence.verified_share",
    "evidence.unsigned_where_required",
    "evidence.throwaway_keys",
    "evidence.repeated",
    "evidence.other",
)
REGRESS: Final = ("regress.results", "regress.pass_share", "regress.failed", "regress.vacuous_share")
VERSIONS: Final = (
    "events.expected",
    "events.unexpected_share",
    "events.unknown_policy",
    "events.unjudged",
    "events.without_environment",
    "events.kill_switch",
)
REPOSITORY_NUMBERS: Final = (
    "repositories.silent",
    "repositories.without_evidence",
    "repositories.without_inventory",
)
"""Counts of repositories, which say nothing about a single one."""
_ALARMS: Final = frozenset(
    {
        "coverage.high_risk_ungated",
        "coverage.high_risk_not_strict",
        "evidence.unsigned_where_required",
        "approvals.tokens_reused",
        "events.unknown_policy",
        "events.unexpected_share",
        "evidence.failed_share",
        "evidence.rejected_share",
        "regress.failed",
    }
)
_KINDS: Final = {"ratio": "share", "minutes": "duration"}


def words(text: str) -> str:
    """``require_approval`` as people write it."""
    return text.replace("_", " ")


def label(text: str) -> str:
    """With a capital letter in front."""
    return text[:1].upper() + text[1:]


_LABELS: Final[Mapping[str, str]] = {
    "events.unexpected_share": "Under an unexpected version",
    "events.expected": "Under an expected version",
    "events.unknown_policy": "Under an unknown policy",
    "events.unjudged": "Cannot be judged",
    "events.without_environment": "Without an environment",
    "events.kill_switch": "Stopped by the kill switch",
    "evidence.verified_share": "Verified evidence",
    "coverage.gait_share": "Gated tools, as Gait counts",
    "coverage.strict_share": "Strictly gated tools",
    "approvals.open": "Calls without approval",
    "approvals.granted_share": "Calls approved",
    "approvals.minutes_p90": "90th percentile",
    "regress.pass_share": "Regressions passed",
    "regress.vacuous_share": "Vacuous passes",
    "regress.failed": "Regressions failed",
}
"""Shorter than the title of the number, where its place on the page says the rest."""


def _figure(metric: str) -> dict[str, object]:
    found = METRICS[metric]
    spec: dict[str, object] = {
        "t": metric,
        "l": _LABELS.get(metric, label(found.title)),
        "k": _KINDS.get(found.unit, "n"),
        "alarm": metric in _ALARMS,
    }
    if found.of is not None:
        spec["of"] = METRICS[found.of].title
    elif found.unit not in {"minutes", "ratio"} and words(found.unit) not in found.title:
        spec["sub"] = words(found.unit)
    return spec


def _figures(metrics: Iterable[str], title: str = "") -> Spec:
    return {"title": title, "figures": [_figure(metric) for metric in metrics]}


def _column(kind: str, title: str, term: str = "") -> dict[str, str]:
    return {"k": kind, "l": title} | ({"t": term} if term else {})


def _metric(metric: str, title: str = "") -> dict[str, str]:
    found = METRICS[metric]
    return _column(_KINDS.get(found.unit, "n"), title or label(found.title), metric)


def _table(title: str, *columns: Mapping[str, str], filtered: bool = False, empty: str = "No rows.") -> Spec:
    return {"title": title, "columns": list(columns), "filter": filtered, "empty": empty}


def _chart(title: str, unit: str, series: Iterable[tuple[str, str, Look]], **more: str) -> Spec:
    listed = [{"key": key, "l": name, "look": look} for key, name, look in series]
    return {"title": title, "unit": unit, "series": listed, **more}


def _looks(looks: Mapping[str, Look]) -> list[tuple[str, str, Look]]:
    return [(key, words(key), look) for key, look in looks.items()]


_STATE_COLUMNS: Final = tuple(_metric(f"places.{state}", state) for state in STATES)
_REPOSITORY: Final = _column("repo", "repository")

SPECS: Final[Mapping[str, Spec]] = {
    "headline": _figures(HEADLINE),
    "headline_one": _figures(metric for metric in HEADLINE if metric not in REPOSITORY_NUMBERS),
    "versions": _figures(VERSIONS),
    "coverage": _figures(COVERAGE),
    "coverage_one": _figures(metric for metric in COVERAGE if metric not in REPOSITORY_NUMBERS),
    "approvals": _figures(APPROVALS),
    "evidence": _figures(EVIDENCE),
    "regress": _figures(REGRESS),
    "drift_classes": _table("Results by class of drift", _column("text", "drift"), _column("n", "results")),
    "queue": {
        "figures": [
            {"t": "queue.before", "l": "Before deduplication", "k": "n", "sub": "observations"},
            {"t": "queue.after", "l": "After deduplication", "k": "n", "sub": "signals"},
            {"t": "queue.families", "l": "Incident families", "k": "n", "sub": "among the signals"},
        ]
    },
    "organizations": _table("", _column("org", "organization"), _metric("places.total", "places"), *_STATE_COLUMNS, _metric("events.total", "decisions"), _metric("events.unexpected_share", "unexpected"), _metric("evidence.verified_share", "verified")),
    "groups": _table("", _column("text", "name"), _metric("places.total", "places"), *_STATE_COLUMNS, _metric("events.total", "decisions"), _metric("events.unexpected_share", "unexpected"), _metric("evidence.verified_share", "verified")),
    "repositories": _table("", _REPOSITORY, _column("text", "team"), _column("states", "states"), _metric("coverage.gait_share", "coverage"), _metric("coverage.strict_share", "strict"), _metric("events.total", "decisions"), _metric("events.unexpected_share", "unexpected"), _metric("evidence.verified_share", "verified"), _metric("approvals.open", "open calls"), _column("time", "last evidence, UTC"), filtered=True),
    "places": _table("", _column("text", "environment"), _column("text", "tier"), _column("state", "state"), _column("wide", "why"), _column("version", "assigned"), _metric("events.total", "decisions"), _metric("events.unexpected_share", "unexpected"), _column("time", "last decision, UTC")),
    "policies": _table("Versions in use", _column("version", "version"), _column("digest", "Gait digest"), _column("text", "standing", "standing"), _column("n", "assigned to places"), _column("n", "decisions", "events.total"), _column("n", "unexpected", "events.unexpected"), _column("n", "repositories"), _column("time", "first, UTC"), _column("time", "last, UTC"), filtered=True),
    "place_policies": _table("Versions in use", _column("text", "environment"), _column("version", "version"), _column("digest", "Gait digest"), _column("text", "standing", "standing"), _column("n", "decisions", "events.total"), _column("n", "unexpected", "events.unexpected"), _column("time", "first, UTC"), _column("time", "last, UTC")),
    "drift": {
        **_table("Drift periods", _REPOSITORY, _column("text", "environment"), _column("version", "in use"), _column("digest", "Gait digest"), _column("text", "kind", "drift"), _column("version", "assigned now"), _column("n", "decisions", "events.unexpected"), _column("time", "first, UTC"), _column("time", "last, UTC"), _column("text", "ends")),
        "term": "drift", "look": {"colour": "orange", "pattern": "slash"}, "timeline": {"name": [0, 1, 2], "n": 6, "start": 7, "end": 8},
        "empty": "Every decision that can be judged was made under a version that was expected.",
    },
    "coverage_table": _table("Repositories by coverage", _REPOSITORY, _metric("coverage.discovered_tools", "tools"), _metric("coverage.gait_share", "coverage (Gait)"), _metric("coverage.strict_share", "strict coverage"), _metric("coverage.high_risk_ungated", "high-risk ungated"), _metric("coverage.high_risk_not_strict", "high-risk not strict"), filtered=True),
    "paths": _table("High-risk ungated paths", _column("text", "tool"), _column("text", "gated in Gait's sense", "coverage.gated_tools"), _column("text", "strictly gated", "coverage.strictly_gated"), empty="Every tool of high or critical risk is gated, in both senses."),
    "approvals_table": _table("Repositories with approvals", _REPOSITORY, _metric("approvals.calls", "calls"), _metric("approvals.granted_share", "approved"), _metric("approvals.open", "open"), _column("time", "oldest open, UTC"), _metric("approvals.minutes_median", "median"), _metric("approvals.minutes_p90", "90th percentile"), _metric("approvals.approvers", "approvers"), filtered=True, empty="No call needed an approval."),
    "evidence_table": _table("Repositories with evidence that is not verified", _REPOSITORY, *(_metric(f"evidence.{verdict}", words(verdict)) for verdict in VERDICTS[1:]), _metric("evidence.unsigned_where_required", "unsigned where required"), filtered=True, empty="All of it is verified."),
    "verdict_table": _table("By verdict", _column("verdict", "verdict"), _column("share", "signable artifacts", "evidence.total"), _column("n", "traces"), _column("n", "runpacks and packs")),
    "keys": _table("Unregistered keys", _REPOSITORY, _column("n", "keys", "evidence.throwaway_keys"), _column("n", "artifacts")),
    "trends": _table("By week and team", _column("text", "week"), _column("text", "team"), _metric("regress.results", "results"), _metric("regress.passed", "passed"), _metric("regress.failed", "failed"), _metric("regress.vacuous", "vacuous"), _metric("regress.pass_share", "passed of judged"), filtered=True),
    "hot_spots": _table("Hot spots: what fails most", _REPOSITORY, _column("text", "fixture"), _column("text", "grader"), _column("n", "failures"), _column("tags", "reasons"), _column("time", "last, UTC"), filtered=True, empty="No grader fails."),
    "regress_table": _table("Repositories with regress results", _REPOSITORY, _metric("regress.results", "results"), _metric("regress.pass_share", "passed of judged"), _metric("regress.failed", "failed"), _metric("regress.vacuous", "vacuous"), filtered=True, empty="No regress result."),
    "families": _table("Families of runs with one fingerprint", _column("text", "family", "queue.families"), _column("wide", "tools in order"), _column("tags", "reasons"), _column("n", "runs"), _column("n", "signed"), _column("repos", "repositories"), _column("time", "first, UTC"), _column("time", "last, UTC"), filtered=True, empty="No two runs share a fingerprint."),
    "terms": _table("", _column("text", "term"), _column("n", "value"), _column("wide", "because")),
    "causes": _table("", _REPOSITORY, _column("text", "environment"), _column("text", "cause"), _column("wide", "compared"), _column("wide", "before"), _column("wide", "after"), _column("n", "artifacts")),
    "decisions_chart": _chart("Decisions", "decisions", _looks(DECISION_LOOKS), term="events.total", empty="no decision"),
    "versions_chart": _chart("Decisions by what the fleet expected", "decisions", _looks(EXPECTATION_LOOKS), term="standing", empty="no decision"),
    "evidence_chart": _chart("Signable artifacts by verdict", "artifacts", _looks(VERDICT_LOOKS), term="evidence.total", empty="no artifact that Gait can sign"),
    "doubt_chart": _chart("Not verified, as a share of the day", "percent", [(key, words(key), look) for key, look in VERDICT_LOOKS.items() if not key.startswith("verified")], empty="no artifact that Gait can sign"),
    "regress_chart": _chart("Regress results", "results", _looks(OUTCOME_LOOKS), term="regress.results", empty="no regress result"),
}  # fmt: skip
"""Name → spec. ``DECISIONS`` and the rest come from the posture, so a new one appears here by itself."""

if set(DECISION_LOOKS) != set(DECISIONS) or set(VERDICT_LOOKS) != set(VERDICTS):
    raise ValueError("a decision or verdict has no look")
