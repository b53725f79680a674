# SPDX-License-Identifier: Apache-2.0
"""How many of a repository's tools its enforced policies gate: Gait's number, and ours beside it (Gait contract 7.1).

Gait's coverage takes several policies at once and calls a tool gated when any of them names it; it is computed here over the
versions that the fleet enforces in the repository's environments. Ours is stricter: *every* enforced version must restrict the tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gaitops.gait.policy_tools import HIGH_RISK, STRICTLY_GATED, Coverage, ToolPolicy, coverage, tool_key
from gaitops.posture.inputs import Inventory


@dataclass(frozen=True, slots=True)
class RepositoryCoverage:
    """Coverage of one repository's newest inventory."""

    gait: Coverage
    strictly_gated: int
    high_risk_not_strict: tuple[str, ...]
    """Ids of items of high or critical risk that are not strictly gated, sorted."""
    inventory: str
    """SHA-256 of the snapshot."""
    unread: tuple[str, ...]
    """Digests of enforced versions whose tools are not known; with any, nothing is strictly gated."""

    def to_json(self) -> dict[str, object]:
        """Gait's report under its own names, ours beside it."""
        return {
            "gait": self.gait.to_json(),
            "strictlyGated": self.strictly_gated,
            "highRiskNotStrict": list(self.high_risk_not_strict),
            "inventory": self.inventory,
            "unreadPolicies": list(self.unread),
        }


def repository_coverage(
    inventory: Inventory, digests: Sequence[str], policies: Mapping[str, ToolPolicy]
) -> RepositoryCoverage:
    """Coverage of an inventory by the enforced versions of its repository.

    Args:
        inventory: the newest one.
        digests: Gait digests of the versions that are enforced in its environments.
        policies: their tools; those that could not be read are missing.
    """
    own = {digest: policies[digest] for digest in sorted(set(digests)) if digest in policies}
    unread = tuple(sorted(set(digests) - own.keys()))
    complete = bool(own) and not unread
    strict = {
        name: complete and all(policy.gating(name) in STRICTLY_GATED for policy in own.values())
        for name in {tool_key(item.name) for item in inventory.items}
    }
    loose = [item for item in inventory.items if not strict[tool_key(item.name)]]
    return RepositoryCoverage(
        coverage(inventory.snapshot_id, inventory.items, own.values()),
        len(inventory.items) - len(loose),
        tuple(sorted(item.item_id for item in loose if item.risk_level in HIGH_RISK)),
        inventory.artifact,
        unread,
    )
