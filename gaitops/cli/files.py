# SPDX-License-Identifier: Apache-2.0
"""Reading and writing the files that a user names, with errors a user can act on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gaitops.errors import InvalidInputError, UnsafeOperationError

MAX_BYTES = 16 * 1024 * 1024
"""Far above every limit of the readers below, which give the precise error; this only protects memory."""


def read_bytes(path: Path) -> bytes:
    """The content of a file named on the command line; ``-`` is not special.

    Raises:
        InvalidInputError: ``input.unreadable`` when it cannot be read, ``document.too_large`` beyond 16 MiB.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError.of(
            "input.unreadable", error.strerror or str(error), path=str(path)
        ) from error
    if len(data) > MAX_BYTES:
        raise InvalidInputError.of("document.too_large", f"more than {MAX_BYTES} bytes", path=str(path))
    return data


def create_files(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Create ``files`` (POSIX paths below ``folder``) and return their paths, sorted.

    Existing files are never overwritten: all are checked before the first is written, each is created
    exclusively, and after a failure those already written are removed again.

    Raises:
        UnsafeOperationError: ``input.exists``, naming the first file that is already there.
        OSError: the disk is full, or the folder may not be written.
    """
    for name in sorted(files):
        if os.path.lexists(folder / name):
            raise _exists(name)
    written: list[Path] = []
    try:
        for name in sorted(files):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:
                written.append(path)
                stream.write(files[name])
    except BaseException as error:
        for path in written:
            with suppress(OSError):  # the first error is the one to report
                path.unlink()
        if isinstance(error, FileExistsError):
            raise _exists(str(error.filename)) from error
        raise
    return sorted(files)


def _exists(name: str) -> UnsafeOperationError:
    return UnsafeOperationError.of(
        "input.exists", "already exists and is not overwritten", path=name, remedy="Choose another name."
    )
