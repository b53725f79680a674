# SPDX-License-Identifier: Apache-2.0
"""Where everything lies in a release: file names, target paths, TUF role names and delegated paths.

::

    metadata/timestamp.json                                       the only file that is ever replaced
    metadata/<n>.root.json  <n>.snapshot.json  <n>.targets.json   TUF, consistent snapshots
    metadata/<n>.org.<org>.json  <n>.org.<org>.project.<project>.json
    targets/<folder>/<sha256>.<name>                              target files
    targets/<folder>/<sha256>.<name>.sigstore                     a statement's Sigstore bundle, when publishing is keyless
    envelopes/<sha256 of payload>.dsse.json                       the signatures over a statement
    staged/…                                                      a release that still lacks signatures; same layout

A statement is a target, so that TUF says which statement is current. Its signatures lie beside the targets under
the digest of the statement: they prove themselves, and a second publisher can add one without changing any byte that
TUF metadata covers.

TUF matches path patterns segment by segment (specification 4.5), so a folder of any depth needs one pattern a depth.
"""

from __future__ import annotations

import re
from typing import Final

SPEC_VERSION: Final = "1.0.31"
"""TUF specification of all metadata; fixed here, so that bytes do not depend on the installed python-tuf."""

METADATA: Final = "metadata"
TARGETS: Final = "targets"
ENVELOPES: Final = "envelopes"
STAGED: Final = "staged"
TIMESTAMP_FILE: Final = f"{METADATA}/timestamp.json"

RELEASE_TARGET: Final = "release.json"
"""The statement about the release itself: its number, commit and audit head."""
REPOSITORIES_TARGET: Final = "repositories.json"
"""Which org and project each repository belongs to, so that a consumer needs to know only its own address."""
TRUSTED_ROOT_TARGET: Final = "trusted_root.json"
"""The Sigstore trusted root under which the bundles of the release verify; only where there are bundles."""
MAX_INDEX_BYTES: Final = 16 * 1024 * 1024
"""Longest index of repositories that is read: more than 100,000 of them."""

MAX_FOLDERS: Final = 7
"""Folders below a version folder, and segments of a repository id after its host."""

_SAFE_SEGMENT = re.compile(r"[A-Za-z0-9._+@-]{1,255}\Z", re.ASCII)


def org_role(org: str) -> str:
    """TUF role of one org. Names hold no dots (design 2), so role names cannot collide."""
    return f"org.{org}"


def project_role(org: str, project: str) -> str:
    """TUF role of one project's assignments."""
    return f"org.{org}.project.{project}"


def version_folder(org: str, policy: str, version: str) -> str:
    """Target folder with a policy version's files."""
    return f"orgs/{org}/policies/{policy}/versions/{version}"


def version_statement(org: str, policy: str, version: str) -> str:
    """Target path of a policy version's statement."""
    return f"orgs/{org}/policies/{policy}/statements/{version}.json"


def version_pack(org: str, policy: str, version: str) -> str:
    """Target path of a policy version's Gait registry pack."""
    return f"orgs/{org}/policies/{policy}/packs/{version}.json"


def assignments_statement(org: str, project: str, repository: str) -> str:
    """Target path of the statement of what one repository runs, in all its environments."""
    return f"orgs/{org}/projects/{project}/assignments/{repository}.json"


def bundle_target(statement: str) -> str:
    """Target path of the Sigstore bundle over a statement.

    Every statement ends in ``.json`` and no bundle does, so that no name of a version or repository can be chosen such
    that its statement lies where another's bundle is.
    """
    return f"{statement}.sigstore"


def org_paths(org: str) -> tuple[str, ...]:
    """What the top-level role delegates to an org: its policies and everything of its projects."""
    below = tuple("*/" * depth + "*" for depth in range(MAX_FOLDERS + 1))
    policies = f"orgs/{org}/policies/*"
    return (
        *(f"{policies}/versions/*/{tail}" for tail in below),
        f"{policies}/statements/*",
        f"{policies}/packs/*",
        *project_paths(org, "*"),
    )


def project_paths(org: str, project: str) -> tuple[str, ...]:
    """What an org delegates to a project."""
    return tuple(
        f"orgs/{org}/projects/{project}/assignments/*/" + "*/" * depth + "*" for depth in range(MAX_FOLDERS)
    )


def role_file(role: str, version: int) -> str:
    """Path of a role's metadata inside the release (TUF specification 7.1.1, consistent snapshots)."""
    return f"{METADATA}/{version}.{role}.json"


def target_file(target: str, sha256: str) -> str:
    """Path of a target's bytes inside the release (TUF specification 7.1.2)."""
    folder, slash, name = target.rpartition("/")
    return f"{TARGETS}/{folder}{slash}{sha256}.{name}"


def envelope_file(payload_sha256: str) -> str:
    """Path of the signatures over the statement with this digest."""
    return f"{ENVELOPES}/{payload_sha256}.dsse.json"


def is_safe_path(path: str) -> bool:
    """Whether a relative path can be a file below a folder on every platform and in every URL."""
    segments = path.split("/")
    return all(_SAFE_SEGMENT.match(segment) and segment not in {".", ".."} for segment in segments)
