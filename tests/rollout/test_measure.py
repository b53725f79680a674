# SPDX-License-Identifier: Apache-2.0
"""Metrics from an evidence summary; what is not known is no number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gaitops.documents.models.base import Mode
from gaitops.documents.models.rollout import Metric
from gaitops.documents.models.summary import EvidenceSummary
from gaitops.rollout.measure import DECISION_METRICS, METRICS, VERDICT_METRICS, Measurement, measure

OLD, NEW, OTHER = "1" * 64, "2" * 64, "3" * 64
CART, SHOP, BANK = (f"github.com/acme/{name}" for name in ("cart", "shop", "bank"))


def decisions(digest: str, **counts: int) -> dict[str, Any]:
    """Decisions under one policy."""
    return {"gaitPolicyDigest": digest, **counts}


def compared(both: int, unexpected: int) -> list[dict[str, Any]]:
    """A comparison of the two versions, and one of others that does not count."""
    return [
        {"enforced": OLD, "candidate": NEW, "both": both, "unexpectedBlocks": unexpected},
        {"enforced": OTHER, "candidate": NEW, "both": 1000, "unexpectedBlocks": 1000},
    ]


def row(repository: str, environment: str = "prod", **members: Any) -> dict[str, Any]:
    """What was collected from one repository."""
    return {"repository": repository, "environment": environment, **members}


FULL = row(
    CART,
    artifacts={"verified": 6, "verifiedWithUnsignedExtras": 2, "unsigned": 1, "failed": 1},
    policies=[
        decisions(OLD, allow=90, block=5, requireApproval=5),
        decisions(NEW, allow=60, block=20, requireApproval=10, dryRun=10),
        decisions(OTHER, block=500),
    ],
    comparisons=compared(80, 4),
    regress={"results": 1, "fixtures": 12, "passed": 10, "vacuous": 2},
    killSwitchActivations=3,
)


def measured(
    *rows: dict[str, Any],
    mode: Mode = "dry_run",
    pairs: tuple[tuple[str, str], ...] = ((CART, "prod"),),
    listed: tuple[tuple[str, str], ...] | None = None,
    digests: tuple[str, str] = (NEW, OLD),
) -> Measurement:
    """Metrics of a cohort over some rows."""
    summary = EvidenceSummary.model_validate(
        {
            "schema": "gaitops.dev/evidence-summary/v1",
            "trustRoot": "a" * 64,
            "generatedAt": "2026-11-22T10:00:00Z",
            "window": {"start": "2026-11-21T10:00:00Z", "end": "2026-11-22T10:00:00Z"},
            "repositories": list(rows),
        }
    )
    return measure(
        summary,
        pairs,
        mode=mode,
        candidate_digest=digests[0],
        enforced_digest=digests[1],
        listed_pairs=pairs if listed is None else listed,
    )


def test_all_metrics_of_one_row() -> None:
    """Each metric as design 9 defines it."""
    found = measured(FULL)
    assert found.samples == 100
    assert found.reasons == {}
    assert found.values == pytest.approx(
        {
            "block_rate": 0.2,
            "block_rate_delta": 0.15,
            "approval_required_rate_delta": 0.05,
            "unexpected_block_count": 4,
            "regress_pass_rate": 0.8,
            "candidate_coverage": 0.8,
            "unverifiable_evidence_rate": 0.2,
            "kill_switch_activations": 3,
        }
    )


def test_rows_are_summed_over_the_cohort_only() -> None:
    """Neither other repositories nor other environments of the same one take part."""
    second = row(SHOP, policies=[decisions(NEW, allow=100)], comparisons=compared(10, 0))
    strangers = [row(CART, "test", policies=[decisions(NEW, block=900)]), row(BANK, killSwitchActivations=9)]
    found = measured(FULL, second, *strangers, pairs=((CART, "prod"), (SHOP, "prod")))
    assert found.samples == 200
    assert found.values["block_rate"] == pytest.approx(0.1)
    assert found.values["kill_switch_activations"] == 3


def test_enforced_rates_are_those_of_everybody_listed() -> None:
    """The comparison is with all listed repositories, not only with those of the cohort."""
    second = row(SHOP, policies=[decisions(OLD, block=100)])
    found = measured(FULL, second, listed=((CART, "prod"), (SHOP, "prod")))
    assert found.values["block_rate_delta"] == pytest.approx(0.2 - 105 / 200)
    assert found.values["candidate_coverage"] == pytest.approx(0.8)


def test_a_repository_that_was_not_heard_of() -> None:
    """Then nothing is known about the cohort, whatever the others say."""
    found = measured(FULL, pairs=((CART, "prod"), (SHOP, "prod")))
    assert set(found.values.values()) == {None}
    assert found.reasons["kill_switch_activations"] == f"nothing was heard of 1 of 2: {SHOP} in prod"
    assert found.samples == 100


def test_many_that_were_not_heard_of() -> None:
    """Three of them are named, the others counted."""
    pairs = tuple((f"github.com/acme/r{number}", "prod") for number in range(5))
    reason = measured(FULL, pairs=pairs).reasons["block_rate"]
    assert reason.startswith("nothing was heard of 5 of 5: github.com/acme/r0 in prod, ")
    assert reason.endswith(" and 2 more")


def test_no_cohort() -> None:
    """A step that reaches nobody has no metrics."""
    found = measured(FULL, pairs=())
    assert (found.samples, set(found.values.values())) == (0, {None})


def test_a_repository_that_did_nothing() -> None:
    """It was heard of: its counts are zero, its rates unknown."""
    found = measured(row(CART))
    assert found.values == {**dict.fromkeys(METRICS), "kill_switch_activations": 0}
    assert len(found.reasons) == 7


def test_observe_knows_no_verdicts() -> None:
    """The candidate always seems to allow; coverage is known all the same."""
    found = measured(FULL, mode="observe")
    assert {metric for metric, value in found.values.items() if value is None} == VERDICT_METRICS
    assert all("observe" in found.reasons[metric] for metric in VERDICT_METRICS)
    assert found.values["candidate_coverage"] == pytest.approx(0.8)


def test_versions_that_gait_does_not_tell_apart() -> None:
    """With one digest for both, no decision says which of them made it."""
    found = measured(FULL, digests=(OLD, OLD))
    assert {metric for metric, value in found.values.items() if value is None} == DECISION_METRICS


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({"policies": [decisions(NEW, allow=9)]}, {"block_rate_delta", "candidate_coverage"}),
        ({"policies": [decisions(OLD, allow=90)]}, {"block_rate", "block_rate_delta"}),
        ({"comparisons": []}, {"unexpected_block_count"}),
        ({"comparisons": compared(0, 0)}, {"unexpected_block_count"}),
        ({"comparisons": compared(101, 0)}, {"candidate_coverage"}),
        ({"regress": {"results": 1, "fixtures": 2, "passed": 2, "vacuous": 2}}, {"regress_pass_rate"}),
        ({"artifacts": {}}, {"unverifiable_evidence_rate"}),
    ],
)
def test_what_cannot_be_computed_is_unknown(changes: Mapping[str, Any], unknown: set[Metric]) -> None:
    """A zero below the line, or data that are missing or contradict each other: no value, and a reason."""
    found = measured({**FULL, **changes})
    for metric in unknown:
        assert found.values[metric] is None
        assert found.reasons[metric]
    assert found.values["kill_switch_activations"] == 3


def test_a_single_repository_without_comparison() -> None:
    """Unexpected blocks of one repository must not vanish behind the comparisons of another."""
    second = row(SHOP, policies=[decisions(OLD, allow=10), decisions(NEW, block=10)])
    found = measured(FULL, second, pairs=((CART, "prod"), (SHOP, "prod")))
    assert found.values["unexpected_block_count"] is None
    assert SHOP in found.reasons["unexpected_block_count"]
    assert found.values["candidate_coverage"] == pytest.approx(80 / 110)
