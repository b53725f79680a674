# SPDX-License-Identifier: Apache-2.0
"""Drift attribution: every cause of the closed set from rows that differ in it, with both sides and artifacts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gaitops.signals.causes import Attribution, Cause, attribute_regress, attribute_run
from gaitops.signals.rows import AssignmentChange, RegressRow, RunRow, StepRow, Where

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
PLACE = Where("github.com/acme/pay", "prod", "pay", "production")
BEFORE = RunRow(
    artifact="a" * 64,
    verdict="verified",
    where=PLACE,
    made_at=START,
    run_id="run_before",
    manifest_digest="1" * 64,
    fingerprint="f1",
    family_id="fam_1",
    max_privilege=2,
    action_sequence=("read_cart", "apply_infra"),
    tool_classes=("execute", "read"),
    target_systems=("doc:cart",),
    reason_codes=(),
    receipt_digests=("c" * 64,),
    context_set_digest="5" * 64,
    runtime="linux amd64 python3.12",
    capture_mode="reference",
    producer_version="runner/1",
    gait_versions=frozenset({"1.4.0"}),
    policy_digests=frozenset({"p1"}),
    traces=("t" * 64,),
    steps=(StepRow("read_cart", "x1", "ok", "r1"), StepRow("apply_infra", "x2", "ok", "r2")),
)
AFTER = replace(
    BEFORE,
    artifact="b" * 64,
    made_at=START + timedelta(hours=4),
    run_id="run_after",
    manifest_digest="2" * 64,
    fingerprint="f2",
    family_id="fam_2",
    reason_codes=("result_status_blocked", "result_status_error"),
)
CHANGE = AssignmentChange(
    PLACE.repository,
    PLACE.environment,
    START + timedelta(hours=1),
    "acme/guard@1.0.0",
    "d1",
    "acme/guard@1.1.0",
    "d2",
    backwards=False,
)


def attributed(
    after: RunRow, *history: RunRow, assignments: tuple[AssignmentChange, ...] | None = ()
) -> Attribution:
    return attribute_run(after, history or (BEFORE,), assignments)


def test_nothing_that_differs_is_unknown() -> None:
    """What was compared is listed, so that unknown is not mistaken for not looked at."""
    found = attributed(AFTER)
    assert found.causes == (Cause.UNKNOWN,)
    assert found.changes == ()
    assert found.compared == set(Cause) - {Cause.UNKNOWN, Cause.FIXTURE_SET_CHANGED}


@pytest.mark.parametrize(
    ("changes", "cause", "what"),
    [
        ({"policy_digests": frozenset({"p2"})}, Cause.POLICY_VERSION_CHANGED, "policy digest"),
        ({"runtime": "linux arm64 python3.13"}, Cause.CONFIGURATION_OR_RUNTIME_CHANGED, "runtime"),
        ({"capture_mode": "raw"}, Cause.CONFIGURATION_OR_RUNTIME_CHANGED, "capture mode"),
        ({"producer_version": "runner/2"}, Cause.VERIFIER_OR_GAIT_VERSION_CHANGED, "program that recorded the run"),
        ({"gait_versions": frozenset({"1.5.0"})}, Cause.VERIFIER_OR_GAIT_VERSION_CHANGED, "Gait"),
        ({"receipt_digests": ("e" * 64,)}, Cause.REFERENCE_SET_CHANGED, "content referred to"),
        ({"target_systems": ("db:cart",)}, Cause.REFERENCE_SET_CHANGED, "systems referred to"),
        ({"context_set_digest": "6" * 64}, Cause.REFERENCE_SET_CHANGED, "digest of the reference set"),
        (
            {"steps": (BEFORE.steps[0], StepRow("apply_infra", "x2", "blocked", "r2"))},
            Cause.TOOL_OUTPUT_SHAPE_CHANGED,
            "step 2 apply_infra: status",
        ),
        (
            {"steps": (StepRow("read_cart", "x1", "ok", "r9"), BEFORE.steps[1])},
            Cause.TOOL_OUTPUT_SHAPE_CHANGED,
            "step 1 read_cart: result digest",
        ),
    ],
)  # fmt: skip
def test_each_difference_is_its_cause(changes: dict[str, object], cause: Cause, what: str) -> None:
    """One difference gives one cause, with different values on both sides and the artifacts that show them."""
    found = attributed(replace(AFTER, **changes))  # type: ignore[arg-type]  # names of fields
    assert found.causes == (cause,)
    (change,) = found.changes
    assert change.what == what
    assert change.before
    assert change.after
    assert change.before != change.after
    assert set(change.artifacts) <= {BEFORE.artifact, AFTER.artifact, "t" * 64}
    assert change.artifacts


@pytest.mark.parametrize("backwards", [False, True])
def test_assignments_between_the_runs_are_causes(backwards: bool) -> None:
    """The assignment advanced or was rolled back after the run before and not after the run itself."""
    moved = replace(CHANGE, backwards=backwards)
    expected = Cause.ASSIGNMENT_ROLLED_BACK if backwards else Cause.ASSIGNMENT_ADVANCED
    found = attributed(AFTER, assignments=(moved,))
    assert found.causes == (expected,)
    assert found.changes[0].before == ("acme/guard@1.0.0", "d1")
    for at in (START, START + timedelta(hours=5)):
        assert attributed(AFTER, assignments=(replace(moved, at=at),)).causes == (Cause.UNKNOWN,)
    elsewhere = replace(moved, environment="staging")
    assert attributed(AFTER, assignments=(elsewhere,)).causes == (Cause.UNKNOWN,)


def test_assignments_that_were_not_looked_at_are_not_testable() -> None:
    """Without a fleet repository nothing is said about assignments."""
    found = attributed(AFTER, assignments=None)
    assert not found.compared & {Cause.ASSIGNMENT_ADVANCED, Cause.ASSIGNMENT_ROLLED_BACK}


def test_another_question_is_no_changed_answer() -> None:
    """Steps with other arguments are not compared, and runs of other tools say nothing about outputs and references."""
    other = replace(AFTER, steps=(StepRow("read_cart", "x7", "error", "r7"),))
    assert Cause.TOOL_OUTPUT_SHAPE_CHANGED not in attributed(other).compared
    task = replace(AFTER, action_sequence=("read_cart",), receipt_digests=())
    assert Cause.REFERENCE_SET_CHANGED not in attributed(task).compared


def test_the_baseline_is_the_last_run_before() -> None:
    """Runs after it, of other repositories, and of the family itself are no baseline."""
    later = replace(BEFORE, artifact="c" * 64, made_at=START + timedelta(hours=9), runtime="other")
    foreign = replace(BEFORE, where=replace(PLACE, repository="github.com/acme/other"), runtime="other")
    family = replace(AFTER, made_at=START + timedelta(hours=3), runtime="other")
    older = replace(BEFORE, artifact="d" * 64, made_at=START - timedelta(hours=1), runtime="other")
    found = attributed(AFTER, later, foreign, family, older, BEFORE)
    assert (found.baseline, found.causes) == (BEFORE.artifact, (Cause.UNKNOWN,))
    assert attributed(AFTER, later, foreign, family).baseline == ""


def test_the_policy_of_another_environment_is_no_change() -> None:
    """Places are compared with themselves: another environment may well run another version."""
    staging = replace(BEFORE, where=replace(PLACE, environment="staging"), policy_digests=frozenset({"p9"}))
    assert Cause.POLICY_VERSION_CHANGED not in attributed(AFTER, staging).compared


def test_keywords_stand_beside_the_facts() -> None:
    """Gait's guess is confirmed by a difference, contradicted by a comparison without one, else not testable."""
    assert attributed(AFTER).keyword_check() == {
        "policy_change": "contradicted",
        "tool_result_shape_change": "contradicted",
    }
    changed = replace(AFTER, policy_digests=frozenset({"p2"}), steps=())
    assert attributed(changed).keyword_check() == {
        "policy_change": "confirmed",
        "tool_result_shape_change": "not_testable",
    }
    assert attributed(changed).to_json()["causes"] == ["policy_version_changed"]


