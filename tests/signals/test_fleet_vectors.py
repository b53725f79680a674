# SPDX-License-Identifier: Apache-2.0
"""Two weeks of a fleet: every finding that is true of it is a signal about the right repository, and nothing else is."""

from __future__ import annotations

from typing import Final

import pytest

from gaitops.signals.kinds import KINDS
from gaitops.signals.queue import Queue, queue
from tests.gait.runpack_files import moment
from tests.signals.larkspur import TRUTH, evidence

FINDINGS: Final = {
    "policy_drift": "policy_drift",
    "unknown_policy": "unknown_policy",
    "destructive_blocks": "destructive_blocks",
    "approval_backlog": "approval_backlog",
    "failing_regress": "failing_regress",
    "vacuous_regress_only": "vacuous_regress",
    "unverifiable_traces": "unverifiable_evidence",
    "failed_or_rejected_traces": "failed_evidence",
    "unsigned_traces": "unsigned_traces",
    "unsigned_where_required": "unsigned_where_required",
    "tampered_runpacks": "damaged_runs",
    "duplicate_deliveries": "repeated_deliveries",
    "attribution_conflicts": "attribution_conflict",
    "events_without_repo": "unclaimed_decisions",
    "stale": "silent_repository",
    "kill_switch_used": "kill_switch",
    "committed_policy_not_planned": "committed_policy",
}
"""Finding of the truth → kind of signal."""


@pytest.fixture(scope="module")
def made() -> Queue:
    return queue(evidence())


@pytest.mark.parametrize("finding", FINDINGS)
def test_every_finding_is_found_where_it_is_true_and_nowhere_else(made: Queue, finding: str) -> None:
    """The repositories of a kind of signal are exactly those that the truth lists."""
    kind = FINDINGS[finding]
    found = {
        repository for signal in made.signals if signal.kind == kind for repository in signal.repositories
    }
    assert sorted(found) == TRUTH["findings"][finding]


def test_no_finding_of_the_truth_is_left_out() -> None:
    """Each is compared by the test above, the families by the next."""
    assert FINDINGS.keys() | {"incident_families"} == TRUTH["findings"].keys()
    assert set(FINDINGS.values()) <= KINDS.keys()


def test_kinds_beside_the_truth_are_known(made: Queue) -> None:
    """What else is in the queue is runs and calls that the gate stopped, which the truth does not judge."""
    others = {signal.kind for signal in made.signals} - set(FINDINGS.values())
    assert others == {"incident_family", "failed_run", "stopped_runs", "blocked_calls"}


def test_incident_families_come_out(made: Queue) -> None:
    """The families with reasons and several runs are the incidents."""
    found = {signal.id for signal in made.signals if signal.kind == "incident_family"}
    assert sorted(found) == sorted(TRUTH["findings"]["incident_families"])


@pytest.mark.parametrize("truth", TRUTH["families"], ids=lambda truth: str(truth["family_id"]))
def test_families_have_their_spread_and_times(made: Queue, truth: dict[str, object]) -> None:
    """Count, repositories, runs, sequence, reasons, first and last seen of every family that spans repositories."""
    family = next(one for one in made.families if one.gait.family_id == truth["family_id"])
    assert family.gait.fingerprint == truth["fingerprint"]
    assert len(family.runs) == family.gait.count == truth["count"]
    assert list(family.spread) == truth["repos"]
    counts = {name.partition("/")[2]: number for name, number in family.spread.items()}
    assert counts == truth["repo_counts"]
    assert list(family.gait.run_ids) == truth["run_ids"]
    assert list(family.canonical.action_sequence) == truth["action_sequence"]
    assert list(family.reasons) == truth["reason_code_vector"]
    assert bool(family.reasons) == truth["incident"]
    assert (family.first_seen, family.last_seen) == (
        moment(str(truth["first_seen"])),
        moment(str(truth["last_seen"])),
    )


def test_no_other_family_spans_repositories(made: Queue) -> None:
    """The truth lists all of them."""
    spanning = {one.gait.family_id for one in made.families if len(one.spread) > 1}
    assert spanning == {truth["family_id"] for truth in TRUTH["families"]}


def test_numbers_of_signals_are_those_of_the_truth(made: Queue) -> None:
    """Events behind a signal: drifted decisions, waiting calls, blocked calls, repeated deliveries, and so on."""
    of = {(signal.kind, name): count for signal in made.signals for name, count in signal.spread.items()}
    for name, repository in TRUTH["repos"].items():
        drifted = sum(one["events"] for one in repository["drift"])
        assert of.get(("policy_drift", name), 0) + of.get(("unknown_policy", name), 0) == drifted
        assert of.get(("kill_switch", name), 0) == repository["kill_switch_blocks"]
        assert of.get(("repeated_deliveries", name), 0) == repository["duplicate_deliveries"]
        assert of.get(("attribution_conflict", name), 0) == len(repository["attribution_conflicts"])
        assert of.get(("unclaimed_decisions", name), 0) == repository["events_without_repo"]
        assert of.get(("damaged_runs", name), 0) == len(repository["runpacks"]["bad"])
        unsigned = (
            repository["unsigned_traces_where_required"] + repository["runpacks"]["unsigned_where_required"]
        )
        assert of.get(("unsigned_where_required", name), 0) == unsigned
    assert of["approval_backlog", "larkspur/payment-router"] == 54
    assert of["destructive_blocks", "larkspur/catalog-sync"] == 46


def test_the_queue_is_a_fraction_of_what_happened(made: Queue) -> None:
    """Before it is put together there is an entry per event, after it one per signal."""
    assert sum(made.before.values()) > 10 * len(made.signals)
    assert sum(made.after.values()) == len(made.signals) == len({signal.id for signal in made.signals})
    assert made.before.keys() == made.after.keys()
    totals = [signal.score.total for signal in made.signals]
    assert totals == sorted(totals, reverse=True)


def test_families_that_changed_nothing_that_can_be_seen_have_no_known_cause(made: Queue) -> None:
    """Gait's keywords call the refund loop a policy change; the policies before and after are the same."""
    signal = next(one for one in made.signals if one.id == "fam_5fbb0b6f1bd4")
    assert signal.gait is not None
    assert signal.gait["drivers"] == ["policy_change", "tool_result_shape_change"]
    checks = {one.repository: one.keyword_check()["policy_change"] for one in signal.attributions}
    assert checks["larkspur/cart-api"] == "contradicted"
    assert checks["larkspur/receipt-mailer"] == "not_testable"
