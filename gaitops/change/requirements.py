# SPDX-License-Identifier: Apache-2.0
"""What an operation needs: approval rules combined to the strictest, above built-in floors (design 4, 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from gaitops.change.operations import Operation
from gaitops.change.permissions import PERMISSIONS
from gaitops.documents.globs import matches
from gaitops.documents.models.trust import ApprovalRule
from gaitops.documents.times import parse_duration
from gaitops.errors import Problem
from gaitops.fleet.credentials import FORGE
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.scopes import contains, org_scope, overlaps

BUILT_IN_TTL = timedelta(days=7)
BUILT_IN_QUORUM = 1
RAISED_QUORUM = 2
"""Built-in quorum for production, high and critical risk, unless a rule names both operation and tier."""

NEVER_ON_ENVELOPES = frozenset({"openpgp"})
"""Kinds of identity that sign commits only."""

_RAISING_RISKS = frozenset({"high", "critical"})
_PRODUCTION = "production"


@dataclass(frozen=True)
class Requirement:
    """What has to be met before one operation is authorized."""

    quorum: int
    ttl: timedelta
    groups: frozenset[str] = frozenset()
    assurance: frozenset[str] | None = None
    """Kinds of identity that count; ``None`` when no rule asks, never empty. See :meth:`accepts`."""
    forge_attesters: frozenset[str] = frozenset()
    """Services whose word about a review counts; empty unless :attr:`assurance` has ``forge``."""
    freeze_windows: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    """Names of what asked: approval rules, and ``built-in`` or ``floor:root``/``floor:org``."""
    root: bool = False
    """Only root-role keys count, and the proposer's counts too (design 4, floors)."""

    def accepts(self, kind: str) -> bool:
        """Whether an approval by this kind of identity counts: without a rule, every kind of signature of one's own.

        Reviews of a forge are the word of somebody else and need a rule that names them; root keys stand by themselves.
        """
        if kind in NEVER_ON_ENVELOPES:
            return False
        if self.assurance is None or self.root:
            return kind != FORGE
        return kind in self.assurance

    def to_json(self) -> dict[str, object]:
        """For ``--json`` outputs and audit events."""
        form: dict[str, object] = {
            "quorum": self.quorum,
            "ttlSeconds": int(self.ttl.total_seconds()),
            "groups": sorted(self.groups),
            "assurance": sorted(self.assurance) if self.assurance is not None else None,
            "freezeWindows": list(self.freeze_windows),
            "rules": list(self.rules),
            "root": self.root,
        }
        if self.forge_attesters:
            form["forgeAttesters"] = sorted(self.forge_attesters)
        return form


def rule_matches(rule: ApprovalRule, operation: Operation) -> bool:
    """Whether a rule speaks about an operation; a list that is empty matches everything."""
    match = rule.spec.match
    return (
        any(_names(rule, kind) for kind in (operation.kind, *operation.also))
        and any(contains(match.scope, scope) for scope in (operation.scope, *operation.felt_in))
        and (not match.tiers or not operation.tiers.isdisjoint(match.tiers))
        and (not match.risks or not operation.risks.isdisjoint(match.risks))
        and (not match.modes or not operation.modes.isdisjoint(match.modes))
    )


def _names(rule: ApprovalRule, kind: str) -> bool:
    return any(matches(pattern, kind, separator=".") for pattern in rule.spec.match.operations)


def _is_raised(operation: Operation) -> bool:
    return _PRODUCTION in operation.tiers or not operation.risks.isdisjoint(_RAISING_RISKS)


def _names_tier(rule: ApprovalRule, operation: Operation) -> bool:
    """Whether a rule names the operation with every tier of it, and so may replace the raised built-in quorum."""
    named = bool(operation.tiers) and operation.tiers <= frozenset(rule.spec.match.tiers)
    return named and all(_names(rule, kind) for kind in (operation.kind, *operation.also))


