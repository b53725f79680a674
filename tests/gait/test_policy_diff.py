# SPDX-License-Identifier: Apache-2.0
"""Comparing policies by meaning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gaitops.gait.policy import Policy
from gaitops.gait.policy_diff import PolicyDiff, diff, render_text
from gaitops.gait.policy_digest import digest_policy


def policy(text: str) -> Policy:
    reading = digest_policy(text.encode())
    assert reading.policy is not None, reading
    return reading.policy


def compare(old: str, new: str) -> PolicyDiff:
    return diff(policy(old), policy(new))


def rule(members: str) -> str:
    return f"rules:\n  - {{name: r, effect: allow, {members}}}\n"


def test_texts_of_the_same_policy_have_no_difference() -> None:
    """Comments, aliases, order and defaults do not count."""
    difference = compare(
        "default_action: BLOCK\nrules: [{name: a, effect: allow}, {name: b, effect: block}]\n",
        "# x\nrules:\n- {name: b, action: Block}\n- {name: a, effect: allow, priority: 0}\ndefault_verdict: block\n",
    )
    assert difference.same_policy
    assert difference.changes == ()
    assert render_text(difference).startswith("the same policy (")


@pytest.mark.parametrize(
    ("old", "new", "path", "kind", "judgement"),
    [
        ("default_verdict: allow\n", "default_verdict: block\n", "default_verdict", "changed", "stricter"),
        ("default_verdict: block\n", "default_verdict: dry_run\n", "default_verdict", "changed", "laxer"),
        ("{}", "fail_closed: {enabled: true}\n", "fail_closed.enabled", "changed", "stricter"),
        ("{}", "scripts: {max_steps: 4}\n", "scripts", "added", "stricter"),
        ("scripts: {max_steps: 4}\n", "scripts: {max_steps: 9}\n", "scripts.max_steps", "changed", "laxer"),
        ("mcp_trust: {snapshot: s}\n", "{}", "mcp_trust", "removed", "laxer"),
        (
            "mcp_trust: {snapshot: s}\n",
            "mcp_trust: {snapshot: t}\n",
            "mcp_trust.snapshot",
            "changed",
            "different",
        ),
        (rule("priority: 1"), rule("priority: 2"), "rules[r].priority", "changed", "different"),
        (rule("min_approvals: 2"), rule("min_approvals: 3"), "rules[r].min_approvals", "changed", "stricter"),
        (
            rule("max_credential_ttl_seconds: 60"),
            rule("max_credential_ttl_seconds: 0"),
            "rules[r].max_credential_ttl_seconds",
            "changed",
            "laxer",
        ),
        (
            rule("denied_agent_ids: [a]"),
            rule("denied_agent_ids: [a, b]"),
            "rules[r].denied_agent_ids",
            "changed",
            "stricter",
        ),
        (
            rule("allowed_agent_ids: [a]"),
            rule("allowed_agent_ids: []"),
            "rules[r].allowed_agent_ids",
            "removed",
            "laxer",
        ),
        (
            rule("allowed_agent_ids: [a]"),
            rule("allowed_agent_ids: [b]"),
            "rules[r].allowed_agent_ids",
            "changed",
            "different",
        ),
        (rule("reason_codes: []"), rule("reason_codes: [x]"), "rules[r].reason_codes", "added", "different"),
        (rule("priority: 0"), rule("rate_limit: {requests: 5}"), "rules[r].rate_limit", "added", "stricter"),
        (
            rule("endpoint: {path_denylist: [/a]}"),
            rule("endpoint: {path_denylist: [/a], action: require_approval}"),
            "rules[r].endpoint.action",
            "changed",
            "laxer",
        ),
        (
            rule("match: {tool_names: [a]}"),
            rule("match: {tool_names: [a, b]}"),
            "rules[r].match.tool_names",
            "changed",
            "laxer",
        ),
        (
            rule("match: {tool_names: [a]}"),
            rule("match: {tool_names: [a], risk_classes: [low]}"),
            "rules[r].match.risk_classes",
            "added",
            "stricter",
        ),
        (
            rule("match: {tool_annotations: {readOnlyHint: true}}"),
            rule("match: {tool_annotations: {readOnlyHint: false}}"),
            "rules[r].match.tool_annotations.read_only_hint",
            "changed",
            "different",
        ),
        (
            "default_verdict: block\n",
            "default_verdict: block\nrules: [{name: new, effect: allow, match: {tool_names: [a]}}]\n",
            "rules[new]",
            "added",
            "laxer",
        ),
        (
            "default_verdict: allow\nrules: [{name: old, effect: block, match: {tool_names: [a]}}]\n",
            "default_verdict: allow\n",
            "rules[old]",
            "removed",
            "laxer",
        ),
    ],
)
def test_one_change_is_named_and_judged(old: str, new: str, path: str, kind: str, judgement: str) -> None:
    """The member that changed, how, and whether that is stricter or laxer where it can be said."""
    difference = compare(old, new)
    assert not difference.same_policy
    found = {change.path: change for change in difference.changes}
    assert path in found, list(found)
    assert (found[path].kind, found[path].judgement) == (kind, judgement)


def test_a_rule_that_meets_others_is_not_judged() -> None:
    """Its effect depends on which rule comes first."""
    old = "default_verdict: block\nrules: [{name: a, effect: block, match: {tool_names: [x]}}]\n"
    new = old.replace("}]", "}, {name: b, effect: allow, priority: -1}]")
    change = compare(old, new).changes[0]
    assert (change.path, change.kind, change.judgement) == ("rules[b]", "added", "different")


def test_rules_are_paired_by_name_and_then_by_priority() -> None:
    """A rule that moved is changed; a rule that was renamed in its place is changed too."""
    old = "rules: [{name: a, effect: block, priority: 1}, {name: b, effect: allow, priority: 2}]\n"
    new = "rules: [{name: a, effect: block, priority: 3}, {name: c, effect: allow, priority: 2}]\n"
    changes = {change.path: (change.old, change.new) for change in compare(old, new).changes}
    assert changes == {"rules[a].priority": (1, 3), "rules[c].name": ("b", "c")}


def test_the_text_form_names_every_change() -> None:
    """One line a change, with a mark and the judgement."""
    text = render_text(
        compare(
            "default_verdict: allow\nrules: [{name: a, effect: block, match: {tool_names: [x]}}]\n",
            "default_verdict: block\nscripts: {block_mixed_risk: true}\n",
        )
    )
    lines = text.splitlines()
    assert lines[2] == "~ default_verdict: allow -> block  (stricter)"
    assert (
        lines[3] == "+ scripts: {max_steps: 0, require_approval_above: 0, block_mixed_risk: true}  (stricter)"
    )
    assert lines[4].startswith("- rules[a]: {name: a, priority: 0, effect: block, match: {tool_names: [x]}}")


def test_the_json_form_is_json() -> None:
    """Values are lists, objects and texts; the place in a file is not part of it."""
    difference = compare("{}", "rules: [{name: a, effect: block, sandbox: {enabled: true}}]\n")
    form = json.loads(json.dumps(difference.to_json()))
    assert form["same_policy"] is False
    assert form["changes"][0]["new"]["sandbox"]["allowed_user_modes"] == []
    assert "index" not in form["changes"][0]["new"]


def test_steps_of_real_policies_agree_with_gait(vectors: Path) -> None:
    """Same policy exactly when Gait says so, and then without changes; otherwise with some."""
    texts = {}
    for line in (vectors / "realistic_policies.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        texts[item["family"], item["version"]] = item["yaml"]
    for line in (vectors / "policy_changes.jsonl").read_text(encoding="utf-8").splitlines():
        step = json.loads(line)
        difference = compare(texts[step["family"], step["from"]], texts[step["family"], step["to"]])
        assert (difference.old_digest, difference.new_digest) == (step["from_digest"], step["to_digest"])
        assert difference.same_policy == step["same_policy"]
        assert bool(difference.changes) != step["same_policy"]
        assert render_text(difference).endswith("\n")
