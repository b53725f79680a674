# SPDX-License-Identifier: Apache-2.0
"""The one entry: bytes of any artifact in, everything that is known of it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Final

from gaitops.gait.artifacts.archive import Archive, is_archive
from gaitops.gait.artifacts.detect import guess, kind_of_document, kind_of_lines, kind_of_members
from gaitops.gait.artifacts.gait_reading import read_as_gait
from gaitops.gait.artifacts.hygiene import lines, read_object
from gaitops.gait.artifacts.limits import MAX_ARTIFACT_BYTES, MAX_DOCUMENT_BYTES, MAX_LINE_BYTES
from gaitops.gait.artifacts.model import Buffer, Inspection, Keyring, Neighbours
from gaitops.gait.artifacts.reading import Source, refused, sha256_of
from gaitops.gait.artifacts.refusals import ArtifactError, RejectedError

READERS: Final[dict[str, str]] = {
    "trace": "gaitops.gait.artifacts.trace:read",
    "runpack": "gaitops.gait.artifacts.runpack:read",
    "pack": "gaitops.gait.artifacts.pack:read",
    "guard_pack": "gaitops.gait.artifacts.guard_pack:read",
    "session_journal": "gaitops.gait.artifacts.session_journal:read",
    "session_chain": "gaitops.gait.artifacts.session_chain:read",
    "authorization_bundle": "gaitops.gait.artifacts.authorization_bundle:read",
    "approval_token": "gaitops.gait.artifacts.tokens:read_approval",
    "delegation_token": "gaitops.gait.artifacts.tokens:read_delegation",
    "approval_audit": "gaitops.gait.artifacts.audits:read_approval",
    "delegation_audit": "gaitops.gait.artifacts.audits:read_delegation",
    "broker_record": "gaitops.gait.artifacts.broker:read",
    "script_registry": "gaitops.gait.artifacts.scripts:read",
    "context_envelope": "gaitops.gait.artifacts.context:read",
    "regress_result": "gaitops.gait.artifacts.regress:read",
    "regress_cli_output": "gaitops.gait.artifacts.regress:read_output",
    "policy_test_result": "gaitops.gait.artifacts.policy_test:read",
    "inventory_snapshot": "gaitops.gait.artifacts.inventory:read",
    "coverage_report": "gaitops.gait.artifacts.inventory:read_coverage",
    "adoption_events": "gaitops.gait.artifacts.event_logs:read_adoption",
    "operational_events": "gaitops.gait.artifacts.event_logs:read_operational",
    "decision_events": "gaitops.gait.artifacts.event_logs:read_decisions",
    "run_fingerprint": "gaitops.gait.artifacts.scout_reports:read_fingerprint",
    "signal_report": "gaitops.gait.artifacts.scout_reports:read_signals",
    "top_actions": "gaitops.gait.artifacts.scout_reports:read_top_actions",
    "retention_report": "gaitops.gait.artifacts.retention:read",
    "encrypted_artifact": "gaitops.gait.artifacts.encrypted:read",
    "registry_pack": "gaitops.gait.artifacts.registry:read_pack",
    "registry_verification": "gaitops.gait.artifacts.registry:read_verification",
    "kill_switch_state": "gaitops.gait.artifacts.kill_switch:read",
    "action_contract": "gaitops.gait.artifacts.action_contract:read",
    "action_contract_proposal": "gaitops.gait.artifacts.action_contract:read_proposal",
}
"""Kind → ``module:function`` of its reader, which takes a :class:`~gaitops.gait.artifacts.reading.Source`. Imported when needed."""


def inspect(
    data: Buffer, keys: Keyring, neighbours: Neighbours | None = None, *, sha256: str | None = None
) -> Inspection:
    """Judge one artifact by its bytes alone. Never raises for any ``data``.

    Args:
        data: the bytes of one file.
        keys: the registered producer keys; without its key a signed artifact is unverifiable.
        neighbours: what was collected together with it, for artifacts that refer to others.
        sha256: of ``data`` in lower-case hex, where the caller knows it already.
    """
    return inspect_source(Source(data, sha256 or sha256_of(data), keys, neighbours))


def inspect_oversized(head: bytes, size: int, sha256: str) -> Inspection:
    """The inspection of an artifact that is too large to be read, from its first bytes, its size and its digest."""
    source = Source(head, sha256, Keyring())
    error = RejectedError(
        "artifact.too_large", f"{size} bytes; at most {MAX_ARTIFACT_BYTES} are read", gait=False
    )
    return replace(refused(guess(head), source, error), size=size)


def inspect_source(source: Source) -> Inspection:
    """As :func:`inspect`; for artifacts inside others, whose source is made by ``Source.inside``."""
    try:
        kind = _opened(source)
    except ArtifactError as error:
        return _refused(None, source, error)
    try:
        return _read(kind, source)
    except ArtifactError as error:
        return _refused(kind, source, error)


def _read(kind: str, source: Source) -> Inspection:
    if kind not in READERS:
        raise RejectedError("artifact.unknown", "nothing that Gait writes looks like this")
    return _reader(READERS[kind])(source)


@cache
def _reader(target: str) -> Callable[[Source], Inspection]:
    """The function that ``module:function`` names; looking it up is felt at the rate of traces."""
    module, _, function = target.partition(":")
    reader: Callable[[Source], Inspection] = getattr(import_module(module), function)
    return reader


def _refused(kind: str | None, source: Source, error: ArtifactError) -> Inspection:
    """What is said of an artifact that has several readings: rejected, and what Gait makes of the one that it takes."""
    loose = None if error.gait or source.opened is not None else read_as_gait(source.data)
    if loose is None:
        return refused(kind or guess(source.data), source, error)
    found = kind or kind_of_document(loose)
    inspection = refused(found, source, error)
    try:
        return replace(inspection, gait_verdict=_read(found, replace(source, parsed=loose)).gait_verdict)
    except ArtifactError:
        # Gait refuses it as well, for another reason.
        return inspection


def _opened(source: Source) -> str:
    """The kind; fills in the document or the archive."""
    data = source.data
    if len(data) > MAX_ARTIFACT_BYTES:
        message = f"{len(data)} bytes; at most {MAX_ARTIFACT_BYTES} are read"
        raise RejectedError("artifact.too_large", message, gait=False)
    if is_archive(data) or b"PK\x05\x06" in bytes(data[-_TAIL:]):
        source.opened = Archive(data)
        return _kind_of_archive(source.opened)
    if (first := _first_of_many(data)) is not None:
        kind = kind_of_lines(first)
        if kind != "unknown":
            return kind
    source.parsed = read_object(data)
    return kind_of_document(source.parsed)


_TAIL: Final = 65_557
"""Where the end of a zip archive with the longest comment begins: bytes before an archive do not hide it."""


def _kind_of_archive(archive: Archive) -> str:
    manifest = None
    if "pack_manifest.json" in archive.members:
        try:
            manifest = read_object(archive.read("pack_manifest.json", MAX_DOCUMENT_BYTES))
        except ArtifactError:
            # The reader of packs meets the same fault and reports it.
            manifest = None
    return kind_of_members(archive.members, manifest)


def _first_of_many(data: Buffer) -> dict[str, object] | None:
    """The object on the first line, if that line is a whole object and more follows; ``None`` for a single document."""
    head = bytes(data[:MAX_LINE_BYTES])
    end = head.find(b"\n")
    # Gait's indented documents begin with a brace alone on its line.
    if end < 2 or end == len(data) - 1:
        return None
    try:
        return next((read_object(line, limit=MAX_LINE_BYTES) for _, line in lines(head[: end + 1])), None)
    except RejectedError:
        return None
