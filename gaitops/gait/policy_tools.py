# SPDX-License-Identifier: Apache-2.0
"""Which tools a policy gates, by Gait's own rule and by a stricter one (Gait contract 1.6, 7.1).

Gait calls a tool gated when some rule lists its name, whatever that rule does. That number is kept as it is, under
Gait's names. Beside it stands ours, *strict gating*: what the rules that name a tool do with its calls. Neither
evaluates a call; only ``gait policy test`` does that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gaitops.errors import InvalidInputError
from gaitops.gait.artifacts.facts import InventoryItemFacts
from gaitops.gait.go_text import lower, trim
from gaitops.gait.policy import Match, Policy, Rule
from gaitops.gait.policy_digest import digest_policy

HIGH_RISK: Final = frozenset({"high", "critical"})
"""Risk levels of an inventory whose ungated tools Gait lists one by one."""

_ANY_CALL: Final = Match()
_BARE: Final = Rule("", 0, "allow")
"""A rule without conditions on its outcome."""


class Gating(StrEnum):
    """What a policy does with the calls of one tool, as far as its rules say without evaluating a call.

    Rules are tried by priority; the first that matches fixes the priority, and of all rules that match there the
    most restrictive wins (contract 1.6). A rule *reaches* a tool when it names it, or names no tool at all, and no
    rule of a smaller priority takes every call of the tool: one that names it or no tool, and asks nothing else of a
    call. A rule *restricts* when its effect is ``block``, ``require_approval`` or ``dry_run``; one that allows
    restricts some calls when it sets conditions on its outcome: endpoints, credentials, evidence, sandbox, limits,
    freeze windows, agents. Approvals asked by a rule that allows are no such condition: Gait does not ask for them.
    """

    ALWAYS = "always"
    """No rule that reaches the tool has the effect ``allow``, nor has the default, unless no call gets there."""
    PARTLY = "partly"
    """A rule that names the tool reaches it and restricts some or all of its calls; others may be allowed."""
    ALLOWED = "allowed"
    """Rules that name the tool reach it, and none of them restricts."""
    UNNAMED = "unnamed"
    """No rule that reaches the tool names it, and some call may be allowed."""


STRICTLY_GATED: Final = frozenset({Gating.ALWAYS, Gating.PARTLY})
"""What counts as gated in the stricter coverage."""


@dataclass(frozen=True, slots=True)
class ToolPolicy:
    """A policy, as far as tools go."""

    policy: Policy
    digest: str | None
    """Gait's digest; ``None`` where it depends on the order in which Gait sorts equal rules."""

    @property
    def gated(self) -> frozenset[str]:
        """Lower-case names that some rule lists (contract 7.1); Gait's meaning of gated."""
        return frozenset(name for rule in self.policy.rules for name in rule.match.tool_names)

    def gating(self, tool: str) -> Gating:
        """What the policy does with calls of ``tool``; the name is trimmed and lowered as Gait does."""
        return _gating(self.policy, tool_key(tool))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Gait's coverage of an inventory by policies, with Gait's members (contract 7.1)."""

    snapshot_id: str
    discovered_tools: int
    """Items found, tools and servers alike."""
    gated_tools: int
    """Those of them that a policy names."""
    high_risk_ungated_tools: int
    coverage_percent: float
    """Two decimals; 100 when nothing was discovered."""
    policy_digests: tuple[str, ...]
    discovered_tool_names: tuple[str, ...]
    gated_tool_names: tuple[str, ...]
    """All names that the policies list, discovered or not."""
    high_risk_ungated_tool_ids: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The report as Gait writes it: empty lists are left out."""
        lists = {
            "policy_digests": self.policy_digests,
            "discovered_tool_names": self.discovered_tool_names,
            "gated_tool_names": self.gated_tool_names,
            "high_risk_ungated_tool_ids": self.high_risk_ungated_tool_ids,
        }
        return {
            "snapshot_id": self.snapshot_id,
            "discovered_tools": self.discovered_tools,
            "gated_tools": self.gated_tools,
            "high_risk_ungated_tools": self.high_risk_ungated_tools,
            "coverage_percent": self.coverage_percent,
            **{name: list(values) for name, values in lists.items() if values},
        }


@dataclass(frozen=True, slots=True)
class StrictCoverage:
    """Our coverage, beside Gait's: items by what a policy does with their calls."""

    by_gating: dict[Gating, int]
    """Items per gating; the sum is the number of items."""
    high_risk_ungated_ids: tuple[str, ...]
    """Items of high or critical risk that are not strictly gated, sorted."""

    @property
    def gated(self) -> int:
        """Items that are strictly gated."""
        return sum(count for gating, count in self.by_gating.items() if gating in STRICTLY_GATED)

    @property
    def items(self) -> int:
        """All items."""
        return sum(self.by_gating.values())


