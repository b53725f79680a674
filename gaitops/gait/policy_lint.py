# SPDX-License-Identifier: Apache-2.0
"""What Gait accepts and an author would regret.

Every rule says in the registry what it looks for, why that matters, and what to do; the reference documentation
is made from it. Findings never change what a policy means or whether it is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from gaitops.gait import lint_checks as checks
from gaitops.gait.policy_digest import PolicyReading

Severity = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class LintRule:
    """One thing to look for."""

    id: str
    severity: Severity
    title: str
    why: str
    advice: str
    check: Callable[[checks.Subject], Iterator[checks.Hit]]


@dataclass(frozen=True, slots=True)
class LintFinding:
    """A lint rule met in a file. ``rule`` is the name of the policy rule it is about, if it is about one."""

    id: str
    severity: Severity
    line: int | None
    column: int | None
    rule: str | None
    message: str
    advice: str

    def to_json(self) -> dict[str, object]:
        """All members, under the names used by ``--json`` outputs."""
        return {name: getattr(self, name) for name in self.__slots__}


def lint(reading: PolicyReading) -> tuple[LintFinding, ...]:
    """All findings of a policy that could be read, by line; nothing for one that could not."""
    if reading.policy is None:
        return ()
    subject = checks.Subject(reading.policy, reading.places)
    findings = [_finding(rule, hit, subject) for rule in LINT_RULES for hit in rule.check(subject)]
    return tuple(sorted(findings, key=lambda found: (found.line or 0, found.column or 0, found.id)))


def _finding(rule: LintRule, hit: checks.Hit, subject: checks.Subject) -> LintFinding:
    path = hit.path
    while path and path not in subject.places:
        path = path.rpartition(".")[0]
    place = subject.places.get(path)
    return LintFinding(
        id=rule.id,
        severity=rule.severity,
        line=place.line if place else None,
        column=place.column if place else None,
        rule=hit.rule.name if hit.rule else None,
        message=hit.message,
        advice=rule.advice,
    )


LINT_RULES: Final[tuple[LintRule, ...]] = (
    LintRule(
        "default-allow",
        "high",
        "The default verdict is allow",
        "Tools appear faster than rules; whatever nobody thought of would run. Gait's production profile refuses it.",
        "Set default_verdict to require_approval or block, and allow what is known by rules.",
        checks.default_allow,
    ),
    LintRule(
        "allow-everything",
        "high",
        "An allow rule without conditions",
        "It has the effect of a default of allow, hidden among the rules.",
        "Add a match, or remove the rule and choose the default on purpose.",
        checks.allow_everything,
    ),
    LintRule(
        "shadowed-rule",
        "high",
        "A rule that can never match",
        "The first rule that matches fixes the priority that decides, so a rule of a later priority never gets a say "
        "about calls that an earlier one takes. A block in that place protects nothing.",
        "Give the narrower rule a smaller priority number, or remove it.",
        checks.shadowed_rule,
    ),
    LintRule(
        "overruled-rule",
        "medium",
        "A rule whose effect can never decide",
        "Among rules of one priority the most restrictive wins. The rule still adds its reason codes, which then "
        "explain a decision that it did not make.",
        "Give the exception a smaller priority number than the general rule, or remove it.",
        checks.overruled_rule,
    ),
    LintRule(
        "unreachable-default",
        "low",
        "The default verdict is never used",
        "A rule without conditions answers first; who reads only the top of the file expects something else.",
        "Move the verdict of that rule to default_verdict.",
        checks.unreachable_default,
    ),
    LintRule(
        "duplicate-rule",
        "high",
        "Two rules share name and priority",
        "Records name rules by name, so nobody can tell which one decided; and in larger policies Gait may order them "
        "either way, which makes the digest of the policy depend on chance.",
        "Give every rule its own name.",
        checks.duplicate_rule,
    ),
    LintRule(
        "repeated-rule-name",
        "medium",
        "Two rules share a name",
        "Records name rules by name, so nobody can tell which one decided.",
        "Give every rule its own name.",
        checks.repeated_rule_name,
    ),
    LintRule(
        "approvals-without-effect",
        "high",
        "Approvals on a rule that asks for none",
        "Approvals count only when the verdict is require_approval. On an allow, min_approvals reads like a control "
        "and is none: the call runs at once.",
        "Change the effect to require_approval, or remove the approvals.",
        checks.approvals_without_effect,
    ),
    LintRule(
        "high-risk-unbrokered",
        "high",
        "High-risk calls allowed without a broker",
        "The agent acts with whatever credential it holds, for as long as that lives.",
        "Set require_broker_credential with a broker_reference, or change the effect to require_approval.",
        checks.high_risk_unbrokered,
    ),
    LintRule(
        "high-risk-single-approval",
        "low",
        "One approval is enough for high-risk calls",
        "One person, or one stolen approval key, can let the call pass; distinct approvers are required only from two "
        "approvals on.",
        "Set min_approvals to 2 or more, or require a brokered credential as well.",
        checks.high_risk_single_approval,
    ),
    LintRule(
        "high-risk-without-reason",
        "medium",
        "High-risk calls decided without reason codes",
        "The record of the decision will only repeat the name of the rule; reviews and alerts work with reason codes.",
        "Add reason_codes that name the control or the policy text behind the rule.",
        checks.high_risk_without_reason,
    ),
    LintRule(
        "missing-reason-codes",
        "low",
        "A rule without reason codes",
        "The record of the decision will only repeat the name of the rule, which changes when the rule is renamed.",
        "Add reason_codes.",
        checks.missing_reason_codes,
    ),
    LintRule(
        "contradictory-lists",
        "medium",
        "An entry is allowed and denied",
        "The denial wins, so the allowed entry is without effect, and one of the two is a mistake.",
        "Remove the entry from one of the lists.",
        checks.contradictory_lists,
    ),
    LintRule(
        "budget-above-rate-limit",
        "low",
        "A destructive budget that is never used up",
        "The rate limit of the same scope stops calls earlier, so the budget for destructive ones limits nothing.",
        "Make the destructive budget smaller than the rate limit.",
        checks.budget_above_rate_limit,
    ),
    LintRule(
        "long-credential-lifetime",
        "medium",
        "Credentials may live longer than a day",
        "max_credential_ttl_seconds is in seconds, and a credential of days is a standing one in all but name.",
        "Choose the time that one task needs, usually minutes.",
        checks.long_credential_lifetime,
    ),
    LintRule(
        "enabled-anyway",
        "medium",
        "enabled: false on a block that is in force",
        "Gait switches these blocks on as soon as they have settings, whatever enabled says.",
        "Remove the block to switch it off, or set enabled to true.",
        checks.enabled_anyway,
    ),
    LintRule(
        "ignored-block",
        "medium",
        "Settings that are ignored",
        "Gait drops these settings without a word, because what would switch their block on is missing.",
        "Complete the block, or remove it.",
        checks.ignored_block,
    ),
    LintRule(
        "freeze-unknown-zone",
        "high",
        "A freeze window in an unknown time zone",
        "Gait looks the zone up only when it evaluates a call, so the mistake shows when the window matters.",
        "Use a name of the IANA time zone database, for example America/Chicago.",
        checks.freeze_unknown_zone,
    ),
    LintRule(
        "freeze-invalid-period",
        "high",
        "A freeze period that cannot be evaluated",
        "Gait reads the times only when it evaluates a call, so the mistake shows when the window matters.",
        "Write start and end as local times, for example 2026-12-24T18:00:00, with the end after the start.",
        checks.freeze_invalid_period,
    ),
    LintRule(
        "alias-member",
        "low",
        "The second spelling of a member",
        "Both spellings mean the same to Gait, but searches and reviews find only the one they look for.",
        "Use default_verdict, effect, tool_names and endpoint_classes.",
        checks.alias_member,
    ),
)
"""All lint rules, in the order of their documentation."""
