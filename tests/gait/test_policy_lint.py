# SPDX-License-Identifier: Apache-2.0
"""Every lint rule with a policy that it finds something in, and one that differs just enough to be fine."""

from __future__ import annotations

from typing import Any

import pytest

from gaitops.gait.policy_digest import digest_policy
from gaitops.gait.policy_lint import LINT_RULES, LintFinding, lint


def rules(*items: str) -> str:
    """A policy of the given rules, one a line, each with reason codes, from line 2 on."""
    return "rules:\n" + "".join(f"  - {{reason_codes: [x], {item}}}\n" for item in items)


TOOL_A = "match: {tool_names: [a]}"
HIGH = "match: {risk_classes: [high]}"

CASES: dict[str, list[tuple[str, str, int]]] = {
    "default-allow": [("# top\ndefault_verdict: allow\n", "default_verdict: block\n", 2)],
    "allow-everything": [(rules("name: r, effect: allow"), rules(f"name: r, effect: allow, {TOOL_A}"), 2)],
    "shadowed-rule": [
        (
            rules(
                "name: wide, effect: allow, priority: 1, match: {tool_names: [a, b]}",
                "name: narrow, effect: block, priority: 2, match: {tool_names: [a], risk_classes: [low]}",
            ),
            rules(
                "name: wide, effect: allow, priority: 1, match: {tool_names: [a, b]}",
                "name: narrow, effect: block, priority: 2, match: {tool_names: [a, c]}",
            ),
            3,
        ),
        (
            rules(
                "name: wide, effect: allow, priority: 1, match: {workspace_prefixes: [/srv]}",
                "name: narrow, effect: block, priority: 2, match: {workspace_prefixes: [/srv/pay]}",
            ),
            rules(
                "name: wide, effect: allow, priority: 1, match: {workspace_prefixes: [/srv/pay]}",
                "name: narrow, effect: block, priority: 2, match: {workspace_prefixes: [/srv]}",
            ),
            3,
        ),
        (
            rules(
                "name: wide, effect: allow, priority: 1, match: {require_delegation: true, max_delegation_depth: 2}",
                "name: narrow, effect: block, priority: 2, match: {max_delegation_depth: 1}",
            ),
            rules(
                "name: wide, effect: allow, priority: 1, match: {require_delegation: true, max_delegation_depth: 2}",
                "name: narrow, effect: block, priority: 2, match: {delegation_scopes: [write]}",
            ),
            3,
        ),
        (
            rules(
                "name: wide, effect: allow, priority: 1, match: {tool_annotations: {readOnlyHint: true}}",
                "name: narrow, effect: block, priority: 2, match: {tool_annotations: {readOnlyHint: true, idempotentHint: false}}",
            ),
            rules(
                "name: wide, effect: allow, priority: 1, match: {tool_annotations: {readOnlyHint: true}}",
                "name: narrow, effect: block, priority: 2, match: {tool_annotations: {readOnlyHint: false}}",
            ),
            3,
        ),
    ],
    "overruled-rule": [
        (
            rules("name: general, effect: block", f"name: exception, effect: allow, {TOOL_A}"),
            rules("name: general, effect: block", f"name: exception, effect: allow, priority: -1, {TOOL_A}"),
            3,
        )
    ],
    "unreachable-default": [(rules("name: r, effect: block"), rules(f"name: r, effect: block, {TOOL_A}"), 2)],
    "duplicate-rule": [
        (
            rules(f"name: r, effect: allow, {TOOL_A}", f"name: r, effect: block, {TOOL_A}"),
            rules(f"name: r, effect: allow, {TOOL_A}", f"name: s, effect: block, {TOOL_A}"),
            3,
        )
    ],
    "repeated-rule-name": [
        (
            rules(f"name: r, effect: allow, {TOOL_A}", f"name: r, priority: 1, effect: block, {TOOL_A}"),
            rules(f"name: r, effect: allow, {TOOL_A}", f"name: r, effect: block, {TOOL_A}"),
            3,
        )
    ],
    "approvals-without-effect": [
        (
            rules(f"name: r, effect: allow, min_approvals: 1, {TOOL_A}"),
            rules(f"name: r, effect: require_approval, min_approvals: 1, {TOOL_A}"),
            2,
        ),
        (
            rules(f"name: r, effect: block, require_distinct_approvers: true, {TOOL_A}"),
            rules(f"name: r, effect: allow, min_approvals: 2, dataflow: {{enabled: true}}, {TOOL_A}"),
            2,
        ),
    ],
    "high-risk-unbrokered": [
        (
            rules(f"name: r, effect: allow, {HIGH}"),
            rules(f"name: r, effect: allow, require_broker_credential: true, {HIGH}"),
            2,
        ),
        (
            rules("name: r, effect: allow, match: {endpoint_classes: [proc.exec]}"),
            rules("name: r, effect: allow, match: {endpoint_classes: [fs.read]}"),
            2,
        ),
        (
            rules("name: r, effect: allow, match: {destination_operations: [drop]}"),
            rules("name: r, effect: block, match: {destination_operations: [drop]}"),
            2,
        ),
        (
            rules("name: r, effect: allow, match: {tool_annotations: {destructiveHint: true}}"),
            rules("name: r, effect: allow, match: {tool_annotations: {destructiveHint: false}}"),
            2,
        ),
    ],
    "high-risk-single-approval": [
        (
            rules(f"name: r, effect: require_approval, {HIGH}"),
            rules(f"name: r, effect: require_approval, min_approvals: 2, {HIGH}"),
            2,
        )
    ],
    "high-risk-without-reason": [
        (
            f"rules:\n  - {{name: r, effect: block, {HIGH}}}\n",
            f"rules:\n  - {{name: r, effect: block, reason_codes: [x], {HIGH}}}\n",
            2,
        )
    ],
    "missing-reason-codes": [
        (
            f"rules:\n  - {{name: r, effect: block, {TOOL_A}}}\n",
            f"rules:\n  - {{name: r, effect: block, {HIGH}}}\n",
            2,
        )
    ],
    "contradictory-lists": [
        (
            rules(
                f"name: r, effect: allow, endpoint: {{path_allowlist: [/a, /b], path_denylist: [/b]}}, {TOOL_A}"
            ),
            rules(
                f"name: r, effect: allow, endpoint: {{path_allowlist: [/a], path_denylist: [/b]}}, {TOOL_A}"
            ),
            2,
        ),
        (
            rules(f"name: r, effect: allow, allowed_agent_ids: [x], denied_agent_ids: [x], {TOOL_A}"),
            rules(f"name: r, effect: allow, allowed_agent_ids: [x], denied_agent_ids: [X], {TOOL_A}"),
            2,
        ),
    ],
    "budget-above-rate-limit": [
        (
            rules(
                f"name: r, effect: allow, rate_limit: {{requests: 5}}, destructive_budget: {{requests: 300, window: minute}}, {TOOL_A}"
            ),
            rules(
                f"name: r, effect: allow, rate_limit: {{requests: 5}}, destructive_budget: {{requests: 10, window: hour}}, {TOOL_A}"
            ),
            2,
        )
    ],
    "long-credential-lifetime": [
        (
            rules(f"name: r, effect: allow, max_credential_ttl_seconds: 90000, {TOOL_A}"),
            rules(f"name: r, effect: allow, max_credential_ttl_seconds: 86400, {TOOL_A}"),
            2,
        )
    ],
    "enabled-anyway": [
        (
            rules(f"name: r, effect: allow, sandbox: {{enabled: false, max_timeout_seconds: 5}}, {TOOL_A}"),
            rules(f"name: r, effect: allow, sandbox: {{enabled: false, max_timeout_seconds: 0}}, {TOOL_A}"),
            2,
        ),
        ("mcp_trust:\n  enabled: false\n  snapshot: s\n", "mcp_trust:\n  enabled: true\n  snapshot: s\n", 2),
    ],
    "ignored-block": [
        (
            rules(f"name: r, effect: allow, rate_limit: {{window: hour}}, {TOOL_A}"),
            rules(f"name: r, effect: allow, rate_limit: {{window: hour, requests: 1}}, {TOOL_A}"),
            2,
        ),
        (
            rules(f"name: r, effect: allow, dataflow: {{action: block}}, {TOOL_A}"),
            rules(f"name: r, effect: allow, dataflow: {{action: '', reason_code: ~}}, {TOOL_A}"),
            2,
        ),
        ("fail_closed: {risk_classes: [high]}\n", "fail_closed: {enabled: false, risk_classes: []}\n", 1),
        ("mcp_trust: {min_score: -0.5}\n", "mcp_trust: {min_score: 0.0}\n", 1),
    ],
    "freeze-unknown-zone": [
        (
            rules(
                f"name: r, effect: allow, freeze_window: {{timezone: Mars/Olympus, windows: [{{start: '2026-12-24T00:00:00', end: '2026-12-27T00:00:00'}}]}}, {TOOL_A}"
            ),
            rules(
                f"name: r, effect: allow, freeze_window: {{timezone: America/Chicago, windows: [{{start: '2026-12-24T00:00:00', end: '2026-12-27T00:00:00'}}]}}, {TOOL_A}"
            ),
            2,
        )
    ],
    "freeze-invalid-period": [
        (
            rules(
                f"name: r, effect: allow, freeze_window: {{timezone: UTC, windows: [{{start: '2026-12-24', end: '2026-12-27T00:00:00'}}]}}, {TOOL_A}"
            ),
            rules(
                f"name: r, effect: allow, freeze_window: {{timezone: UTC, windows: [{{start: '2026-12-24T00:00:00', end: '2026-12-27T00:00:00'}}]}}, {TOOL_A}"
            ),
            2,
        ),
        (
            rules(
                f"name: r, effect: allow, freeze_window: {{timezone: UTC, windows: [{{start: '2026-12-27T00:00:00', end: '2026-12-24T00:00:00'}}]}}, {TOOL_A}"
            ),
            "rules: []\n",
            2,
        ),
        (
            rules(
                f"name: r, effect: allow, freeze_window: {{timezone: UTC, windows: [{{start: '2026-02-30T00:00:00', end: '2026-12-24T00:00:00'}}]}}, {TOOL_A}"
            ),
            "rules: []\n",
            2,
        ),
    ],
    "alias-member": [
        ("default_action: block\n", "default_verdict: block\ndefault_action: ''\n", 1),
        (rules(f"name: r, action: block, {TOOL_A}"), rules(f"name: r, effect: block, {TOOL_A}"), 2),
        (
            rules("name: r, effect: block, match: {tool_name: a}"),
            rules("name: r, effect: block, match: {tool_name: ''}"),
            2,
        ),
    ],
}


