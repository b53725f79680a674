# SPDX-License-Identifier: Apache-2.0
"""Writing the files of proposed fixes: nothing of anybody else is overwritten."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from gaitops.cli.files import create_files, read_bytes
from gaitops.errors import UnsafeOperationError
from gaitops.gait.fixtures import CONFIG
from gaitops.signals.fixtures import merged_config
from gaitops.signals.model import Fix


def write_fixes(fixes: Sequence[Fix], out: Path, load: Callable[[str], bytes]) -> list[str]:
    """Write what ``fixes`` consist of below ``out``; the paths that were written, sorted.

    A file that is there is replaced only if it is the one that the fix was made from; Gait's regress configuration keeps
    its fixtures and gets one more.

    Args:
        fixes: of one signal.
        out: a folder; made when it is not there.
        load: the bytes of an artifact by its digest.

    Raises:
        UnsafeOperationError: ``input.exists``, ``input.modified``.
        InvalidInputError: ``signals.regress_config``.
    """
    if len({fix.repository for fix in fixes if fix.files or fix.objects}) > 1:
        raise click.UsageError(
            "the fixes belong into different repositories; choose one with --kind, and --out for it"
        )
    files = {path: text.encode() for fix in fixes for path, text in fix.files.items()}
    files |= {path: load(digest) for fix in fixes for path, digest in fix.objects.items()}
    replaced = _replaced(fixes, out)
    config = out / CONFIG
    if CONFIG in files and config.is_file() and not config.is_symlink():
        replaced[CONFIG] = merged_config(
            read_bytes(config).decode("utf-8", "replace"), files[CONFIG].decode()
        )
    create_files(out, {path: data for path, data in files.items() if path not in replaced})
    for path, text in replaced.items():
        (out / path).write_bytes(text.encode())
    return sorted(files)


def _replaced(fixes: Sequence[Fix], out: Path) -> dict[str, str]:
    """Path → text of what takes the place of a file that is there."""
    found: dict[str, str] = {}
    for fix in fixes:
        for path, digest in fix.replaces.items():
            place = out / path
            if not place.exists():
                continue
            if place.is_symlink() or hashlib.sha256(read_bytes(place)).hexdigest() != digest:
                raise UnsafeOperationError.of(
                    "input.modified",
                    "the file differs from the verified state that the fix was made from",
                    path=path,
                    remedy="switch to the protected branch, or edit it by hand",
                )
            found[path] = fix.files[path]
    return found
