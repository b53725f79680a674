# SPDX-License-Identifier: Apache-2.0
"""Files that hold private keys: reading them only when nobody else can, and writing them so that nobody can."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from gaitops.errors import InternalError, InvalidInputError, UnsafeOperationError

_MAX_BYTES = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PRIVATE_MODE = 0o600
_PUBLIC_MODE = 0o644


def read_key_file(path: Path) -> bytes:
    """The content of a key file; a private key that others may access is refused.

    Raises:
        InvalidInputError: ``key.path`` when it cannot be read or is not a regular file of at most 64 KiB.
        UnsafeOperationError: ``key.permissions``, as ssh does: a key that others can read is not a secret.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            content = file.read(_MAX_BYTES + 1) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise InvalidInputError.of(
            "key.path", f"cannot read the key file {path}: {error.strerror}"
        ) from error
    if not stat.S_ISREG(status.st_mode) or len(content) > _MAX_BYTES:
        raise InvalidInputError.of("key.path", f"{path} is not a file of at most {_MAX_BYTES} bytes")
    if is_private(content) and status.st_mode & _OTHERS:
        raise UnsafeOperationError.of(
            "key.permissions",
            f"other users may access the private key {path} (mode {stat.S_IMODE(status.st_mode):04o})",
            remedy=f"chmod 600 {path}",
        )
    return content


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors about the content of a key file name the file: whoever passed a wrong path sees which."""
    try:
        yield
    except InvalidInputError as error:
        named = [replace(problem, message=f"{path}: {problem.message}") for problem in error.problems]
        raise InvalidInputError(named) from error


def is_private(content: bytes) -> bool:
    """Whether a key file holds a private key: all formats that are read, PEM and OpenSSH's, say so in their label."""
    return b"PRIVATE KEY-----" in content


def write_key_pair(path: Path, private: bytes, public: bytes) -> None:
    """Write ``path`` (0600) and ``path.pub`` (0644), both durably and both new, or neither.

    Raises:
        UnsafeOperationError: ``key.exists`` when either exists, be it as a dangling link.
        InvalidInputError: ``key.path`` when the folder cannot be written.
        InternalError: ``key.write`` when the machine fails in the middle.
    """
    beside = path.with_name(path.name + ".pub")
    _write_new(path, private, _PRIVATE_MODE)
    try:
        _write_new(beside, public, _PUBLIC_MODE)
    except BaseException:
        path.unlink()
        raise
    _sync_folder(path.parent)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, mode)
    except FileExistsError as error:
        raise UnsafeOperationError.of(
            "key.exists", f"{path} exists and is not overwritten", remedy="choose another file name"
        ) from error
    except OSError as error:
        raise InvalidInputError.of("key.path", f"cannot create {path}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        with suppress(OSError):  # the first failure is the one to report
            path.unlink()
        raise InternalError.of("key.write", f"cannot write {path}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    """Make the names as durable as the contents: a key must not be lost after it was announced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        message = f"the keys in {folder} were written, but may not survive a power cut: {error.strerror}"
        raise InternalError.of("key.write", message) from error
