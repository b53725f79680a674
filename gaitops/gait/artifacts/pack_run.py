# SPDX-License-Identifier: Apache-2.0
"""What a run pack holds: a summary, the runpack that it summarises, and perhaps the content that was referred to (contract 4.2).

Gait hashes the runpack and never opens it, so another runpack inside a rebuilt pack goes unnoticed there (contract 4.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gaitops.gait.artifacts.digests import bare
from gaitops.gait.artifacts.facts import RunFacts
from gaitops.gait.artifacts.fields import Integer, Object, Spec, Text, Time
from gaitops.gait.artifacts.model import Effect, Finding, Inspection, Verdict
from gaitops.gait.artifacts.pack_contents import Contents, Payload
from gaitops.gait.artifacts.pack_rules import empties, is_digest, not_a_digest, schema_problems, unset
from gaitops.gait.artifacts.reading import number, text
from gaitops.gait.go_text import trim
from gaitops.gait.quoting import quote

_TEXT: Final = Text(always=True)
_COUNT: Final = Integer(always=True)

PAYLOAD: Final = Spec(
    schema_id=_TEXT,
    schema_version=_TEXT,
    created_at=Time(),
    run_id=_TEXT,
    capture_mode=_TEXT,
    manifest_digest=_TEXT,
    intents_count=_COUNT,
    results_count=_COUNT,
    refs_count=_COUNT,
    context_set_digest=Text(),
    context_ref_count=Integer(),
    context_evidence_mode=Text(),
    context_privacy_mode=Text(),
)
"""``run_payload.json``, ``gait.pack.run``."""

_COUNTS: Final = ("intents_count", "results_count", "refs_count", "context_ref_count")
_CAPTURE_MODES: Final = frozenset({"reference", "raw"})
_EVIDENCE_MODES: Final = frozenset({"", "best_effort", "required"})
_ENVELOPE: Final = "context_envelope.json"


def read(contents: Contents) -> Payload:
    """Judge the documents of a run pack against each other.

    Raises:
        ArtifactError: one of them is missing, damaged or not readable.
    """
    payload = contents.document("run_payload.json", PAYLOAD)
    contents.take(schema_problems(payload, "gait.pack.run", "run_payload.json", gait=True))
    for message in _contract(payload, contents.source_ref):
        contents.notes.fails("pack.payload_invalid", message, gait=True)
    found = contents.runpack()
    run = found.facts if isinstance(found.facts, RunFacts) else None
    members = [found]
    # Of a runpack that does not hold, only that is said.
    if run is not None and found.verdict is not Verdict.FAILED:
        contents.take(_run_findings(payload, run))
    if _ENVELOPE in contents.archive.members:
        envelope = contents.artifact(_ENVELOPE)
        contents.judge(envelope, "pack.context_failed", "the context envelope")
        members.append(envelope)
        contents.take(_context_findings(payload, envelope))
    return Payload(
        ids={"run_id": text(payload, "run_id")},
        digests={"manifest_digest": bare(text(payload, "manifest_digest"))},
        members=tuple(members),
        run=run,
    )


def _contract(payload: Object, source_ref: str) -> Iterator[str]:
    """What Gait checks itself (contract 4.3)."""
    if unset(payload, "created_at"):
        yield "run_payload.json has no created_at"
    yield from empties(payload, ("run_id",), "run_payload.json")
    if text(payload, "run_id") != trim(source_ref):
        yield f"run_payload.json is about {quote(text(payload, 'run_id'))}, the pack about {quote(source_ref)}"
    if text(payload, "capture_mode") not in _CAPTURE_MODES:
        yield f"run_payload.json has the capture mode {quote(text(payload, 'capture_mode'))}, which Gait does not know"
    yield from not_a_digest(payload, "manifest_digest", "run_payload.json")
    if trim(text(payload, "context_set_digest")) and not is_digest(text(payload, "context_set_digest")):
        yield "context_set_digest of run_payload.json is not a SHA-256"
    if trim(text(payload, "context_evidence_mode")) not in _EVIDENCE_MODES:
        yield "run_payload.json has a context evidence mode that Gait does not know"
    if any(number(payload, name) < 0 for name in _COUNTS):
        yield "run_payload.json has a negative count"


def _run_findings(payload: Object, run: RunFacts) -> Iterator[Finding]:
    """The summary is one of this very runpack. Gait compares none of it (contract 4.3, 16.8)."""
    summary = {name: text(payload, name) for name in ("run_id", "capture_mode")}
    summary["manifest_digest"] = bare(text(payload, "manifest_digest"))
    for name, said in summary.items():
        actual = getattr(run, name)
        if said != actual:
            message = f"{name}: run_payload.json says {quote(said)}, the runpack {quote(actual)}"
            yield Finding("pack.runpack_mismatch", message, Effect.FAILS)
    counts = {
        "intents_count": len(run.steps),
        "results_count": len(run.results),
        "refs_count": len(run.receipts),
    }
    for name, count in counts.items():
        if number(payload, name) != count:
            message = f"{name}: run_payload.json says {number(payload, name)}, the runpack has {count}"
            yield Finding("pack.runpack_count_mismatch", message, Effect.FAILS)
    # Gait leaves the context out where there is none, so only two different claims contradict each other.
    for name in ("context_set_digest", "context_evidence_mode"):
        said, actual = trim(text(payload, name)), getattr(run, name)
        if said and actual and said != actual:
            message = f"{name}: run_payload.json says {quote(said)}, the runpack {quote(actual)}"
            yield Finding("pack.context_mismatch", message, Effect.FAILS)


def _context_findings(payload: Object, envelope: Inspection) -> Iterator[Finding]:
    """The envelope in the pack is the one that the summary names."""
    said, actual = bare(text(payload, "context_set_digest")), envelope.digests.get("context_set_digest", "")
    if said and actual and said != actual:
        message = f"run_payload.json names the context {said}, the envelope is {actual}"
        yield Finding("pack.context_mismatch", message, Effect.FAILS)
