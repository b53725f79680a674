# SPDX-License-Identifier: Apache-2.0
"""The glossary of the page: what its words and numbers mean. Numbers say it with the posture's own sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gaitops.posture.catalogue import METRICS
from gaitops.report.site.specs import label

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "place": ("Place", "One repository in one environment. States belong to places."),
    "state.enforced": ("enforced", "Recent decisions were made under the assigned version, or one within its grace, and took effect."),
    "state.shadow": ("shadow", "Recent decisions are expected, but none took effect: only a candidate was seen, or everything was a dry run."),
    "state.drifted": ("drifted", "A recent decision was made under a version that was not expected there at that time."),
    "state.silent": ("silent", "There was proven evidence in the window, but none within the stale limit."),
    "state.unknown": ("unknown", "The evidence says nothing that can be judged. It is counted in every total and never taken for anything else."),
    "verdict.verified": ("verified", "A registered key signed it, and everything that can be recomputed agrees."),
    "verdict.verified_with_unsigned_extras": ("verified with unsigned extras", "Verified, with content that no signature covers; that content is reported and not used."),
    "verdict.unsigned": ("unsigned", "Well-formed, and nobody signed it."),
    "verdict.unverifiable": ("unverifiable", "Signed by a key that nobody registered. Gait's development mode makes such a key for each run."),
    "verdict.failed": ("failed", "A signature, digest or file does not hold."),
    "verdict.rejected": ("rejected", "Malformed or ambiguous, or signed and still not what Gait writes."),
    "standing": ("Standing", "Assigned now, expected at its time, known but not expected, withdrawn, or unknown to the fleet. A digest is expected while it is assigned and for the grace after."),
    "drift": ("Drift", "Decisions of one place under one digest that was not expected there then, from the first to the last in the window."),
    "queue.before": ("Before deduplication", "Single observations: runs, decisions, calls and artifacts that a signal was made from."),
    "queue.after": ("After deduplication", "Signals: observations with the same cause are one signal, wherever in the fleet they were made."),
    "queue.families": ("Incident families", "Runs with the same fingerprint: same tools in the same order, reasons and content referred to. The fingerprint is Gait's."),
    "score": ("Score", "Privilege × tier × radius × 10, and volume as the last digit. Every term is shown with the signal."),
}  # fmt: skip


def terms() -> dict[str, list[str]]:
    """Key → word and definition."""
    found = {key: list(entry) for key, entry in _WORDS.items()}
    return found | {metric.id: [label(metric.title), metric.meaning] for metric in METRICS.values()}
