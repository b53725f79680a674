# SPDX-License-Identifier: Apache-2.0
"""Runpacks of the fleet vectors as facts, by the shortest way: for tests of what is computed from them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from gaitops.gait.artifacts.facts import (
    GraderFacts,
    ReceiptFacts,
    RegressFacts,
    RunFacts,
    StepFacts,
    TraceFacts,
)

FLEET = Path(__file__).resolve().parents[1] / "vectors" / "gait" / "fleet"
"""Two weeks of evidence of twelve repositories, written by Gait."""
REPOSITORIES = sorted(path.parent.name for path in FLEET.glob("*/scout_inputs.json"))


def intact(path: Path) -> bool:
    """Whether every declared member of a runpack has the hash that the manifest declares."""
    with zipfile.ZipFile(path) as archive:
        files = json.loads(archive.read("manifest.json"))["files"]
        return all(hashlib.sha256(archive.read(one["path"])).hexdigest() == one["sha256"] for one in files)


def run_facts(path: Path) -> RunFacts:
    """What the runpack at ``path`` says, without any check."""
    with zipfile.ZipFile(path) as archive:
        manifest, run, refs = (
            json.loads(archive.read(f"{name}.json")) for name in ("manifest", "run", "refs")
        )
        intents, results = (
            [json.loads(line) for line in archive.read(f"{name}.jsonl").splitlines()]
            for name in ("intents", "results")
        )
    outcome = {result["intent_id"]: result for result in results}
    return RunFacts(
        run_id=run["run_id"],
        manifest_digest=manifest["manifest_digest"],
        capture_mode=manifest["capture_mode"],
        created_at=moment(run["created_at"]),
        producer_version=manifest["producer_version"],
        os=run["env"]["os"],
        arch=run["env"]["arch"],
        runtime=run["env"]["runtime"],
        steps=tuple(
            StepFacts(
                index,
                intent["intent_id"],
                intent["tool_name"],
                intent["args_digest"],
                outcome.get(intent["intent_id"], {}).get("status", ""),
                outcome.get(intent["intent_id"], {}).get("result_digest", ""),
            )
            for index, intent in enumerate(intents)
        ),
        results=tuple((result["intent_id"], result["status"]) for result in results),
        receipts=tuple(
            ReceiptFacts(
                receipt["ref_id"],
                receipt["source_type"],
                receipt["source_locator"],
                receipt["query_digest"],
                receipt["content_digest"],
            )
            for receipt in refs["receipts"] or ()
        ),
        context_set_digest=refs.get("context_set_digest", ""),
        context_evidence_mode=refs.get("context_evidence_mode", ""),
    )


def regress_facts(path: Path) -> RegressFacts:
    """What the regress result at ``path`` says, with the fields that fingerprints need."""
    document = json.loads(path.read_text(encoding="utf-8"))
    graders = tuple(
        GraderFacts(
            grader["name"],
            grader["name"].partition("/")[0],
            grader["name"].partition("/")[2],
            grader["status"],
            tuple(grader["reason_codes"]),
            grader["details"].get("run_id", ""),
            grader.get("context_conformance", ""),
            None,
        )
        for grader in document["graders"]
    )
    return RegressFacts(
        document["fixture_set"],
        document["status"],
        None,
        document["producer_version"],
        graders,
        "none",
        vacuous=False,
    )


def trace_facts(text: str) -> TraceFacts:
    """What a trace says, with the fields that fingerprints need."""
    document = json.loads(text)
    blank = dict.fromkeys(TraceFacts.__dataclass_fields__, "")
    told = {
        name: document.get(name, "")
        for name in ("trace_id", "event_id", "tool_name", "correlation_id", "run_id")
    }
    return TraceFacts(
        **{
            **blank,
            **told,
            "decision": document["verdict"],
            "violations": tuple(document.get("violations", ())),
        }
    )


def moment(text: str) -> datetime:
    """A time of the vectors, which have no fractions here."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
