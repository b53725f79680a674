# SPDX-License-Identifier: Apache-2.0
"""The GitHub actions that a new fleet repository carries with it, byte for byte those of ``github-actions/``.

A copy needs no release to point at, runs exactly what was reviewed with the first tree, and is CI configuration: changing
it needs the root quorum (design 4). In a checkout the files are read from there; the wheel carries them inside this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gaitops.errors import InternalError

FOLDER: Final = ".github/actions"
_CANDIDATES: Final = (
    Path(__file__).resolve().parents[1] / "github-actions",
    Path(__file__).resolve().parents[2] / "github-actions",
)
_ACTIONS: Final = ("check", "collect-approvals", "verify")
"""What a fleet repository uses."""
_SHARED: Final = ("workflow", "program", "forge")
"""Modules that the actions share."""


def fleet_actions() -> Mapping[str, bytes]:
    """The files of the actions by their path in the fleet repository.

    Raises:
        InternalError: ``scaffold.actions``: the installation of gaitops is damaged.
    """
    names = [f"{action}/action.yml" for action in _ACTIONS]
    names += [f"lib/{name.replace('-', '_')}.py" for name in (*_ACTIONS, *_SHARED)]
    names.append("lib/install.sh")
    folder = next((path for path in _CANDIDATES if path.is_dir()), _CANDIDATES[0])
    try:
        return {f"{FOLDER}/{name}": (folder / name).read_bytes() for name in names}
    except OSError as error:
        raise InternalError.of(
            "scaffold.actions",
            f"the actions that belong to gaitops cannot be read: {error.strerror}",
            path=str(error.filename),
            remedy="install gaitops again",
        ) from error
