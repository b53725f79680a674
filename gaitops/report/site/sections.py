# SPDX-License-Identifier: Apache-2.0
"""The sections of a view, the same for the fleet, an organization and a repository where they have the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gaitops.posture.metrics import DECISIONS, STATES, VERDICTS
from gaitops.report.site import specs, tables
from gaitops.report.site.issues import Issues, family_rows
from gaitops.report.site.numbers import Book, Numbers, moment
from gaitops.report.site.tables import Block, Document, table

_GROUPS: Final = {"organizations": "org", "teams": "team", "environments": "environment", "tiers": "tier"}
_EXPECTATIONS: Final = ("events.expected", "events.unexpected", "events.unjudged")
_DOUBTFUL: Final = tuple(f"evidence.{verdict}" for verdict in VERDICTS if not verdict.startswith("verified"))


@dataclass(frozen=True, slots=True)
class View:
    """What one view is drawn from."""

    kind: str
    """``fleet``, ``organization`` or ``repository``."""
    posture: Document
    """The whole posture."""
    numbers: Numbers
    series: Document
    repositories: Sequence[Document]
    """Those of the view."""
    names: frozenset[str]
    """Their ids."""
    book: Book
    store: str
    """Option that names the store, with a leading blank."""

    @property
    def single(self) -> bool:
        """Whether it is the view of one repository."""
        return self.kind == "repository"

    def own(self, rows: Sequence[Document]) -> Sequence[Document]:
        """Rows of the view's repositories."""
        return rows if self.kind == "fleet" else [row for row in rows if row["repository"] in self.names]

    def chart(self, spec: str, metrics: Sequence[str]) -> Block:
        """Metrics over time."""
        return {"t": "chart", "k": spec, **self.numbers.over_time(self.posture["axis"], self.series, metrics)}

    def stats(self, spec: str, metrics: Sequence[str]) -> Block:
        """Figures; numbers that count repositories are left out of the view of one."""
        chosen = [metric for metric in metrics if not (self.single and metric in specs.REPOSITORY_NUMBERS)]
        name = f"{spec}_one" if len(chosen) < len(metrics) else spec
        return {"t": "stats", "k": name, "v": self.numbers.cells(chosen)}


def section(name: str, title: str, lead: str, *blocks: Block) -> Document:
    """One section."""
    return {"id": name, "title": title, "lead": lead, "blocks": list(blocks)}


def overview(view: View) -> Document:
    """States and headline numbers."""
    headline = view.stats("headline", specs.HEADLINE)
    if view.single:
        (repository,) = view.repositories
        places = table("places", tables.place_rows(repository, view.book))
        return section("overview", "Overview", "", places, headline)
    cells = view.numbers.cells(f"places.{state}" for state in STATES)
    states: Block = {"t": "states", "v": cells, "noun": "places", "one": "place"}
    return section("overview", "Overview", "", states, headline)


def queue(view: View, signals: Document | None, issues: Issues) -> Document:
    """What to fix first."""
    lead = "What to look at first: privilege, environment and spread decide, not volume."
    if signals is None:
        return section(
            "signals", "Signals", lead, {"t": "note", "text": "This page was made without signals."}
        )
    families = [
        family
        for family in signals["families"]
        if view.kind == "fleet" or view.names & family["spread"].keys()
    ]
    shown = table("families", family_rows(families, view.book, view.store))
    if view.kind != "fleet":
        listed: Block = {"t": "issues", "at": issues.of(view.names), "left": 0}
        return section("signals", "Signals", lead, listed, shown)
    incidents = sum(bool(family["reasons"]) for family in families)
    counts: Block = {
        "t": "stats",
        "k": "queue",
        "v": [signals["before"]["total"], signals["after"]["total"], incidents],
    }
    listed = {"t": "issues", "at": list(range(len(issues.entries))), "left": issues.left}
    return section("signals", "Signals", lead, counts, listed, shown)


