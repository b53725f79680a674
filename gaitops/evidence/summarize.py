# SPDX-License-Identifier: Apache-2.0
"""The evidence summary that rollout analyses and conformance read, from the tables (design 9 to 11).

What counts where:

- *Decisions*, comparisons and kill switch stops: proven traces, each emission once, made in the window.
- *Artifacts* by verdict: each once, made in the window, or collected in it where the artifact does not say when it was made.
  Formats that no producer signs count only when they failed or were rejected: nobody can expect its signature on them.
  Files that are no artifacts do not count.
- *Regress results*: those whose time lies in the window or that were collected in it. Their time is that of the first
  fixture's run and not when regress ran (contract 6), and they carry no signature.
- Evidence that names no environment counts in each environment of its repository, except decisions, comparisons and kill
  switch stops: those would be counted several times.
- A place has a row when any evidence of it was ever collected, however old: then silence is known to be silence. A place
  that nobody ever heard of has none. Evidence of no place of the fleet is counted apart.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gaitops.documents.models.summary import SUMMARY_SCHEMA, EvidenceSummary
from gaitops.documents.times import format_timestamp
from gaitops.evidence.queries.artifacts import known_artifacts
from gaitops.evidence.queries.counting import count_where, moment, readable, when
from gaitops.evidence.queries.decisions import comparisons, policies_in_use
from gaitops.evidence.queries.regress import regress_fixtures
from gaitops.evidence.queries.selection import Selection
from gaitops.gait.artifacts.model import Verdict

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Engine, Tables
    from gaitops.fleet.evidence import FleetView

SIGNED_KINDS: Final = frozenset(
    {
        "trace", "runpack", "pack", "session_chain", "guard_pack", "action_contract",
    }
)  # fmt: skip
"""Kinds that a producer signs. Tokens and registries are signed too, with keys of approvers and publishers."""
_NO_ARTIFACT: Final = "unknown"
_DAMAGED: Final = (Verdict.FAILED.value, Verdict.REJECTED.value)
_DECISIONS: Final = {
    "allow": "allow",
    "block": "block",
    "requireApproval": "require_approval",
    "dryRun": "dry_run",
}

Pair = tuple[str, str]
"""Repository id and environment."""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Evidence of the window that belongs to no place of the fleet, and so to no row."""

    decisions: int
    """Proven decisions without a repository of the fleet or without one of its environments."""
    artifacts: int
    """Artifacts without a repository of the fleet."""


