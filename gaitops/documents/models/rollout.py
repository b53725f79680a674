# SPDX-License-Identifier: Apache-2.0
"""Staged changes of assignments: Rollout (design 9).

The spec is fixed once a rollout has started; the status moves along the edges of its state machine. Whether an
edge may be taken is not decided here.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gaitops.documents.models.base import (
    Caps,
    Document,
    Duration,
    Items,
    Mode,
    Model,
    Name,
    ProjectMetadata,
    Semver,
    Sha256,
    Text,
    Timestamp,
    require_unique,
)
from gaitops.documents.models.tenancy import PolicyReference, Selector

Metric = Literal[
    "block_rate",
    "block_rate_delta",
    "approval_required_rate_delta",
    "unexpected_block_count",
    "regress_pass_rate",
    "candidate_coverage",
    "unverifiable_evidence_rate",
    "kill_switch_activations",
]
Phase = Literal["pending", "running", "paused", "completed", "rolled_back", "aborted"]
Outcome = Literal["success", "failure", "inconclusive", "error"]
TriggerKind = Literal["metric", "regress_failure", "revoked_version", "soak_expired"]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1_000_000_000, le=1_000_000_000)]
"""A whole or decimal number; YAML writes both ``1`` and ``0.05``."""


class Threshold(Model):
    """Bounds of one metric; at least one of them."""

    metric: Metric = Field(description="What is measured.")
    minimum: Number | None = Field(default=None, description="Lowest value that is acceptable.")
    maximum: Number | None = Field(default=None, description="Highest value that is acceptable.")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.minimum is None and self.maximum is None:
            raise ValueError("expected minimum, maximum or both")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("expected minimum <= maximum")
        return self


class Gate(Model):
    """What a signed analysis must say before a step may be left."""

    name: Name = Field(description="Name that steps refer to.")
    window: Duration = Field(description="Stretch of evidence that the analysis looks at.")
    minimum_samples: int = Field(ge=1, description="Fewest decisions; below it the outcome is inconclusive.")
    failure_limit: int = Field(default=0, ge=0, le=100, description="Metrics that may fail.")
    inconclusive_limit: int = Field(default=0, ge=0, le=100, description="Metrics that may be inconclusive.")
    metrics: Items[Threshold] = Field(min_length=1, description="Bounds that are judged.")

    @model_validator(mode="after")
    def _metrics_unique(self) -> Self:
        require_unique((threshold.metric for threshold in self.metrics), "metric")
        return self


class Step(Model):
    """One stage: how many repositories, in which environments, in which mode, and for how long."""

    name: Name = Field(description="Name of the step.")
    mode: Mode = Field(description="What the candidate does in the repositories of this step.")
    percent: int | None = Field(default=None, ge=1, le=100, description="Share of the selected repositories.")
    count: int | None = Field(default=None, ge=1, description="Number of repositories.")
    environments: Items[Name] = Field(min_length=1, description="Environments of the project in this step.")
    soak: Duration | None = Field(default=None, description="Shortest stay before the next step.")
    gates: Items[Name] = Field(
        default=(), description="Gates of the spec that must succeed before it is left."
    )
    approval: Literal["required"] | None = Field(
        default=None, description="With 'required', entering the step needs the quorum again."
    )

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.percent is None) == (self.count is None):
            raise ValueError("expected exactly one of percent and count")
        require_unique(self.environments, "environment")
        require_unique(self.gates, "gate")
        return self


class RollbackTrigger(Model):
    """When the rollout must be rolled back."""

    when: TriggerKind = Field(description="What happened.")
    threshold: Threshold | None = Field(
        default=None, description="Bounds whose violation counts, for 'metric'."
    )
    after: Duration | None = Field(default=None, description="Longest stay in one step, for 'soak_expired'.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.when == "metric") != (self.threshold is not None):
            raise ValueError("expected 'threshold' with 'when: metric', and only then")
        if (self.when == "soak_expired") != (self.after is not None):
            raise ValueError("expected 'after' with 'when: soak_expired', and only then")
        return self


class RolloutPolicy(Model):
    """The policy that a rollout moves."""

    org: Name | None = Field(default=None, description="Org that owns the policy; this org when absent.")
    name: Name = Field(description="Name of the policy.")


class RolloutSpec(Model):
    """The plan. Approving the start approves every edge that follows it exactly."""

    policy: RolloutPolicy = Field(description="Policy whose version changes.")
    from_version: Semver = Field(alias="from", description="Version that is enforced at the start.")
    to_version: Semver = Field(alias="to", description="Candidate version.")
    selector: Selector = Field(description="Repositories of the project that take part.")
    first: Items[Name] = Field(default=(), description="Repositories that come first, in this order.")
    hold: Items[Name] = Field(default=(), description="Repositories that come last.")
    steps: Items[Step] = Field(min_length=1, max_length=50, description="Stages, in order.")
    gates: Items[Gate] = Field(default=(), description="Gates that steps name.")
    limits: Caps = Field(
        default_factory=Caps, description="Limits of every step; fleet and org caps stay above."
    )
    freeze_windows: Items[Name] = Field(default=(), description="Freeze windows in which no step is entered.")
    rollback_triggers: Items[RollbackTrigger] = Field(default=(), description="When to roll back.")
    reason: Text | None = Field(default=None, description="Why, for those who approve.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.from_version == self.to_version:
            raise ValueError("expected 'from' and 'to' to differ")
        require_unique((step.name for step in self.steps), "step")
        require_unique((gate.name for gate in self.gates), "gate")
        require_unique((*self.first, *self.hold), "repository in first and hold")
        known = {gate.name for gate in self.gates}
        for step in self.steps:
            for gate in step.gates:
                if gate not in known:
                    raise ValueError(
                        f"step {step.name!r} names the gate {gate!r}, which the spec does not have"
                    )
        return self


class GateResult(Model):
    """One gate of one step, as a signed analysis judged it, or crossed without one."""

    step: Name = Field(description="Step that was left.")
    gate: Name = Field(description="Gate of that step.")
    outcome: Outcome | Literal["missing"] = Field(
        description="What the analysis says; with anything but success the edge needs the quorum."
    )
    analysis: Sha256 | None = Field(
        default=None, description="SHA-256 of the analysis' payload; absent where it is missing."
    )

    @model_validator(mode="after")
    def _cited(self) -> Self:
        if (self.outcome == "missing") != (self.analysis is None):
            raise ValueError("expected 'analysis', and only with 'outcome: missing' none")
        return self


class PreviousAssignment(Model):
    """What an environment enforced before the rollout: what a rollback restores."""

    environment: Name = Field(description="Environment of the project.")
    policy: PolicyReference = Field(description="Its policy before.")


class RolloutStatus(Model):
    """Where the rollout stands."""

    phase: Phase = Field(description="State of the rollout.")
    step: Name | None = Field(default=None, description="Current step, or the last one that was entered.")
    started_at: Timestamp | None = Field(default=None, description="When it was started.")
    step_started_at: Timestamp | None = Field(default=None, description="When the current step was entered.")
    finished_at: Timestamp | None = Field(
        default=None, description="When it was completed, rolled back or aborted."
    )
    repositories: Items[Name] = Field(
        default=(),
        description="Repositories in the order of their cohorts, fixed at the start; newcomers append.",
    )
    previous: Items[PreviousAssignment] = Field(default=(), description="Assignments before the start.")
    gates: Items[GateResult] = Field(
        default=(), description="Gates of the steps that were left, in their order."
    )
    trigger: TriggerKind | None = Field(
        default=None, description="Trigger that a rollback follows; verified when it is decided."
    )
    reason: Text | None = Field(default=None, description="Why it was paused, rolled back or aborted.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        started = (self.step, self.started_at, self.step_started_at)
        if self.phase in ("running", "paused", "completed", "rolled_back") and None in started:
            raise ValueError(f"phase {self.phase!r} expects step, startedAt and stepStartedAt")
        if self.phase == "pending" and started != (None, None, None):
            raise ValueError("phase 'pending' expects neither step nor times")
        if self.trigger is not None and self.phase != "rolled_back":
            raise ValueError("expected 'trigger' with phase 'rolled_back' only")
        require_unique(self.repositories, "repository")
        require_unique(((gate.step, gate.gate) for gate in self.gates), "gate")
        require_unique((previous.environment for previous in self.previous), "environment")
        return self


class Rollout(Document):
    """A staged change of the policy version of many repositories."""

    kind: Literal["Rollout"] = Field(description="Always Rollout.")
    metadata: ProjectMetadata = Field(description="Id of the rollout.")
    spec: RolloutSpec = Field(description="The plan; fixed once started.")
    status: RolloutStatus = Field(
        default_factory=lambda: RolloutStatus(phase="pending"), description="Where it stands."
    )

    @model_validator(mode="after")
    def _known_steps(self) -> Self:
        steps = {step.name for step in self.spec.steps}
        named = {result.step for result in self.status.gates} | ({self.status.step} - {None})
        unknown = sorted(str(name) for name in named - steps)
        if unknown:
            raise ValueError(f"status names the step {unknown[0]!r}, which the spec does not have")
        return self