def repositories(view: View) -> Document:
    """Who belongs to the view, and how each is doing."""
    blocks: list[Block] = []
    if view.kind == "fleet":
        groups = view.posture["groups"]
        for name, member in _GROUPS.items():
            spec = name if name == "organizations" else "groups"
            block = table(spec, tables.group_rows(groups.get(name, ()), member, view.book))
            blocks.append(block | {"caption": specs.label(name)})
    else:
        projects = [
            group
            for group in view.posture["groups"].get("projects", ())
            if group["name"].partition("/")[0] == view.numbers.scope.org
        ]
        block = table("groups", tables.group_rows(projects, "project", view.book))
        blocks.append(block | {"caption": "Projects"})
    listed = table("repositories", tables.repository_rows(view.repositories, view.book))
    blocks.insert(0, listed | {"caption": "Repositories"})
    tabs: Block = {"t": "tabs", "title": "Groups", "tabs": [[block["caption"], block] for block in blocks]}
    return section("repositories", "Repositories", "", tabs)


def versions(view: View) -> Document:
    """Policy versions in use against those that are assigned, and drift."""
    window = view.posture["window"]
    chart = replace(view, series=_with_expected(view.series)).chart("versions_chart", _EXPECTATIONS)
    drift: Block = {
        "t": "timeline",
        "k": "drift",
        "from": moment(window["since"]),
        "to": moment(window["until"]),
        "rows": tables.drift_rows(view.own(view.posture["drift"]), view.book),
    }
    blocks = [view.stats("versions", specs.VERSIONS), chart, drift]
    used = (
        tables.place_policy_rows(view.repositories[0], view.book)
        if view.single
        else tables.policy_rows(_policies(view), view.book)
    )
    blocks.append(table("place_policies" if view.single else "policies", used))
    lead = (
        "Which policy decided, against what the fleet assigned at that time. Joined by Gait's policy digest."
    )
    return section("versions", "Policy versions", lead, *blocks)


def _with_expected(series: Document) -> Document:
    """The series with decisions under an expected version: those that are neither unexpected nor unjudged."""
    own = [series[name] for name in (f"events.{decision}" for decision in DECISIONS) if name in series]
    rest = [series[name] for name in _EXPECTATIONS[1:] if name in series]
    expected = [sum(decided) for decided in zip(*own, strict=True)]
    for other in rest:
        expected = [number - less for number, less in zip(expected, other, strict=True)]
    return {**series, _EXPECTATIONS[0]: expected}


def _policies(view: View) -> Sequence[Document]:
    if view.kind == "fleet":
        found: Sequence[Document] = view.posture["policies"]
        return found
    name = view.numbers.scope.org
    groups = view.posture["groups"].get("organizations", ())
    return next((group.get("policies", ()) for group in groups if group["name"] == name), ())


def decisions(view: View) -> Document:
    """What the gates decided."""
    chart = view.chart("decisions_chart", [f"events.{decision}" for decision in DECISIONS])
    return section("decisions", "Decisions", "Decisions in verified traces, each emission once.", chart)


def coverage(view: View) -> Document:
    """How many of the tools the enforced policies gate."""
    lead = "Gait counts a tool as gated when a rule lists its name. Strictly, every enforced version must restrict it."
    stats = view.stats("coverage", specs.COVERAGE)
    if not view.single:
        need = ("coverage.discovered_tools",)
        columns = ("coverage.discovered_tools", *specs.COVERAGE[:4])
        rows = tables.metric_rows(view.repositories, view.book, columns, need)
        return section("coverage", "Coverage", lead, stats, table("coverage_table", rows))
    known = view.repositories[0]["coverage"]
    if known is None:
        note: Block = {"t": "note", "text": "No inventory was collected here: its coverage is unknown."}
        return section("coverage", "Coverage", lead, note)
    ungated = frozenset(known["gait"].get("high_risk_ungated_tool_ids", ()))
    loose = frozenset(known["highRiskNotStrict"])
    paths = [
        [name, *("no" if name in found else "yes" for found in (ungated, loose))]
        for name in sorted(ungated | loose)
    ]
    return section("coverage", "Coverage", lead, stats, table("paths", paths))


