# SPDX-License-Identifier: Apache-2.0
"""Gait's signal report over the runs of one repository: the same families, scores and texts (Gait contract 7.4).

Everything here is Gait's and stays as Gait writes it, also where its keywords surprise. What gaitops knows of a whole fleet
stands beside it, in :mod:`gaitops.signals`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gaitops.gait.artifacts.facts import RegressFacts, RunFacts, TraceFacts
from gaitops.gait.scout import Fingerprint, fingerprint_of, reasons_beside

UNRELEASED: Final = "0.0.0-dev"
"""``producer_version`` of a Gait that was built without a release."""
_NO_TIME: Final = "1980-01-01T00:00:00Z"
"""What Gait writes for "no time supplied" (contract 0.5)."""
_TOP_ISSUES: Final = 10
_MOST_REASONS: Final = 9
_MOST_MEMBERS: Final = 10
_LEVELS: Final = ((150, "critical"), (110, "high"), (70, "medium"))
_SENSITIVE: Final = (
    (3, ("prod", "payment", "finance", "customer", "pii", "db")),
    (2, ("internal", "staging", "queue")),
)
_POSTURE_WORDS: Final = ("policy", "approval", "blocked", "credential")
_DRIVER_WORDS: Final = (
    ("policy_change", ("policy", "approval", "blocked", "credential", "violation")),
    ("tool_result_shape_change", ("diff", "schema", "result_status", "grader", "unexpected_exit_code")),
    ("reference_set_change", ("ref", "receipt", "retrieval", "source")),
    ("configuration_change", ("config", "nondeterministic", "runtime", "timeout")),
)
"""Driver → words, in the order in which Gait looks; the first group with a word inside a reason takes it."""
_NO_DRIVER: Final = "configuration_change"
_REGRESS_SUMMARY: Final = "Add or update a regress fixture, then run `gait regress run --json`."
_SUGGESTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "policy_change": {
        "kind": "policy_fixture",
        "summary": "Add or tighten a policy fixture and verify with `gait policy test <policy.yaml> <intent.json> --json`.",
        "likely_scope": "policy/*.yaml + examples/policy/intents",
    },
    "tool_result_shape_change": {
        "kind": "regress_fixture",
        "summary": _REGRESS_SUMMARY,
        "likely_scope": "fixtures/* + gait.yaml",
    },
    "reference_set_change": {
        "kind": "regress_fixture",
        "summary": _REGRESS_SUMMARY,
        "likely_scope": "run input + refs receipts",
    },
    "configuration_change": {
        "kind": "configuration",
        "summary": "Pin runtime/model/tool configuration and rerun the incident-to-regress bootstrap path.",
        "likely_scope": "wrapper runtime config + CI env",
    },
}
"""Driver → Gait's constant suggestion for it."""


@dataclass(frozen=True, slots=True)
class GaitFamily:
    """Gait's judgement of one family: runs with one fingerprint."""

    fingerprint: str
    family_id: str
    run_ids: tuple[str, ...]
    artifact_pointers: tuple[str, ...]
    count: int
    """Runpacks, also where two hold the same run."""
    canonical_run_id: str
    """Smallest run id."""
    top_failure_reason: str
    """Smallest reason; empty without one. Gait names it after frequency, and counts each reason once."""
    drivers: tuple[str, ...]
    """What Gait's keywords say of the reasons: a guess, not an observation."""
    severity_score: int
    severity_level: str

    def to_json(self) -> dict[str, Any]:
        """One element of ``families``, in Gait's order of members."""
        return {
            "family_id": self.family_id,
            "fingerprint": self.fingerprint,
            "count": self.count,
            "run_ids": list(self.run_ids),
            "canonical_run_id": self.canonical_run_id,
            **self._reason(),
            "severity_score": self.severity_score,
            "severity_level": self.severity_level,
            "artifact_pointers": list(self.artifact_pointers),
            "suggestions": self.suggestions(),
        }

    def issue(self, rank: int) -> dict[str, Any]:
        """One element of ``top_issues``."""
        return {
            "rank": rank,
            "family_id": self.family_id,
            "fingerprint": self.fingerprint,
            "count": self.count,
            "canonical_run_id": self.canonical_run_id,
            **self._reason(),
            "severity_score": self.severity_score,
            "severity_level": self.severity_level,
            "suggestions": self.suggestions(),
        }

    def suggestions(self) -> list[dict[str, str]]:
        """Gait's suggestions, one per driver."""
        return [dict(_SUGGESTIONS[driver]) for driver in self.drivers]

    def _reason(self) -> dict[str, Any]:
        reason = {"top_failure_reason": self.top_failure_reason} if self.top_failure_reason else {}
        return {**reason, "drivers": list(self.drivers)}


