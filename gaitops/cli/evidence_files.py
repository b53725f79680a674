# SPDX-License-Identifier: Apache-2.0
"""Artifacts in files and folders, read one at a time so that neither their number nor their size fills the memory."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gaitops.gait.artifacts.model import Inspection, Keyring
    from gaitops.gait.artifacts.neighbours import Collected

_PIECE = 1024 * 1024
_NO_FILE = "not a regular file"


@dataclass(frozen=True, slots=True)
class Found:
    """One file that was asked for, or that lies in a folder that was asked for."""

    path: Path
    named: bool
    """Whether the user named this very file."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or folder that could not be read, and why."""

    path: Path
    reason: str


def find(paths: tuple[Path, ...]) -> Iterator[Found | Unreadable]:
    """The files of ``paths``, folders sorted and entered; links inside folders are not followed."""
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            yield Unreadable(path, error.strerror or str(error))
            continue
        if stat.S_ISDIR(mode):
            yield from _inside(path)
        elif stat.S_ISREG(mode):
            yield Found(path, named=True)
        else:
            # Opening a pipe would wait for whoever writes to it.
            yield Unreadable(path, _NO_FILE)


def _inside(folder: Path) -> Iterator[Found | Unreadable]:
    """Depth first, without recursion: a folder can be nested deeper than Python calls."""
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            with os.scandir(current) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Unreadable(current, error.strerror or str(error))
            continue
        for entry in found:
            if entry.is_file(follow_symlinks=False):
                yield Found(Path(entry.path), named=False)
            elif entry.is_symlink():
                yield Unreadable(Path(entry.path), "a link, which is not followed")
            elif not entry.is_dir(follow_symlinks=False):
                yield Unreadable(Path(entry.path), _NO_FILE)
        waiting += [Path(entry.path) for entry in reversed(found) if entry.is_dir(follow_symlinks=False)]


def inspect_file(path: Path, keys: Keyring, neighbours: Collected) -> Inspection | Unreadable:
    """Judge one file. What is larger than any artifact may be is hashed piece by piece and not kept."""
    from gaitops.gait.artifacts.inspect import inspect, inspect_oversized
    from gaitops.gait.artifacts.limits import MAX_ARTIFACT_BYTES

    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_ARTIFACT_BYTES + 1)
            if len(data) <= MAX_ARTIFACT_BYTES:
                return inspect(data, keys, neighbours)
            digest, size, head = hashlib.sha256(data), len(data), data[:_PIECE]
            del data
            while piece := stream.read(_PIECE):
                digest.update(piece)
                size += len(piece)
            return inspect_oversized(head, size, digest.hexdigest())
    except OSError as error:
        return Unreadable(path, error.strerror or str(error))


class Neighbourhoods:
    """Which files a file was collected with: those of the same call, and those beside it."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._asked = [path for path in paths if path.suffix == ".zip"]
        self._asked_documents = [path for path in paths if path.suffix == ".json"]
        self._folder: Path | None = None
        self._collected: Collected | None = None

    def of(self, path: Path) -> Collected:
        """The neighbours of the file at ``path``; files of one folder come one after another, so one is remembered."""
        from gaitops.gait.artifacts.neighbours import Collected

        if self._collected is None or self._folder != path.parent:
            beside = sorted(path.parent.glob("*.zip"))
            files = dict.fromkeys([*beside, *self._asked])
            documents = dict.fromkeys([*sorted(path.parent.glob("*.json")), *self._asked_documents])
            self._folder = path.parent
            self._collected = Collected(
                ((file.name, _Loader(file)) for file in files), (_Loader(file) for file in documents)
            )
        return self._collected


@dataclass(frozen=True, slots=True)
class _Loader:
    """Reads a file when an artifact asks for its neighbour."""

    path: Path

    def __call__(self) -> bytes | None:
        from gaitops.gait.artifacts.limits import MAX_ARTIFACT_BYTES

        try:
            if not self.path.is_file() or self.path.stat().st_size > MAX_ARTIFACT_BYTES:
                return None
            return self.path.read_bytes()
        except OSError:
            # A chain's own finding says that a runpack is missing; an audit record without its trace stands alone.
            return None
