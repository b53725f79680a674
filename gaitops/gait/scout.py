# SPDX-License-Identifier: Apache-2.0
"""Gait's run fingerprint: what makes two runs the same incident (Gait contract 7.3).

The fingerprint is a digest of five lists: tools in order, classes of tools, systems that were referred to, reasons, and
digests of the content referred to. The run's own id is not part of it, so that equal runs meet; regress results are, so that
the same runpack has another fingerprint once a regression failed on it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gaitops.gait.artifacts.facts import RegressFacts, RunFacts, TraceFacts
from gaitops.gait.go_text import lower, trim
from gaitops.signing.canonical import digest

READ: Final = 1
EXECUTE: Final = 2
WRITE: Final = 3
DESTRUCTIVE: Final = 4
PRIVILEGES: Final[dict[int, str]] = {
    READ: "read",
    EXECUTE: "execute",
    WRITE: "write",
    DESTRUCTIVE: "destructive",
}
"""Privilege of a tool → Gait's name of its class."""

_CLASS_WORDS: Final = (
    (DESTRUCTIVE, ("delete", "drop", "destroy", "remove", "purge")),
    (WRITE, ("write", "update", "save", "send", "export", "create")),
    (READ, ("read", "list", "get", "search", "fetch")),
)
"""In the order in which Gait looks; the first word found in a name decides."""
_LOCATOR_CHARACTERS: Final = 48
_DIGEST_CHARACTERS: Final = 64
_OTHER = re.compile("[^a-z0-9]")
_RUN_ID = re.compile("run_[A-Za-z0-9_-]+")
_QUIET_STATUSES: Final = frozenset({"ok", "success"})


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One run as Gait's signal report sees it."""

    run_id: str
    fingerprint: str
    family_id: str
    """``fam_`` and the first twelve digits of the fingerprint."""
    action_sequence: tuple[str, ...]
    """Tools in the order of the intents, as written, repetitions kept."""
    tool_classes: tuple[str, ...]
    target_systems: tuple[str, ...]
    reason_codes: tuple[str, ...]
    """Gait's ``reason_code_vector``."""
    receipt_digests: tuple[str, ...]
    """Gait's ``ref_receipt_digests``."""
    max_privilege: int
    """Highest of :data:`PRIVILEGES` among the tools; 1 for a run without tools."""
    trace_count: int = 0
    """Traces that attached to the run; see :func:`trace_evidence`."""
    regress_seen: bool = False
    """Whether a failed grader attached to the run."""


@dataclass(frozen=True, slots=True)
class RunReasons:
    """What traces and regress results say about runs: run id → reasons, and run id → number of traces."""

    traces: Mapping[str, tuple[str, ...]]
    trace_counts: Mapping[str, int]
    regress: Mapping[str, tuple[str, ...]]


NO_REASONS: Final = RunReasons({}, {}, {})
"""For a fingerprint from the runpack alone."""


def fingerprint_of(run: RunFacts, beside: RunReasons = NO_REASONS) -> Fingerprint:
    """Gait's fingerprint of ``run``, with the reasons that other artifacts attach to it (contract 7.3)."""
    names = tuple(name for name in (trim(step.tool_name) for step in run.steps) if name)
    privileges = {privilege_of(name) for name in names}
    lists = {
        "action_sequence": names,
        "tool_classes": _unique(PRIVILEGES[privilege] for privilege in privileges),
        "target_systems": _unique(
            f"{_identifier(receipt.source_type)}:{_identifier(receipt.source_locator)[:_LOCATOR_CHARACTERS]}"
            for receipt in run.receipts
        ),
        "reason_code_vector": _unique(
            (*_status_reasons(run), *beside.traces.get(run.run_id, ()), *beside.regress.get(run.run_id, ()))
        ),
        "ref_receipt_digests": _unique(_content_digests(run)),
    }
    value = digest(lists)
    return Fingerprint(
        run_id=run.run_id,
        fingerprint=value,
        family_id=family_id_of(value),
        action_sequence=lists["action_sequence"],
        tool_classes=lists["tool_classes"],
        target_systems=lists["target_systems"],
        reason_codes=lists["reason_code_vector"],
        receipt_digests=lists["ref_receipt_digests"],
        max_privilege=max(privileges, default=READ),
        trace_count=beside.trace_counts.get(run.run_id, 0),
        regress_seen=run.run_id in beside.regress,
    )


def family_id_of(fingerprint: str) -> str:
    """Gait's id of the family of all runs with this fingerprint (contract 7.4)."""
    return f"fam_{fingerprint[:12]}"


def privilege_of(tool_name: str) -> int:
    """How much a tool can do, by its name: one of :data:`PRIVILEGES`; ``execute`` when no word fits (contract 7.3)."""
    name = lower(trim(tool_name))
    return next((score for score, words in _CLASS_WORDS if any(word in name for word in words)), EXECUTE)


def reasons_beside(traces: Iterable[TraceFacts], results: Iterable[RegressFacts]) -> RunReasons:
    """The reasons that traces and regress results attach to runs (contract 7.3).

    A trace attaches by a run id inside its correlation id or trace id, which the traces that Gait writes do not have; its
    ``run_id`` is not looked at. A failed grader attaches to the run of its details, or to the fixture's name.
    """
    of_traces: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()
    for trace in traces:
        found = _RUN_ID.search(trace.correlation_id) or _RUN_ID.search(trace.trace_id)
        if found:
            counts[found.group()] += 1
            of_traces.setdefault(found.group(), []).extend(_trace_reasons(trace))
    of_regress: dict[str, list[str]] = {}
    for result in results:
        for grader in result.graders:
            if lower(grader.status) != "pass":
                run_id = grader.run_id if trim(grader.run_id) else grader.name.partition("/")[0]
                reasons = [_identifier(code) for code in grader.reason_codes] or ["regress_failure"]
                of_regress.setdefault(run_id, []).extend(reasons)
    return RunReasons(
        {run_id: tuple(reasons) for run_id, reasons in of_traces.items()},
        counts,
        {run_id: tuple(reasons) for run_id, reasons in of_regress.items()},
    )


def _trace_reasons(trace: TraceFacts) -> list[str]:
    decision = _identifier(trace.decision)
    verdicts = [] if decision == "allow" else [f"trace_verdict_{decision}"]
    return verdicts + [f"violation_{_identifier(violation)}" for violation in trace.violations]


def _status_reasons(run: RunFacts) -> list[str]:
    statuses = [_identifier(status) for _intent, status in run.results]
    return [f"result_status_{status}" for status in statuses if status not in _QUIET_STATUSES]


def _content_digests(run: RunFacts) -> list[str]:
    values = [lower(trim(receipt.content_digest)) for receipt in run.receipts]
    return [value for value in values if len(value) == _DIGEST_CHARACTERS]


def _identifier(value: str) -> str:
    """Gait's normalised identifier: lower case, ``_`` for what is not a letter or digit; a hash when nothing is left."""
    text = lower(trim(value))
    shown = _OTHER.sub("_", text).strip("_")
    return shown or hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    """Trimmed, without empty ones and repetitions, sorted; code points sort as their UTF-8 bytes do."""
    return tuple(sorted({text for text in map(trim, values) if text}))
