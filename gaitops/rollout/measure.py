# SPDX-License-Identifier: Apache-2.0
"""From an evidence summary to the metrics of one step (design 9).

Missing data is never a number. A repository of the cohort that the summary does not mention was not heard of, and
then nothing is known about the cohort; one that was heard of and did nothing has a row of zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from gaitops.documents.models.base import Mode
from gaitops.documents.models.rollout import Metric
from gaitops.documents.models.summary import EvidenceSummary, RepositoryEvidence

METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
VERDICT_METRICS: Final[frozenset[Metric]] = frozenset(
    {"block_rate", "block_rate_delta", "approval_required_rate_delta", "unexpected_block_count"}
)
"""Metrics that need the verdict of the candidate."""
DECISION_METRICS: Final[frozenset[Metric]] = VERDICT_METRICS | {"candidate_coverage"}
"""Metrics that are computed from decisions, of which a gate wants a minimum."""
OBSERVE_REASON: Final = (
    "in mode observe Gait drops the simulated verdict from the trace, so the candidate always seems to allow"
)

Pair = tuple[str, str]
"""Normalised repository id and environment: how summaries name where evidence comes from."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric: a value, or the reason why there is none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a summary says about the cohort of one step."""

    samples: int
    """Decisions of the candidate in the cohort."""
    metrics: Mapping[Metric, Measured]
    """All eight."""

    @property
    def values(self) -> dict[Metric, float | None]:
        """The values alone, as gates judge them."""
        return {metric: measured.value for metric, measured in self.metrics.items()}

    @property
    def reasons(self) -> dict[Metric, str]:
        """Why metrics have no value."""
        return {metric: one.reason for metric, one in self.metrics.items() if one.reason is not None}


@dataclass(frozen=True, slots=True)
class _Decisions:
    """Decisions under one policy digest, summed."""

    block: int
    require_approval: int
    total: int


def measure(
    summary: EvidenceSummary,
    pairs: Collection[Pair],
    *,
    mode: Mode,
    candidate_digest: str,
    enforced_digest: str,
    listed_pairs: Iterable[Pair],
) -> Measurement:
    """The metrics of a step over its cohort.

    Args:
        summary: What was collected. That it speaks of this fleet and of the right time is checked where the
            analysis is built.
        pairs: The cohort of the step in its environments.
        mode: Mode of the step.
        candidate_digest: Gait's digest of the version that the rollout goes to.
        enforced_digest: Gait's digest of the version that it comes from.
        listed_pairs: Every listed repository in the environments of the step: where the enforced version is
            looked at, for comparison.
    """
    by_pair = {(row.repository, row.environment): row for row in summary.repositories}
    wanted = sorted(set(pairs))
    heard = [by_pair[pair] for pair in wanted if pair in by_pair]
    listed = [by_pair[pair] for pair in sorted(set(listed_pairs)) if pair in by_pair]
    candidate = _decisions(heard, candidate_digest)
    if not wanted:
        return _nothing(0, "the step reaches no repository")
    if len(heard) < len(wanted):
        return _nothing(candidate.total, _unheard([pair for pair in wanted if pair not in by_pair], wanted))
    found = _of_decisions(heard, listed, candidate, candidate_digest, enforced_digest)
    if candidate_digest == enforced_digest:
        alike = "both versions have the same Gait digest, so their decisions cannot be told apart"
        found.update(dict.fromkeys(DECISION_METRICS, Measured(None, alike)))
    elif mode == "observe":
        found.update(dict.fromkeys(VERDICT_METRICS, Measured(None, OBSERVE_REASON)))
    found.update(_of_artifacts(heard))
    return Measurement(candidate.total, {metric: found[metric] for metric in METRICS})


def _nothing(samples: int, reason: str) -> Measurement:
    return Measurement(samples, dict.fromkeys(METRICS, Measured(None, reason)))


