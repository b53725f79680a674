# SPDX-License-Identifier: Apache-2.0
"""The one entry: bytes of any artifact in, everything that is known of it out."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from gaitops.gait.artifacts.archive import Archive, is_archive
from gaitops.gait.artifacts.detect import guess, kind_of_document, kind_of_lines, kind_of_members
from gaitops.gait.artifacts.hygiene import lines, read_object
from gaitops.gait.artifacts.limits import MAX_ARTIFACT_BYTES, MAX_DOCUMENT_BYTES, MAX_LINE_BYTES
from gaitops.gait.artifacts.model import Buffer, Inspection, Keyring, Neighbours
from gaitops.gait.artifacts.reading import Source, refused, sha256_of
from gaitops.gait.artifacts.refusals import ArtifactError, RejectedError

READERS: Final[dict[str, str]] = {}
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


def inspect_source(source: Source) -> Inspection:
    """As :func:`inspect`; for artifacts inside others, whose source is made by ``Source.inside``."""
    try:
        kind, read = _opened(source)
    except ArtifactError as error:
        return refused(guess(source.data), source, error)
    if kind not in READERS:
        return refused(
            kind, read, RejectedError("artifact.unknown", "nothing that Gait writes looks like this")
        )
    module, _, function = READERS[kind].partition(":")
    try:
        inspection: Inspection = getattr(import_module(module), function)(read)
    except ArtifactError as error:
        return refused(kind, read, error)
    return inspection


def _opened(source: Source) -> tuple[str, Source]:
    """The kind, and the source with its document or archive."""
    data = source.data
    if len(data) > MAX_ARTIFACT_BYTES:
        raise RejectedError(
            "artifact.too_large", f"{len(data)} bytes; at most {MAX_ARTIFACT_BYTES} are read", gait=False
        )
    if is_archive(data) or b"PK\x05\x06" in bytes(data[-_TAIL:]):
        archive = Archive(data)
        return _kind_of_archive(archive), _with(source, opened=archive)
    if (first := _first_of_many(data)) is not None:
        kind = kind_of_lines(first)
        if kind != "unknown":
            return kind, source
    document = read_object(data)
    return kind_of_document(document), _with(source, parsed=document)


_TAIL: Final = 65_557
"""Where the end of a zip archive with the longest comment begins: bytes before an archive do not hide it."""


def _with(
    source: Source, *, parsed: dict[str, object] | None = None, opened: Archive | None = None
) -> Source:
    return Source(
        source.data, source.sha256, source.keys, source.neighbours, parsed, opened, depth=source.depth
    )


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