def requirement(
    operation: Operation, rules: Iterable[tuple[str, ApprovalRule]], root: TrustedRoot
) -> tuple[Requirement, tuple[Problem, ...]]:
    """Combine every rule that matches to the strictest requirement.

    Returns:
        The requirement, and problems that make the operation impossible until a rule changes
        (``approval_rule.empty_assurance``).
    """
    permission = PERMISSIONS[operation.kind]
    known = list(rules)
    matching = [(name, rule) for name, rule in known if rule_matches(rule, operation)]
    if permission.floor == "root":
        return _root_requirement(root, matching), ()
    quorum, names = _built_in(operation, matching)
    if permission.floor == "org":
        floor = _highest_in_org(operation.scope, known)
        if floor > quorum:
            quorum, names = floor, ["floor:org"]
    if operation.safe:
        combined = Requirement(1, _ttl(matching), rules=("built-in:safe-direction",))
        return combined, ()
    quorum = max(
        [quorum, operation.minimum_quorum, *(rule.spec.require.quorum or 1 for _name, rule in matching)]
    )
    assurance, attesters, problems = _assurance(operation, matching)
    return (
        Requirement(
            quorum=quorum,
            ttl=_ttl(matching),
            groups=frozenset(group for _name, rule in matching for group in rule.spec.require.groups),
            assurance=assurance,
            forge_attesters=attesters,
            freeze_windows=_freeze_windows(matching),
            rules=(*names, *(name for name, _rule in matching)),
        ),
        problems,
    )


def _built_in(operation: Operation, matching: list[tuple[str, ApprovalRule]]) -> tuple[int, list[str]]:
    if not _is_raised(operation) or any(_names_tier(rule, operation) for _name, rule in matching):
        return BUILT_IN_QUORUM, ["built-in"]
    return RAISED_QUORUM, ["built-in"]


def _root_requirement(root: TrustedRoot, matching: list[tuple[str, ApprovalRule]]) -> Requirement:
    # Rules cannot lower a floor, and may shorten the time in which signatures count.
    return Requirement(root.threshold, _ttl(matching), rules=("floor:root",), root=True)


def _ttl(matching: list[tuple[str, ApprovalRule]]) -> timedelta:
    return min(
        [BUILT_IN_TTL, *(parse_duration(r.spec.require.ttl) for _n, r in matching if r.spec.require.ttl)]
    )


def _freeze_windows(matching: list[tuple[str, ApprovalRule]]) -> tuple[str, ...]:
    return tuple(sorted({window for _name, rule in matching for window in rule.spec.require.freeze_windows}))


def _assurance(
    operation: Operation, matching: list[tuple[str, ApprovalRule]]
) -> tuple[frozenset[str] | None, frozenset[str], tuple[Problem, ...]]:
    """Intersection of the identity kinds that rules accept, and of the services that they believe (design 6).

    An empty one is an error. Reviews of a forge never count for people and roles: what admits an identity must not be
    weaker than the identity.
    """
    asked = [(name, rule.spec.require) for name, rule in matching if rule.spec.require.assurance]
    if not asked:
        return None, frozenset(), ()
    combined = frozenset.intersection(*(frozenset(require.assurance) for _name, require in asked))
    shared = frozenset.intersection(*(frozenset(require.forge_attesters) for _name, require in asked))
    attesters = shared if FORGE in combined and PERMISSIONS[operation.kind].floor is None else frozenset()
    kinds = combined if attesters else combined - {FORGE}
    if kinds:
        return kinds, attesters, ()
    message = f"no kind of identity satisfies all rules for {operation.kind}: {', '.join(name for name, _r in asked)}"
    if FORGE in combined:
        message += (
            "; reviews of a forge never count for it"
            if shared
            else "; they name no service in common that may attest reviews"
        )
    problem = Problem(
        "approval_rule.empty_assurance",
        message,
        path=operation.paths[0] if operation.paths else None,
        remedy="change the rules so that they share at least one kind of identity",
    )
    return kinds, frozenset(), (problem,)


def _highest_in_org(scope: str, rules: list[tuple[str, ApprovalRule]]) -> int:
    """The highest quorum that anything inside an organization can ask for (floor of design 4)."""
    org = org_scope(scope.split("/")[1])
    quorums = [rule.spec.require.quorum or 1 for _n, rule in rules if overlaps(rule.spec.match.scope, org)]
    return max([RAISED_QUORUM, *quorums])
