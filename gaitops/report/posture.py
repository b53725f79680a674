# SPDX-License-Identifier: Apache-2.0
"""The posture of a fleet for a terminal: what is not known first, then states, numbers, drift, and where to begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gaitops.documents.times import format_timestamp
from gaitops.posture.metrics import STATES
from gaitops.posture.report import Group, PostureReport
from gaitops.posture.tally import Tally
from gaitops.posture.versions import Drift
from gaitops.report.bars import Segment, bar
from gaitops.report.posture_numbers import open_places, shown, unknowns, with_share
from gaitops.report.tables import fields, table
from gaitops.report.text import Style, safe, styled

ROWS: Final = 20
"""Rows of a list that is shown; the rest is counted."""
_WIDE: Final = 60
_LOOKS: Final[dict[str, tuple[str, Style]]] = {
    "enforced": ("█", Style.GREEN),
    "shadow": ("▓", Style.BOLD),
    "drifted": ("▒", Style.RED),
    "silent": ("░", Style.DIM),
    "unknown": ("·", Style.YELLOW),
}
HEADINGS: Final = {
    "organizations": "organization",
    "projects": "project",
    "teams": "team",
    "environments": "environment",
    "tiers": "tier",
}
"""Kind of group → what one of them is called."""


def posture_text(report: PostureReport) -> str:
    """The whole report."""
    tally = report.total.tally
    parts = [
        styled(f"posture of {report.basis.fleet}", Style.BOLD) + "\n" + fields(_basis(report)),
        _not_known(report),
        _states(tally),
        fields(headlines(report)),
        *(_groups(kind, report.groups[kind]) for kind in ("organizations", "teams", "environments")),
        _drift(report),
        _policies(report),
        _hot_spots(report),
        _open(report),
    ]
    return "\n\n".join(part for part in parts if part)


def _basis(report: PostureReport) -> list[tuple[str, str]]:
    basis = report.basis
    scope = ", ".join(f"{name} {value}" for name, value in basis.scope.items())
    days, hours = basis.stale_after.total_seconds() / 86_400, basis.grace.total_seconds() / 3_600
    rows = [
        ("window", f"{format_timestamp(basis.window.since)} to {format_timestamp(basis.window.until)}"),
        ("fleet", f"verified state, commit {basis.commit[:12]}"),
        ("limits", f"stale after {days:g} days, grace {hours:g} hours"),
    ]
    return [*rows, ("only", scope)] if scope else rows


def _not_known(report: PostureReport) -> str:
    lines = [f"  {line}" for line in unknowns(report)]
    if not lines:
        return "nothing is unknown"
    return "\n".join([styled("not known", Style.YELLOW, Style.BOLD), *map(safe, lines)])


def _states(tally: Tally) -> str:
    if not tally.count("places.total"):
        return styled("no places: the fleet assigns nothing here", Style.YELLOW)
    segments: list[Segment] = [(tally.count(f"places.{name}"), *_LOOKS[name]) for name in STATES]
    legend = "   ".join(f"{_LOOKS[name][0]} {name} {tally.count(f'places.{name}')}" for name in STATES)
    return f"  {bar(segments, _WIDE)}\n  {legend}   of {tally.count('places.total')} places"


def headlines(report: PostureReport) -> list[tuple[str, str]]:
    """The numbers that people ask for first, each with its denominator."""
    tally = report.total.tally
    one = {name: shown(name, value) for name, value in tally.numbers().items()}
    rows = [
        ("decisions", _decisions(one)),
        ("versions", _versions(tally)),
        *_evidence(one),
        ("approvals", _approvals(tally, one)),
    ]
    if "environment" in report.basis.scope:
        return rows
    return [*rows, ("tokens", _tokens(one)), ("coverage", _coverage(one)), ("regress", _regress(tally, one))]


def _decisions(one: Mapping[str, str]) -> str:
    text = f"{one['events.total']}: {one['events.allow']} allowed, {one['events.block']} blocked, "
    return f"{text}{one['events.require_approval']} asked for approval, {one['events.dry_run']} dry runs"


def _versions(tally: Tally) -> str:
    unknown = with_share(tally, "events.unknown_policy")
    return f"unexpected {with_share(tally, 'events.unexpected')}, unknown policy {unknown}"


def _evidence(one: Mapping[str, str]) -> list[tuple[str, str]]:
    first = f"{one['evidence.total']} artifacts: verified {one['evidence.verified_share']}, unsigned {one['evidence.unsigned']} "
    rest = ", ".join(
        f"{name} {one[f'evidence.{name}']}" for name in ("unverifiable", "failed", "rejected", "repeated")
    )
    return [
        ("evidence", f"{first}({one['evidence.unsigned_where_required']} where signatures are required),"),
        ("", rest),
    ]


def _approvals(tally: Tally, one: Mapping[str, str]) -> str:
    text = f"granted {with_share(tally, 'approvals.granted')}, open {one['approvals.open']}, "
    return f"{text}median {one['approvals.minutes_median']}, p90 {one['approvals.minutes_p90']}"


def _tokens(one: Mapping[str, str]) -> str:
    text = f"{one['approvals.tokens']} by {one['approvals.approvers']} approvers: {one['approvals.tokens_long_lived']} long-lived, "
    text += f"{one['approvals.tokens_wildcard']} wildcard, {one['approvals.tokens_reused']} reused, "
    return f"{text}{one['approvals.refused_expired']} refused as expired"


def _coverage(one: Mapping[str, str]) -> str:
    text = f"Gait {one['coverage.gait_share']}, strict {one['coverage.strict_share']} of {one['coverage.discovered_tools']} tools; "
    return f"{text}high-risk ungated {one['coverage.high_risk_ungated']}, not strict {one['coverage.high_risk_not_strict']}"


def _regress(tally: Tally, one: Mapping[str, str]) -> str:
    text = f"passed {one['regress.pass_share']} of {one['regress.judged']} that prove something; failed {one['regress.failed']}, "
    return f"{text}vacuous {with_share(tally, 'regress.vacuous')}"


def _groups(kind: str, groups: Sequence[Group]) -> str:
    if len(groups) < 2:
        return ""
    rows = sorted(groups, key=lambda group: (_enforced(group.tally), group.name))
    cells = [[group.name or "(none)", *group_cells(group.tally)] for group in rows[:ROWS]]
    lines = [table([HEADINGS[kind], *GROUP_HEADINGS], cells)]
    if len(rows) > ROWS:
        lines.append(f"and {len(rows) - ROWS} more, with a higher share enforced")
    return "\n".join(lines)


GROUP_HEADINGS: Final = (
    "unknown",
    "silent",
    "drifted",
    "shadow",
    "enforced",
    "of",
    "decisions",
    "blocked",
    "verified",
)
"""Columns of a table of groups; unknown comes first."""


def group_cells(tally: Tally) -> list[str]:
    """One row of a table of groups."""
    states = [str(tally.count(f"places.{name}")) for name in reversed(STATES)]
    block, verified = tally.share("events.block_share"), tally.share("evidence.verified_share")
    return [
        *states,
        str(tally.count("places.total")),
        f"{tally.count('events.total'):,}",
        shown("events.block_share", block),
        shown("evidence.verified_share", verified),
    ]


def _enforced(tally: Tally) -> float:
    share = tally.share("places.enforced_share")
    return -1 if share is None else share


def _drift(report: PostureReport) -> str:
    if not report.drift:
        return ""
    cells = [drift_cells(item) for item in report.drift[:ROWS]]
    lines = [table(DRIFT_HEADINGS, cells)]
    if len(report.drift) > ROWS:
        lines.append(f"and {len(report.drift) - ROWS} more with fewer decisions, in --format csv or json")
    return "\n".join(lines)


DRIFT_HEADINGS: Final = ("drift", "ran", "assigned", "decisions", "since", "until")
"""Columns of the table of drift."""


def drift_cells(item: Drift) -> list[str]:
    """One row of the table of drift."""
    ran = item.versions[0].version if item.versions else f"unknown {item.digest[:12]}"
    assigned = item.assigned.rpartition("@")[2] if item.assigned is not None else "nothing"
    until = "now" if item.ongoing else f"{item.last:%Y-%m-%d}"
    place = f"{short(item.repository)} {item.environment}"
    return [place, ran, assigned, f"{item.events:,}", f"{item.first:%Y-%m-%d}", until]


def short(repository: str) -> str:
    """A repository id without its host."""
    return repository.partition("/")[2] or repository


def _policies(report: PostureReport) -> str:
    cells = [
        [
            ", ".join(map(str, use.versions)) or f"unknown {use.digest[:12]}",
            f"{use.events:,}",
            f"{use.unexpected:,}",
            f"{use.repositories:,}",
            f"{use.assigned_places:,}",
        ]
        for use in report.policies[:ROWS]
    ]
    return table(["policy in use", "decisions", "unexpected", "repositories", "assigned places"], cells)


def _hot_spots(report: PostureReport) -> str:
    cells = [
        [
            short(spot.failures.repository),
            spot.failures.fixture,
            spot.failures.grader,
            str(spot.failures.failures),
            ", ".join(spot.failures.reasons),
        ]
        for spot in report.hot_spots[:ROWS]
    ]
    return table(["regress fails in", "fixture", "grader", "times", "reasons"], cells)


def _open(report: PostureReport) -> str:
    rows = [
        [place.state.value, short(repository.repository.id), place.environment, place.reasons[0].message]
        for repository, place in open_places(report)
    ]
    lines = [table(["state", "repository", "environment", "why"], rows[:ROWS])]
    if len(rows) > ROWS:
        lines.append(f"and {len(rows) - ROWS} more, in --format csv or json")
    return "\n".join(line for line in lines if line)
