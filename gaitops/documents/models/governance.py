# SPDX-License-Identifier: Apache-2.0
"""Exceptions, gates and duties to keep: Waiver, DeploymentGate, RetentionClass, LegalHold (design 9 to 11)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from gaitops.documents.models.base import (
    ControlId,
    Document,
    Duration,
    Items,
    Line,
    Metadata,
    Model,
    Name,
    PrincipalRef,
    ProjectMetadata,
    RepositoryRef,
    Scope,
    Text,
    Timestamp,
    require_unique,
)
from gaitops.documents.models.rollout import Phase
from gaitops.documents.times import parse_duration, parse_timestamp

MAX_WAIVER_DAYS: Final = 90

ArtifactKind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""Kind of a Gait artifact, for example ``trace`` or ``runpack``."""


class WaiverSpec(Model):
    """Accepts that one control fails, somewhere, for a limited time."""

    owner: PrincipalRef = Field(description="Who answers for it.")
    control: ControlId = Field(description="Control whose failure is accepted.")
    scope: Scope = Field(description="Where: the project or one of its environments.")
    repositories: Items[Name] = Field(
        default=(), description="Only these repositories of the project; all of the scope when absent."
    )
    issued_at: Timestamp = Field(description="From when it holds.")
    expires_at: Timestamp = Field(description="When it ends: at most 90 days later, less if the org says so.")
    ticket: Line = Field(description="Where the work to end it is tracked.", examples=["SEC-1042"])
    reason: Text = Field(description="Why the failure is acceptable meanwhile.")

    @model_validator(mode="after")
    def _limited(self) -> Self:
        life = parse_timestamp(self.expires_at) - parse_timestamp(self.issued_at)
        if life <= timedelta(0):
            raise ValueError("expected issuedAt before expiresAt")
        if life > timedelta(days=MAX_WAIVER_DAYS):
            raise ValueError(f"a waiver lives at most {MAX_WAIVER_DAYS} days")
        require_unique(self.repositories, "repository")
        return self


class Waiver(Document):
    """A dated, owned, expiring exception to one control."""

    kind: Literal["Waiver"] = Field(description="Always Waiver.")
    metadata: ProjectMetadata = Field(description="Id of the waiver.")
    spec: WaiverSpec = Field(description="The waiver.")


class ConformanceRequirement(Model):
    """What conformance must say."""

    controls: Items[ControlId] = Field(default=(), description="Controls that must pass; all when absent.")
    allow_waived: bool = Field(default=True, description="Whether a waived control counts as passed.")
    allow_insufficient_data: bool = Field(
        default=False, description="Whether a control without data counts as passed."
    )


class RolloutRequirement(Model):
    """Where rollouts that touch the environment may stand."""

    forbidden_phases: Items[Phase] = Field(min_length=1, description="Phases that stop a deployment.")


class RegressionRequirement(Model):
    """What Gait's regress results must say."""

    minimum_pass_rate: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Lowest share of passing fixtures, 0 to 1."
    )
    max_age: Duration = Field(description="Oldest result that counts.")
    allow_vacuous: bool = Field(default=False, description="Whether fixtures without a candidate count.")


class GateRequirements(Model):
    """What must hold before a deployment; at least one of them."""

    conformance: ConformanceRequirement | None = Field(
        default=None, description="Conformance of the repository."
    )
    rollout: RolloutRequirement | None = Field(default=None, description="State of rollouts.")
    regression: RegressionRequirement | None = Field(default=None, description="Regression posture.")
    freeze_windows: Items[Name] = Field(default=(), description="Freeze windows that stop a deployment.")

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not (self.conformance or self.rollout or self.regression or self.freeze_windows):
            raise ValueError("expected at least one of conformance, rollout, regression and freezeWindows")
        require_unique(self.freeze_windows, "freeze window")
        return self


class DeploymentGateSpec(Model):
    """When a deployment into an environment is stopped."""

    summary: Text | None = Field(default=None, description="What the gate is for.")
    environments: Items[Name] = Field(min_length=1, description="Environments of the project that it guards.")
    require: GateRequirements = Field(description="What must hold.")

    @model_validator(mode="after")
    def _environments_unique(self) -> Self:
        require_unique(self.environments, "environment")
        return self


class DeploymentGate(Document):
    """Stops deployments of a project while something is not as it must be."""

    kind: Literal["DeploymentGate"] = Field(description="Always DeploymentGate.")
    metadata: ProjectMetadata = Field(description="Name of the gate.")
    spec: DeploymentGateSpec = Field(description="The gate.")


class RetentionClassSpec(Model):
    """How long artifacts are kept, and what then."""

    scope: Scope = Field(default="fleet", description="Artifacts attributed to this scope and below.")
    kinds: Items[ArtifactKind] = Field(default=(), description="Kinds of artifact; all when absent.")
    keep_at_least: Duration = Field(description="Shortest time before a deletion is allowed.")
    delete_after: Duration | None = Field(
        default=None, description="When artifacts are to be deleted; never when absent."
    )
    reason: Text = Field(description="Law, contract or decision behind it.")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.delete_after and parse_duration(self.delete_after) < parse_duration(self.keep_at_least):
            raise ValueError("expected keepAtLeast <= deleteAfter")
        require_unique(self.kinds, "kind")
        return self


class RetentionClass(Document):
    """How long a class of artifacts is kept."""

    kind: Literal["RetentionClass"] = Field(description="Always RetentionClass.")
    metadata: Metadata = Field(description="Name of the retention class.")
    spec: RetentionClassSpec = Field(description="The retention class.")


class LegalHoldSpec(Model):
    """What must not be deleted, whatever its retention class says, until the hold is removed."""

    scope: Scope = Field(description="Artifacts attributed to this scope and below.")
    repositories: Items[RepositoryRef] = Field(
        default=(), description="Only these repositories; all of the scope when absent."
    )
    kinds: Items[ArtifactKind] = Field(default=(), description="Kinds of artifact; all when absent.")
    collected_from: Timestamp | None = Field(
        default=None, description="Only artifacts collected from then on."
    )
    collected_until: Timestamp | None = Field(default=None, description="Only artifacts collected before.")
    matter: Line = Field(description="Case or ticket behind it.", examples=["LEGAL-2026-017"])
    reason: Text = Field(description="Why, for those who are stopped by it.")

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        start, end = self.collected_from, self.collected_until
        if start and end and start >= end:
            raise ValueError("expected collectedFrom before collectedUntil")
        require_unique(self.repositories, "repository")
        return self


class LegalHold(Document):
    """Stops deletions. An auditor may place one; removing it needs an approver."""

    kind: Literal["LegalHold"] = Field(description="Always LegalHold.")
    metadata: Metadata = Field(description="Id of the hold.")
    spec: LegalHoldSpec = Field(description="The hold.")
