# SPDX-License-Identifier: Apache-2.0
"""Every document that a change touches must be valid (design 3; threats D1 to D5, D9)."""

from __future__ import annotations

from collections.abc import Iterator

from gaitops.change.context import Change
from gaitops.content import FILE_MODES
from gaitops.documents import strict_json
from gaitops.documents.kinds import KINDS
from gaitops.documents.layout import classify
from gaitops.documents.validate import holds_json
from gaitops.errors import InvalidInputError, Problem
from gaitops.signing.sigstore.trusted_root import read_trusted_root


def check_documents(change: Change) -> Iterator[Problem]:
    """All problems of all touched documents."""
    for item in change.deltas:
        entry = change.entries[item.path][1]
        # What is no regular file is refused as such (rules.paths) and may not even be in the repository.
        if entry is None or entry.mode not in FILE_MODES:
            continue
        location = classify(item.path)
        try:
            if location.kind in KINDS:
                change.after.cache.load(change.after.snapshot, item.path, entry)
            elif location.kind == "sigstore_root":
                read_trusted_root(change.after.snapshot.read(entry.oid), item.path)
            elif holds_json(location):
                strict_json.loads(change.after.snapshot.read(entry.oid), item.path)
        except InvalidInputError as error:
            yield from error.problems
