# SPDX-License-Identifier: Apache-2.0
"""What the readers of single pack types share: reading documents out of a pack strictly and in bounded space (contract 4.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from gaitops.gait.artifacts import runpack
from gaitops.gait.artifacts.archive import Archive, is_archive
from gaitops.gait.artifacts.facts import RunFacts, TraceFacts
from gaitops.gait.artifacts.fields import Object, Spec, checked
from gaitops.gait.artifacts.hygiene import read_lines, read_object, read_value
from gaitops.gait.artifacts.inspect import inspect_source
from gaitops.gait.artifacts.limits import MAX_DOCUMENT_BYTES, MAX_VALUES, MIB
from gaitops.gait.artifacts.model import Finding, Inspection, Verdict
from gaitops.gait.artifacts.reading import Notes, Source, refused
from gaitops.gait.artifacts.refusals import ArtifactError, DamagedError, RejectedError
from gaitops.gait.artifacts.strict import shown, unknown_members

MAX_EMBEDDED_BYTES: Final = 32 * MIB
"""Of a runpack inside a pack; it is inflated into memory."""
MAX_FINDINGS: Final = 100
"""Of one kind of rules; a broken log could have hundreds of thousands."""
RUNPACK: Final = "source/runpack.zip"
"""Where run packs and call packs keep the runpack."""
_BAD: Final = frozenset({Verdict.FAILED, Verdict.REJECTED})


@dataclass(frozen=True, slots=True)
class Payload:
    """What the reader of one pack type found."""

    ids: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    members: tuple[Inspection, ...] = ()
    run: RunFacts | None = None
    trace: TraceFacts | None = None
    job_status: str = ""
    job_reason: str = ""


class Contents:
    """The files of one pack whose names and digests agree with its manifest."""

    def __init__(self, source: Source, notes: Notes, source_ref: str) -> None:
        self.source: Final = source
        self.archive: Final = source.archive
        self.notes: Final = notes
        self.source_ref: Final = source_ref
        """What the manifest says that the pack is about."""
        self._bytes = MAX_DOCUMENT_BYTES
        self._values = MAX_VALUES

    def document(self, name: str, spec: Spec) -> Object:
        """One JSON object. Members that Gait's strict reader does not know are a finding.

        Raises:
            ArtifactError: it is missing, damaged, not JSON with one reading, or its members have other types.
        """
        with _Naming(name):
            found = checked(spec, read_object(self.read(name)))
            self._refuse_unknown(name, spec, (found,))
            return found

    def lines(self, name: str, spec: Spec) -> Sequence[Object]:
        """The objects of a JSONL file.

        Raises:
            ArtifactError: as :meth:`document`.
        """
        with _Naming(name):
            found = [checked(spec, line) for _, line in read_lines(self.read(name))]
            self._refuse_unknown(name, spec, found)
            return found

    def elements(self, name: str, spec: Spec) -> Sequence[Object]:
        """The objects of a JSON list; ``null`` is an empty list.

        Raises:
            ArtifactError: as :meth:`document`.
        """
        with _Naming(name):
            value = read_value(self.read(name))
            if value is not None and not isinstance(value, list):
                raise RejectedError("json.type", "is not a list")
            found = [checked(spec, item or {}) for item in value or ()]
            self._refuse_unknown(name, spec, found)
            return found

    def read(self, name: str) -> bytes:
        """The bytes of a document.

        Raises:
            DamagedError: ``pack.file_missing``, ``zip.damaged``.
            RejectedError: ``zip.member_too_large``, or ``pack.too_large`` when the documents of the pack together are beyond
                what one document may be.
        """
        if name not in self.archive.members:
            raise DamagedError("pack.file_missing", f"the pack has no {name}")
        data = self.archive.read(name, self._bytes)
        self._bytes -= len(data)
        self._values -= sum(data.count(mark) for mark in (b",", b"[", b"{"))
        if self._values < 0:
            raise RejectedError(
                "pack.too_large", f"the documents have more than {MAX_VALUES} values", gait=False
            )
        return data

    def runpack(self) -> Inspection:
        """The embedded runpack, judged with the same keys; what is wrong with it is wrong with the pack (contract 4.3).

        Raises:
            ArtifactError: it is missing, damaged or too large.
        """
        if RUNPACK not in self.archive.members:
            raise DamagedError("pack.file_missing", f"the pack has no {RUNPACK}")
        found = _read_runpack(self.source.inside(self.archive.read(RUNPACK, MAX_EMBEDDED_BYTES)))
        self.judge(found, "pack.runpack_failed", "the embedded runpack")
        return found

    def artifact(self, name: str) -> Inspection:
        """A document of the pack as the artifact that it is, whatever that may be, judged with the same keys.

        Raises:
            ArtifactError: it is missing, damaged or too large.
        """
        source = self.source.inside(self.read(name))
        if is_archive(source.data):
            # Nobody keeps packs as evidence for a decision; looking into them would lead anywhere.
            return refused("unknown", source, RejectedError("artifact.not_a_document", "expected a document"))
        return inspect_source(source)

    def judge(self, found: Inspection, code: str, what: str) -> None:
        """A finding under ``code`` if an artifact inside does not hold. Gait looks into none of them (contract 4.3)."""
        if found.verdict in _BAD:
            codes = shown(finding.code for finding in found.findings)
            self.notes.fails(code, f"{what} is {found.verdict}: {codes}")
        elif found.verdict is Verdict.UNVERIFIABLE:
            message = f"{what} is signed by a key that is not registered"
            self.notes.notes("pack.member_unverifiable", message)

    def take(self, findings: Iterable[Finding]) -> None:
        """Keep findings; after as many as anybody reads, no more are looked for."""
        for finding in islice(findings, MAX_FINDINGS):
            self.notes.add(finding)

    def _refuse_unknown(self, name: str, spec: Spec, values: Sequence[Object]) -> None:
        """A finding for the first of ``values`` that Gait's strict reader refuses."""
        unknown = next(filter(None, (shown(unknown_members(spec, value)) for value in values)), "")
        if unknown:
            message = f"{name} has members that Gait refuses: {unknown}"
            self.notes.fails("pack.unknown_member", message, gait=True)


class _Naming:
    """Adds the name of a member to what is wrong with it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, ArtifactError) or self._name in error.message:
            return
        message = f"{self._name}: {error.message}"
        # The pack as a whole is readable then; a document with two readings stays refused.
        damaged = error.code in {"json.syntax", "json.trailing_text", "json.encoding", "json.not_an_object"}
        again = DamagedError if damaged else type(error)
        raise again(error.code, message, gait=error.gait) from error


def _read_runpack(source: Source) -> Inspection:
    """The verdict on bytes that must be a runpack. Nothing else is looked into, so packs in packs lead nowhere."""
    try:
        archive = Archive(source.data)
        if "pack_manifest.json" in archive.members:
            raise RejectedError("artifact.not_a_runpack", "expected a runpack, found a pack", gait=False)
        return runpack.read(replace(source, opened=archive))
    except ArtifactError as error:
        return refused("runpack", source, error)
