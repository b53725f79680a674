# SPDX-License-Identifier: Apache-2.0
"""What ``gaitops pin init --ci`` writes beside the pin: checks of a forge, and how Gait finds the policy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click

from gaitops.cli.files import create_files, read_bytes
from gaitops.cli.output import Result

PROPOSED = ".gaitops-new"
"""Ending of a file that would have replaced one of the user's."""

_F = TypeVar("_F", bound=Callable[..., Result])


def ci_options(function: _F) -> _F:
    """``--ci`` as ``ci: str | None`` and ``--ci-from`` as ``ci_from: str | None``."""
    function = click.option(
        "--ci-from",
        metavar="PATH@COMMIT",
        help="With --ci: the repository of gaitops' actions, or the project of its components, at a full commit id.",
    )(function)
    return click.option(
        "--ci",
        type=click.Choice(["github", "gitlab"]),
        help="Also write the pipelines of this forge and the settings of Gait; nothing that exists is replaced.",
    )(function)


def write_beside(repo: Path, files: Mapping[str, bytes]) -> list[str]:
    """Create files of a consumer repository; what the user has already stays, and gets a proposal beside it.

    Returns:
        The paths that were written, sorted. One that ends in :data:`PROPOSED` is a proposal.

    Raises:
        GaitopsError: ``input.exists`` for an older proposal, ``input.unreadable``.
    """
    new: dict[str, bytes] = {}
    for path, data in files.items():
        if not os.path.lexists(repo / path):
            new[path] = data
        elif read_bytes(repo / path) != data:
            new[path + PROPOSED] = data
    return create_files(repo, new)


def written_lines(paths: Sequence[str]) -> list[str]:
    """For people: what was written, and what to do with proposals."""
    lines = []
    for path in paths:
        kept = path.removesuffix(PROPOSED)
        lines.append(f"  {path}" if path == kept else f"  {path}: {kept} exists; merge the two by hand")
    return lines
