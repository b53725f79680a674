# SPDX-License-Identifier: Apache-2.0
"""Where everything lies in ``.gaitops/``.

::

    .gitattributes                    Git must hand out the bytes that were committed, on every platform
    pin.yaml                          what is pinned, for people and tools
    release.dsse.json                 statement about the release
    <n>.root.json                     root chain, from 1
    <env>/assignments.dsse.json       statement of what this repository runs
    <env>/enforced.dsse.json          statement about the enforced version
    <env>/enforced/…                  its files, exactly as published
    <env>/candidate.dsse.json         the same for a candidate, during a rollout
    <env>/candidate/…
    trusted_root.json                 where publishing is keyless: the Sigstore trusted root that the newest root names
    release.sigstore.json             … and beside each statement its Sigstore bundle: <name>.sigstore.json

Names of environments hold no dots, so no environment can be mistaken for one of the files beside it; statements lie
beside the folders of files, so that a folder holds what its statement names and nothing else.
"""

from __future__ import annotations

import re
from typing import Final

FOLDER: Final = ".gaitops"
PIN_FILE: Final = "pin.yaml"
ATTRIBUTES_FILE: Final = ".gitattributes"
ATTRIBUTES: Final = (
    b"# Every byte here is verified: Git must never convert line endings or filter a file.\n"
    b"* -text -filter -ident !working-tree-encoding\n"
)
"""Content of :data:`ATTRIBUTES_FILE`: with ``core.autocrlf`` Git would hand out other bytes than were committed."""
RELEASE_FILE: Final = "release.dsse.json"
TRUSTED_ROOT_FILE: Final = "trusted_root.json"
ENFORCED: Final = "enforced"
CANDIDATE: Final = "candidate"

_ENVELOPE: Final = ".dsse.json"
_ROOT_FILE = re.compile(r"([1-9][0-9]{0,4})\.root\.json\Z", re.ASCII)


def root_file(version: int) -> str:
    """Root metadata of one version."""
    return f"{version}.root.json"


def root_version(path: str) -> int | None:
    """The version of a root file's name, ``None`` for other files."""
    match = _ROOT_FILE.match(path)
    return int(match[1]) if match else None


def assignments_file(environment: str) -> str:
    """The statement of what the repository runs."""
    return f"{environment}/assignments.dsse.json"


def statement_file(environment: str, which: str) -> str:
    """The statement about the enforced or candidate version."""
    return f"{environment}/{which}.dsse.json"


def bundle_file(statement: str) -> str:
    """The Sigstore bundle beside a statement's envelope."""
    return f"{statement.removesuffix(_ENVELOPE)}.sigstore.json"


def files_folder(environment: str, which: str) -> str:
    """Folder with the files of the enforced or candidate version, with a slash at the end."""
    return f"{environment}/{which}/"