def findings(text: str, lint_id: str) -> list[LintFinding]:
    reading = digest_policy(text.encode())
    assert reading.outcome == "accepted", reading
    return [finding for finding in lint(reading) if finding.id == lint_id]


@pytest.mark.parametrize(
    ("lint_id", "bad", "good", "line"),
    [(lint_id, *case) for lint_id, cases in CASES.items() for case in cases],
)
def test_a_rule_finds_what_it_says_and_nothing_else(lint_id: str, bad: str, good: str, line: int) -> None:
    """One finding, with a line and advice, in the first policy; none in the second."""
    found = findings(bad, lint_id)
    assert [finding.line for finding in found] == [line], found
    assert found[0].message
    assert found[0].advice
    assert findings(good, lint_id) == []


def test_every_rule_has_a_case_and_a_documentation() -> None:
    """Ids are unique, and no rule goes untested or unexplained."""
    ids = [rule.id for rule in LINT_RULES]
    assert len(set(ids)) == len(ids)
    assert set(ids) == set(CASES)
    for rule in LINT_RULES:
        assert rule.title
        assert rule.why.endswith((".", "?"))
        assert rule.advice.endswith(".")


def test_a_clean_policy_has_no_findings() -> None:
    """A policy as an author would want it."""
    text = (
        "default_verdict: block\n"
        + rules("name: reads, effect: allow, match: {endpoint_classes: [fs.read]}")
        + f"  - {{name: risky, effect: require_approval, min_approvals: 2, reason_codes: [y], {HIGH}}}\n"
    )
    assert lint(digest_policy(text.encode())) == ()