def _unheard(missing: Sequence[Pair], wanted: Sequence[Pair]) -> str:
    shown = ", ".join(f"{repository} in {environment}" for repository, environment in missing[:3])
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return f"nothing was heard of {len(missing)} of {len(wanted)}: {shown}{more}"


def _of_decisions(
    rows: Sequence[RepositoryEvidence],
    listed: Sequence[RepositoryEvidence],
    candidate: _Decisions,
    candidate_digest: str,
    enforced_digest: str,
) -> dict[Metric, Measured]:
    """Metrics from decisions and comparisons; ``rows`` are those of the cohort, ``listed`` those of everybody."""
    enforced = _decisions(listed, enforced_digest)
    return {
        "block_rate": _rate(candidate.block, candidate.total, "the candidate decided nothing"),
        "block_rate_delta": _delta(candidate, enforced, lambda decisions: decisions.block),
        "approval_required_rate_delta": _delta(
            candidate, enforced, lambda decisions: decisions.require_approval
        ),
        "unexpected_block_count": _unexpected_blocks(rows, candidate_digest, enforced_digest),
        "candidate_coverage": _coverage(rows, candidate_digest, enforced_digest),
    }


def _of_artifacts(rows: Sequence[RepositoryEvidence]) -> dict[Metric, Measured]:
    """Metrics that do not depend on which policy decided."""
    vacuous = sum(row.regress.vacuous for row in rows)
    return {
        "regress_pass_rate": _rate(
            sum(row.regress.passed for row in rows) - vacuous,
            sum(row.regress.fixtures for row in rows) - vacuous,
            "no regress fixture was compared with a candidate",
        ),
        "unverifiable_evidence_rate": _rate(
            sum(row.artifacts.unproven for row in rows),
            sum(row.artifacts.total for row in rows),
            "there are no artifacts",
        ),
        "kill_switch_activations": Measured(float(sum(row.kill_switch_activations for row in rows))),
    }


def _decisions(rows: Iterable[RepositoryEvidence], digest: str) -> _Decisions:
    counts = [policy for row in rows for policy in row.policies if policy.gait_policy_digest == digest]
    return _Decisions(
        sum(count.block for count in counts),
        sum(count.require_approval for count in counts),
        sum(count.total for count in counts),
    )


def _rate(part: int, whole: int, when_empty: str) -> Measured:
    return Measured(part / whole) if whole else Measured(None, when_empty)


def _delta(candidate: _Decisions, enforced: _Decisions, part: Callable[[_Decisions], int]) -> Measured:
    """Rate under the candidate less the rate under the enforced version."""
    if not candidate.total:
        return Measured(None, "the candidate decided nothing")
    if not enforced.total:
        return Measured(None, "the enforced version decided nothing that could be compared with")
    return Measured(part(candidate) / candidate.total - part(enforced) / enforced.total)


def _unexpected_blocks(rows: Iterable[RepositoryEvidence], candidate: str, enforced: str) -> Measured:
    both = unexpected = 0
    for row in rows:
        compared = [one for one in row.comparisons if (one.enforced, one.candidate) == (enforced, candidate)]
        if not compared and _decisions([row], candidate).total:
            return Measured(
                None, f"decisions of {row.repository} in {row.environment} were not compared with each other"
            )
        both += sum(one.both for one in compared)
        unexpected += sum(one.unexpected_blocks for one in compared)
    return Measured(float(unexpected)) if both else Measured(None, "no call was judged by both versions")


def _coverage(rows: Sequence[RepositoryEvidence], candidate: str, enforced: str) -> Measured:
    both = sum(
        one.both
        for row in rows
        for one in row.comparisons
        if (one.enforced, one.candidate) == (enforced, candidate)
    )
    decided = _decisions(rows, enforced).total
    if both > decided > 0:
        return Measured(None, f"{both} calls judged by both contradict {decided} decisions of the enforced")
    return _rate(both, decided, "the enforced version decided nothing")
