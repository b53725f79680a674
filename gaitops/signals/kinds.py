# SPDX-License-Identifier: Apache-2.0
"""The kinds of signals, and from where on something that happens every day becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of signal means, and what to do about it."""

    title: str
    """One line without a full stop."""
    meaning: str
    """When it is raised."""
    remedy: str
    """What a person can do."""


KINDS: Final[dict[str, Kind]] = {
    "incident_family": Kind(
        "The same failure again",
        "Two or more runs with reasons share one fingerprint.",
        "Reproduce the canonical run as a regress fixture and fix what the attribution names.",
    ),
    "failed_run": Kind(
        "A run that failed once",
        "One run has reasons beyond what the gate stopped, and no other run has its fingerprint.",
        "Look at the run; make it a regress fixture if it should never happen again.",
    ),
    "stopped_runs": Kind(
        "Runs in which the gate stopped something",
        "Runs of one class of tools and tier, each with a fingerprint of its own, whose only reasons are that the gate "
        "blocked, asked or simulated.",
        "Expected where the policy is right; look at those that should not have asked.",
    ),
    "unknown_policy": Kind(
        "A policy that the fleet does not know decides calls",
        "Verified decisions carry a policy digest that belongs to no version of the fleet.",
        "Renew the pin of the repository, or publish the policy as a version.",
    ),
    "policy_drift": Kind(
        "A version that is not assigned decides calls",
        "Verified decisions carry a version that was not assigned there, then or within the grace before.",
        "Renew the pin of the repository.",
    ),
    "committed_policy": Kind(
        "The committed policy is assigned nowhere",
        "The policy file in the repository has a digest that none of its environments is assigned.",
        "Commit the assigned version, or remove the file if the pin is what runs.",
    ),
    "destructive_blocks": Kind(
        "Destructive calls are blocked again and again",
        "Blocked calls of destructive tools reach both thresholds of count and share in one repository.",
        "Find out why the agents ask; keep the block with a policy fixture.",
    ),
    "blocked_calls": Kind(
        "Blocked calls",
        "Calls of tools of one class were blocked at one place.",
        "Expected where the policy is right; a policy fixture keeps it so.",
    ),
    "approval_backlog": Kind(
        "Calls wait for approvals that nobody gives",
        "Waiting calls reach both thresholds of count and share in one repository.",
        "Approve or reject what waits, or have the policy ask less often.",
    ),
    "kill_switch": Kind(
        "The kill switch is in use",
        "The kill switch decided verified calls.",
        "Resolve the incident behind it and take the entry back.",
    ),
    "failing_regress": Kind(
        "A regression fails",
        "A result fails, and no later delivery of the same fixture set passes.",
        "Fix what the graders name, or renew the fixture if the new behaviour is right.",
    ),
    "vacuous_regress": Kind(
        "Regressions that compare with nothing",
        "Every result of the repository passes without a candidate to compare with.",
        "Give the fixtures a candidate runpack.",
    ),
    "unverifiable_evidence": Kind(
        "Evidence signed by unknown keys",
        "Artifacts are signed by keys that nobody registered.",
        "Sign with a registered producer key instead of development mode.",
    ),
    "failed_evidence": Kind(
        "Evidence that does not hold",
        "Artifacts are damaged, altered, or refused as ambiguous or unsafe.",
        "Find out who altered them; collect them again from where they were written.",
    ),
    "damaged_runs": Kind(
        "Recorded runs that do not hold",
        "Runpacks or packs are damaged, altered, or refused.",
        "Find out who altered them; collect them again from where they were written.",
    ),
    "unsigned_traces": Kind(
        "Traces without a signature",
        "Traces are not signed; Gait always signs them, so the signature was removed.",
        "Find out who removed the signature.",
    ),
    "unsigned_where_required": Kind(
        "Unsigned evidence where signatures are required",
        "Traces or runpacks are not signed in an environment that requires it.",
        "Have Gait sign there with a registered producer key.",
    ),
    "attribution_conflict": Kind(
        "Evidence that claims to come from elsewhere",
        "Artifacts name another repository or environment than the one that delivered them.",
        "Correct the names that the runner passes to Gait; ask who else uses its key.",
    ),
    "producer_misuse": Kind(
        "A producer key outside its place or time",
        "A registered key signed for a repository, an environment or a time that it is not registered for.",
        "Rotate the key if somebody else has it; otherwise widen its registration.",
    ),
    "unclaimed_decisions": Kind(
        "Decisions that name no repository",
        "Verified decisions carry no repository, as those of the tool proxy do.",
        "Sign with a key of that repository alone, so that the key says where they come from.",
    ),
    "repeated_deliveries": Kind(
        "The same evidence delivered twice",
        "Deliveries hold artifacts or events that were known already; nothing is counted twice.",
        "Stop the collector from sending again what it sent.",
    ),
    "silent_repository": Kind(
        "No evidence any more",
        "A repository that the fleet assigns policies to shows no verified event for longer than allowed.",
        "Check whether the agents run without the gate, or the collector stopped.",
    ),
}
"""Kind → what it means. Titles and remedies are the texts of SARIF rules and of the documentation."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on something that happens in every repository becomes a signal."""

    repeated_blocks: int = 10
    """Blocked destructive calls in one repository."""
    repeated_share: float = 0.10
    """Of the repository's decisions; both must be reached."""
    backlog_calls: int = 10
    """Waiting calls in one repository."""
    backlog_share: float = 0.5
    """Of the repository's calls that need approval; both must be reached."""
    silent_days: int = 5
    """Without a verified event, more than this."""


DEFAULT_THRESHOLDS: Final = Thresholds()