def signal_report(
    runs: Iterable[tuple[str, RunFacts]],
    traces: Iterable[TraceFacts] = (),
    results: Iterable[RegressFacts] = (),
    *,
    producer_version: str = UNRELEASED,
) -> dict[str, Any]:
    """Gait's ``scout signal`` report, member for member and in its order.

    Args:
        runs: Path as Gait would be given it, and what the runpack there says; a path that repeats counts once.
        traces: Of the same repository.
        results: Regress results of the same repository.
        producer_version: Version of the Gait to compare with.
    """
    beside = reasons_beside(traces, results)
    paths = sorted(dict(runs).items())
    found = [(path, fingerprint_of(run, beside)) for path, run in paths]
    found.sort(key=lambda item: (item[1].run_id, item[0]))
    families = gait_families(found)
    head = {"schema_version": "1.0.0", "created_at": _NO_TIME, "producer_version": producer_version}
    return {
        "schema_id": "gait.scout.signal_report",
        **head,
        "run_count": len(found),
        "family_count": len(families),
        "fingerprints": [_record(path, fingerprint, head) for path, fingerprint in found],
        "families": [family.to_json() for family in families],
        "top_issues": [family.issue(rank) for rank, family in enumerate(families[:_TOP_ISSUES], 1)],
    }


def gait_families(found: Sequence[tuple[str, Fingerprint]]) -> list[GaitFamily]:
    """Families of ``(path, fingerprint)`` in Gait's order: severity and count falling, then id."""
    members: dict[str, list[tuple[str, Fingerprint]]] = {}
    for path, fingerprint in found:
        members.setdefault(fingerprint.fingerprint, []).append((path, fingerprint))
    families = [_family(group) for group in members.values()]
    return sorted(families, key=lambda family: (-family.severity_score, -family.count, family.family_id))


def _family(members: Sequence[tuple[str, Fingerprint]]) -> GaitFamily:
    first = members[0][1]
    run_ids = tuple(sorted({fingerprint.run_id for _path, fingerprint in members}))
    score = base_severity(first) + min(len(members), _MOST_MEMBERS)
    return GaitFamily(
        fingerprint=first.fingerprint,
        family_id=first.family_id,
        run_ids=run_ids,
        artifact_pointers=tuple(sorted({path for path, _fingerprint in members})),
        count=len(members),
        canonical_run_id=run_ids[0],
        top_failure_reason=min(first.reason_codes, default=""),
        drivers=drivers_of(first.reason_codes),
        severity_score=score,
        severity_level=next((level for least, level in _LEVELS if score >= least), "low"),
    )


def base_severity(fingerprint: Fingerprint) -> int:
    """Gait's severity of one run, before the number of runs is added (contract 7.4)."""
    posture = 2 if any(_has(reason, _POSTURE_WORDS) for reason in fingerprint.reason_codes) else 0
    return (
        fingerprint.max_privilege * 30
        + sensitivity_of(fingerprint.target_systems) * 15
        + posture * 10
        + min(len(fingerprint.reason_codes), _MOST_REASONS)
    )


def sensitivity_of(target_systems: Iterable[str]) -> int:
    """Gait's sensitivity of the systems that a run referred to: 3 for production, payments, people, databases; else 2 or 1."""
    systems = tuple(target_systems)
    return next((score for score, words in _SENSITIVE if any(_has(one, words) for one in systems)), 1)


def drivers_of(reasons: Iterable[str]) -> tuple[str, ...]:
    """What Gait's keyword rule makes of reasons: sorted drivers, ``configuration_change`` when no word fits (contract 7.4)."""
    found = {driver for driver in map(_driver, reasons) if driver}
    return tuple(sorted(found)) or (_NO_DRIVER,)


def report_bytes(report: Mapping[str, Any]) -> bytes:
    """The report as Gait's encoder writes it: compact, with HTML characters and line separators escaped, no line end."""
    text = json.dumps(report, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode("utf-8")


def _record(path: str, fingerprint: Fingerprint, head: Mapping[str, str]) -> dict[str, Any]:
    record = {
        "schema_id": "gait.scout.run_fingerprint",
        **head,
        "run_id": fingerprint.run_id,
        "fingerprint": fingerprint.fingerprint,
        "action_sequence": list(fingerprint.action_sequence),
        "tool_classes": list(fingerprint.tool_classes),
        "target_systems": list(fingerprint.target_systems),
        "reason_code_vector": list(fingerprint.reason_codes),
        "ref_receipt_digests": list(fingerprint.receipt_digests),
        "source_runpack": path,
        "trace_count": fingerprint.trace_count,
        "regress_evidence_seen": fingerprint.regress_seen,
    }
    return {name: value for name, value in record.items() if value or isinstance(value, str | list)}


def _driver(reason: str) -> str:
    return next((driver for driver, words in _DRIVER_WORDS if _has(reason, words)), "")


def _has(text: str, words: Iterable[str]) -> bool:
    return any(word in text for word in words)