def test_what_was_not_read_is_not_linted() -> None:
    """A rejected file has problems instead."""
    assert lint(digest_policy(b"nope: 1\n")) == ()


def test_an_order_dependent_policy_is_linted() -> None:
    """It has no digest, and the finding says which rules make it so."""
    text = rules(
        *(f"name: r{number}, effect: block, {TOOL_A}" for number in range(12)), "name: r0, effect: allow"
    )
    reading = digest_policy(text.encode())
    assert reading.outcome == "abstained"
    assert "duplicate-rule" in {finding.id for finding in lint(reading)}


def test_findings_are_ordered_by_line_and_have_a_json_form() -> None:
    """Readers go through a file from the top."""
    text = rules("name: a, effect: allow", "name: b, action: block")
    found = lint(digest_policy(text.encode()))
    assert [finding.line for finding in found] == sorted(finding.line or 0 for finding in found)
    form: dict[str, Any] = found[0].to_json()
    assert set(form) == {"id", "severity", "line", "column", "rule", "message", "advice"}
    assert form["rule"] == "a"


def test_linting_the_vectors_never_fails(accepted_policies: dict[str, bytes]) -> None:
    """All policies that Gait accepts can be linted, and every finding has a place."""
    for name, data in accepted_policies.items():
        for finding in lint(digest_policy(data)):
            assert finding.line is not None, (name, finding)
