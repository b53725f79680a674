# SPDX-License-Identifier: Apache-2.0
"""The files of a store in a local folder: written beside their name and renamed, never through a symbolic link.

``kill -9`` at any point leaves whole files or none. Nothing is flushed file by file; :meth:`LocalFiles.flush` does it once for
all of a batch, before the batch is claimed, so that after a loss of power no row speaks of an object that never reached the disk.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gaitops.errors import InternalError, InvalidInputError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_LINK: Final = "a link, which is not followed"
_MOST_OPEN: Final = 320
"""Folders kept open: the 256 of the objects, and some."""


Refused = Callable[[str, str], None]
"""Told the path of something that is left out, and why."""


class LocalFiles:
    """Implements :class:`gaitops.evidence.stores.Files` below one folder, created when first written to."""

    parallel = 1
    """Reads and writes are too short to be worth a thread."""

    def __init__(self, root: Path, only: str = "") -> None:
        self.root = root.absolute()
        self._only = only
        """The one file that is meant by an empty path; empty for all below the folder."""
        self._folders: dict[str, int] = {}

    @property
    def url(self) -> str:
        """Path of the folder, or of the one file."""
        return str(self.root / self._only)

    @property
    def filesystem(self) -> AbstractFileSystem | None:
        """``None``: everything can open these paths."""
        return None

    def close(self) -> None:
        """Give the open folders back."""
        for descriptor in self._folders.values():
            os.close(descriptor)
        self._folders.clear()

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a file, at most ``limit`` and one more.

        Raises:
            FileNotFoundError: nothing, or no regular file, is there.
        """
        folder, name = self._place(path, create=False)
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except OSError as error:
            raise _named(error, path) from error
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise FileNotFoundError(errno.ENOENT, "not a regular file", path)
            return _read_up_to(stream.fileno(), min(state.st_size, limit) + 1)

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless it is there with this size; whether it was absent.

        Raises:
            InternalError: ``store.unwritable``: the disk is full, no permission.
        """
        try:
            folder, name = self._place(path, create=True)
            present = _size(folder, name)
            if present == len(data):
                return False
            self._write(folder, name, data)
        except OSError as error:
            raise InternalError.of(
                "store.unwritable",
                f"{error.strerror or error}: {path}",
                path=self.url,
                remedy="Make room or give permission, then run the same command again: it goes on where it stopped.",
            ) from error
        return present is None

    def _write(self, folder: int, name: str, data: bytes) -> None:
        # Not from the process id: in a container that is the same after every start, and what was killed leaves its file.
        temporary = f".{name[:16]}.{secrets.token_hex(8)}.tmp"
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444, dir_fd=folder
        )
        try:
            try:
                _write_all(descriptor, data)
            finally:
                os.close(descriptor)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(temporary, dir_fd=folder)
            raise

    def size(self, path: str) -> int | None:
        """Bytes of a file, ``None`` when it is not there."""
        try:
            folder, name = self._place(path, create=False)
        except FileNotFoundError:
            return None
        return _size(folder, name)

    def remove(self, path: str) -> None:
        """Remove a file, and its folder when that is empty then; nothing when it is gone."""
        place = self.root / path
        place.unlink(missing_ok=True)
        self._forget(path.rpartition("/")[0])
        try:
            place.parent.rmdir()
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT}:
                raise

    def list(self, prefix: str, refused: Refused | None = None) -> Iterator[tuple[str, int]]:
        """(path, size) of every file below a folder, by path; half-written files and symbolic links are not there.

        Args:
            prefix: the folder.
            refused: told (path, reason) of what is left out; without it, a folder that cannot be read is an error.
        """
        if self._only:
            yield "", (self.root / self._only).stat().st_size
            return
        pending = [prefix]
        while pending:
            folder = pending.pop()
            below = []
            for entry in self._entries(folder, refused):
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    below.append(path)
                elif not entry.is_file(follow_symlinks=False):
                    if refused is not None:
                        refused(path, _LINK if entry.is_symlink() else "not a regular file")
                elif not entry.name.endswith(".tmp") and (size := _entry_size(entry)) is not None:
                    yield path, size
            pending.extend(reversed(below))

    def _entries(self, folder: str, refused: Refused | None) -> Sequence[os.DirEntry[str]]:
        """What lies in a folder, by name; nothing when it is gone."""
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
        except OSError as error:
            if refused is None:
                raise
            refused(folder, error.strerror or str(error))
            return []

    def flush(self) -> None:
        """Return when everything written so far is on the disk."""
        os.sync()

    def _place(self, path: str, *, create: bool) -> tuple[int, str]:
        """The open folder of a path and the name in it."""
        parent, _, name = (path or self._only).rpartition("/")
        folder = self._folders.get(parent)
        if folder is None:
            if len(self._folders) >= _MOST_OPEN:
                self.close()
            folder = self._folders[parent] = self._opened(parent, create=create)
        return folder, name

    def _opened(self, parent: str, *, create: bool) -> int:
        """Walk down from the root, refusing a symbolic link at every step below it."""
        if create:
            self.root.mkdir(parents=True, exist_ok=True)
        current = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        for part in filter(None, parent.split("/")):
            try:
                if create:
                    _make_folder(part, current)
                following = os.open(part, _FOLDER, dir_fd=current)
            except OSError as error:
                if error.errno in {errno.ELOOP, errno.ENOTDIR}:
                    raise InvalidInputError.of(
                        "store.link", "a folder of the store is a symbolic link or a file", path=parent
                    ) from error
                raise
            finally:
                os.close(current)
            current = following
        return current

    def _forget(self, parent: str) -> None:
        descriptor = self._folders.pop(parent, None)
        if descriptor is not None:
            os.close(descriptor)


def _entry_size(entry: os.DirEntry[str]) -> int | None:
    """Bytes of a file; ``None`` when it went away after its folder was read."""
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return None


def _make_folder(name: str, parent: int) -> None:
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return  # also when another process was quicker


def _size(folder: int, name: str) -> int | None:
    try:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return state.st_size if stat.S_ISREG(state.st_mode) else -1


def _named(error: OSError, path: str) -> OSError:
    """The same error about a path that a person can find; a link in the place of a file is no file."""
    if error.errno == errno.ELOOP:
        return FileNotFoundError(errno.ENOENT, "a symbolic link", path)
    error.filename = path
    return error


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _read_up_to(descriptor: int, count: int) -> bytes:
    """Up to ``count`` bytes; fewer at the end of the file."""
    data = os.read(descriptor, count)
    if len(data) == count or not data:
        return data
    parts = [data]
    missing = count - len(data)
    while missing and (data := os.read(descriptor, missing)):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)
