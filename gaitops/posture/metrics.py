# SPDX-License-Identifier: Apache-2.0
"""What a number of the posture is, and the words that its rows are counted by.

A count adds up: the number of a project is the sum over its repositories. Shares, medians and percentages are made from
counts where they are shown, and are missing where their denominator is zero: nothing is 0% or 100% by silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal[
    "places",
    "repositories",
    "decisions",
    "artifacts",
    "calls",
    "tokens",
    "people",
    "items",
    "results",
    "keys",
    "ratio",
    "minutes",
]
VERDICTS: Final = (
    "verified", "verified_with_unsigned_extras", "unsigned", "unverifiable", "failed", "rejected",
)  # fmt: skip
"""Verdicts on artifacts, from best to worst."""
DECISIONS: Final = ("allow", "block", "require_approval", "dry_run")
"""What a gate decides."""
STATES: Final = ("enforced", "shadow", "drifted", "silent", "unknown")
"""States of a place (:mod:`gaitops.posture.states`)."""
DRIFT_CLASSES: Final = (
    "none", "behavioural", "data_semantic", "data_runtime_only", "evidence_missing", "configuration", "integrity",
)  # fmt: skip
"""Classes of a regress result's drift."""
SIGNABLE: Final = frozenset(
    {
        "trace",
        "runpack",
        "pack",
        "session_chain",
        "approval_token",
        "delegation_token",
        "registry_pack",
        "action_contract",
    }
)
"""Kinds of artifact that Gait can sign; all others are unsigned by nature and count under ``evidence.other``."""
BROKEN: Final = frozenset({"failed", "rejected"})
"""Verdicts that count as evidence whatever the kind: what cannot be read may have been anything."""
RUN_KINDS: Final = frozenset({"runpack", "pack"})
_REPOSITORY_FAMILIES: Final = frozenset({"repositories", "coverage", "regress"})
_REPOSITORY_NUMBERS: Final = frozenset(
    {
        "approvals.approvers", "approvals.tokens", "approvals.tokens_long_lived", "approvals.tokens_wildcard", "approvals.tokens_reused",
        "approvals.refused_expired", "evidence.throwaway_keys", "evidence.unsigned_anywhere_required",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metric:
    """One number."""

    id: str
    title: str
    unit: Unit
    meaning: str
    """One sentence; what is counted, and what is not."""
    of: str | None = None
    """For a share: the id of its denominator."""
    over: str | None = None
    """For a share: the id of its numerator."""

    @property
    def by_environment(self) -> bool:
        """Whether it is known of single environments; inventories, tokens and regress results name none."""
        return self.id.partition(".")[0] not in _REPOSITORY_FAMILIES and self.id not in _REPOSITORY_NUMBERS

    @property
    def is_count(self) -> bool:
        """Whether it adds up."""
        return self.unit not in {"ratio", "minutes"} and self.id != "approvals.approvers"

    def to_json(self) -> dict[str, str]:
        """As the report lists it."""
        members = {"id": self.id, "title": self.title, "unit": self.unit, "meaning": self.meaning}
        return members | ({"of": self.of, "over": self.over} if self.of and self.over else {})
