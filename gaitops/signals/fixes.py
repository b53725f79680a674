# SPDX-License-Identifier: Apache-2.0
"""The next best fix of each signal: fixtures, a rollback, a renewed pin, or where to look (design 11).

A proposal is a function of the evidence and of one verified state, so that everybody gets the same; nothing is applied.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gaitops.gait.fixtures import decision_of
from gaitops.signals.causes import Cause
from gaitops.signals.families import Family, by_id, families
from gaitops.signals.fixtures import policy_fixture, regress_fixture
from gaitops.signals.from_runs import GATE_REASONS
from gaitops.signals.model import Fix, Signal
from gaitops.signals.queue import Queue
from gaitops.signals.rows import AssignmentChange, Evidence, RunRow
from gaitops.signals.selectors import values_of

MOST_FIXES: Final = 10
"""Repositories for which one signal proposes commands."""
_MOST_TOOLS: Final = 5
_FAMILIES: Final = frozenset({"incident_family", "failed_run"})
_BLOCKS: Final = frozenset({"blocked_calls", "destructive_blocks"})
_PINS: Final = frozenset({"unknown_policy", "policy_drift", "committed_policy"})
_ASSIGNED: Final = frozenset({Cause.ASSIGNMENT_ADVANCED, Cause.ASSIGNMENT_ROLLED_BACK})
_QUERY_OPTIONS: Final[Mapping[str, str]] = {
    "repository": "--repository",
    "verdict": "--verdict",
    "kind": "--kind",
    "decision": "--decision",
    "tool_name": "--tool",
    "policy_digest": "--digest",
    "fingerprint": "--digest",
    "family_id": "--family",
    "code": "--finding",
}
"""Column of a selector → option of ``gaitops evidence query``."""

Rollback = Callable[[AssignmentChange, tuple[str, ...]], Fix | None]
"""How to undo a change of an assignment in the verified state at hand."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What proposals need beside the evidence."""

    store: str = ""
    """Where the evidence is, for commands that look further."""
    release: str = '"$GAITOPS_RELEASE"'
    """Where releases are, as it stands in a shell line."""
    trust_root: str = ""
    rollback: Rollback | None = None
    """``None`` without a fleet repository."""

    def with_release(self, source: str) -> Knowledge:
        """The same with a place of releases that is known."""
        return replace(self, release=shlex.quote(source))


def proposer(made: Queue, evidence: Evidence, knowledge: Knowledge) -> Callable[[Signal], tuple[Fix, ...]]:
    """What proposes fixes for the signals of one queue."""
    known = by_id(_families(made, evidence))

    def propose(signal: Signal) -> tuple[Fix, ...]:
        found = [
            *(_of_run(known[signal.id].canonical, signal.id) if signal.kind in _FAMILIES else ()),
            *(_of_blocks(signal, evidence) if signal.kind in _BLOCKS else ()),
            *_pins(signal, knowledge),
            *_rollbacks(signal, evidence, knowledge),
        ]
        return (*found, _look(signal, knowledge))

    return propose


def _families(made: Queue, evidence: Evidence) -> list[Family]:
    wanted = {signal.key[0] for signal in made.signals if signal.kind in _FAMILIES}
    return families(run for run in evidence.runs if run.fingerprint in wanted)


def _of_run(run: RunRow, identifier: str) -> Iterator[Fix]:
    """The canonical run as a regress fixture, and what the gate decided in it as policy fixtures."""
    yield regress_fixture(run, identifier.replace("_", "-"))
    for decision in ("block", "require_approval") if GATE_REASONS.intersection(run.reason_codes) else ():
        tools = [step.tool_name for step in run.steps if decision_of(step.status) == decision]
        if tools:
            yield policy_fixture(
                tools,
                decision,
                repository=run.where.repository,
                environment=run.where.environment,
                artifacts=(run.artifact,),
            )


def _of_blocks(signal: Signal, evidence: Evidence) -> Iterator[Fix]:
    """What is blocked stays blocked: intents for the place with the most blocks."""
    tools = set(values_of(signal.selector["tool_name"]))
    rows = [
        row
        for row in evidence.decisions
        if row.decision == "block"
        and row.tool_name in tools
        and row.where.repository in signal.repositories
        and row.where.environment in (*signal.environments, "")
    ]
    places = Counter[tuple[str, str]]()
    for row in rows:
        places[row.where.repository, row.where.environment] += row.seen.count
    if not places:
        return
    place = min(places, key=lambda one: (-places[one], one))
    own = [row for row in rows if (row.where.repository, row.where.environment) == place]
    own.sort(key=lambda row: (-row.seen.count, row.tool_name, row.policy_digest))
    chosen = list(dict.fromkeys(row.tool_name for row in own))[:_MOST_TOOLS]
    shown = sorted({digest for row in own for digest in row.seen.artifacts[:1]})
    yield policy_fixture(
        chosen, "block", repository=place[0], environment=place[1], artifacts=tuple(shown[:_MOST_TOOLS])
    )


def _pins(signal: Signal, knowledge: Knowledge) -> Iterator[Fix]:
    """Renewing the pin, in each repository that runs what it should not."""
    root = f" --trust-root sha256:{knowledge.trust_root}" if knowledge.trust_root else ""
    if signal.kind in _PINS:
        for repository in signal.repositories[:MOST_FIXES]:
            yield Fix(
                "pin_update",
                f"in a checkout of {repository}: renew the pin to what is assigned, and commit it",
                repository=repository,
                commands=(
                    f"gaitops pin update --from {knowledge.release}{root}",
                    f"gaitops pin verify{root}",
                ),
                artifacts=signal.artifacts,
            )


def _rollbacks(signal: Signal, evidence: Evidence, knowledge: Knowledge) -> Iterator[Fix]:
    """The way back where an assignment advanced just before a family or a failing regression began."""
    if knowledge.rollback is None or signal.kind not in _FAMILIES | {"failing_regress"}:
        return
    done = set()
    for attribution in signal.attributions:
        if not _ASSIGNED.intersection(attribution.causes):
            continue
        place = (attribution.repository, attribution.environment)
        changes = [
            change
            for change in evidence.assignments or ()
            if (change.repository, change.environment) == place
        ]
        named = {change.what for change in attribution.changes if change.cause in _ASSIGNED}
        for change in changes:
            fix = (
                knowledge.rollback(change, signal.artifacts)
                if f"assignment at {change.at:%Y-%m-%dT%H:%M:%SZ}" in named
                else None
            )
            if fix is not None and fix.summary not in done:
                done.add(fix.summary)
                yield fix


def _look(signal: Signal, knowledge: Knowledge) -> Fix:
    """The command that lists everything behind a signal."""
    options = [
        f"{_QUERY_OPTIONS[column]} {shlex.quote(value)}"
        for column, values in signal.selector.items()
        if column in _QUERY_OPTIONS
        for value in values_of(values)
        if value
    ]
    table = signal.selector["table"]
    store = f" --store {shlex.quote(knowledge.store)}" if knowledge.store else ""
    return Fix(
        "investigate",
        "list the evidence behind it",
        commands=(f"gaitops evidence query{store} --table {table} {' '.join(options)}".rstrip(),),
        artifacts=signal.artifacts,
    )
