# SPDX-License-Identifier: Apache-2.0
"""Files that were collected together: a session chain finds the runpacks that it names, an audit record its trace (contract 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from gaitops.gait.artifacts.archive import Archive, is_archive
from gaitops.gait.artifacts.hygiene import read_object
from gaitops.gait.artifacts.limits import MAX_DOCUMENT_BYTES
from gaitops.gait.artifacts.model import Buffer
from gaitops.gait.artifacts.refusals import ArtifactError

_TRACE_SCHEMA: Final = "gait.gate.trace"
Load = Callable[[], Buffer | None]
"""Gives the bytes of a file when they are needed; ``None`` when they cannot be read."""


class Collected:
    """Files that lie together, as :class:`~gaitops.gait.artifacts.model.Neighbours`.

    A path inside a chain is relative to wherever its producer ran, so only the last part of it counts, and the digest that a
    manifest states counts more than any name. Nothing is loaded before the first question.

    Args:
        files: base name and loader of every file that may be a runpack.
        documents: loaders of files that may be traces.
    """

    def __init__(self, files: Iterable[tuple[str, Load]], documents: Iterable[Load] = ()) -> None:
        self._files: Final = tuple(files)
        self._documents: Final = tuple(documents)
        self._by_digest: dict[str, Load] | None = None
        self._by_trace: dict[str, Load] | None = None

    def runpack(self, manifest_digest: str, name: str) -> Buffer | None:
        """The runpack whose manifest states this digest, or else the file of this base name."""
        if self._by_digest is None:
            self._by_digest = dict(self._manifest_digests())
        load = self._by_digest.get(manifest_digest) or next(
            (load for other, load in self._files if other == name), None
        )
        return load() if load is not None else None

    def trace(self, trace_id: str) -> Buffer | None:
        """The first trace that states this id."""
        if self._by_trace is None:
            self._by_trace = {}
            for load in self._documents:
                data = load()
                found = _stated_trace(data) if data is not None else None
                if found is not None:
                    self._by_trace.setdefault(found, load)
        load_trace = self._by_trace.get(trace_id)
        return load_trace() if load_trace is not None else None

    def _manifest_digests(self) -> Iterator[tuple[str, Load]]:
        for _, load in self._files:
            data = load()
            digest = _stated_digest(data) if data is not None and is_archive(data) else None
            if digest is not None:
                yield digest, load


def _stated_digest(data: Buffer) -> str | None:
    """What the manifest of a runpack says of itself; ``None`` for anything else, which cannot be what is looked for."""
    try:
        archive = Archive(data)
        if "manifest.json" not in archive.members:
            return None
        digest = read_object(archive.read("manifest.json", MAX_DOCUMENT_BYTES)).get("manifest_digest")
    except ArtifactError:
        return None
    return digest if type(digest) is str else None


def _stated_trace(data: Buffer) -> str | None:
    """The id that a trace states; ``None`` for anything else."""
    try:
        value = read_object(data)
    except ArtifactError:
        return None
    trace_id = value.get("trace_id")
    return trace_id if value.get("schema_id") == _TRACE_SCHEMA and type(trace_id) is str else None
