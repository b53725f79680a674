# SPDX-License-Identifier: Apache-2.0
"""The analysis that an analyst signs: what the evidence says about one gate of one step (design 9).

It names the evidence that was read, by digest, and every value that was found there, so that whoever reads it can
compute the outcome again: :func:`recomputed`. Reading verifies nothing but shape; whether an analyst of the fleet
signed it is checked where people are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated, Final

from pydantic import ConfigDict, Field, ValidationError

from gaitops.documents.explain import explain
from gaitops.documents.models.base import Items, Mode, Model, Name, PrincipalRef, Sha256, Timestamp
from gaitops.documents.models.rollout import Gate, Metric, Outcome, RolloutSpec, Step
from gaitops.documents.models.summary import Count, EvidenceSummary, Window
from gaitops.documents.text import MAX_PROBLEMS
from gaitops.documents.times import format_timestamp, parse_duration, parse_timestamp
from gaitops.errors import GaitopsError, InvalidInputError, Problem, VerificationError
from gaitops.rollout.measure import METRICS, Measurement
from gaitops.rollout.outcomes import Judged, gate_outcome
from gaitops.signing.canonical import digest
from gaitops.signing.dsse import Envelope
from gaitops.signing.envelopes import read_envelope
from gaitops.signing.statement import PAYLOAD_TYPE, Statement, Subject, parse_statement

PREDICATE_TYPE: Final = "https://gaitops.dev/attestation/rollout-analysis/v1"
SUBJECT: Final = "rollout"
_REMEDY: Final = "analyze again with gaitops rollout analyze"


@dataclass(frozen=True)
class Analysis:
    """One envelope, parsed: what somebody says about one gate. Nothing in it is believed yet."""

    envelope: Envelope
    sha256: str
    """Of the file."""
    payload_digest: str
    """SHA-256 of the payload. Names the analysis, in its path and in the status of the rollout."""
    subject: str
    """Digest that the analysis is about; of use only where :func:`subject_digest` gives the same."""
    principal: str
    org: str
    project: str
    rollout_id: str
    step: str
    gate: str
    mode: Mode
    evidence_sha256: str
    """SHA-256 of the bytes of the evidence summary."""
    evidence_generated_at: datetime
    window_start: datetime
    window_end: datetime
    samples: int
    """Decisions of the candidate in the cohort of the step."""
    metrics: tuple[Judged, ...]
    """The metrics of the gate, as stated."""
    observed: Mapping[Metric, float | None]
    """All eight metrics, measured."""
    outcome: Outcome
    """As stated; what counts is :func:`recomputed`."""
    issued_at: datetime


def subject_digest(
    trust_root: str, org: str, project: str, rollout_id: str, spec: RolloutSpec, step: str
) -> str:
    """What an analysis is about: SHA-256 of the JCS form of fleet, rollout, plan and step.

    The plan is in it, so that an analysis of another plan under the same name means nothing. Members that have their
    default are left out: a later version of gaitops, which knows more of them, computes the same digest.

    Args:
        trust_root: SHA-256 of root version 1, which names the fleet.
        org: Org of the rollout.
        project: Project of the rollout.
        rollout_id: Its name.
        spec: The plan.
        step: Name of the step.
    """
    return digest(
        {
            "fleet": trust_root,
            "rollout": f"{org}/{project}/{rollout_id}",
            "spec": spec.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            "step": step,
        }
    )


def build(
    *,
    trust_root: str,
    principal: str,
    org: str,
    project: str,
    rollout_id: str,
    spec: RolloutSpec,
    step: Step,
    gate: Gate,
    summary: EvidenceSummary,
    evidence_sha256: str,
    measurement: Measurement,
    issued_at: datetime,
) -> bytes:
    """The bytes that are signed: an in-toto Statement in canonical JSON.

    Args:
        trust_root: SHA-256 of root version 1 of the fleet.
        principal: Who signs.
        org: Org of the rollout.
        project: Project of the rollout.
        rollout_id: Its name.
        spec: The plan.
        step: The step that is judged.
        gate: The gate that is judged, one of the step.
        summary: The evidence.
        evidence_sha256: SHA-256 of the bytes that ``summary`` was read from.
        measurement: What :func:`gaitops.rollout.measure.measure` found in it for this step.
        issued_at: Time of the analysis.

    Raises:
        InvalidInputError: ``analysis.evidence`` when the summary is of another fleet or looks at a shorter stretch of
            time than the gate wants.
    """
    if summary.trust_root != trust_root:
        message = f"the summary is of the fleet {summary.trust_root}, expected {trust_root}"
        raise InvalidInputError.of(
            "analysis.evidence", message, remedy="summarize the evidence of this fleet"
        )
    start, end = parse_timestamp(summary.window.start), parse_timestamp(summary.window.end)
    if not _covers(gate, start, end):
        message = f"the summary looks at {end - start}, the gate {gate.name!r} at {gate.window} or more"
        raise InvalidInputError.of("analysis.evidence", message, remedy="summarize a longer window")
    outcome, metrics = gate_outcome(
        gate, measurement.samples, measurement.values, step.mode, measurement.reasons
    )
    predicate: dict[str, object] = {
        "payloadVersion": 1,
        "principal": principal,
        "rollout": {
            "org": org,
            "project": project,
            "id": rollout_id,
            "step": step.name,
            "gate": gate.name,
            "mode": step.mode,
        },
        "evidence": {"digest": {"sha256": evidence_sha256}, "generatedAt": summary.generated_at},
        "window": {"start": summary.window.start, "end": summary.window.end},
        "samples": measurement.samples,
        "metrics": [_judged_json(judged) for judged in metrics],
        "observed": measurement.values,
        "outcome": outcome,
        "issuedAt": format_timestamp(issued_at),
    }
    subject = Subject(
        SUBJECT, {"sha256": subject_digest(trust_root, org, project, rollout_id, spec, step.name)}
    )
    return Statement((subject,), PREDICATE_TYPE, predicate).to_bytes()


def read_analysis(data: bytes, path: str) -> Analysis:
    """Parse one analysis envelope. Members that are not known are ignored, known ones are read strictly.

    Raises:
        VerificationError: ``analysis.malformed`` or the reader's own code. A malformed analysis is passed over and
            reported, never fatal: anybody may send one.
    """
    try:
        envelope = read_envelope(data, path)
        if envelope.payload_type != PAYLOAD_TYPE:
            raise _malformed(path, f"payload type is {envelope.payload_type!r}, expected {PAYLOAD_TYPE!r}")
        statement = parse_statement(envelope.payload, path)
        if statement.predicate_type != PREDICATE_TYPE:
            raise _malformed(
                path, f"predicate type is {statement.predicate_type!r}, expected {PREDICATE_TYPE!r}"
            )
        return _analysis(envelope, statement, hashlib.sha256(data).hexdigest(), path)
    except VerificationError:
        raise
    except GaitopsError as error:
        raise VerificationError(error.problems) from error


def recomputed(analysis: Analysis, step: Step, gate: Gate) -> Outcome:
    """The outcome that follows from the signed values under the plan; what the analysis states is not looked at.

    ``error`` also when the analysis looks at less time than the gate wants.
    """
    if not _covers(gate, analysis.window_start, analysis.window_end):
        return "error"
    outcome, _ = gate_outcome(gate, analysis.samples, analysis.observed, step.mode)
    return outcome


def _covers(gate: Gate, start: datetime, end: datetime) -> bool:
    """Whether a window is as long as a gate wants it."""
    return end - start >= parse_duration(gate.window)


class _Part(Model):
    """Part of the predicate. Members of later versions are ignored, as in-toto asks (design 3)."""

    model_config = ConfigDict(extra="ignore")


class _Rollout(_Part):
    org: Name
    project: Name
    id: Name
    step: Name
    gate: Name
    mode: Mode


class _Digest(_Part):
    sha256: Sha256


class _Evidence(_Part):
    digest: _Digest
    generated_at: Timestamp


class _Window(Window):
    """The window, which may gain members too."""

    model_config = ConfigDict(extra="ignore")


_Value = Annotated[float, Field(allow_inf_nan=False)]


class _Metric(_Part):
    metric: Metric
    value: _Value | None
    minimum: _Value | None = None
    maximum: _Value | None = None
    outcome: Outcome
    reason: str | None = None


class _Observed(_Part):
    """Required, every one of them: no value is said with null and never by silence."""

    model_config = ConfigDict(alias_generator=None)

    block_rate: _Value | None
    block_rate_delta: _Value | None
    approval_required_rate_delta: _Value | None
    unexpected_block_count: _Value | None
    regress_pass_rate: _Value | None
    candidate_coverage: _Value | None
    unverifiable_evidence_rate: _Value | None
    kill_switch_activations: _Value | None


class _Predicate(_Part):
    payload_version: Annotated[int, Field(ge=1, le=1)]  # Not Literal[1], which takes true for 1.
    principal: PrincipalRef
    rollout: _Rollout
    evidence: _Evidence
    window: _Window
    samples: Count
    metrics: Items[_Metric] = Field(min_length=1)
    observed: _Observed
    outcome: Outcome
    issued_at: Timestamp


def _analysis(envelope: Envelope, statement: Statement, sha256: str, path: str) -> Analysis:
    if len(statement.subjects) != 1 or "sha256" not in statement.subjects[0].digest:
        raise _malformed(path, "one subject with a sha256 digest expected")
    value = dict(statement.predicate)
    try:
        predicate = _Predicate.model_validate(value)
    except ValidationError as error:
        explained = islice(explain(error, _Predicate, value, path), MAX_PROBLEMS)
        raise VerificationError(
            Problem("analysis.malformed", problem.message, path, field=problem.field, remedy=_REMEDY)
            for problem in explained
        ) from error
    rollout = predicate.rollout
    return Analysis(
        envelope=envelope,
        sha256=sha256,
        payload_digest=hashlib.sha256(envelope.payload).hexdigest(),
        subject=statement.subjects[0].digest["sha256"],
        principal=predicate.principal,
        org=rollout.org,
        project=rollout.project,
        rollout_id=rollout.id,
        step=rollout.step,
        gate=rollout.gate,
        mode=rollout.mode,
        evidence_sha256=predicate.evidence.digest.sha256,
        evidence_generated_at=parse_timestamp(predicate.evidence.generated_at),
        window_start=parse_timestamp(predicate.window.start),
        window_end=parse_timestamp(predicate.window.end),
        samples=predicate.samples,
        metrics=tuple(
            Judged(one.metric, one.value, one.minimum, one.maximum, one.outcome, one.reason)
            for one in predicate.metrics
        ),
        observed={metric: getattr(predicate.observed, metric) for metric in METRICS},
        outcome=predicate.outcome,
        issued_at=parse_timestamp(predicate.issued_at),
    )


def _judged_json(judged: Judged) -> dict[str, object]:
    """One metric as it is signed: the value is always there, bounds and reason only where there are any."""
    optional = {"minimum": judged.minimum, "maximum": judged.maximum, "reason": judged.reason}
    return {
        "metric": judged.metric,
        "value": judged.value,
        "outcome": judged.outcome,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _malformed(path: str, message: str) -> VerificationError:
    return VerificationError.of("analysis.malformed", message, path=path, remedy=_REMEDY)