RESULT = RegressRow(
    artifact="a" * 64,
    where=PLACE,
    fixture_set="default",
    status="pass",
    vacuous=False,
    drift_class="none",
    fixture_names=("golden",),
    failing=(),
    run_ids=(),
    max_privilege=0,
    made_at=START,
    delivered_at=START,
    position=0,
    producer_version="1.4.0",
)


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({}, {Cause.UNKNOWN}),
        ({"fixture_names": ("golden", "new")}, {Cause.FIXTURE_SET_CHANGED}),
        ({"fixture_set": "other"}, {Cause.FIXTURE_SET_CHANGED}),
        ({"producer_version": "1.5.0"}, {Cause.VERIFIER_OR_GAIT_VERSION_CHANGED}),
        (
            {"drift_class": "behavioural", "failing": (("golden/diff", "unexpected_diff"),)},
            {Cause.TOOL_OUTPUT_SHAPE_CHANGED},
        ),
        (
            {"drift_class": "data_semantic", "failing": (("golden/context_conformance", "context_semantic_drift"),)},
            {Cause.REFERENCE_SET_CHANGED},
        ),
        (
            {"drift_class": "configuration", "failing": (("golden/diff", "candidate_path_invalid"),)},
            {Cause.CONFIGURATION_OR_RUNTIME_CHANGED},
        ),
    ],
)  # fmt: skip
def test_regressions_are_compared_with_the_result_before(
    changes: dict[str, object], causes: set[Cause]
) -> None:
    """Fixtures and version against the last result; what the graders compared against the recorded run."""
    failing = replace(RESULT, artifact="b" * 64, status="fail", **changes)  # type: ignore[arg-type]  # names of fields
    found = attribute_regress(failing, RESULT)
    assert set(found.causes) == causes
    assert all(change.artifacts and change.before != change.after for change in found.changes)


def test_a_first_result_has_nothing_to_be_compared_with() -> None:
    """Fixture set and version are then not testable."""
    found = attribute_regress(replace(RESULT, status="fail"), None)
    assert (found.baseline, found.causes) == ("", (Cause.UNKNOWN,))
    assert Cause.FIXTURE_SET_CHANGED not in found.compared
