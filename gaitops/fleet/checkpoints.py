# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of evidence that a fleet's state holds (design 11)."""

from __future__ import annotations

from collections.abc import Iterator

from gaitops.content import FILE_MODES
from gaitops.documents.checkpoints import FOLDER, read_checkpoint
from gaitops.documents.models.checkpoint import EvidenceCheckpoint
from gaitops.errors import InvalidInputError
from gaitops.fleet.state import FleetState


def checkpoints_of(state: FleetState) -> Iterator[EvidenceCheckpoint]:
    """Every checkpoint below ``evidence/checkpoints/``, by path. Other files there are records of somebody else's making."""
    for path, entry in state.snapshot.walk(FOLDER):
        if entry.mode not in FILE_MODES or not path.endswith(".json"):
            continue
        try:
            yield read_checkpoint(state.snapshot.read(entry.oid), path)
        except InvalidInputError:
            # The folder took any JSON before checkpoints had a form; what is none vouches for nothing.
            continue


def newest_checkpoints(state: FleetState) -> tuple[EvidenceCheckpoint, ...]:
    """The largest checkpoint of each store, by store."""
    newest: dict[str, EvidenceCheckpoint] = {}
    for checkpoint in checkpoints_of(state):
        known = newest.get(checkpoint.store)
        if known is None or known.size <= checkpoint.size:
            newest[checkpoint.store] = checkpoint
    return tuple(newest[store] for store in sorted(newest))
