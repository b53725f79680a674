# SPDX-License-Identifier: Apache-2.0
"""Reading and replacing ``.gaitops/`` as a whole.

The new folder is written beside the old one and swapped in with two renames. A process that dies between them leaves
the old folder under another name, from where the next run takes it back: there is always one whole pin.
Of two runs at once the second waits for the first, from before it reads the old folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gaitops.errors import InternalError, InvalidInputError, UnsafeOperationError, VerificationError
from gaitops.pin.layout import FOLDER, PIN_FILE
from gaitops.release.folder import sync_folder, write_durably

MAX_FILES: Final = 10_000
MAX_FILE_BYTES: Final = 16 * 1024 * 1024
_NEXT: Final = ".gaitops.next"
_LAST: Final = ".gaitops.last"


def read_folder(repository: Path) -> dict[str, bytes]:
    """Every file below ``.gaitops/`` by its path in it.

    Raises:
        InvalidInputError: ``pin.not_found``.
        VerificationError: ``pin.mismatch`` for symbolic links, special files, and more than any pin holds.
        InternalError: ``pin.io``.
    """
    folder = repository / FOLDER
    if folder.is_symlink():
        raise VerificationError.of("pin.mismatch", "a pin is a folder, not a link to one", path=FOLDER)
    if not (folder / PIN_FILE).is_file():
        raise InvalidInputError.of(
            "pin.not_found",
            f"{repository} has no {FOLDER}/{PIN_FILE}",
            remedy="create it with: gaitops pin init",
        )
    files: dict[str, bytes] = {}
    try:
        for file in sorted(folder.rglob("*")):
            path = file.relative_to(folder).as_posix()
            status = file.lstat()
            if stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES or len(files) >= MAX_FILES:
                raise VerificationError.of(
                    "pin.mismatch", "a pin holds no links, special or huge files", path=f"{FOLDER}/{path}"
                )
            files[path] = file.read_bytes()
    except OSError as error:
        raise _io(folder, error) from error
    return files


@contextmanager
def sole_writer(repository: Path) -> Iterator[None]:
    """Wait until nobody else writes the pin of ``repository``. The lock goes with the process, however that ends.

    Raises:
        UnsafeOperationError: ``pin.unsafe_folder``.
        InternalError: ``pin.io``.
    """
    try:
        descriptor = os.open(repository, os.O_RDONLY)
    except OSError as error:
        raise _io(repository, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        restore(repository)
        yield
    finally:
        os.close(descriptor)


def write_folder(repository: Path, files: Mapping[str, bytes]) -> None:
    """Replace ``.gaitops/`` with exactly ``files``. On any failure the old folder stays or comes back.

    Raises:
        UnsafeOperationError: ``pin.unsafe_folder``.
        InternalError: ``pin.io``.
    """
    restore(repository)
    folder, following, last = (repository / name for name in (FOLDER, _NEXT, _LAST))
    try:
        shutil.rmtree(following, ignore_errors=True)
        for path, data in files.items():
            file = following / path
            file.parent.mkdir(parents=True, exist_ok=True)
            write_durably(file, data)
        if folder.exists():
            folder.rename(last)
        following.rename(folder)
        sync_folder(repository)
    except OSError as error:
        restore(repository)
        raise _io(folder, error) from error
    shutil.rmtree(last, ignore_errors=True)


def restore(repository: Path) -> None:
    """Clean up after a run that died: take the old folder back if the new one never came.

    Raises:
        UnsafeOperationError: ``pin.unsafe_folder`` for symbolic links: a repository could lead our writing elsewhere.
        InternalError: ``pin.io``.
    """
    folder, following, last = (repository / name for name in (FOLDER, _NEXT, _LAST))
    for place in (folder, following, last):
        if place.is_symlink():
            raise UnsafeOperationError.of(
                "pin.unsafe_folder", f"{place} is a symbolic link", path=place.name, remedy="remove the link"
            )
    try:
        if last.exists() and not folder.exists():
            last.rename(folder)
    except OSError as error:
        raise _io(folder, error) from error
    for leftover in (following, last):
        shutil.rmtree(leftover, ignore_errors=True)


def _io(folder: Path, error: OSError) -> InternalError:
    return InternalError.of("pin.io", f"cannot read or write {folder}: {error}")
