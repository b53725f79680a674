# SPDX-License-Identifier: Apache-2.0
"""What the posture is made of: counted rows, as whoever holds the evidence hands them over.

A repository or environment that is empty was not attributed. Times are aware, in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from gaitops.gait.artifacts.facts import InventoryItemFacts
from gaitops.gait.policy_tools import ToolPolicy


class DecisionCount(NamedTuple):
    """Decisions of verified traces, each emission once, that are alike."""

    repository: str
    environment: str
    digest: str
    """Gait policy digest."""
    decision: str
    day: date
    moment: datetime
    """Some moment of theirs; the fleet expected the same at all of them (:func:`gaitops.posture.expectation.boundaries`)."""
    events: int
    kill_switch: int
    """How many of them the kill switch made."""
    first: datetime
    last: datetime


class ArtifactCount(NamedTuple):
    """Artifacts that are alike, each once."""

    repository: str
    environment: str
    """Where it is known or joined through the run; for unproven ones also what the artifact claims."""
    kind: str
    verdict: str
    day: date
    artifacts: int
    repeated: int
    """Further deliveries of the same bytes."""
    last: datetime
    """When the newest was made; the start of the window where none of them says."""


class ApprovalDelay(NamedTuple):
    """Calls that needed an approval and waited equally long."""

    repository: str
    environment: str
    minutes: int | None
    """From the first question to the first allowing decision, rounded down; ``None`` while open."""
    calls: int
    oldest: datetime
    """When the first of them was asked."""


class TokenCount(NamedTuple):
    """Approval tokens of one repository."""

    repository: str
    tokens: int
    long_lived: int
    wildcard: int


class Approver(NamedTuple):
    """Tokens of one approver that gates of one repository took."""

    repository: str
    approver: str
    taken: int


class RepositoryCount(NamedTuple):
    """A number of one repository."""

    repository: str
    number: int


class KeyUse(NamedTuple):
    """Unregistered keys of one repository."""

    repository: str
    keys: int
    artifacts: int


class RegressCount(NamedTuple):
    """Regress results that are alike."""

    repository: str
    day: date
    """When they were collected; a result itself only knows when its first fixture ran."""
    status: str
    vacuous: bool
    drift_class: str
    results: int


class GraderFailures(NamedTuple):
    """Failures of one grader of one fixture."""

    repository: str
    fixture: str
    grader: str
    failures: int
    reasons: tuple[str, ...]
    last: datetime


class Inventory(NamedTuple):
    """The newest inventory of one repository."""

    repository: str
    snapshot_id: str
    artifact: str
    """SHA-256 of the snapshot."""
    items: tuple[InventoryItemFacts, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time that is looked at: [since, until)."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class PostureInputs:
    """Everything that was counted in one window."""

    decisions: Sequence[DecisionCount] = ()
    artifacts: Sequence[ArtifactCount] = ()
    approvals: Sequence[ApprovalDelay] = ()
    tokens: Sequence[TokenCount] = ()
    approvers: Sequence[Approver] = ()
    reused_tokens: Sequence[RepositoryCount] = ()
    expired_tokens: Sequence[RepositoryCount] = ()
    keys: Sequence[KeyUse] = ()
    regress: Sequence[RegressCount] = ()
    failures: Sequence[GraderFailures] = ()
    inventories: Sequence[Inventory] = ()
    policies: Mapping[str, ToolPolicy] = field(default_factory=dict)
    """Gait digest → tools of the version, for what the fleet enforces."""
