# SPDX-License-Identifier: Apache-2.0
"""The checks behind the lint rules: each takes a policy and yields what it finds.

What each one means to an author is told in ``policy_lint``; here is only when it applies. Paths name members as
they stand in the file, so that a finding gets the right line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gaitops.gait.lint_matching import covers, is_high_risk
from gaitops.gait.policy import SEVERITY, FreezePeriod, Limit, Match, Policy, Rule
from gaitops.gait.policy_fields import Place
from gaitops.gait.quoting import quote
from gaitops.gait.yaml_scalars import resolve

MAX_COMPARED_RULES: Final = 1_000
"""Rules, in evaluation order, that are compared with each other."""
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Subject:
    """A policy together with the places of its members in the file."""

    policy: Policy
    places: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found: about a rule or about the file, at a member."""

    message: str
    path: str
    rule: Rule | None = None


def _at(rule: Rule, member: str = "") -> str:
    path = f"rules[{rule.index}]"
    return f"{path}.{member}" if member else path


# -- reachability --------------------------------------------------------------------------------------------------


def shadowed_rule(subject: Subject) -> Iterator[Hit]:
    """A rule behind another one of smaller priority that takes all of its calls."""
    rules = subject.policy.rules[:MAX_COMPARED_RULES]
    for place, rule in enumerate(rules):
        for earlier in rules[:place]:
            if earlier.priority < rule.priority and covers(earlier.match, rule.match):
                message = (
                    f"{quote(rule.name)} can never match: {quote(earlier.name)} (priority {earlier.priority}) comes first and "
                    "takes every call that it takes"
                )
                yield Hit(message, _at(rule), rule)
                break


def overruled_rule(subject: Subject) -> Iterator[Hit]:
    """A rule beside a stricter one of the same priority that takes all of its calls."""
    rules = subject.policy.rules[:MAX_COMPARED_RULES]
    for rule in rules:
        for other in rules:
            stricter = SEVERITY[other.effect] > SEVERITY[rule.effect]
            if other.priority == rule.priority and stricter and covers(other.match, rule.match):
                message = (
                    f"the {rule.effect} of {quote(rule.name)} can never decide: {quote(other.name)}, of the same priority, "
                    f"answers {other.effect} to every call that it takes"
                )
                yield Hit(message, _at(rule, "effect"), rule)
                break


def unreachable_default(subject: Subject) -> Iterator[Hit]:
    """A rule that takes every call, so that the default never speaks."""
    verdict = subject.policy.default_verdict
    for rule in subject.policy.rules:
        if rule.match == Match() and rule.effect != "allow":
            message = f"the default verdict {verdict} is never used: {quote(rule.name)} matches every call"
            yield Hit(message, _at(rule), rule)
            return


def default_allow(subject: Subject) -> Iterator[Hit]:
    """A policy that lets pass what no rule speaks of."""
    if subject.policy.default_verdict == "allow":
        path = "default_verdict" if "default_verdict" in subject.places else "default_action"
        yield Hit("calls that no rule matches are allowed", path)


def allow_everything(subject: Subject) -> Iterator[Hit]:
    """An allow without any condition."""
    for rule in subject.policy.rules:
        if rule.effect == "allow" and rule.match == Match():
            yield Hit(f"{quote(rule.name)} allows every call that no earlier rule takes", _at(rule), rule)


# -- names ---------------------------------------------------------------------------------------------------------


def duplicate_rule(subject: Subject) -> Iterator[Hit]:
    """Two rules of the same priority and name."""
    seen: dict[tuple[int, str], Rule] = {}
    for rule in sorted(subject.policy.rules, key=lambda rule: rule.index):
        first = seen.setdefault((rule.priority, rule.name), rule)
        if first is not rule:
            yield Hit(
                f"another rule has the name {quote(rule.name)} and the priority {rule.priority}",
                _at(rule),
                rule,
            )


def repeated_rule_name(subject: Subject) -> Iterator[Hit]:
    """Two rules of the same name and different priority."""
    seen: dict[str, Rule] = {}
    for rule in sorted(subject.policy.rules, key=lambda rule: rule.index):
        first = seen.setdefault(rule.name, rule)
        if first.priority != rule.priority:
            message = f"another rule, of priority {first.priority}, has the name {quote(rule.name)}"
            yield Hit(message, _at(rule, "name"), rule)