def tool_key(name: str) -> str:
    """A tool's name as Gait compares it with a policy's: trimmed, in simple lower case."""
    return lower(trim(name))


def read_tool_policy(data: bytes) -> ToolPolicy:
    """The tools of a policy file.

    Raises:
        InvalidInputError: Gait refuses the file (its problems), or it cannot be read with certainty
            (``policy.not_computed``). That a policy gates nothing is never concluded from a file that was not read.
    """
    reading = digest_policy(data)
    if reading.policy is not None:
        return ToolPolicy(reading.policy, reading.digest)
    if reading.problems:
        raise InvalidInputError(reading.problems)
    message = f"the tools of the policy are not known: {reading.reason}"
    raise InvalidInputError.of("policy.not_computed", message)


def gated_tools(data: bytes) -> frozenset[str]:
    """Names that some rule of a policy file lists, in lower case, whatever the rule does (contract 7.1).

    Raises:
        InvalidInputError: as :func:`read_tool_policy`.
    """
    return read_tool_policy(data).gated


def coverage(
    snapshot_id: str, items: Iterable[InventoryItemFacts], policies: Iterable[ToolPolicy]
) -> Coverage:
    """What ``gait scout snapshot`` reports for an inventory and these policies, member by member (contract 7.1)."""
    found, read = tuple(items), tuple(policies)
    gated = frozenset().union(*(policy.gated for policy in read))
    ungated = [item for item in found if tool_key(item.name) not in gated]
    risky = sorted(item.item_id for item in ungated if item.risk_level in HIGH_RISK)
    share = (len(found) - len(ungated)) / len(found) * 100 if found else 100.0
    return Coverage(
        snapshot_id=snapshot_id,
        discovered_tools=len(found),
        gated_tools=len(found) - len(ungated),
        high_risk_ungated_tools=len(risky),
        coverage_percent=int(share * 100 + 0.5) / 100,
        policy_digests=tuple(sorted({policy.digest for policy in read if policy.digest is not None})),
        discovered_tool_names=tuple(sorted({tool_key(item.name) for item in found})),
        gated_tool_names=tuple(sorted(gated)),
        high_risk_ungated_tool_ids=tuple(risky),
    )


def strict_coverage(items: Iterable[InventoryItemFacts], policy: ToolPolicy) -> StrictCoverage:
    """How many items of an inventory are strictly gated by one policy (:class:`Gating`)."""
    counts = dict.fromkeys(Gating, 0)
    risky = []
    for item in items:
        gating = policy.gating(item.name)
        counts[gating] += 1
        if item.risk_level in HIGH_RISK and gating not in STRICTLY_GATED:
            risky.append(item.item_id)
    return StrictCoverage(counts, tuple(sorted(risky)))


def _gating(policy: Policy, tool: str) -> Gating:
    reaching, decided = _reaching(policy, tool)
    naming = [rule for rule in reaching if tool in rule.match.tool_names]
    allowing = _allowing_rules(reaching)
    if not allowing and (decided or policy.default_verdict != "allow"):
        return Gating.ALWAYS
    if any(rule.effect != "allow" or _has_conditions(rule) for rule in naming):
        return Gating.PARTLY
    return Gating.ALLOWED if naming else Gating.UNNAMED


def _reaching(policy: Policy, tool: str) -> tuple[list[Rule], bool]:
    """Rules that may decide a call of the tool, and whether one of them takes every call."""
    reaching: list[Rule] = []
    decided_at: int | None = None
    for rule in policy.rules:
        if decided_at is not None and rule.priority > decided_at:
            break
        if rule.match.tool_names and tool not in rule.match.tool_names:
            continue
        reaching.append(rule)
        if _takes_every_call(rule):
            decided_at = rule.priority
    return reaching, decided_at is not None


def _allowing_rules(reaching: list[Rule]) -> list[Rule]:
    """Rules that may answer a call with ``allow``: not those beside which a restricting rule takes every call."""
    overruled = {rule.priority for rule in reaching if rule.effect != "allow" and _takes_every_call(rule)}
    return [rule for rule in reaching if rule.effect == "allow" and rule.priority not in overruled]


def _takes_every_call(rule: Rule) -> bool:
    """Whether the rule asks nothing of a call but, at most, the name of its tool."""
    return replace(rule.match, tool_names=()) == _ANY_CALL


def _has_conditions(rule: Rule) -> bool:
    """Whether a rule that allows may still stop a call that it matches."""
    bare = replace(
        rule,
        name="",
        priority=0,
        effect="allow",
        match=_ANY_CALL,
        reason_codes=(),
        violations=(),
        min_approvals=0,
        require_distinct_approvers=False,
    )
    return bare != _BARE
