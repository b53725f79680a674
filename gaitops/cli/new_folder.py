# SPDX-License-Identifier: Apache-2.0
"""A new folder that is complete or not there at all, whatever happens while it is filled.

Everything is written to a staging folder on the same file system and moved at the end. After a full disk the
staging folder is removed again; after a killed process it stays, under a name that nobody takes for the result.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gaitops.errors import UnsafeOperationError

STAGING_PREFIX = ".gaitops-unfinished-"
_LAST = ".git"
"""Moved after everything else, so that a folder that holds it is complete."""


def require_vacant(folder: Path) -> None:
    """Refuse a folder that holds anything, or a file in its place.

    Raises:
        UnsafeOperationError: ``init.not_empty``.
    """
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise _occupied(folder, "exists and is not a folder")
    if any(folder.iterdir()):
        raise _occupied(folder, "is not empty")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Fill the folder that is yielded; when the block ends it becomes ``folder``, which is absent or empty.

    An empty folder that exists is kept (it may be the current folder or a mount point) and receives the content.

    Raises:
        UnsafeOperationError: ``init.not_empty``, before the block or, if somebody else was faster, after it.
        OSError: the folder cannot be written.
    """
    require_vacant(folder)
    target = folder.resolve()
    kept = target.is_dir()
    parent = target if kept else target.parent
    parent.mkdir(parents=True, exist_ok=True)
    staging = parent / f"{STAGING_PREFIX}{secrets.token_hex(6)}"
    staging.mkdir()
    try:
        yield staging
        if kept:
            _move_into(staging, target)
        else:
            _become(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)  # the first error is the one to report
        raise


def _become(staging: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise _occupied(target, "was made by somebody else in the meantime")
    staging.rename(target)


def _move_into(staging: Path, target: Path) -> None:
    if [item.name for item in target.iterdir()] != [staging.name]:
        raise _occupied(target, "was filled by somebody else in the meantime")
    for item in sorted(staging.iterdir(), key=lambda item: (item.name == _LAST, item.name)):
        item.rename(target / item.name)
    staging.rmdir()


def _occupied(folder: Path, message: str) -> UnsafeOperationError:
    return UnsafeOperationError.of(
        "init.not_empty",
        f"{folder} {message}, and nothing is overwritten",
        remedy="Name a folder that does not exist yet, or an empty one.",
    )
