# SPDX-License-Identifier: Apache-2.0
"""Which rows of a family stand behind which number of the posture, said of groups of rows that are alike.

The same conditions as in :mod:`gaitops.evidence.posture_proof`, for :mod:`gaitops.evidence.posture_listing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from gaitops.evidence.queries.decisions import KILL_SWITCH_ACTIVE
from gaitops.posture.counting import SIGNATURES_REQUIRED
from gaitops.posture.metrics import BROKEN, DECISIONS, RUN_KINDS, SIGNABLE

if TYPE_CHECKING:
    from gaitops.evidence.posture_proof import Proofs

Marks = Mapping[str, Any]
"""What the rows of a group have in common."""
Rule = Callable[[Marks], bool]

_EVIDENCE: Final = frozenset({"evidence", "traces", "runpacks", "places", "repositories"})
_OWN_ROWS: Final = frozenset({"approvals", "evidence.throwaway_keys"})
"""Families and numbers whose rows are of their own: they are asked for one by one."""


def family_of(metric: str) -> str:
    """The family whose rows stand behind a metric; the metric itself when its rows are of their own."""
    family = metric.partition(".")[0]
    if family in _OWN_ROWS or metric in _OWN_ROWS:
        return metric
    return "evidence" if family in _EVIDENCE else family


def rule_of(metric: str, proofs: Proofs) -> Rule:
    """Which groups of its family stand behind a metric."""
    family, _, name = metric.partition(".")
    if family_of(metric) == metric or family == "coverage":
        return lambda _marks: True
    rules: Mapping[str, Callable[[str, Proofs], Rule]] = {
        "events": _events,
        "places": _places,
        "repositories": _repositories,
        "regress": _regress,
    }
    make = rules.get(family)
    return _evidence(family, name, proofs) if make is None else make(name, proofs)


def _events(name: str, proofs: Proofs) -> Rule:
    known = proofs.view.versions
    rules: Mapping[str, Rule] = {
        "total": lambda _marks: True,
        "kill_switch": lambda marks: bool(marks["kill_switch"] == KILL_SWITCH_ACTIVE),
        "without_environment": lambda marks: not marks["environment"],
        "unknown_policy": lambda marks: marks["policy"] not in known,
        **{decision: _equal("decision", decision) for decision in DECISIONS},
    }
    return rules[name] if name in rules else _judged(name, proofs)


def _judged(name: str, proofs: Proofs) -> Rule:
    wanted = {"expected", "unexpected"} if name == "judged" else {name}

    def rule(marks: Marks) -> bool:
        # All decisions of a group were made between the same two boundaries: any of them tells for all.
        found = proofs.judge.of(marks["repository"], marks["environment"], marks["policy"], marks["at"])
        return found in wanted

    return rule


def _equal(name: str, value: str) -> Rule:
    return lambda marks: bool(marks[name] == value)


def _places(name: str, proofs: Proofs) -> Rule:
    places = {
        (item.repository.id, place.environment)
        for item in proofs.report.repositories
        for place in item.places
        if name in {"total", place.state.value}
    }
    return lambda marks: (
        not marks["duplicate"]
        and marks["kind"] == "trace"
        and (marks["repository"], marks["environment"]) in places
    )


def _repositories(name: str, proofs: Proofs) -> Rule:
    wanted = {
        item.repository.id for item in proofs.report.repositories if item.tally.count(f"repositories.{name}")
    }
    return lambda marks: not marks["duplicate"] and marks["repository"] in wanted


def _evidence(family: str, name: str, proofs: Proofs) -> Rule:
    kinds = {"traces": frozenset({"trace"}), "runpacks": RUN_KINDS}.get(family)
    rule = _of_verdict(name, proofs)
    return rule if kinds is None else lambda marks: marks["kind"] in kinds and rule(marks)


def _of_verdict(name: str, proofs: Proofs) -> Rule:
    if name == "repeated":
        return lambda marks: bool(marks["duplicate"])
    if name.startswith("unsigned_"):
        return _unsigned_where_required(proofs, anywhere=name == "unsigned_anywhere_required")

    def rule(marks: Marks) -> bool:
        counts = marks["kind"] in SIGNABLE or marks["verdict"] in BROKEN
        if marks["duplicate"] or counts == (name == "other"):
            return False
        return name in {"total", "other", marks["verdict"]}

    return rule


def _unsigned_where_required(proofs: Proofs, *, anywhere: bool) -> Rule:
    strict = {
        (place.repository, "" if anywhere else place.environment)
        for own in proofs.view.places.values()
        for place in own
        if place.tier in SIGNATURES_REQUIRED
    }
    return lambda marks: (
        not marks["duplicate"]
        and marks["verdict"] == "unsigned"
        and (marks["kind"] == "trace" or marks["kind"] in RUN_KINDS)
        and (marks["repository"], marks["environment"]) in strict
    )


def _regress(name: str, _proofs: Proofs) -> Rule:
    if name.startswith("drift_"):
        wanted = name.removeprefix("drift_")
        return lambda marks: (marks["drift_class"] or "none") == wanted
    rules: Mapping[str, Rule] = {
        "results": lambda _marks: True,
        "passed": lambda marks: marks["status"] == "pass" and not marks["vacuous"],
        "vacuous": lambda marks: marks["status"] == "pass" and bool(marks["vacuous"]),
        "failed": lambda marks: marks["status"] != "pass",
        "judged": lambda marks: marks["status"] != "pass" or not marks["vacuous"],
    }
    return rules[name]