@dataclass(frozen=True, slots=True)
class Summarized:
    """A summary, and what it leaves out."""

    summary: EvidenceSummary
    unplaced: Unplaced

    def to_bytes(self) -> bytes:
        """The summary as a file: the same summary gives the same bytes."""
        members = self.summary.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps(members, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def summarize(
    engine: Engine, view: FleetView, trust_root: str, since: datetime, until: datetime, at: datetime
) -> Summarized:
    """Summarize the evidence of [since, until) for the places of a fleet.

    Args:
        engine: The tables.
        view: Verified state: which places and policy versions there are.
        trust_root: SHA-256 of the fleet's first root.
        since: First moment that belongs to the window.
        until: First moment after it.
        at: When the summary is made.
    """
    tables = engine.tables
    window = Selection(since=since, until=until)
    places = frozenset(
        (place.repository, place.environment) for found in view.places.values() for place in found
    )
    rows: dict[Pair, dict[str, Any]] = {pair: _empty(*pair) for pair in _heard(engine, places)}
    spread = _Spread(rows)
    unplaced_artifacts = _add_artifacts(engine.rows(_artifacts(tables, window)), spread)
    unplaced_decisions = _add_policies(engine.rows(policies_in_use(tables, window).table), rows)
    _add_comparisons(engine.rows(comparisons(tables, window)), rows, frozenset(view.versions))
    _add_regress(engine.rows(_regress(tables, since, until)), spread)
    summary = EvidenceSummary.model_validate(
        {
            "schema": SUMMARY_SCHEMA,
            "trustRoot": trust_root,
            "generatedAt": format_timestamp(at),
            "window": {"start": format_timestamp(since), "end": format_timestamp(until)},
            "repositories": [rows[pair] for pair in sorted(rows)],
        }
    )
    return Summarized(summary, Unplaced(unplaced_decisions, unplaced_artifacts))


def _empty(repository: str, environment: str) -> dict[str, Any]:
    return {
        "repository": repository,
        "environment": environment,
        "artifacts": defaultdict(int),
        "policies": [],
        "comparisons": [],
        "regress": defaultdict(int),
        "killSwitchActivations": 0,
    }


@dataclass(frozen=True, slots=True)
class _Spread:
    """Finds the rows for evidence that may not name an environment."""

    rows: Mapping[Pair, dict[str, Any]]

    def of(self, repository: str | None, environment: str | None) -> list[dict[str, Any]]:
        """The row of a place, or those of all environments of the repository."""
        if environment is not None:
            found = self.rows.get((repository or "", environment))
            return [] if found is None else [found]
        return [row for pair, row in self.rows.items() if pair[0] == repository]


def _heard(engine: Engine, places: frozenset[Pair]) -> Iterator[Pair]:
    """Places of which anything was ever collected; evidence without an environment speaks for all of a repository's."""
    artifacts = known_artifacts(engine.tables)
    found = engine.rows(artifacts.select("repository", "environment").distinct())
    whole = {row["repository"] for row in found if row["environment"] is None}
    heard = {(row["repository"], row["environment"]) for row in found}
    return (pair for pair in places if pair in heard or pair[0] in whole)


def _artifacts(tables: Tables, window: Selection) -> ir.Table:
    rows = known_artifacts(tables, window)
    expected = rows.kind.isin(sorted(SIGNED_KINDS)) | rows.verdict.isin(_DAMAGED)
    rows = rows.filter(rows.kind != _NO_ARTIFACT, expected)
    return rows.group_by(["repository", "environment", "verdict"]).agg(
        artifacts=rows.count(), last_at=rows.made_at.max(where=readable(rows))
    )


def _add_artifacts(found: Iterable[Mapping[str, Any]], spread: _Spread) -> int:
    """Count artifacts by verdict; those that belong nowhere are returned."""
    nowhere = 0
    for item in found:
        rows = spread.of(item["repository"], item["environment"])
        nowhere += 0 if rows else item["artifacts"]
        for row in rows:
            row["artifacts"][_camel(item["verdict"])] += item["artifacts"]
            _latest(row, "lastEvidenceAt", item["last_at"])
    return nowhere


def _add_policies(found: Iterable[Mapping[str, Any]], rows: Mapping[Pair, dict[str, Any]]) -> int:
    """Count decisions by policy; those that belong nowhere are returned."""
    nowhere = 0
    merged: dict[tuple[Pair, str], dict[str, Any]] = {}
    for item in found:
        pair = (item["repository"] or "", item["environment"] or "")
        row = rows.get(pair)
        if row is None or item["policy_digest"] is None:
            nowhere += item["decisions"]
            continue
        # The same place may have changed its project or team; the summary knows neither.
        policy = merged.setdefault((pair, item["policy_digest"]), {"gaitPolicyDigest": item["policy_digest"]})
        for name, column in _DECISIONS.items():
            policy[name] = policy.get(name, 0) + item[column]
        _latest(policy, "lastAt", item["last_at"])
        row["killSwitchActivations"] += item["kill_switch_stops"]
    for (pair, _digest), policy in sorted(merged.items(), key=lambda item: item[0]):
        rows[pair]["policies"].append(policy)
    return nowhere


def _add_comparisons(
    found: Iterable[Mapping[str, Any]], rows: Mapping[Pair, dict[str, Any]], known: frozenset[str]
) -> None:
    """One comparison for each pair of the fleet's policies that decided in one place, also where they share no call."""
    shared = {
        (item["repository"], item["environment"], item["enforced"], item["candidate"]): item for item in found
    }
    for (repository, environment), row in rows.items():
        digests = [item["gaitPolicyDigest"] for item in row["policies"] if item["gaitPolicyDigest"] in known]
        for enforced in digests:
            for candidate in digests:
                if enforced == candidate:
                    continue
                item = shared.get((repository, environment, enforced, candidate))
                row["comparisons"].append(
                    {
                        "enforced": enforced,
                        "candidate": candidate,
                        "both": item["both"] if item is not None else 0,
                        "unexpectedBlocks": item["unexpected_blocks"] if item is not None else 0,
                    }
                )


def _regress(tables: Tables, since: datetime, until: datetime) -> ir.Table:
    """Results of the window with what their fixtures say."""
    results = tables["regress_results"]
    results = results.filter(readable(results))
    made = (when(results) >= moment(since)) & (when(results) < moment(until))
    collected = (results.collected_at >= moment(since)) & (results.collected_at < moment(until))
    results = results.filter(made | collected)
    fixtures = regress_fixtures(tables)
    by_result = fixtures.group_by("artifact").agg(
        fixtures=fixtures.count(), passed=count_where(fixtures.passed), vacuous=count_where(fixtures.vacuous)
    )
    joined = results.left_join(by_result, "artifact")
    return joined.select(
        "repository",
        "environment",
        "collected_at",
        fixtures=joined.fixtures_right.fill_null(0),
        passed=joined.passed.fill_null(0),
        vacuous=joined.vacuous_right.fill_null(0),
    )


def _add_regress(found: Iterable[Mapping[str, Any]], spread: _Spread) -> None:
    for item in found:
        for row in spread.of(item["repository"], item["environment"]):
            regress = row["regress"]
            regress["results"] += 1
            for name in ("fixtures", "passed", "vacuous"):
                regress[name] += item[name]
            _latest(regress, "lastAt", item["collected_at"])


def _latest(members: dict[str, Any], name: str, value: datetime | None) -> None:
    """Keep the later of two times; both are UTC in one fixed form, which sorts as time does."""
    if value is not None:
        members[name] = max(members.get(name, ""), format_timestamp(value))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
