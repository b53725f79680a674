# SPDX-License-Identifier: Apache-2.0
"""From artifacts through tables to the queue: the same signals, and a proof of each that lists what it counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gaitops.evidence.engines import Engine, open_engine
from gaitops.evidence.signal_facts import Fleet, assignment_changes, signal_evidence
from gaitops.evidence.signal_proof import signal_proof
from gaitops.signals.queue import Queue, queue
from gaitops.signals.rows import Evidence
from tests.posture import larkspur
from tests.signals.ingested import fleet, repository, write_fleet
from tests.signals.larkspur import TRUTH
from tests.signals.larkspur import evidence as by_hand
from tests.signals.test_fleet_vectors import FINDINGS

WINDOW = larkspur.WINDOW
COMPARED_BY_PROOF = {"committed_policy"}
"""Kinds of which no artifact is the event itself."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(write_fleet(tmp_path_factory.mktemp("evidence"))) as found:
        yield found


@pytest.fixture(scope="module")
def evidence(engine: Engine) -> Evidence:
    return signal_evidence(engine, WINDOW, fleet())


@pytest.fixture(scope="module")
def made(evidence: Evidence) -> Queue:
    return queue(evidence)


def test_the_findings_of_the_truth_come_out_of_the_tables(made: Queue) -> None:
    """Every kind of signal is about exactly the repositories of which the finding is true."""
    for finding, kind in FINDINGS.items():
        found = {name for signal in made.signals if signal.kind == kind for name in signal.repositories}
        expected = {repository(name.partition("/")[2]) for name in TRUTH["findings"][finding]}
        assert found == expected, finding


def test_tables_and_texts_give_the_same_queue(made: Queue) -> None:
    """Counting in the engine loses nothing: the events behind each kind are those of the texts."""
    plain = queue(by_hand())
    assert made.before == plain.before
    assert [(one.id, one.events) for one in made.signals if one.gait] == [
        (one.id, one.events) for one in plain.signals if one.gait
    ]
    families = {family.gait.family_id: family for family in plain.families}
    for family in made.families:
        other = families.pop(family.gait.family_id)
        assert (family.first_seen, family.last_seen) == (other.first_seen, other.last_seen)
        assert family.environments == other.environments
        assert family.proven == other.proven
        assert family.gait == other.gait
    assert not families


def test_proofs_list_what_signals_count(engine: Engine, made: Queue) -> None:
    """As many artifacts as events, and every representative among them; for the first signal of each kind."""
    for signal in {signal.kind: signal for signal in reversed(made.signals)}.values():
        found = signal_proof(engine, WINDOW, fleet(), signal.selector)
        assert found == sorted(set(found))
        assert set(signal.artifacts) <= set(found), signal.kind
        if signal.kind not in COMPARED_BY_PROOF:
            assert len(found) == signal.events, signal.kind


def test_attributions_see_the_policies_of_runs(evidence: Evidence) -> None:
    """Runs know where they ran, under which policies and which Gait, from the traces that name them."""
    runs = {run.run_id: run for run in by_hand().runs}
    for run in evidence.runs:
        other = runs[run.run_id]
        assert run.where.environment == other.where.environment
        assert (run.policy_digests, run.gait_versions) == (other.policy_digests, other.gait_versions)
        assert (run.runtime, run.producer_version) == (other.runtime, other.producer_version)
    incident = next(run for run in evidence.runs if run.family_id == "fam_5fbb0b6f1bd4")
    assert incident.steps == runs[incident.run_id].steps


def test_assignments_come_from_verified_history(evidence: Evidence) -> None:
    """Staging advanced once in each repository, and nothing else moved."""
    changes = evidence.assignments or ()
    assert {change.environment for change in changes} == {"staging"}
    assert len(changes) == 12
    assert {(change.before, change.after, change.backwards) for change in changes} == {
        ("larkspur/larkspur-agent-baseline@1.1.0", "larkspur/larkspur-agent-baseline@2.0.0", False)
    }
    line = larkspur.line()
    back = replace(line, spans={place: list(reversed(spans)) for place, spans in line.spans.items()})
    assert all(change.backwards for change in assignment_changes(back))


def test_without_a_fleet_nothing_is_expected(engine: Engine) -> None:
    """No drift, no silence and no tiers are claimed; what artifacts show alone stays."""
    alone = queue(signal_evidence(engine, WINDOW, Fleet()))
    kinds = {signal.kind for signal in alone.signals}
    assert not kinds & {
        "policy_drift",
        "unknown_policy",
        "silent_repository",
        "committed_policy",
        "unsigned_where_required",
    }
    assert {"incident_family", "destructive_blocks", "failed_evidence", "kill_switch"} <= kinds
    for signal in alone.signals:
        assert signal.score.tier.because == "tier unknown"
    assert signal_proof(engine, WINDOW, Fleet(), alone.signals[0].selector)


def test_a_window_sees_its_own_events_alone(engine: Engine, made: Queue) -> None:
    """The first week has fewer events of every kind, and the second family had not begun."""
    week = replace(WINDOW, until=WINDOW.since + timedelta(days=6))
    early = queue(signal_evidence(engine, week, fleet()))
    ids = {signal.id for signal in early.signals}
    assert "fam_5fbb0b6f1bd4" in ids
    assert "fam_739179434577" not in ids
    assert early.before["policy_drift"] < made.before["policy_drift"]
    assert "silent_repository" not in early.after
