# SPDX-License-Identifier: Apache-2.0
"""Analyses: what is signed is what is read, and what is stated is not believed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from gaitops.documents.layout import analysis_path, classify
from gaitops.documents.models.rollout import RolloutSpec
from gaitops.documents.models.summary import EvidenceSummary
from gaitops.errors import InvalidInputError, VerificationError
from gaitops.rollout.analysis import (
    PREDICATE_TYPE,
    Analysis,
    build,
    read_analysis,
    recomputed,
    subject_digest,
)
from gaitops.rollout.measure import METRICS, Measured, Measurement
from gaitops.signing.canonical import canonical_json
from gaitops.signing.dsse import seal, verified_by
from gaitops.signing.statement import PAYLOAD_TYPE

MakeSpec = Callable[..., RolloutSpec]

ROOT, EVIDENCE = "a" * 64, "e" * 64
WHERE = ("acme", "pay", "guard-2")
ISSUED = datetime(2026, 11, 22, 12, tzinfo=UTC)
GATE = {
    "name": "calm",
    "window": "24h",
    "minimumSamples": 100,
    "inconclusiveLimit": 1,
    "metrics": [
        {"metric": "block_rate", "maximum": 0.1},
        {"metric": "regress_pass_rate", "minimum": 0.95, "maximum": 1},
    ],
}
STEP = {
    "name": "try",
    "mode": "dry_run",
    "percent": 100,
    "environments": ["prod"],
    "gates": ["calm"],
}
SIGNER = CryptoSigner(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))


def measurement(**values: float | None) -> Measurement:
    """A quiet measurement of 1,000 decisions, some values of it replaced."""
    found = {metric: Measured(0.0) for metric in METRICS} | {"regress_pass_rate": Measured(1.0)}
    for metric, value in values.items():
        found[metric] = Measured(value, "unknown for a reason" if value is None else None)  # type: ignore[index]
    return Measurement(1000, found)


def summary(start: str = "2026-11-21T10:00:00Z", root: str = ROOT) -> EvidenceSummary:
    """An empty summary up to 2026-11-22T10:00:00Z."""
    return EvidenceSummary.model_validate(
        {
            "schema": "gaitops.dev/evidence-summary/v1",
            "trustRoot": root,
            "generatedAt": "2026-11-22T11:00:00Z",
            "window": {"start": start, "end": "2026-11-22T10:00:00Z"},
        }
    )


@pytest.fixture
def spec(make_spec: MakeSpec) -> RolloutSpec:
    """A plan of one step with one gate."""
    return make_spec(steps=[STEP], gates=[GATE])


def payload(
    spec: RolloutSpec, found: Measurement | None = None, read: EvidenceSummary | None = None
) -> bytes:
    """What is signed."""
    return build(
        trust_root=ROOT,
        principal="acme/anna",
        org="acme",
        project="pay",
        rollout_id="guard-2",
        spec=spec,
        step=spec.steps[0],
        gate=spec.gates[0],
        summary=read or summary(),
        evidence_sha256=EVIDENCE,
        measurement=found or measurement(),
        issued_at=ISSUED,
    )


def read(data: bytes) -> Analysis:
    """A payload, signed and read."""
    return read_analysis(seal(PAYLOAD_TYPE, data, [SIGNER]), "a.json")


def edited(data: bytes, edit: Callable[[dict[str, Any]], object]) -> bytes:
    """A payload with its predicate changed."""
    value = json.loads(data)
    edit(value["predicate"])
    return canonical_json(value)


def test_what_is_built_is_read(spec: RolloutSpec) -> None:
    """Every member comes back, and the envelope is kept for its signatures."""
    data = payload(spec, measurement(block_rate=0.25, candidate_coverage=None))
    found = read(data)
    assert verified_by(found.envelope, SIGNER.public_key)
    assert found.payload_digest == hashlib.sha256(data).hexdigest()
    assert found.subject == subject_digest(ROOT, *WHERE, spec, "try")
    assert (found.principal, found.org, found.project, found.rollout_id) == ("acme/anna", *WHERE)
    assert (found.step, found.gate, found.mode) == ("try", "calm", "dry_run")
    assert (found.evidence_sha256, found.samples) == (EVIDENCE, 1000)
    assert found.window_end - found.window_start == timedelta(hours=24)
    assert (found.evidence_generated_at, found.issued_at) == (ISSUED - timedelta(hours=1), ISSUED)
    assert found.observed == measurement(block_rate=0.25, candidate_coverage=None).values
    assert [(one.metric, one.outcome, one.minimum, one.maximum) for one in found.metrics] == [
        ("block_rate", "failure", None, 0.1),
        ("regress_pass_rate", "success", 0.95, 1),
    ]
    assert found.metrics[0].reason == "block_rate is 0.25, at most 0.1 expected"
    assert found.outcome == "failure"


def test_the_statement_is_the_published_shape(spec: RolloutSpec) -> None:
    """Members as documented, null for what has no value, and the reason of the measurement."""
    value = json.loads(payload(spec, measurement(block_rate=None)))
    assert value["predicateType"] == PREDICATE_TYPE
    assert value["subject"] == [
        {"name": "rollout", "digest": {"sha256": subject_digest(ROOT, *WHERE, spec, "try")}}
    ]
    predicate = value["predicate"]
    assert predicate["metrics"][0] == {
        "metric": "block_rate",
        "value": None,
        "maximum": 0.1,
        "outcome": "inconclusive",
        "reason": "unknown for a reason",
    }
    assert set(predicate["observed"]) == set(METRICS)
    assert predicate["outcome"] == "success"
    assert payload(spec) == payload(spec)


def test_its_place_is_named_by_its_payload(spec: RolloutSpec) -> None:
    """By rollout and by payload, where the layout expects an analysis."""
    found = read(payload(spec))
    path = analysis_path(found.org, found.project, found.rollout_id, found.payload_digest)
    assert classify(path).kind == "analysis"


def test_the_subject_binds_fleet_rollout_plan_and_step(spec: RolloutSpec, make_spec: MakeSpec) -> None:
    """Change any of them and the analysis is about something else."""
    other = make_spec(steps=[{**STEP, "soak": "1h"}], gates=[GATE])
    subjects = {
        subject_digest(ROOT, *WHERE, spec, "try"),
        subject_digest("b" * 64, *WHERE, spec, "try"),
        subject_digest(ROOT, "acme", "pay", "guard-3", spec, "try"),
        subject_digest(ROOT, *WHERE, spec, "all"),
        subject_digest(ROOT, *WHERE, other, "try"),
    }
    assert len(subjects) == 5


def test_the_subject_does_not_depend_on_how_defaults_are_written(make_spec: MakeSpec) -> None:
    """A default that is written out is the same plan, and so is 1 for 1.0."""
    threshold = {"metric": "block_rate", "maximum": 1}
    plain = make_spec(steps=[STEP], gates=[{**GATE, "metrics": [threshold]}])
    written = make_spec(
        steps=[STEP],
        gates=[{**GATE, "failureLimit": 0, "metrics": [{**threshold, "maximum": 1.0}]}],
        hold=[],
        limits={},
    )
    assert subject_digest(ROOT, *WHERE, plain, "try") == subject_digest(ROOT, *WHERE, written, "try")


def test_the_stated_outcome_is_not_believed(spec: RolloutSpec) -> None:
    """It is computed again from the signed values, under the bounds of the plan and the mode of the step."""
    data = payload(spec, measurement(block_rate=0.5))

    def lie(predicate: dict[str, Any]) -> None:
        predicate["outcome"] = "success"
        predicate["metrics"] = [{**one, "outcome": "success", "maximum": 1} for one in predicate["metrics"]]

    found = read(edited(data, lie))
    step, gate = spec.steps[0], spec.gates[0]
    assert found.outcome == "success"
    assert recomputed(found, step, gate) == "failure"
    assert recomputed(read(payload(spec)), step, gate) == "success"


def test_the_mode_is_that_of_the_plan(make_spec: MakeSpec) -> None:
    """A statement about a step in observe cannot claim verdicts by calling it a dry run."""
    strict = {**GATE, "inconclusiveLimit": 0}
    spec = make_spec(steps=[{**STEP, "mode": "observe"}], gates=[strict])
    found = read(edited(payload(spec), lambda predicate: predicate["rollout"].update(mode="dry_run")))
    assert found.mode == "dry_run"
    assert recomputed(found, spec.steps[0], spec.gates[0]) == "inconclusive"


def test_a_window_that_is_too_short(spec: RolloutSpec) -> None:
    """Nobody can build such an analysis with gaitops, and one built otherwise is an error."""
    with pytest.raises(InvalidInputError) as caught:
        payload(spec, read=summary(start="2026-11-21T10:00:01Z"))
    assert caught.value.code == "analysis.evidence"
    short = edited(payload(spec), lambda predicate: predicate["window"].update(start="2026-11-21T10:00:01Z"))
    assert recomputed(read(short), spec.steps[0], spec.gates[0]) == "error"
    assert read(payload(spec, read=summary(start="2026-11-20T10:00:00Z"))).outcome == "success"


def test_evidence_of_another_fleet(spec: RolloutSpec) -> None:
    """Its producers are not those of this fleet."""
    with pytest.raises(InvalidInputError) as caught:
        payload(spec, read=summary(root="b" * 64))
    assert caught.value.code == "analysis.evidence"


def test_unknown_members_are_ignored(spec: RolloutSpec) -> None:
    """A later version may say more, at every level."""

    def more(predicate: dict[str, Any]) -> None:
        predicate["later"] = {"x": 1}
        for part in ("rollout", "evidence", "window", "observed"):
            predicate[part]["later"] = "x"
        predicate["metrics"][0]["later"] = []

    assert read(edited(payload(spec), more)).outcome == "success"


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (lambda predicate: predicate.update(payloadVersion=2), "payloadVersion"),
        (lambda predicate: predicate.update(payloadVersion=True), "payloadVersion"),
        (lambda predicate: predicate.update(principal="Anna"), "principal"),
        (lambda predicate: predicate.pop("samples"), "samples"),
        (lambda predicate: predicate.update(samples=-1), "samples"),
        (lambda predicate: predicate.update(samples=1.5), "samples"),
        (lambda predicate: predicate.update(metrics=[]), "metrics"),
        (lambda predicate: predicate["metrics"][0].pop("value"), "metrics[0].value"),
        (lambda predicate: predicate["metrics"][0].update(metric="luck"), "metrics[0].metric"),
        (lambda predicate: predicate["observed"].pop("block_rate"), "observed.block_rate"),
        (lambda predicate: predicate["observed"].update(block_rate="0"), "observed.block_rate"),
        (lambda predicate: predicate["observed"].update(block_rate=False), "observed.block_rate"),
        (lambda predicate: predicate["rollout"].update(org="../acme"), "rollout.org"),
        (lambda predicate: predicate["rollout"].update(mode="maybe"), "rollout.mode"),
        (lambda predicate: predicate["evidence"]["digest"].update(sha256="E" * 64), "evidence.digest.sha256"),
        (lambda predicate: predicate["window"].update(end="2026-11-21T10:00:00Z"), "window"),
        (lambda predicate: predicate["window"].update(end="2026-02-30T10:00:00Z"), "window.end"),
        (lambda predicate: predicate.update(outcome="fine"), "outcome"),
        (lambda predicate: predicate.update(issuedAt="now"), "issuedAt"),
    ],
)
def test_known_members_are_read_strictly(
    spec: RolloutSpec, edit: Callable[[dict[str, Any]], object], field: str
) -> None:
    """What is missing, of another type or impossible makes the analysis malformed, and says where."""
    with pytest.raises(VerificationError) as caught:
        read(edited(payload(spec), edit))
    assert caught.value.code == "analysis.malformed"
    assert [problem.field for problem in caught.value.problems] == [field]


def test_other_statements_are_refused(spec: RolloutSpec) -> None:
    """Another predicate type, payload type or number of subjects is no analysis."""
    value = json.loads(payload(spec))
    others = [
        {**value, "predicateType": "https://gaitops.dev/attestation/approval/v1"},
        {**value, "subject": value["subject"] * 2},
        {**value, "subject": [{"name": "rollout", "digest": {"sha512": "ab"}}]},
    ]
    for other in others:
        with pytest.raises(VerificationError) as caught:
            read(canonical_json(other))
        assert caught.value.code == "analysis.malformed"
    with pytest.raises(VerificationError) as caught:
        read_analysis(seal("application/json", payload(spec), [SIGNER]), "a.json")
    assert caught.value.code == "analysis.malformed"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{}", "envelope.malformed"),
        (b"no json", "document.syntax"),
        (b" " * (64 * 1024 + 1), "document.too_large"),
        (b'{"payloadType": "a/b", "payload": "e30=", "signatures": []}', "signature.invalid"),
    ],
)
def test_other_files_are_refused(data: bytes, code: str) -> None:
    """With the reader's own code, and always as something that does not verify."""
    with pytest.raises(VerificationError) as caught:
        read_analysis(data, "a.json")
    assert caught.value.code == code
