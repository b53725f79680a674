# SPDX-License-Identifier: Apache-2.0
"""The evidence summary: what the artifacts of a fleet said in a window of time (design 9 to 11).

Rollout analyses and conformance read it; the evidence plane writes it. Counts only: every number can be traced to
artifacts by whoever holds them, and the summary is named by the SHA-256 of its bytes wherever it was read.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from gaitops.documents.models.base import Items, Line, Model, Name, Sha256, Timestamp, require_unique

SUMMARY_SCHEMA: Final = "gaitops.dev/evidence-summary/v1"

Count = Annotated[int, Field(ge=0, le=2**53)]


class Window(Model):
    """A stretch of time, [start, end)."""

    start: Timestamp = Field(description="First moment that belongs to it.")
    end: Timestamp = Field(description="First moment after it.")

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.start >= self.end:  # Both are UTC in one fixed form, which sorts as time does.
            raise ValueError("expected start before end")
        return self


class ArtifactCounts(Model):
    """How many artifacts were read, by verdict (design 11)."""

    verified: Count = Field(default=0, description="Signed by a known key, and intact.")
    verified_with_unsigned_extras: Count = Field(
        default=0, description="Verified, with further members that no signature covers."
    )
    unsigned: Count = Field(default=0, description="Intact, and nobody signed it.")
    unverifiable: Count = Field(default=0, description="Signed by a key that nobody registered.")
    failed: Count = Field(default=0, description="A signature or digest does not hold.")
    rejected: Count = Field(default=0, description="Ambiguous or malformed.")

    @property
    def total(self) -> int:
        """All artifacts."""
        return self.proven + self.unproven

    @property
    def proven(self) -> int:
        """Artifacts whose signature holds under a known key."""
        return self.verified + self.verified_with_unsigned_extras

    @property
    def unproven(self) -> int:
        """Artifacts that prove nothing."""
        return self.unsigned + self.unverifiable + self.failed + self.rejected


class PolicyDecisions(Model):
    """Decisions that verified traces record under one policy."""

    gait_policy_digest: Sha256 = Field(description="Policy digest as Gait prints it.")
    allow: Count = Field(default=0, description="Calls that were allowed.")
    block: Count = Field(default=0, description="Calls that were blocked.")
    require_approval: Count = Field(default=0, description="Calls that needed an approval.")
    dry_run: Count = Field(default=0, description="Calls that were only rehearsed.")
    last_at: Timestamp | None = Field(default=None, description="When the newest of them was made.")

    @property
    def total(self) -> int:
        """All decisions under this policy."""
        return self.allow + self.block + self.require_approval + self.dry_run


class Comparison(Model):
    """Calls that two policies judged: matched by the digest of the intent."""

    enforced: Sha256 = Field(description="Gait policy digest of the enforced version.")
    candidate: Sha256 = Field(description="Gait policy digest of the candidate.")
    both: Count = Field(description="Calls that both judged.")
    unexpected_blocks: Count = Field(description="Calls that the candidate blocked and the enforced allowed.")


class RegressCounts(Model):
    """What Gait's regress results say."""

    results: Count = Field(default=0, description="Regress results.")
    fixtures: Count = Field(default=0, description="Fixtures in them.")
    passed: Count = Field(default=0, description="Fixtures whose graders all passed.")
    vacuous: Count = Field(
        default=0, description="Passed fixtures without a candidate, which were compared with themselves."
    )
    last_at: Timestamp | None = Field(default=None, description="When the newest result was collected.")

    @model_validator(mode="after")
    def _nested(self) -> Self:
        if not self.vacuous <= self.passed <= self.fixtures:
            raise ValueError("expected vacuous <= passed <= fixtures")
        return self


class RepositoryEvidence(Model):
    """What was collected from one repository in one environment."""

    repository: Line = Field(description="Normalised repository id.", examples=["github.com/acme/pay"])
    environment: Name = Field(description="Environment of its project.")
    last_evidence_at: Timestamp | None = Field(default=None, description="When its newest artifact was made.")
    artifacts: ArtifactCounts = Field(default_factory=ArtifactCounts, description="Artifacts by verdict.")
    policies: Items[PolicyDecisions] = Field(default=(), description="Decisions by policy digest.")
    comparisons: Items[Comparison] = Field(default=(), description="Calls that two policies judged.")
    regress: RegressCounts = Field(default_factory=RegressCounts, description="Regress results.")
    kill_switch_activations: Count = Field(default=0, description="Calls that the kill switch stopped.")

    @model_validator(mode="after")
    def _unique(self) -> Self:
        require_unique((policy.gait_policy_digest for policy in self.policies), "policy digest")
        require_unique(((one.enforced, one.candidate) for one in self.comparisons), "comparison")
        return self


class EvidenceSummary(Model):
    """What the evidence of a fleet says about a window of time."""

    schema_: Literal["gaitops.dev/evidence-summary/v1"] = Field(
        alias="schema", description="Always gaitops.dev/evidence-summary/v1."
    )
    trust_root: Sha256 = Field(description="Trust root of the fleet whose producer keys were believed.")
    generated_at: Timestamp = Field(description="When it was made.")
    window: Window = Field(description="Which artifacts were read: those made in this window.")
    repositories: Items[RepositoryEvidence] = Field(
        default=(), description="By repository and environment; what is absent was not heard of."
    )

    @model_validator(mode="after")
    def _unique(self) -> Self:
        require_unique(((row.repository, row.environment) for row in self.repositories), "repository")
        return self
