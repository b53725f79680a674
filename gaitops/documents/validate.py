# SPDX-License-Identifier: Apache-2.0
"""Everything that documents alone can get wrong, for a whole fleet repository at once.

No signatures, no roles, no version graph: those are judged by the engine. What is found here is exactly what
keeps a commit from advancing its partition whatever has been approved (design 5), and names that point nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gaitops.content import FILE_MODES, Entry, Snapshot
from gaitops.documents import strict_json
from gaitops.documents.checkpoints import FOLDER as CHECKPOINTS
from gaitops.documents.checkpoints import read_checkpoint
from gaitops.documents.globs import matches
from gaitops.documents.kinds import KINDS
from gaitops.documents.layout import Location, classify, collisions, path_problem, version_path
from gaitops.documents.load import load_document
from gaitops.documents.models.base import Document
from gaitops.documents.models.trust import DEFAULT_UNPROTECTED, Fleet
from gaitops.documents.reader import read_yaml
from gaitops.documents.references import Index, dangling
from gaitops.documents.text import MAX_BYTES
from gaitops.errors import InvalidInputError, Problem

LFS_MARK: Final = b"version https://git-lfs.github.com/spec/"
_JSON_KINDS: Final = frozenset({"root_metadata", "sigstore_root", "envelope", "analysis"})
_MAX_ENVELOPE: Final = 64 * 1024
"""Bytes of an approval envelope (design 2)."""


def validate_snapshot(snapshot: Snapshot) -> tuple[Problem, ...]:
    """All problems of a state, sorted by path and line; empty when there are none.

    Codes: those of :func:`gaitops.documents.load.load_document`, ``git.unsafe_path``, ``git.unsupported_entry``,
    ``document.missing_file``, ``document.misplaced`` and ``reference.unknown``.
    """
    globs = _globs(snapshot)
    files = {path: entry for path, entry in snapshot.walk("") if not _unprotected(path, globs)}
    problems: list[Problem] = []
    documents: dict[str, Document] = {}
    locations = {path: classify(path) for path in files}
    for path, entry in files.items():
        found = list(entry_problems(path, entry, snapshot))
        if not found:
            try:
                document = _read(locations[path], snapshot.read(entry.oid))
                if document is not None:
                    documents[path] = document
            except InvalidInputError as error:
                found.extend(error.problems)
        problems.extend(found)
    problems.extend(_collisions(files))
    index = Index(locations.values(), documents)
    problems.extend(_missing_descriptors(locations, index))
    for path, document in documents.items():
        problems.extend(_references(locations[path], document, index, snapshot))
    if "fleet.yaml" not in files:
        problems.append(Problem("document.missing_file", "a fleet repository has a fleet.yaml", "fleet.yaml"))
    return tuple(
        sorted(problems, key=lambda problem: (problem.path or "", problem.line or 0, problem.column or 0))
    )


def entry_problems(path: str, entry: Entry, snapshot: Snapshot) -> Iterator[Problem]:
    """What is wrong with a protected path as a path and as a Git entry (threats G6, G7)."""
    problem = path_problem(path)
    if problem is not None:
        yield problem
    if entry.mode not in FILE_MODES:
        what = {"120000": "a symbolic link", "160000": "a submodule"}.get(
            entry.mode, f"an entry of mode {entry.mode}"
        )
        message = f"{what} stands where only regular files are allowed"
        yield Problem("git.unsupported_entry", message, path, remedy="commit a regular file")
    elif snapshot.read(entry.oid).startswith(LFS_MARK):
        message = "a Git LFS pointer stands where the content should be"
        yield Problem("git.unsupported_entry", message, path, remedy="commit the content itself")


def _unprotected(path: str, globs: tuple[str, ...]) -> bool:
    """Whether ``fleet.yaml`` leaves the path to everybody; the defaults hold when it cannot be read."""
    return classify(path).kind == "other" and any(matches(glob, path) for glob in globs)


def _globs(snapshot: Snapshot) -> tuple[str, ...]:
    entry = snapshot.entry("fleet.yaml")
    if entry is None or entry.mode not in FILE_MODES:
        return DEFAULT_UNPROTECTED
    try:
        document = load_document(snapshot.read(entry.oid), "fleet.yaml")
    except InvalidInputError:
        return DEFAULT_UNPROTECTED  # Its problems are reported when the walk comes to it.
    return document.spec.unprotected if isinstance(document, Fleet) else DEFAULT_UNPROTECTED


def _read(location: Location, data: bytes) -> Document | None:
    """The document at a location, or ``None`` where something else lies that is at least well formed.

    Raises:
        InvalidInputError: with all problems of the file.
    """
    if location.kind in KINDS:
        return load_document(data, location.path)
    if location.kind == "evidence_record" and _is_checkpoint(location.path):
        read_checkpoint(data, location.path)
    elif holds_json(location):
        limit = _MAX_ENVELOPE if location.kind in ("envelope", "analysis") else MAX_BYTES
        strict_json.loads(data, location.path, max_bytes=limit)
    return None


def _is_checkpoint(path: str) -> bool:
    return path.startswith(f"{CHECKPOINTS}/") and path.endswith(".json")


def holds_json(location: Location) -> bool:
    """Whether JSON lies there that is no document of ours, and must mean the same to every reader all the same."""
    return location.kind in _JSON_KINDS or (
        location.kind == "evidence_record" and location.path.endswith(".json")
    )


def _collisions(files: dict[str, Entry]) -> Iterator[Problem]:
    for first, second in collisions(files):
        message = f"{second!r} and {first!r} are one path where upper and lower case are not told apart"
        yield Problem("git.unsafe_path", message, second, remedy="rename one of them")


def _missing_descriptors(locations: dict[str, Location], index: Index) -> Iterator[Problem]:
    """Version folders with files but without ``version.yaml``."""
    reported: set[str] = set()
    for location in locations.values():
        if location.kind != "policy_file":
            continue
        path = version_path(location.org or "", location.name or "", location.version or "")
        if not index.has(path) and path not in reported:
            reported.add(path)
            yield Problem("document.missing_file", "a version folder has a version.yaml", path)


def _references(
    location: Location, document: Document, index: Index, snapshot: Snapshot
) -> Iterator[Problem]:
    found = list(dangling(location, document, index))
    entry = snapshot.entry(location.path)
    if not found or entry is None:
        return
    positions = read_yaml(snapshot.read(entry.oid), location.path).positions
    for field, missing in found:
        problem = Problem("reference.unknown", f"there is no {missing}", location.path, field=field or None)
        position = positions.get(field)
        yield problem if position is None else replace(problem, line=position.line, column=position.column)
