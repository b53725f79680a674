# SPDX-License-Identifier: Apache-2.0
"""What a regress result means beyond pass and fail: its class of drift, and whether it compared anything (contract 6).

Gait prints reason codes per grader. Which kind of change they speak of, and that a fixture without a candidate is
compared with itself and so always passes, is left to the reader.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gaitops.gait.artifacts.facts import GraderFacts

INTEGRITY: Final = "integrity"
BEHAVIOURAL: Final = "behavioural"
EVIDENCE_MISSING: Final = "evidence_missing"
DATA_SEMANTIC: Final = "data_semantic"
CONFIGURATION: Final = "configuration"
DATA_RUNTIME_ONLY: Final = "data_runtime_only"
NONE: Final = "none"

DRIFT_CLASSES: Final = (
    INTEGRITY,
    BEHAVIOURAL,
    EVIDENCE_MISSING,
    DATA_SEMANTIC,
    CONFIGURATION,
    DATA_RUNTIME_ONLY,
    NONE,
)
"""From the one that says most. A recording that is damaged makes every comparison worthless, and so comes first; a
benign change of retrieval times comes last, whether the fixture allows it or not."""

_OF_REASON: Final = {
    "schema_validation_error": INTEGRITY,
    "missing_files": INTEGRITY,
    "hash_mismatch": INTEGRITY,
    "runpack_parse_error": INTEGRITY,
    "manifest_schema_invalid": INTEGRITY,
    "run_schema_invalid": INTEGRITY,
    "refs_schema_invalid": INTEGRITY,
    "intent_schema_invalid": INTEGRITY,
    "result_schema_invalid": INTEGRITY,
    "replay_error": INTEGRITY,
    "source_runpack_invalid": INTEGRITY,
    "candidate_runpack_invalid": INTEGRITY,
    "diff_error": INTEGRITY,
    "context_diff_error": INTEGRITY,
    "unexpected_exit_code": BEHAVIOURAL,
    "unexpected_tool_sequence": BEHAVIOURAL,
    "unexpected_verdict_sequence": BEHAVIOURAL,
    "unexpected_diff": BEHAVIOURAL,
    "context_evidence_missing": EVIDENCE_MISSING,
    "context_set_digest_mismatch": DATA_SEMANTIC,
    "context_semantic_drift": DATA_SEMANTIC,
    "context_runtime_drift_blocked": DATA_RUNTIME_ONLY,
    "candidate_path_invalid": CONFIGURATION,
    "grader_error": CONFIGURATION,
}
_OF_GRADER: Final = {
    "schema_validation": INTEGRITY,
    "expected_exit_code": BEHAVIOURAL,
    "trajectory": BEHAVIOURAL,
    "diff": BEHAVIOURAL,
}
"""For reasons that are not known, of a later Gait."""
_OF_CONFORMANCE: Final = {
    "semantic": DATA_SEMANTIC,
    "runtime_only": DATA_RUNTIME_ONLY,
    "missing": EVIDENCE_MISSING,
}


def drift_class(graders: Iterable[GraderFacts]) -> str:
    """The first of :data:`DRIFT_CLASSES` that a grader speaks of.

    Reasons count where the grader failed: Gait gives reasons to passing graders too. The conformance of the context
    counts always, since drift that a fixture allows is drift still. A failure without any known reason is drift of
    the grader's kind, and *behavioural* for graders that are not known.
    """
    found = {name for grader in graders for name in _classes(grader)}
    return next(name for name in DRIFT_CLASSES if name in found or name == NONE)


def is_vacuous(status: str, graders: Iterable[GraderFacts]) -> bool:
    """Whether a result passed although no fixture was compared with a candidate.

    Expectations that a fixture sets are then held against the recording that they were taken from.
    """
    return status == "pass" and not any(grader.candidate for grader in graders)


def compared_fixtures(graders: Iterable[GraderFacts]) -> dict[str, bool]:
    """Fixture → whether one of its graders looked at a candidate, or for one that the fixture names."""
    compared: dict[str, bool] = {}
    for grader in graders:
        compared[grader.fixture] = compared.get(grader.fixture, False) or bool(grader.candidate)
    return compared


def drift_class_of_error(error: str) -> str:
    """Class of a regress run that ended without a result (exit 6), from the error that the command printed.

    Gait stops at a fixture runpack that it cannot read (contract 16.9) and gives no code for it, only the text.
    Whatever else stops it is a matter of configuration.
    """
    return INTEGRITY if "runpack" in error else CONFIGURATION


def _classes(grader: GraderFacts) -> Iterable[str]:
    if grader.context_conformance in _OF_CONFORMANCE:
        yield _OF_CONFORMANCE[grader.context_conformance]
    if grader.status == "pass":
        return
    known = [_OF_REASON[reason] for reason in grader.reason_codes if reason in _OF_REASON]
    if known:
        yield from known
    elif grader.context_conformance not in _OF_CONFORMANCE:
        yield _OF_GRADER.get(grader.grader, BEHAVIOURAL)
