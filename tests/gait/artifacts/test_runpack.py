# SPDX-License-Identifier: Apache-2.0
"""Runpacks: every golden vector, and what a run says."""

from __future__ import annotations

import pytest

from gaitops.gait.artifacts.facts import RunFacts
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Verdict
from tests.gait.artifacts.vectors import Vector, archives, codes, keyring, runpack

ALL = archives("runpacks.jsonl")


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.name)
def test_every_vector_gives_the_right_answer(vector: Vector) -> None:
    """The verdict is the expected one, with members that nobody signed told apart."""
    inspection = inspect(vector.data, keyring())
    vector.judge(inspection)
    assert inspection.sha256 == vector.line["sha256"]
    if "run_id" in vector.line and inspection.facts is not None:
        assert inspection.ids["run_id"] == vector.line["run_id"]
        assert inspection.digests["manifest_digest"] == vector.line["manifest_digest"].lower()


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.name)
def test_gaits_verdict_is_what_gait_said(vector: Vector) -> None:
    """Where the archive can be read strictly, ``gait_verdict`` fails exactly where the program did."""
    inspection = inspect(vector.data, keyring())
    if inspection.verdict is not Verdict.REJECTED:
        intact = inspection.gait_verdict not in {Verdict.FAILED, Verdict.UNVERIFIABLE, Verdict.REJECTED}
        assert intact == (vector.line["gait_verify_exit"] == 0)


def test_facts_of_a_run() -> None:
    """A run says its steps in order with their results, and what content it referred to."""
    facts = inspect(runpack("signed-receipts").data, keyring()).facts
    assert isinstance(facts, RunFacts)
    assert facts.run_id == runpack("signed-receipts").line["run_id"]
    assert [step.index for step in facts.steps] == list(range(len(facts.steps)))
    assert all(step.tool_name and step.args_digest and step.status for step in facts.steps)
    assert facts.receipts
    assert all(len(receipt.content_digest) == 64 for receipt in facts.receipts)
    assert facts.created_at is not None


def test_a_run_may_lack_results() -> None:
    """A step without a result has an empty status, and the runpack is intact."""
    facts = inspect(runpack("signed-missing-results").data, keyring()).facts
    assert isinstance(facts, RunFacts)
    assert "" in {step.status for step in facts.steps}


def test_members_of_another_run_are_our_finding() -> None:
    """Gait does not compare run ids; gaitops does, and says that Gait would accept the runpack."""
    inspection = inspect(runpack("run-id-mismatch-intent").data, keyring())
    assert codes(inspection) == {"runpack.run_id_mismatch"}
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.VERIFIED)


def test_a_newer_producers_manifest_is_verified_though_gait_refuses_it() -> None:
    """An unknown member inside both digest and signature is covered by both (contract 16.10)."""
    inspection = inspect(runpack("signed-extra-in-manifest-digest").data, keyring())
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.VERIFIED, Verdict.FAILED)
