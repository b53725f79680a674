# SPDX-License-Identifier: Apache-2.0
"""Releases carry the newest checkpoint of each evidence store, so that a store cannot be cut without showing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from gaitops.content import MemorySnapshot
from gaitops.documents.checkpoints import checkpoint_path, written
from gaitops.documents.models.checkpoint import CHECKPOINT_SCHEMA, EvidenceCheckpoint
from gaitops.fleet.checkpoints import newest_checkpoints
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.release.statement import ReleasePredicate, read_statement, release_statement
from tests.history.rollouts import Fleet
from tests.release.test_collect import _collected

ONE, TWO = "0" * 32, "1" * 32


def checkpoint(store: str, size: int) -> EvidenceCheckpoint:
    """A checkpoint of some size."""
    return EvidenceCheckpoint(
        schema=CHECKPOINT_SCHEMA, store=store, size=size, root=f"{size:064x}", madeAt="2026-10-19T00:00:00Z"
    )


def test_the_newest_of_each_store_counts_and_other_files_do_not() -> None:
    """By size, whatever else lies in the folder."""
    files = {
        checkpoint_path(item): written(item)
        for item in (checkpoint(ONE, 9), checkpoint(ONE, 10), checkpoint(TWO, 3))
    }
    files["evidence/checkpoints/notes.json"] = b'{"a":1}'
    files["evidence/checkpoints/notes.txt"] = b"hello"
    state = FleetState(MemorySnapshot(files), DocumentCache())
    assert newest_checkpoints(state) == (checkpoint(ONE, 10), checkpoint(TWO, 3))


def test_the_release_statement_names_them_and_is_as_before_without_any(tmp_path: Path) -> None:
    """The member is there when there is something to say; the bytes of other releases do not change."""
    fleet = Fleet(tmp_path / "fleet")
    with fleet.world.history() as history:
        root: TrustedRoot = history.standing.root
    content = _collected(fleet)
    plain = release_statement(content, root, 1, "2026-10-19T00:00:00Z")
    assert "checkpoints" not in json.loads(plain)["predicate"]
    said = release_statement(
        replace(content, checkpoints=(checkpoint(ONE, 10),)), root, 1, "2026-10-19T00:00:00Z"
    )
    _, predicate = read_statement(said, ReleasePredicate, root, "release.json")
    (stated,) = predicate.checkpoints
    assert (stated.store, stated.size, stated.root) == (ONE, 10, f"{10:064x}")