def missing_reason_codes(subject: Subject) -> Iterator[Hit]:
    """A rule without reason codes, high-risk rules apart."""
    for rule in subject.policy.rules:
        if not rule.reason_codes and not is_high_risk(rule):
            yield Hit(f"{quote(rule.name)} has no reason codes", _at(rule), rule)


_ALIASES: Final = {
    "default_action": "default_verdict",
    "action": "effect",
    "match.tool_name": "match.tool_names",
    "match.endpoint_class": "match.endpoint_classes",
}


def alias_member(subject: Subject) -> Iterator[Hit]:
    """The second spelling of a member."""
    if "default_action" in subject.places and subject.places["default_action"].text:
        yield Hit("default_action is the second name of default_verdict", "default_action")
    for rule in subject.policy.rules:
        for alias, name in _ALIASES.items():
            place = subject.places.get(_at(rule, alias))
            # An empty text or null is how `gait policy fmt` writes an alias that is not used.
            if place is not None and place.text != "":
                yield Hit(f"{alias} is the second name of {name}", _at(rule, alias), rule)


# -- risk ----------------------------------------------------------------------------------------------------------


def approvals_without_effect(subject: Subject) -> Iterator[Hit]:
    """Approvals on a rule that never asks for any."""
    for rule in subject.policy.rules:
        approvals = rule.min_approvals > 0 or rule.require_distinct_approvers
        if approvals and rule.effect != "require_approval" and not _may_ask(rule):
            member = "min_approvals" if rule.min_approvals else "require_distinct_approvers"
            yield Hit(
                f"{quote(rule.name)} answers {rule.effect}, which asks for no approval",
                _at(rule, member),
                rule,
            )


def _may_ask(rule: Rule) -> bool:
    """Whether a constraint of the rule can turn its answer into a request for approval."""
    endpoint = rule.endpoint
    actions = [part.action for part in (endpoint, rule.dataflow) if part is not None]
    actions += [endpoint.destructive_action] if endpoint is not None else []
    actions += [rule.freeze_window.effect] if rule.freeze_window is not None else []
    return "require_approval" in actions


def high_risk_unbrokered(subject: Subject) -> Iterator[Hit]:
    """A dangerous call that is allowed with whatever credential the agent holds."""
    for rule in subject.policy.rules:
        if rule.effect == "allow" and is_high_risk(rule) and not rule.require_broker_credential:
            message = f"{quote(rule.name)} allows high-risk calls without a brokered credential"
            yield Hit(message, _at(rule, "effect"), rule)


def high_risk_single_approval(subject: Subject) -> Iterator[Hit]:
    """A dangerous call that one person can approve."""
    for rule in subject.policy.rules:
        asks = rule.effect == "require_approval" and rule.min_approvals < 2
        if asks and is_high_risk(rule) and not rule.require_broker_credential:
            yield Hit(
                f"one approval is enough for the high-risk calls of {quote(rule.name)}", _at(rule), rule
            )


def high_risk_without_reason(subject: Subject) -> Iterator[Hit]:
    """A dangerous call whose decision will be recorded without a reason."""
    for rule in subject.policy.rules:
        if is_high_risk(rule) and not rule.reason_codes:
            yield Hit(f"{quote(rule.name)} decides on high-risk calls without reason codes", _at(rule), rule)


def long_credential_lifetime(subject: Subject) -> Iterator[Hit]:
    """Credentials that outlive a day."""
    for rule in subject.policy.rules:
        seconds = rule.max_credential_ttl_seconds
        if seconds > DAY_SECONDS:
            message = f"{quote(rule.name)} accepts credentials that live for {seconds / DAY_SECONDS:.1f} days"
            yield Hit(message, _at(rule, "max_credential_ttl_seconds"), rule)


def contradictory_lists(subject: Subject) -> Iterator[Hit]:
    """An entry that is allowed and denied in one rule."""
    for rule in subject.policy.rules:
        endpoint = rule.endpoint
        pairs = [("denied_agent_ids", rule.allowed_agent_ids, rule.denied_agent_ids)]
        if endpoint is not None:
            pairs += [
                ("endpoint.path_denylist", endpoint.path_allowlist, endpoint.path_denylist),
                ("endpoint.domain_denylist", endpoint.domain_allowlist, endpoint.domain_denylist),
            ]
        for member, allowed, denied in pairs:
            for entry in sorted(set(allowed) & set(denied)):
                yield Hit(
                    f"{quote(rule.name)} both allows and denies {quote(entry)}", _at(rule, member), rule
                )


