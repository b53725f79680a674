# SPDX-License-Identifier: Apache-2.0
"""Gait's own reports over runs: fingerprints, signal reports, top actions (Gait contract 7.3 to 7.5).

They are unsigned and computed from artifacts that gaitops can read itself; what follows from other members is
recomputed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gaitops.gait.artifacts.digests import digest
from gaitops.gait.artifacts.documents import HEAD, Format
from gaitops.gait.artifacts.fields import Flag, Integer, Objs, Spec, Text, Texts
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Notes, Source, number, objects, text, texts

_LISTS: Final = (
    "action_sequence",
    "tool_classes",
    "target_systems",
    "reason_code_vector",
    "ref_receipt_digests",
)
"""What a fingerprint is a digest of."""
_FAMILY_DIGITS: Final = 12
RUN_FINGERPRINT: Final = Format(
    "run_fingerprint",
    "gait.scout.run_fingerprint",
    Spec(
        **HEAD,
        run_id=Text(always=True),
        fingerprint=Text(always=True),
        action_sequence=Texts(always=True),
        tool_classes=Texts(always=True),
        target_systems=Texts(always=True),
        reason_code_vector=Texts(always=True),
        ref_receipt_digests=Texts(always=True),
        source_runpack=Text(always=True),
        trace_count=Integer(),
        regress_evidence_seen=Flag(),
    ),
)
_SUGGESTION: Final = Spec(kind=Text(always=True), summary=Text(always=True), likely_scope=Text(always=True))
_FAMILY: Final = {
    "family_id": Text(always=True),
    "fingerprint": Text(always=True),
    "count": Integer(always=True),
    "canonical_run_id": Text(always=True),
    "top_failure_reason": Text(),
    "drivers": Texts(),
    "severity_score": Integer(always=True),
    "severity_level": Text(always=True),
    "suggestions": Objs(_SUGGESTION),
}
SIGNAL_REPORT: Final = Format(
    "signal_report",
    "gait.scout.signal_report",
    Spec(
        **HEAD,
        run_count=Integer(always=True),
        family_count=Integer(always=True),
        fingerprints=Objs(RUN_FINGERPRINT.spec, always=True),
        families=Objs(
            Spec(**_FAMILY, run_ids=Texts(always=True), artifact_pointers=Texts(always=True)), always=True
        ),
        top_issues=Objs(Spec(**_FAMILY, rank=Integer(always=True)), always=True),
    ),
)
TOP_ACTIONS: Final = Format(
    "top_actions",
    "gait.report.top_actions",
    Spec(
        **HEAD,
        run_count=Integer(always=True),
        trace_count=Integer(always=True),
        action_count=Integer(always=True),
        top_actions=Objs(
            Spec(
                rank=Integer(always=True),
                score=Integer(always=True),
                tool_class=Text(always=True),
                blast_radius=Integer(always=True),
                run_id=Text(always=True),
                intent_id=Text(),
                intent_digest=Text(),
                trace_id=Text(),
                tool_name=Text(always=True),
                verdict=Text(),
                reason_codes=Texts(),
                source_type=Text(always=True),
                source_artifact=Text(always=True),
            ),
            always=True,
        ),
    ),
)


def read_fingerprint(source: Source) -> Inspection:
    """Judge the fingerprint of one run."""
    value, notes = RUN_FINGERPRINT.opened(source)
    _check_fingerprint(notes, value)
    return RUN_FINGERPRINT.concluded(source, value, notes, ids=("run_id", "fingerprint"))


def read_signals(source: Source) -> Inspection:
    """Judge a signal report."""
    value, notes = SIGNAL_REPORT.opened(source)
    runs, families = objects(value, "fingerprints"), objects(value, "families")
    for run in runs:
        _check_fingerprint(notes, run)
    for family in (*families, *objects(value, "top_issues")):
        if text(family, "family_id") != f"fam_{text(family, 'fingerprint')[:_FAMILY_DIGITS]}":
            notes.forged("scout.family_id_mismatch", "a family_id does not follow from its fingerprint")
    if not _counts_agree(value, runs, families):
        notes.forged("scout.counts_mismatch", "the counts are not those of the lists")
    return SIGNAL_REPORT.concluded(source, value, notes)


def read_top_actions(source: Source) -> Inspection:
    """Judge a report of top actions."""
    value, notes = TOP_ACTIONS.opened(source)
    actions = objects(value, "top_actions")
    ranks = [number(action, "rank") for action in actions]
    if ranks != list(range(1, len(actions) + 1)) or number(value, "action_count") < len(actions):
        notes.forged("scout.counts_mismatch", "the ranks or the count are not those of the list")
    return TOP_ACTIONS.concluded(source, value, notes)


def _check_fingerprint(notes: Notes, run: Mapping[str, object]) -> None:
    if text(run, "fingerprint") != digest({name: list(texts(run, name)) for name in _LISTS}):
        notes.forged("scout.fingerprint_mismatch", "a fingerprint is not the digest of its lists")


def _counts_agree(
    value: Mapping[str, object],
    runs: tuple[Mapping[str, object], ...],
    families: tuple[Mapping[str, object], ...],
) -> bool:
    return (
        number(value, "run_count") == len(runs)
        and number(value, "family_count") == len(families)
        and sum(number(family, "count") for family in families) == len(runs)
    )
