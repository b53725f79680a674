# SPDX-License-Identifier: Apache-2.0
"""What signals are made from: rows of evidence as plain values, already attributed and freed of repeated deliveries.

Where a row stands for many artifacts it names a few of them; the selector of the signal made from it finds the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Where:
    """The place that a row is attributed to; empty text where nothing is known."""

    repository: str
    """Normalised repository id."""
    environment: str = ""
    team: str = ""
    tier: str = ""
    """``development``, ``staging`` or ``production``, by the fleet."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How often and when something was seen, with a few of the artifacts that say so."""

    count: int
    first: datetime | None
    last: datetime | None
    artifacts: tuple[str, ...]
    """SHA-256 of some artifacts, sorted; never all of many."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One tool call of a run, and what came back."""

    tool_name: str
    args_digest: str
    status: str
    result_digest: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One recorded run."""

    artifact: str
    verdict: str
    where: Where
    made_at: datetime | None
    run_id: str
    manifest_digest: str
    fingerprint: str
    """Gait's, from the runpack alone, so that the same run has the same one in every repository."""
    family_id: str
    max_privilege: int
    action_sequence: tuple[str, ...]
    tool_classes: tuple[str, ...]
    target_systems: tuple[str, ...]
    reason_codes: tuple[str, ...]
    receipt_digests: tuple[str, ...]
    context_set_digest: str = ""
    runtime: str = ""
    capture_mode: str = ""
    producer_version: str = ""
    """Of the program that wrote the runpack."""
    gait_versions: frozenset[str] = frozenset()
    """Of the Gait that decided the run's calls."""
    policy_digests: frozenset[str] = frozenset()
    """Policies that decided the run's calls, by traces that name the run; empty when no trace does."""
    traces: tuple[str, ...] = ()
    """Some of those traces."""
    steps: tuple[StepRow, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionGroup:
    """Verified decisions of one tool at one place with one outcome, each emission counted once."""

    where: Where
    tool_name: str
    decision: str
    """``allow``, ``block``, ``dry_run`` or ``require_approval``."""
    policy_digest: str
    kill_switch: bool
    """Whether the kill switch made the decision."""
    seen: Seen


@dataclass(frozen=True, slots=True)
class DriftRow:
    """Decisions under a policy that was not expected at their place and time."""

    where: Where
    policy_digest: str
    versions: tuple[str, ...]
    """Versions of the fleet with this digest; none for a policy that the fleet does not know."""
    expected: tuple[str, ...]
    """Digests that were expected there in the window, sorted."""
    max_privilege: int
    """Of the tools that it decided about; 0 when not known."""
    seen: Seen


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """Calls of one tool at one place that needed an approval."""

    where: Where
    tool_name: str
    calls: int
    """Distinct calls: intents under a policy."""
    waiting: int
    """Of these, calls that no later decision allowed."""
    seen: Seen
    """The waiting ones."""


@dataclass(frozen=True, slots=True)
class RegressRow:
    """One regress result."""

    artifact: str
    where: Where
    fixture_set: str
    status: str
    vacuous: bool
    drift_class: str
    fixture_names: tuple[str, ...]
    failing: tuple[tuple[str, str], ...]
    """(``<fixture>/<grader>``, reasons joined by commas) of every failed grader."""
    run_ids: tuple[str, ...]
    """Runs behind the failed graders."""
    max_privilege: int
    """Of those runs; 0 when they are not in the evidence."""
    made_at: datetime | None
    """Time of the first fixture's run."""
    delivered_at: datetime
    """When it was delivered last; the same bytes may come again."""
    position: int
    producer_version: str


@dataclass(frozen=True, slots=True)
class DoubtRow:
    """Artifacts of one kind and verdict at one place that do not count as proof."""

    where: Where
    kind: str
    verdict: str
    """``unsigned``, ``unverifiable``, ``failed`` or ``rejected``."""
    keys: int
    """Distinct keys that they name."""
    required: bool
    """Whether signatures are required at the place."""
    seen: Seen


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding of one code about artifacts at one place."""

    where: Where
    code: str
    seen: Seen


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """What is known of one repository as a whole."""

    where: Where
    last_evidence: datetime | None
    """Newest event that verified evidence shows; ``None`` without any."""
    last_artifacts: tuple[str, ...] = ()
    """Artifacts of that event."""
    repeated: Seen | None = None
    """Deliveries of what was known already."""
    unclaimed: Seen | None = None
    """Verified decisions that name no repository."""
    committed_digest: str | None = None
    """Gait digest of the policy file in the repository; ``None`` when it was not looked at or has no digest."""
    committed_path: str = ""
    committed_assigned: bool = True
    """Whether some environment of the repository is assigned that digest; also when nothing is assigned to it."""
    assigned: bool = True
    """Whether the fleet assigns it anything; nobody waits for evidence of others."""


@dataclass(frozen=True, slots=True)
class AssignmentChange:
    """A change of what one place must run, from the verified history."""

    repository: str
    environment: str
    at: datetime
    before: str
    """Version enforced before: ``org/policy@1.0.0``; empty when nothing was assigned."""
    before_digest: str
    """Its Gait digest; empty when it has none."""
    after: str
    after_digest: str
    backwards: bool
    """Whether the new version is older than the one before."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that signals of one window are made from."""

    at: datetime
    """Time as of which the queue is made."""
    runs: Sequence[RunRow] = ()
    decisions: Sequence[DecisionGroup] = ()
    drift: Sequence[DriftRow] = ()
    waiting: Sequence[WaitingRow] = ()
    regress: Sequence[RegressRow] = ()
    doubts: Sequence[DoubtRow] = ()
    findings: Sequence[FindingRow] = ()
    repositories: Sequence[RepositoryRow] = ()
    assignments: Sequence[AssignmentChange] | None = None
    """``None`` when the history of assignments was not looked at."""
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Gait digest → names of the fleet's versions."""
