# SPDX-License-Identifier: Apache-2.0
"""Coverage of an inventory: Gait's own report to the member, and the stricter gating beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gaitops.errors import InvalidInputError
from gaitops.gait.artifacts.facts import InventoryItemFacts
from gaitops.gait.policy_tools import (
    Gating,
    ToolPolicy,
    coverage,
    gated_tools,
    read_tool_policy,
    strict_coverage,
)

FLEET = Path(__file__).parent.parent / "vectors" / "gait" / "fleet"
REPOSITORIES = sorted(path.parent.name for path in FLEET.glob("*/scout_coverage.json"))


def policy(text: str) -> ToolPolicy:
    return read_tool_policy(text.encode())


def item(name: str, risk: str = "low") -> InventoryItemFacts:
    return InventoryItemFacts(f"tool:framework:x:{name}", "tool", name, "a.py", risk, ("x",), "")


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_coverage_is_what_gait_reports(repository: str) -> None:
    """For the policy committed in each repository, the report equals Gait's own, member by member."""
    folder = FLEET / repository
    snapshot = json.loads((folder / "scout_snapshot.json").read_text())
    items = [
        InventoryItemFacts(
            found["id"],
            found["kind"],
            found["name"],
            found["locator"],
            found["risk_level"],
            tuple(found["tags"]),
            found.get("last_seen_run", ""),
        )
        for found in snapshot["items"]
    ]
    report = coverage(
        snapshot["snapshot_id"], items, [read_tool_policy((folder / ".gait.yaml").read_bytes())]
    )
    assert report.to_json() == json.loads((folder / "scout_coverage.json").read_text())
    assert list(report.to_json()) == list(json.loads((folder / "scout_coverage.json").read_text()))


def test_every_repository_of_the_fleet_is_compared() -> None:
    """The parameters above are not empty by mistake."""
    assert len(REPOSITORIES) == 12


def test_an_empty_inventory_is_covered_as_gait_says() -> None:
    """Gait prints 100 percent when nothing was discovered, and leaves out empty lists."""
    report = coverage("snap_0", [], [policy("")]).to_json()
    assert report["coverage_percent"] == 100
    assert set(report) == {
        "snapshot_id",
        "discovered_tools",
        "gated_tools",
        "high_risk_ungated_tools",
        "coverage_percent",
        "policy_digests",
    }


def test_several_policies_gate_together() -> None:
    """Gait's report over two policies joins their names and their digests."""
    one = policy("rules: [{name: a, effect: allow, match: {tool_names: [a]}}]")
    two = policy("rules: [{name: b, effect: allow, match: {tool_names: [b]}}]")
    report = coverage("snap_0", [item("A"), item("b"), item("delete_c", "critical")], [two, one])
    assert report.gated_tools == 2
    assert report.coverage_percent == 66.67
    assert report.policy_digests == tuple(sorted([str(one.digest), str(two.digest)]))
    assert report.high_risk_ungated_tool_ids == ("tool:framework:x:delete_c",)


def test_gated_names_are_lowered_and_trimmed_and_do_not_depend_on_the_effect() -> None:
    """A name that only an allow rule lists is gated in Gait's meaning."""
    text = "rules: [{name: a, effect: allow, match: {tool_names: [' Read_Cart ']}}]"
    assert gated_tools(text.encode()) == {"read_cart"}


@pytest.mark.parametrize("text", [b"rules: [{name: a}]", b"\xff", b"x: &a [*a"])
def test_a_policy_that_was_not_read_gates_nothing_and_says_so(text: bytes) -> None:
    """Files that Gait refuses, or that cannot be read with certainty, are errors and not an empty set."""
    with pytest.raises(InvalidInputError) as caught:
        gated_tools(text)
    assert all(problem.code.startswith("policy.") for problem in caught.value.problems)


ALLOW_T = "{name: t, effect: allow, priority: 10, match: {tool_names: [t]}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("default_verdict: block", Gating.ALWAYS),
        ("default_verdict: require_approval", Gating.ALWAYS),
        ("default_verdict: allow", Gating.UNNAMED),
        (f"default_verdict: block\nrules: [{ALLOW_T}]", Gating.ALLOWED),
        (
            "default_verdict: allow\nrules: [{name: r, effect: block, match: {tool_names: [t]}}]",
            Gating.ALWAYS,
        ),
        (
            (
                "default_verdict: allow\n"
                "rules: [{name: r, effect: block, match: {tool_names: [t], risk_classes: [high]}}]"
            ),
            Gating.PARTLY,
        ),
        # The block stands behind a rule that takes every call.
        (
            f"rules: [{ALLOW_T}, {{name: r, effect: block, priority: 20, match: {{tool_names: [t]}}}}]",
            Gating.ALLOWED,
        ),
        # Of the same priority, the most restrictive wins.
        (
            f"rules: [{ALLOW_T}, {{name: r, effect: block, priority: 10, match: {{tool_names: [t]}}}}]",
            Gating.ALWAYS,
        ),
        (
            (
                f"rules: [{ALLOW_T}, {{name: r, effect: dry_run, priority: 10, "
                "match: {tool_names: [t], risk_classes: [low]}}]"
            ),
            Gating.PARTLY,
        ),
        # A rule for all tools allows before the rule that names the tool.
        (
            (
                "rules: [{name: any, effect: allow, priority: 1}, "
                "{name: r, effect: block, priority: 2, match: {tool_names: [t]}}]"
            ),
            Gating.UNNAMED,
        ),
        (
            "rules: [{name: any, effect: allow, priority: 1, match: {endpoint_classes: [fs.read]}}]",
            Gating.UNNAMED,
        ),
        (
            "rules: [{name: t, effect: allow, match: {tool_names: [t]}, endpoint: {domain_allowlist: [a.example]}}]",
            Gating.PARTLY,
        ),
        # Gait asks for no approval when the outcome is allow.
        ("rules: [{name: t, effect: allow, min_approvals: 2, match: {tool_names: [t]}}]", Gating.ALLOWED),
        ("rules: [{name: u, effect: allow, match: {tool_names: [u]}}]", Gating.ALWAYS),
    ],
)
def test_gating_of_a_tool(text: str, expected: Gating) -> None:
    """Priorities, rules for all tools, conditions and the default decide, as the definition says."""
    assert policy(text).gating(" T ") is expected


def test_strict_coverage_counts_every_item_once() -> None:
    """The counts add up, and high-risk items that are not strictly gated are listed."""
    read = policy(
        "default_verdict: allow\n"
        "rules: [{name: r, effect: block, match: {tool_names: [drop]}}, "
        "{name: s, effect: allow, match: {tool_names: [send]}}]"
    )
    found = strict_coverage([item("drop", "critical"), item("send", "high"), item("read")], read)
    assert found.items == 3
    assert found.gated == 1
    assert found.by_gating[Gating.UNNAMED] == 1
    assert found.high_risk_ungated_ids == ("tool:framework:x:send",)
