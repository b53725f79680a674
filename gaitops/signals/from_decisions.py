# SPDX-License-Identifier: Apache-2.0
"""Signals from verified decisions: policies in use, blocked calls, the kill switch, calls that wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, TypeVar

from gaitops.gait.scout import DESTRUCTIVE, PRIVILEGES, privilege_of
from gaitops.signals.causes import Attribution, Cause, Change, assignment_change
from gaitops.signals.kinds import Thresholds
from gaitops.signals.making import count_of, signal, together
from gaitops.signals.model import Signal
from gaitops.signals.rows import DecisionGroup, DriftRow, Evidence, WaitingRow
from gaitops.signals.selectors import Values

_Row = TypeVar("_Row", DecisionGroup, WaitingRow)

_MOST_PLACES: Final = 3
MOST_ATTRIBUTIONS: Final = 25
"""Places of one signal whose causes are told, those with the most events first."""


def from_drift(evidence: Evidence) -> Iterator[Signal]:
    """One signal per policy digest that was not expected where it decided, whatever number of places used it."""
    rows = sorted(evidence.drift, key=lambda row: (row.policy_digest, row.where.repository))
    for digest, group in groupby(rows, key=lambda row: row.policy_digest):
        found = sorted(group, key=lambda row: (-row.seen.count, row.where.repository, row.where.environment))
        sightings = together((row.where, row.seen) for row in found)
        places = ", ".join(
            sorted({f"{row.where.repository} {row.where.environment}".strip() for row in found})
        )
        versions = sorted({name for row in found for name in row.versions})
        named = " and ".join(versions) or f"unknown policy {digest[:12]}"
        yield signal(
            "policy_drift" if versions else "unknown_policy",
            (digest,),
            f"{named} decided {count_of(sightings):,} calls where it was not assigned: {places}",
            sightings,
            privilege=max(row.max_privilege for row in found) if versions else DESTRUCTIVE,
            why="" if versions else "nobody knows what this policy lets pass",
            selector={"table": "decisions", "policy_digest": digest, "unexpected": "true"},
            attributions=tuple(_drifted(row, evidence) for row in found[:MOST_ATTRIBUTIONS]),
        )


def _places(rows: Sequence[DriftRow]) -> str:
    """The places with the most events, and how many more there are."""
    names = list(dict.fromkeys(f"{row.where.repository} {row.where.environment}".strip() for row in rows))
    more = f" and {len(names) - _MOST_PLACES} more places" if len(names) > _MOST_PLACES else ""
    return ", ".join(names[:_MOST_PLACES]) + more


def _drifted(row: DriftRow, evidence: Evidence) -> Attribution:
    """What was expected against what decided, and the changes of the assignment up to then."""
    changes = [
        Change(
            Cause.POLICY_VERSION_CHANGED,
            "policy digest: expected and found",
            row.expected,
            (row.policy_digest,),
            row.seen.artifacts,
        )
    ]
    compared = {Cause.POLICY_VERSION_CHANGED}
    if evidence.assignments is not None:
        compared |= {Cause.ASSIGNMENT_ADVANCED, Cause.ASSIGNMENT_ROLLED_BACK}
        place, last = (row.where.repository, row.where.environment), row.seen.last
        changes += [
            assignment_change(change)
            for change in evidence.assignments
            if (change.repository, change.environment) == place and (last is None or change.at <= last)
        ]
    return Attribution(row.where.repository, row.where.environment, "", tuple(changes), frozenset(compared))


def from_decisions(rows: Iterable[DecisionGroup], thresholds: Thresholds) -> Iterator[Signal]:
    """Blocked calls and the kill switch."""
    groups = list(rows)
    totals = Counter[str]()
    for row in groups:
        totals[row.where.repository] += row.seen.count
    stopped = [row for row in groups if row.kill_switch]
    blocked = [row for row in groups if row.decision == "block" and not row.kill_switch]
    repeated = _repeated(blocked, totals, thresholds)
    for repository in sorted(repeated):
        own = [row for row in blocked if row.where.repository == repository and _destructive(row)]
        yield _destructive_blocks(repository, own, totals[repository])
    rest = [row for row in blocked if row.where.repository not in repeated or not _destructive(row)]
    yield from _blocked_calls(rest, repeated)
    for repository, group in _by_repository(stopped):
        yield _kill_switch(repository, list(group))


def _repeated(blocked: Iterable[DecisionGroup], totals: Counter[str], thresholds: Thresholds) -> set[str]:
    destructive = Counter[str]()
    for row in blocked:
        if _destructive(row):
            destructive[row.where.repository] += row.seen.count
    return {
        name
        for name, count in destructive.items()
        if count >= thresholds.repeated_blocks and count >= thresholds.repeated_share * totals[name]
    }


def _destructive(row: DecisionGroup) -> bool:
    return privilege_of(row.tool_name) == DESTRUCTIVE


def _destructive_blocks(repository: str, rows: Sequence[DecisionGroup], total: int) -> Signal:
    sightings = together((row.where, row.seen) for row in rows)
    count = count_of(sightings)
    return signal(
        "destructive_blocks",
        (repository,),
        f"{repository}: {count:,} of {total:,} decisions block {_tools(rows)}",
        sightings,
        privilege=DESTRUCTIVE,
        selector=_decisions(rows, repository=repository, decision="block"),
    )


def _blocked_calls(rows: Iterable[DecisionGroup], repeated: set[str]) -> Iterator[Signal]:
    """One signal per class of tools and tier: what a policy stops every day does not fill the queue."""

    def key(row: DecisionGroup) -> tuple[int, str]:
        return privilege_of(row.tool_name), row.where.tier

    for (privilege, tier), group in groupby(sorted(rows, key=key), key=key):
        found = list(group)
        sightings = together((row.where, row.seen) for row in found)
        others = {"not_repository": sorted(repeated)} if repeated and privilege == DESTRUCTIVE else {}
        yield signal(
            "blocked_calls",
            (PRIVILEGES[privilege], tier),
            f"{count_of(sightings):,} calls of {PRIVILEGES[privilege]} tools blocked in {tier or 'an unknown tier'}: {_tools(found)}",
            sightings,
            privilege=privilege,
            selector=_decisions(found, decision="block", tier=tier, **others),
            stopped=True,
        )


def _kill_switch(repository: str, rows: Sequence[DecisionGroup]) -> Signal:
    sightings = together((row.where, row.seen) for row in rows)
    return signal(
        "kill_switch",
        (repository,),
        f"{repository}: the kill switch stopped {count_of(sightings):,} calls of {_tools(rows)}",
        sightings,
        privilege=max(privilege_of(row.tool_name) for row in rows),
        selector={"table": "decisions", "repository": repository, "kill_switch": "active"},
    )


def from_waiting(rows: Iterable[WaitingRow], thresholds: Thresholds) -> Iterator[Signal]:
    """Repositories in which most calls that need an approval do not get it."""
    for repository, group in _by_repository(rows):
        found = list(group)
        calls, waiting = sum(row.calls for row in found), sum(row.waiting for row in found)
        if waiting < thresholds.backlog_calls or waiting < thresholds.backlog_share * calls:
            continue
        open_rows = [row for row in found if row.waiting]
        oldest = min((row.seen.first for row in open_rows if row.seen.first is not None), default=None)
        since = f", the oldest since {oldest:%Y-%m-%d}" if oldest is not None else ""
        yield signal(
            "approval_backlog",
            (repository,),
            f"{repository}: {waiting:,} of {calls:,} calls that need approval wait{since}: {_tools(open_rows)}",
            together((row.where, row.seen) for row in open_rows),
            privilege=max(privilege_of(row.tool_name) for row in open_rows),
            selector=_decisions(
                open_rows, repository=repository, decision="require_approval", waiting="true"
            ),
        )


def _by_repository(rows: Iterable[_Row]) -> Iterator[tuple[str, Iterator[_Row]]]:
    ordered = sorted(rows, key=lambda row: row.where.repository)
    return groupby(ordered, key=lambda row: row.where.repository)


def _tools(rows: Iterable[DecisionGroup | WaitingRow]) -> str:
    return ", ".join(sorted({row.tool_name for row in rows}))


def _decisions(rows: Iterable[DecisionGroup | WaitingRow], **values: Values) -> dict[str, Values]:
    tools = sorted({row.tool_name for row in rows})
    return {"table": "decisions", **values, "tool_name": tools}
