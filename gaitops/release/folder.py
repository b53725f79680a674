# SPDX-License-Identifier: Apache-2.0
"""The folder that holds a release on disk: a reader never sees half of one, and of two writers one loses.

Every file but ``timestamp.json`` carries its version or digest in its name and is written before anything refers to
it. Replacing ``timestamp.json`` is the one step that publishes; a process that dies before it leaves files behind that
nobody refers to and the next run overwrites. Files of earlier releases stay, for clients that are in the middle of one.

The folder is often a checkout of a branch that others can push to: links in it are never followed when writing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gaitops.errors import InternalError, UnsafeOperationError, VerificationError
from gaitops.release.layout import STAGED, TARGETS, TIMESTAMP_FILE, target_file

_INCOMING: Final = ".incoming"
"""Files on their way in; on the same file system, so that renaming them is atomic."""


class ReleaseFolder:
    """Writes a release into ``path``; the folder is created when needed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, file: str) -> bytes | None:
        """The bytes of a file, ``None`` when there is none.

        Raises:
            InternalError: ``release.io``.
        """
        with _storage(self.path):
            try:
                return (self.path / file).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    @property
    def staged(self) -> Path:
        """Where a release waits that still lacks signatures."""
        return self.path / STAGED

    def staged_target(self, target: str) -> bytes | None:
        """The bytes of a staged target, ``None`` unless there is exactly one file of that name. Nothing vouches for them.

        Raises:
            InternalError: ``release.io``.
        """
        folder, _, name = target.rpartition("/")
        with _storage(self.path):
            place = self.staged / TARGETS / folder
            found = (
                [item.name for item in place.iterdir() if item.name[64:] == f".{name}"]
                if place.is_dir()
                else []
            )
        return self.read(f"{STAGED}/{target_file(target, found[0][:64])}") if len(found) == 1 else None

    def holds_release(self) -> bool:
        """Whether there is a published release; a staged one may still be replaced."""
        return (self.path / TIMESTAMP_FILE).exists()

    def publish(self, files: Mapping[str, bytes], timestamp: bytes, replaces: bytes | None) -> int:
        """Write ``files``, then switch readers to them with ``timestamp``.

        Args:
            files: Path → bytes of everything that ``timestamp`` leads to.
            timestamp: The new ``timestamp.json``.
            replaces: The one that it continues. A folder without any is filled; one with another is left alone.

        Returns:
            How many files were written; those that were there with the same bytes are not counted.

        Raises:
            VerificationError: ``history.fork`` when somebody else published in the meantime.
            UnsafeOperationError: ``release.unsafe_folder`` for symbolic links on the way to a file.
            InternalError: ``release.io``.
        """
        with self._locked():
            self._require_continues(replaces)
            written = self._write(files)
            self._write({TIMESTAMP_FILE: timestamp})
            if files:  # A new timestamp alone leaves what waits for signatures as it is.
                shutil.rmtree(self.staged, ignore_errors=True)
        return written + 1

    def stage(self, files: Mapping[str, bytes], replaces: bytes | None) -> int:
        """Keep ``files`` aside until enough publishers have signed; readers see nothing of them.

        Returns:
            How many files were written.

        Raises:
            VerificationError: ``history.fork``.
            UnsafeOperationError: ``release.unsafe_folder``.
            InternalError: ``release.io``.
        """
        with self._locked():
            self._require_continues(replaces)
            self._refuse_links(STAGED)
            shutil.rmtree(self.staged, ignore_errors=True)
            return self._write({f"{STAGED}/{file}": data for file, data in files.items()})

    def _require_continues(self, replaces: bytes | None) -> None:
        current = self.read(TIMESTAMP_FILE)
        if current is not None and current != replaces:
            raise VerificationError.of(
                "history.fork",
                f"{self.path} holds another release than the one that this one continues",
                path=TIMESTAMP_FILE,
                remedy="read the previous release again and publish after it",
            )

    def _write(self, files: Mapping[str, bytes]) -> int:
        for file in files:
            self._refuse_links(file)
        changed = {file: data for file, data in files.items() if self.read(file) != data}
        folders = set()
        for file, data in changed.items():
            target = self.path / file
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.path / _INCOMING / "file"
            write_durably(temporary, data)
            temporary.replace(target)
            folders.add(target.parent)
        for folder in folders:
            sync_folder(folder)
        return len(changed)

    def _refuse_links(self, file: str) -> None:
        path = self.path
        for part in Path(file).parts:
            path /= part
            if path.is_symlink():
                raise UnsafeOperationError.of(
                    "release.unsafe_folder",
                    "a symbolic link could lead our writing elsewhere",
                    path=str(path.relative_to(self.path)),
                    remedy="remove the link, and find out who put it there",
                )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time. The lock is the kernel's: it goes with the process, however that ends."""
        with _storage(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._refuse_links(_INCOMING)
                incoming = self.path / _INCOMING
                # A run that died may have left something there.
                shutil.rmtree(incoming, ignore_errors=True)
                incoming.mkdir()
                try:
                    yield
                finally:
                    shutil.rmtree(incoming, ignore_errors=True)
            finally:
                os.close(descriptor)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that its bytes survive a crash after this returns."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InternalError.of("release.io", f"cannot read or write below {path}: {error}") from error
