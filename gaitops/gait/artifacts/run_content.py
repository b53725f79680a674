# SPDX-License-Identifier: Apache-2.0
"""What the members of a runpack say: the run, its intents, their results, the content that they referred to (contract 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gaitops.gait.artifacts.context import is_digest_of
from gaitops.gait.artifacts.facts import ReceiptFacts, RunFacts, StepFacts
from gaitops.gait.artifacts.fields import (
    RELATIONSHIP,
    Anything,
    Free,
    Integer,
    Obj,
    Objs,
    Spec,
    Text,
    Time,
    checked,
)
from gaitops.gait.artifacts.hygiene import read_lines, read_object
from gaitops.gait.artifacts.limits import MAX_DOCUMENT_BYTES, MIB
from gaitops.gait.artifacts.reading import Notes, member, objects, text
from gaitops.gait.artifacts.refusals import RejectedError
from gaitops.gait.artifacts.times import moment
from gaitops.gait.quoting import quote

PARSED_BYTES: Final = 16 * MIB
"""Of one member that is read and not only hashed. Lines are parsed one by one."""
_MAX_LINES: Final = 100_000
_MAX_KEPT: Final = 4 * MIB
"""Characters of ids and names that are kept of all lines; a character may need four bytes."""

_HEAD: Final = {
    "schema_id": Text(always=True),
    "schema_version": Text(always=True),
    "created_at": Time(),
    "producer_version": Text(always=True),
    "run_id": Text(always=True),
}
RUN: Final = Spec(
    **_HEAD,
    env=Obj(Spec(os=Text(always=True), arch=Text(always=True), runtime=Text(always=True)), always=True),
    timeline=Objs(
        Spec(event=Text(always=True), ts=Time(), ref=Text(), relationship=Obj(RELATIONSHIP)), always=True
    ),
)
INTENT: Final = Spec(
    **_HEAD,
    intent_id=Text(always=True),
    tool_name=Text(always=True),
    args_digest=Text(always=True),
    args=Free(),
)
RESULT: Final = Spec(
    **_HEAD,
    intent_id=Text(always=True),
    status=Text(always=True),
    result_digest=Text(always=True),
    result=Free(),
)
RECEIPT: Final = Spec(
    ref_id=Text(always=True),
    source_type=Text(always=True),
    source_locator=Text(always=True),
    query_digest=Text(always=True),
    content_digest=Text(always=True),
    retrieved_at=Time(),
    redaction_mode=Text(always=True),
    immutability=Text(),
    freshness_sla_seconds=Integer(),
    sensitivity_label=Text(),
    retrieval_params=Anything(),
)
REFS: Final = Spec(
    **_HEAD,
    context_set_digest=Text(),
    context_evidence_mode=Text(),
    context_ref_count=Integer(),
    receipts=Objs(RECEIPT, always=True),
)


@dataclass(slots=True)
class RunContent:
    """The members of one runpack as far as they could be read."""

    run: Mapping[str, object] = field(default_factory=dict)
    refs: Mapping[str, object] = field(default_factory=dict)
    intents: list[tuple[str, str, str]] = field(default_factory=list)
    """(intent id, tool, arguments' digest), in order."""
    results: list[tuple[str, str, str]] = field(default_factory=list)
    """(intent id, status, result's digest), in order."""

    @property
    def context_set_digest(self) -> str:
        """Digest of the references, as the runpack says; empty when it says none."""
        return text(self.refs, "context_set_digest")

    def facts(self, manifest: Mapping[str, object], manifest_digest: str) -> RunFacts:
        """The run that manifest and content describe together."""
        environment = member(self.run, "env")
        # The first result of an intent counts; a run may hold more.
        outcome: dict[str, tuple[str, str]] = {}
        for intent_id, status, result_digest in self.results:
            outcome.setdefault(intent_id, (status, result_digest))
        return RunFacts(
            run_id=text(manifest, "run_id"),
            manifest_digest=manifest_digest,
            capture_mode=text(manifest, "capture_mode"),
            created_at=moment(self.run.get("created_at")) or moment(manifest.get("created_at")),
            producer_version=text(manifest, "producer_version"),
            os=text(environment, "os"),
            arch=text(environment, "arch"),
            runtime=text(environment, "runtime"),
            steps=tuple(
                StepFacts(index, intent_id, tool, args, *outcome.get(intent_id, ("", "")))
                for index, (intent_id, tool, args) in enumerate(self.intents)
            ),
            results=tuple((intent_id, status) for intent_id, status, _ in self.results),
            receipts=tuple(_receipt(item) for item in objects(self.refs, "receipts")),
            context_set_digest=self.context_set_digest,
            context_evidence_mode=text(self.refs, "context_evidence_mode"),
        )


def read_content(files: Mapping[str, bytes], run_id: str, notes: Notes) -> RunContent:
    """Read the standard files among ``files``, which are hashed already, and check that they are of one run.

    Gait's verification reads none of them; a fault is a finding of ours (contract 3.3, 15.7).
    """
    content = RunContent()
    check = _Check(run_id, notes)
    if "run.json" in files:
        content.run = check.document("run.json", files["run.json"], RUN, "gait.runpack.run")
    if "intents.jsonl" in files:
        names = ("intent_id", "tool_name", "args_digest")
        content.intents = check.rows(
            "intents.jsonl", files["intents.jsonl"], INTENT, "gait.runpack.intent", names
        )
    if "results.jsonl" in files:
        names = ("intent_id", "status", "result_digest")
        content.results = check.rows(
            "results.jsonl", files["results.jsonl"], RESULT, "gait.runpack.result", names
        )
    if "refs.json" in files:
        content.refs = check.document("refs.json", files["refs.json"], REFS, "gait.runpack.refs")
        if content.refs.get("context_evidence_mode") == "required" and not content.context_set_digest:
            notes.notes(
                "runpack.context_digest_missing",
                "context evidence was required, and refs.json has no context_set_digest",
            )
        claimed, receipts = content.context_set_digest, objects(content.refs, "receipts")
        if claimed and not is_digest_of(claimed, receipts):
            notes.notes(
                "runpack.context_digest_mismatch", "context_set_digest does not follow from the receipts"
            )
    return content


class _Check:
    """Reads members of one run, and notes what does not belong to it."""

    def __init__(self, run_id: str, notes: Notes) -> None:
        self._run_id, self._notes = run_id, notes
        self._lines = self._kept = 0

    def document(self, name: str, data: bytes, spec: Spec, schema_id: str) -> Mapping[str, object]:
        """The object of a JSON member; empty when it cannot be read."""

        def read() -> Mapping[str, object]:
            value = checked(spec, read_object(data, limit=MAX_DOCUMENT_BYTES))
            self._belongs(name, value, schema_id)
            return value

        return self._guarded(name, read) or {}

    def rows(
        self, name: str, data: bytes, spec: Spec, schema_id: str, members: tuple[str, str, str]
    ) -> list[tuple[str, str, str]]:
        """Three texts of every line of a JSONL member, up to the first that cannot be read."""
        rows: list[tuple[str, str, str]] = []

        def read() -> None:
            for value in self._values(name, data, spec, schema_id):
                first, second, third = (text(value, member_) for member_ in members)
                self._keep(len(first) + len(second) + len(third))
                rows.append((first, second, third))

        self._guarded(name, read)
        return rows

    def _values(self, name: str, data: bytes, spec: Spec, schema_id: str) -> Iterator[Mapping[str, object]]:
        for number, line in read_lines(data):
            value = checked(spec, line, f"line {number}")
            self._belongs(f"{name}:{number}", value, schema_id)
            yield value

    def _belongs(self, where: str, value: Mapping[str, object], schema_id: str) -> None:
        if value.get("run_id") != self._run_id:
            message = (
                f"{where} is of run {quote(text(value, 'run_id'))}, the manifest of {quote(self._run_id)}"
            )
            self._notes.fails("runpack.run_id_mismatch", message)
        if (value.get("schema_id"), value.get("schema_version")) != (schema_id, "1.0.0"):
            self._notes.forged("runpack.content_schema", f"{where} is not {schema_id} 1.0.0")

    def _keep(self, characters: int) -> None:
        self._lines += 1
        self._kept += characters
        if self._lines > _MAX_LINES or self._kept > _MAX_KEPT:
            message = f"more than {_MAX_LINES} intents and results, or {_MAX_KEPT} characters in their names"
            raise RejectedError("runpack.too_large", message, gait=False)

    def _guarded(
        self, name: str, read: Callable[[], Mapping[str, object] | None]
    ) -> Mapping[str, object] | None:
        try:
            return read()
        except RejectedError as error:
            message = f"{name}: {error.message}"
            if error.gait:
                # Plainly broken; Gait's verification does not look, and neither can it be read in two ways.
                self._notes.fails("runpack.content_unreadable", message)
            else:
                self._notes.rejects(error.code, message)
            return None


def _receipt(value: Mapping[str, object]) -> ReceiptFacts:
    return ReceiptFacts(
        ref_id=text(value, "ref_id"),
        source_type=text(value, "source_type"),
        source_locator=text(value, "source_locator"),
        query_digest=text(value, "query_digest"),
        content_digest=text(value, "content_digest"),
    )
