# SPDX-License-Identifier: Apache-2.0
"""What changed between two policies, by what they mean and not by how they are written.

Rules are paired by name, and what is left by priority where that is unambiguous (a renamed rule). Each change says
whether it makes the policy stricter or laxer where that follows from the change alone; most are just different,
because their effect depends on the other rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Final, Literal

from gaitops.gait.lint_matching import covers
from gaitops.gait.policy import SEVERITY, Match, Policy, Rule
from gaitops.gait.policy_digest import policy_digest

Judgement = Literal["stricter", "laxer", "different"]

_STRICTER_WHEN_SET: Final = frozenset(
    [
        "require_declared_agent",
        "require_agent_owner",
        "require_unexpired_agent",
        "block_standing_credentials",
        "require_jit_credential",
        "require_distinct_approvers",
        "require_context_evidence",
        "require_broker_credential",
        "block_mixed_risk",
        "require_registry",
        "enabled",
    ]
)
"""Conditions: asking for them is stricter, not asking is laxer."""
_STRICTER_WHEN_MORE: Final = frozenset({"min_approvals", "min_score"})
_STRICTER_WHEN_LESS: Final = frozenset(
    [
        "max_credential_ttl_seconds",
        "max_context_age_seconds",
        "max_timeout_seconds",
        "max_steps",
        "require_approval_above",
        "requests",
    ]
)
"""Limits, of which 0 means none."""
_STRICTER_WITH_ENTRIES: Final = frozenset(
    ["denied_agent_ids", "path_denylist", "domain_denylist", "required_fields", "required_high_risk_fields"]
)
_ALLOWLISTS: Final = frozenset(
    [
        "allowed_agent_ids",
        "allowed_agent_manifest_publishers",
        "allowed_agent_manifest_sources",
        "required_agent_lifecycle_states",
        "allowed_credential_sources",
        "allowed_credential_issuers",
        "allowed_credential_access_types",
        "path_allowlist",
        "domain_allowlist",
        "egress_classes",
        "allowed_network_modes",
        "allowed_env_exposure_modes",
        "allowed_filesystem_isolations",
        "allowed_user_modes",
        "allowed_writable_path_prefixes",
        "publisher_allowlist",
    ]
)
"""Lists of what is permitted; empty permits all."""
_VERDICT_MEMBERS: Final = frozenset({"effect", "default_verdict", "action", "destructive_action"})
_CONSTRAINTS: Final = frozenset(
    {
        "endpoint",
        "freeze_window",
        "sandbox",
        "rate_limit",
        "destructive_budget",
        "dataflow",
        "mcp_trust",
        "scripts",
    }
)
"""Blocks that only ever restrict: adding one is stricter."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``path`` is ``rules[NAME].member``, with the name of the new rule, or a top-level member."""

    path: str
    kind: Literal["added", "removed", "changed"]
    old: object
    new: object
    judgement: Judgement

    def to_json(self) -> dict[str, object]:
        """All members; values are JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """All differences of two policies; none exactly when Gait gives both the same digest."""

    old_digest: str
    new_digest: str
    changes: tuple[Change, ...]

    @property
    def same_policy(self) -> bool:
        """Whether Gait cannot tell the two apart, however the files differ."""
        return self.old_digest == self.new_digest

    def to_json(self) -> dict[str, object]:
        """The difference as a JSON value."""
        return {
            "same_policy": self.same_policy,
            "old_digest": self.old_digest,
            "new_digest": self.new_digest,
            "changes": [change.to_json() for change in self.changes],
        }


def diff(old: Policy, new: Policy) -> PolicyDiff:
    """Compare two normalised policies."""
    changes = [
        *_member_changes("default_verdict", "default_verdict", old.default_verdict, new.default_verdict),
        *_block_changes("fail_closed", old.fail_closed, new.fail_closed),
        *_block_changes("scripts", old.scripts, new.scripts),
        *_block_changes("mcp_trust", old.mcp_trust, new.mcp_trust),
        *_rule_changes(old, new),
    ]
    return PolicyDiff(policy_digest(old), policy_digest(new), tuple(changes))


def render_text(difference: PolicyDiff) -> str:
    """The difference for people, one change a line; ends with a newline."""
    if difference.same_policy:
        return f"the same policy ({difference.old_digest})\n"
    lines = [f"from {difference.old_digest}", f"to   {difference.new_digest}"]
    marks = {"added": "+", "removed": "-", "changed": "~"}
    for change in difference.changes:
        judgement = "" if change.judgement == "different" else f"  ({change.judgement})"
        lines.append(f"{marks[change.kind]} {change.path}: {_shown(change)}{judgement}")
    return "\n".join(lines) + "\n"


def _shown(change: Change) -> str:
    if change.kind == "changed":
        return f"{_value(change.old)} -> {_value(change.new)}"
    return _value(change.old if change.kind == "removed" else change.new)


def _value(value: object) -> str:
    """A JSON value in a short form, without members that are empty."""
    if isinstance(value, dict):
        members = [
            f"{name}: {_value(member)}" for name, member in value.items() if member not in (None, "", [])
        ]
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else str(value)


# -- rules ---------------------------------------------------------------------------------------------------------


def _rule_changes(old: Policy, new: Policy) -> Iterator[Change]:
    pairs, removed, added = _paired(list(old.rules), list(new.rules))
    for rule in removed:
        yield Change(f"rules[{rule.name}]", "removed", _json(rule), None, _presence(rule, old, removed=True))
    for rule in added:
        yield Change(f"rules[{rule.name}]", "added", None, _json(rule), _presence(rule, new, removed=False))
    for before, after in pairs:
        path = f"rules[{after.name}]"
        for item in fields(Rule):
            if item.compare and item.name != "match":
                yield from _any_changes(
                    f"{path}.{item.name}", getattr(before, item.name), getattr(after, item.name)
                )
        yield from _match_changes(f"{path}.match", before, after)


def _paired(old: list[Rule], new: list[Rule]) -> tuple[list[tuple[Rule, Rule]], list[Rule], list[Rule]]:
    """Rules that belong together, in the order of the new policy; then what was removed, and what was added."""
    pairs: dict[int, Rule] = {}
    rest = list(old)
    for key in (_name_and_priority, _name, _priority):
        free = [rule for rule in new if id(rule) not in pairs]
        counts_old, counts_new = Counter(map(key, rest)), Counter(map(key, free))
        by_key = {key(rule): rule for rule in rest}
        for rule in free:
            mark = key(rule)
            if counts_old[mark] == counts_new[mark] == 1:
                pairs[id(rule)] = by_key[mark]
        taken = {id(rule) for rule in pairs.values()}
        rest = [rule for rule in rest if id(rule) not in taken]
    matched = [(pairs[id(rule)], rule) for rule in new if id(rule) in pairs]
    return matched, rest, [rule for rule in new if id(rule) not in pairs]


def _name_and_priority(rule: Rule) -> object:
    return rule.name, rule.priority


def _name(rule: Rule) -> object:
    return rule.name


def _priority(rule: Rule) -> object:
    return rule.priority


def _presence(rule: Rule, policy: Policy, *, removed: bool) -> Judgement:
    """A rule that no other rule meets decides against the default alone; else its place among them matters."""
    others = [other for other in policy.rules if other != rule]
    if any(not _disjoint(other.match, rule.match) for other in others):
        return "different"
    difference = SEVERITY[rule.effect] - SEVERITY[policy.default_verdict]
    return _signed(-difference if removed else difference)


def _disjoint(one: Match, other: Match) -> bool:
    """Whether no call can be taken by both: single-valued conditions without a common entry."""
    pairs = (
        (one.tool_names, other.tool_names),
        (one.risk_classes, other.risk_classes),
        (one.identities, other.identities),
    )
    return any(first and second and set(first).isdisjoint(second) for first, second in pairs)


def _is_bare_allow(rule: Rule) -> bool:
    """Whether a rule allows without conditions of its own, so that no other answer is laxer."""
    told = replace(rule, match=Match(), reason_codes=(), violations=())
    return told == Rule(rule.name, rule.priority, "allow")


def _match_changes(path: str, before: Rule, after: Rule) -> Iterator[Change]:
    """A wider block is stricter, and a wider allow without conditions is laxer, as long as the effect stays."""
    wider = covers(after.match, before.match)
    narrower = covers(before.match, after.match)
    judgement: Judgement = "different"
    decided = after.effect == "block" or (_is_bare_allow(before) and _is_bare_allow(after))
    if before.effect == after.effect and decided and wider != narrower:
        judgement = "stricter" if wider == (after.effect == "block") else "laxer"
    for change in _any_changes(path, before.match, after.match):
        yield Change(change.path, change.kind, change.old, change.new, judgement)


# -- members -------------------------------------------------------------------------------------------------------


def _any_changes(path: str, old: object, new: object) -> Iterator[Change]:
    member = path.rpartition(".")[2]
    if hasattr(old or new, "__dataclass_fields__"):
        yield from _block_changes(path, old, new)
    else:
        yield from _member_changes(path, member, old, new)


def _block_changes(path: str, old: object, new: object) -> Iterator[Change]:
    if old == new:
        return
    member = path.rpartition(".")[2]
    if old is None:
        judgement: Judgement = "stricter" if member in _CONSTRAINTS else "different"
        yield Change(path, "added", None, _json(new), judgement)
    elif new is None:
        judgement = "laxer" if member in _CONSTRAINTS else "different"
        yield Change(path, "removed", _json(old), None, judgement)
    else:
        for item in fields(old):  # type: ignore[arg-type]  # a dataclass: see _any_changes and diff
            yield from _any_changes(f"{path}.{item.name}", getattr(old, item.name), getattr(new, item.name))


def _member_changes(path: str, member: str, old: object, new: object) -> Iterator[Change]:
    if old == new:
        return
    absent = (None, (), "")
    kind: Literal["added", "removed", "changed"] = "changed"
    if not isinstance(old, bool | int | float) and not isinstance(new, bool | int | float):
        kind = "added" if old in absent else "removed" if new in absent else "changed"
    yield Change(path, kind, _json(old), _json(new), _judge(member, old, new))


def _judge(member: str, old: object, new: object) -> Judgement:
    """The judgement of one member's change, where it follows from its meaning."""
    if member in _VERDICT_MEMBERS and old in SEVERITY and new in SEVERITY:
        return _signed(SEVERITY[str(new)] - SEVERITY[str(old)])
    if member in _STRICTER_WHEN_SET:
        return "stricter" if new else "laxer"
    if isinstance(old, int | float) and isinstance(new, int | float):
        if member in _STRICTER_WHEN_MORE:
            return _signed(new - old)
        if member in _STRICTER_WHEN_LESS:
            return _signed((old or float("inf")) - (new or float("inf")))
    if isinstance(old, tuple) and isinstance(new, tuple):
        return _judge_lists(member, set(old), set(new))
    return "different"


def _judge_lists(member: str, old: set[object], new: set[object]) -> Judgement:
    if member in _STRICTER_WITH_ENTRIES and (old < new or new < old):
        return "stricter" if old < new else "laxer"
    if member in _ALLOWLISTS:
        if not old or (new and new < old):
            return "stricter"
        if not new or old < new:
            return "laxer"
    return "different"


def _signed(difference: float) -> Judgement:
    if difference == 0:
        return "different"
    return "stricter" if difference > 0 else "laxer"


def _json(value: object) -> object:
    """A model value as JSON: blocks as objects, without defaults and without the place in the file."""
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    return {
        item.name: _json(getattr(value, item.name))
        for item in fields(value)  # type: ignore[arg-type]  # a dataclass: it has the marker
        if item.compare and getattr(value, item.name) != item.default
    }