def budget_above_rate_limit(subject: Subject) -> Iterator[Hit]:
    """A destructive budget that the rate limit never lets a call reach."""
    for rule in subject.policy.rules:
        rate, budget = rule.rate_limit, rule.destructive_budget
        if rate and budget and rate.scope == budget.scope and _per_hour(budget) >= _per_hour(rate) >= 1:
            message = f"the rate limit of {quote(rule.name)} stops calls before its destructive budget does"
            yield Hit(message, _at(rule, "destructive_budget"), rule)


def _per_hour(limit: Limit) -> int:
    return limit.requests * (60 if limit.window == "minute" else 1)


# -- settings that do not do what they say -------------------------------------------------------------------------

_SWITCHED: Final = ("endpoint", "freeze_window", "sandbox", "dataflow")
_POWERLESS: Final = {
    "endpoint": ("action", "reason_code", "violation"),
    "dataflow": ("action", "reason_code", "violation"),
    "rate_limit": ("window", "scope"),
}
"""Members that do not switch their block on."""


def enabled_anyway(subject: Subject) -> Iterator[Hit]:
    """A block that is switched off in words, but on in effect."""
    blocks = [
        (_at(rule, name), getattr(rule, name), rule) for rule in subject.policy.rules for name in _SWITCHED
    ]
    for path, block, rule in [*blocks, ("mcp_trust", subject.policy.mcp_trust, None)]:
        place = subject.places.get(f"{path}.enabled")
        if (
            block is not None
            and place is not None
            and place.text is not None
            and resolve(place.text) is False
        ):
            name = path.rpartition(".")[2]
            yield Hit(
                f"enabled: false does not switch {name} off while it has other settings",
                f"{path}.enabled",
                rule,
            )


def ignored_block(subject: Subject) -> Iterator[Hit]:
    """Settings that Gait does not use, because nothing switches their block on."""
    for rule in subject.policy.rules:
        for name, members in _POWERLESS.items():
            given = [member for member in members if _has_text(subject, _at(rule, f"{name}.{member}"))]
            if given and getattr(rule, name) is None:
                yield Hit(
                    f"{name} of {quote(rule.name)} is ignored: {given[0]} alone does nothing",
                    _at(rule, name),
                    rule,
                )
    closed = subject.policy.fail_closed
    if not closed.enabled and (closed.risk_classes or closed.required_fields):
        yield Hit("fail_closed is ignored: it is not enabled", "fail_closed")
    score = subject.places.get("mcp_trust.min_score")
    if subject.policy.mcp_trust is None and score is not None and (score.text or "").startswith("-"):
        yield Hit("mcp_trust is ignored: a negative min_score alone does nothing", "mcp_trust")


def _has_text(subject: Subject, path: str) -> bool:
    place = subject.places.get(path)
    return place is not None and bool((place.text or "").strip()) and resolve(place.text or "") is not None


_LOCAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)


def freeze_unknown_zone(subject: Subject) -> Iterator[Hit]:
    """A freeze window in a time zone that does not exist; silent where the machine has no time zone database."""
    if not _zone_exists("Europe/London"):
        return
    for rule in subject.policy.rules:
        window = rule.freeze_window
        if window is not None and not _zone_exists(window.timezone):
            message = (
                f"{quote(rule.name)} has a freeze window in the unknown time zone {quote(window.timezone)}"
            )
            yield Hit(message, _at(rule, "freeze_window.timezone"), rule)


def freeze_invalid_period(subject: Subject) -> Iterator[Hit]:
    """A freeze period whose times cannot be read, or that ends before it starts."""
    for rule in subject.policy.rules:
        periods = rule.freeze_window.windows if rule.freeze_window is not None else ()
        for number, period in enumerate(periods):
            if fault := _period_fault(period):
                path = _at(rule, f"freeze_window.windows[{number}]")
                yield Hit(f"the freeze period {quote(period.name)} of {quote(rule.name)} {fault}", path, rule)


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _period_fault(period: FreezePeriod) -> str:
    times = [_local_time(text) for text in (period.start, period.end)]
    for text, time in zip((period.start, period.end), times, strict=True):
        if time is None:
            return f"has the time {quote(text)}; expected the form 2026-12-24T18:00:00"
    start, end = times
    return "does not end after it starts" if start is not None and end is not None and end <= start else ""


def _local_time(text: str) -> datetime | None:
    if not _LOCAL_TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