def approvals(view: View) -> Document:
    """How calls that need an approval fare."""
    lead = "Calls for which a gate asked for an approval, and the tokens that answered. Names of approvers are assertions."
    blocks = [view.stats("approvals", specs.APPROVALS)]
    if not view.single:
        oldest = {item["repository"]: moment(item["oldestOpenCallAt"]) for item in view.repositories}
        columns = ("approvals.calls", "approvals.granted_share", "approvals.open", "approvals.minutes_median", "approvals.minutes_p90", "approvals.approvers")  # fmt: skip
        rows = tables.metric_rows(view.repositories, view.book, columns, ("approvals.calls",))
        blocks.append(table("approvals_table", [[*row[:4], oldest[row[0]], *row[4:]] for row in rows]))
    return section("approvals", "Approvals", lead, *blocks)


def evidence(view: View) -> Document:
    """What the evidence is worth."""
    lead = "How far the evidence can be trusted. Only verified evidence counts anywhere else on this page."
    chart = view.chart("evidence_chart", [f"evidence.{verdict}" for verdict in VERDICTS])
    wholes = [sum(values) for values in zip(*chart["v"], strict=True)]
    doubt = view.chart("doubt_chart", _DOUBTFUL) | {"of": wholes}
    blocks = [view.stats("evidence", specs.EVIDENCE), {"t": "pair", "blocks": [chart, doubt]}]
    blocks.append(table("verdict_table", tables.verdict_rows(view.numbers)))
    if not view.single:
        columns = (*(f"evidence.{verdict}" for verdict in VERDICTS[1:]), "evidence.unsigned_where_required")
        need = ("evidence.verified_with_unsigned_extras", *_DOUBTFUL)
        blocks.append(
            table("evidence_table", tables.metric_rows(view.repositories, view.book, columns, need))
        )
    keys = view.own(view.posture["throwawayKeys"])
    if keys:
        blocks.append(table("keys", tables.key_rows(keys, view.book)))
    strangers = view.posture["outside"]["repositories"]
    if view.kind == "fleet" and strangers:
        text = f"Evidence of repositories that the fleet does not know, part of no number here: {', '.join(strangers)}."
        blocks.append({"t": "note", "text": text})
    return section("evidence", "Evidence", lead, *blocks)


def regressions(view: View) -> Document:
    """Regression posture."""
    lead = "Results count when they were collected. A vacuous pass compared with nothing and proves nothing."
    outcomes = ("regress.passed", "regress.vacuous", "regress.failed")
    blocks = [
        view.stats("regress", specs.REGRESS),
        view.chart("regress_chart", outcomes),
    ]
    classes = table("drift_classes", tables.drift_class_rows(view.numbers))
    if view.kind == "fleet":
        trends = table("trends", tables.trend_rows(view.posture["regress"]["trends"], view.book))
        blocks.append({"t": "pair", "blocks": [trends, classes]})
    else:
        blocks.append(classes)
    if not view.single:
        columns = ("regress.results", "regress.pass_share", "regress.failed", "regress.vacuous")
        rows = tables.metric_rows(view.repositories, view.book, columns, ("regress.results",))
        blocks.append(table("regress_table", rows))
    spots = view.own(view.posture["regress"]["hotSpots"])
    blocks.append(table("hot_spots", tables.hot_spot_rows(spots, view.book)))
    return section("regressions", "Regressions", lead, *blocks)


def of(view: View, signals: Document | None, issues: Issues) -> list[Any]:
    """Every section of a view, in order."""
    listed = [overview(view), queue(view, signals, issues)]
    if not view.single:
        listed.append(repositories(view))
    return [
        *listed,
        versions(view),
        decisions(view),
        coverage(view),
        approvals(view),
        evidence(view),
        regressions(view),
    ]
