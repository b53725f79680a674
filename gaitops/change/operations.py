# SPDX-License-Identifier: Apache-2.0
"""Operations: what a set of deltas means (design 1).

An operation's structured form is what an approver reads and signs, so it holds names, counts and digests and
never anything that depends on who looks or when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Operation:
    """One thing that a change does, with everything that rules may ask about it."""

    kind: str
    """Dotted name, for example ``policy.publish``; the keys of ``change.permissions.PERMISSIONS``."""
    scope: str
    paths: tuple[str, ...]
    """Paths of the deltas that it covers, by path bytes."""
    details: Mapping[str, object] = field(default_factory=dict)
    """Further members of the structured form: JSON values only."""
    tiers: frozenset[str] = frozenset()
    """Tiers before and after."""
    risks: frozenset[str] = frozenset()
    """Risks before and after, of every policy involved."""
    modes: frozenset[str] = frozenset()
    safe: bool = False
    """A move in the safe direction: one approver is enough (design 4)."""
    minimum_quorum: int = 0
    """At least this many approvals, whatever the rules say (a backdated revocation, design 4)."""
    felt_in: tuple[str, ...] = ()
    """Further scopes in which it takes effect: of another organization than the one that decides (design 5), or of the
    environments that a rollout moves. Rules of all these scopes raise what must be met."""
    also: frozenset[str] = frozenset()
    """Further kinds whose rules hold: a rollout that moves assignments keeps to what is asked of moving them."""
    planned: bool = False
    """An edge of a rollout that its approved plan allows: an operator may propose it (design 9)."""
    agreed: bool = False
    """The approval of the plan covers it: proposed by an operator, it needs no further approver (design 9)."""
    indirect: bool = False
    """An effect caused by other documents than the environment that it happens in."""

    def to_json(self) -> dict[str, object]:
        """The structured form that approvals repeat."""
        form: dict[str, object] = {"kind": self.kind, "scope": self.scope, "paths": list(self.paths)}
        for name, values in (("tiers", self.tiers), ("risks", self.risks), ("modes", self.modes)):
            if values:
                form[name] = sorted(values)
        return {**form, **self.details}

    def summary(self) -> str:
        """One line for people."""
        title = self.details.get("title")
        where = f" in {self.scope}" if self.scope != "fleet" else ""
        return f"{self.kind}: {title}{where}" if title else f"{self.kind}{where}"
