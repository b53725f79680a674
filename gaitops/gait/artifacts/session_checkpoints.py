# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of a session and how each must follow the one before (Gait contract 5.1, 5.2).

A checkpoint's digest covers its manifest digest, its predecessor, its index and its range of events. It covers neither
the session nor the run, so a checkpoint of another session fits into a chain as far as Gait looks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gaitops.gait.artifacts.documents import HEAD
from gaitops.gait.artifacts.fields import RELATIONSHIP, Integer, Obj, Object, Spec, Text
from gaitops.gait.artifacts.model import Effect, Finding
from gaitops.gait.artifacts.reading import number, text
from gaitops.gait.quoting import quote

CHECKPOINT: Final = Spec(
    **HEAD,
    session_id=Text(always=True),
    run_id=Text(always=True),
    checkpoint_index=Integer(always=True),
    sequence_start=Integer(always=True),
    sequence_end=Integer(always=True),
    runpack_path=Text(always=True),
    manifest_digest=Text(always=True),
    prev_checkpoint_digest=Text(),
    checkpoint_digest=Text(always=True),
    relationship=Obj(RELATIONSHIP),
    safety_invariant_version=Text(),
    safety_invariant_hash=Text(),
)
"""``gait.runpack.session_checkpoint``."""


@dataclass(frozen=True, slots=True)
class Session:
    """Whose events and checkpoints these must be."""

    session_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint, as far as rules ask for it. Sequences count events from 1, both ends included."""

    index: int
    start: int
    end: int
    session: Session
    runpack_path: str
    """Relative to where the producer worked; only its last part says something here."""
    manifest_digest: str
    previous: str
    """Digest of the checkpoint before; empty for the first."""
    digest: str

    def expected_digest(self) -> str:
        """What :attr:`digest` must be: SHA-256 of five fields joined by colons (contract 5.1)."""
        text = f"{self.manifest_digest}:{self.previous}:{self.index}:{self.start}:{self.end}"
        return hashlib.sha256(text.encode()).hexdigest()


def checkpoint_of(value: Object) -> Checkpoint:
    """The checkpoint that an object is, which must be checked by :data:`CHECKPOINT`."""
    return Checkpoint(
        index=number(value, "checkpoint_index"),
        start=number(value, "sequence_start"),
        end=number(value, "sequence_end"),
        session=Session(text(value, "session_id"), text(value, "run_id")),
        runpack_path=text(value, "runpack_path"),
        manifest_digest=text(value, "manifest_digest"),
        previous=text(value, "prev_checkpoint_digest"),
        digest=text(value, "checkpoint_digest"),
    )


def link_findings(
    before: Checkpoint | None, checkpoint: Checkpoint, session: Session, *, journal: bool
) -> Iterator[Finding]:
    """Everything that is wrong between a checkpoint, the one before it and the session they claim.

    Args:
        before: the checkpoint that stands before it; ``None`` for the first.
        checkpoint: the one to judge.
        session: what the chain or journal says of itself.
        journal: whether it stands in a journal, where Gait itself looks at identities and ranges.
    """
    yield from identity_findings(checkpoint.session, session, f"checkpoint {checkpoint.index}", gait=journal)
    yield from _order_findings(before, checkpoint)
    if checkpoint.start < 1 or checkpoint.end < checkpoint.start:
        message = f"checkpoint {checkpoint.index} covers events {checkpoint.start} to {checkpoint.end}"
        yield Finding("session.sequence_range", message, Effect.FAILS, gait=journal)
    if checkpoint.digest != checkpoint.expected_digest():
        message = f"the digest of checkpoint {checkpoint.index} does not follow from its fields"
        yield Finding("session.checkpoint_digest_mismatch", message, Effect.FAILS, gait=True)


def identity_findings(found: Session, expected: Session, what: str, *, gait: bool) -> Iterator[Finding]:
    """Whether an event or a checkpoint belongs to another session or run than its file."""
    for code, name, given, wanted in (
        ("session.session_id_mismatch", "session", found.session_id, expected.session_id),
        ("session.run_id_mismatch", "run", found.run_id, expected.run_id),
    ):
        if given != wanted:
            message = f"{what} belongs to {name} {quote(given)}, the file to {quote(wanted)}"
            yield Finding(code, message, Effect.FAILS, gait=gait)


def _order_findings(before: Checkpoint | None, checkpoint: Checkpoint) -> Iterator[Finding]:
    last_index, last_end, last_digest = (before.index, before.end, before.digest) if before else (0, 0, "")
    name = f"checkpoint {checkpoint.index}"
    follows = checkpoint.index == last_index + 1
    if not follows:
        message = f"expected checkpoint {last_index + 1}, found {checkpoint.index}"
        yield Finding("session.checkpoint_index", message, Effect.FAILS, gait=True)
    if checkpoint.index > 1 and checkpoint.previous != last_digest:
        message = f"{name} does not link to the one before it"
        yield Finding("session.previous_digest_mismatch", message, Effect.FAILS, gait=True)
    if checkpoint.index == 1 and checkpoint.previous:
        message = "the first checkpoint names one before it"
        yield Finding("session.first_prev_not_empty", message, Effect.FAILS)
    if checkpoint.start <= last_end:
        message = f"{name} starts with event {checkpoint.start}, the one before it ends with {last_end}"
        yield Finding("session.sequence_overlap", message, Effect.FAILS, gait=True)
    # Where a checkpoint is missing, its events are missing with it: that is said once.
    if follows and checkpoint.start > last_end + 1:
        message = f"no checkpoint covers the events {last_end + 1} to {checkpoint.start - 1}"
        yield Finding("session.sequence_gap", message, Effect.FAILS)
