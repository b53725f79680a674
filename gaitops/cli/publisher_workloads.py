# SPDX-License-Identifier: Apache-2.0
"""Workloads that a root lets publish: taken from principals' documents in a working tree, which nobody has verified.

What they say is copied into root metadata, and whoever signs it sees every member: from then on the root decides, and a
change to the principal's document changes nothing about publishing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.cli.worktree import WorkingTree
    from gaitops.documents.models.identities import WorkloadIdentity
    from gaitops.fleet.publishing import KeylessPublishing


def publishing_of(repo: Path, names: Sequence[str]) -> KeylessPublishing | None:
    """What the next root says about these ``PRINCIPAL/IDENTITY``; ``None`` for none, which leaves it as it was.

    Raises:
        InvalidInputError: ``trust.rotation`` for an identity that is not there or no workload; ``sigstore.trust_root``
            without a usable trusted root; ``document.*``; ``trust.root_invalid``.
    """
    if not names:
        return None
    from gaitops.cli.worktree import WorkingTree
    from gaitops.fleet.people import SIGSTORE_ROOT
    from gaitops.fleet.publishing import KeylessPublishing
    from gaitops.signing.sigstore.trusted_root import read_trusted_root

    tree = WorkingTree(repo)
    entry = tree.entry(SIGSTORE_ROOT)
    if entry is None:
        raise InvalidInputError.of(
            "sigstore.trust_root",
            "there is no Sigstore trusted root, so nobody could verify what the workload signs",
            path=SIGSTORE_ROOT,
            remedy="commit the trusted_root.json of your Sigstore instance unchanged",
        )
    data = tree.read(entry.oid)
    read_trusted_root(data, SIGSTORE_ROOT)
    identities = [_workload(tree, name) for name in names]
    return KeylessPublishing.of(identities, hashlib.sha256(data).hexdigest())


def _workload(tree: WorkingTree, name: str) -> WorkloadIdentity:
    from gaitops.documents.layout import principal_path
    from gaitops.documents.load import load_document
    from gaitops.documents.models.identities import WorkloadIdentity
    from gaitops.documents.models.trust import Principal

    principal, slash, wanted = name.rpartition("/")
    path = principal_path(principal)
    entry = tree.entry(path) if slash else None
    if entry is None:
        raise InvalidInputError.of(
            "trust.rotation",
            f"{name!r} is no PRINCIPAL/IDENTITY of this tree",
            path=path if slash else None,
            remedy="name a workload identity of a principal, such as publisher/github",
        )
    document = load_document(tree.read(entry.oid), path)
    identities = document.spec.identities if isinstance(document, Principal) else ()
    found = next((item for item in identities if item.id == wanted), None)
    if not isinstance(found, WorkloadIdentity):
        message = (
            f"no identity {wanted!r}" if found is None else f"identity {wanted!r} is of type {found.type}"
        )
        raise InvalidInputError.of(
            "trust.rotation",
            f"principal {principal} has {message}",
            path=path,
            remedy="only identities of type workload publish without a key",
        )
    return found
