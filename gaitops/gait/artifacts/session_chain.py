# SPDX-License-Identifier: Apache-2.0
"""The chain of a session's checkpoints, and the runpacks that it links (Gait contract 5.2).

Nothing in a chain is signed. What it proves is that its runpacks follow each other; who made them is said by their own
signatures.
"""

from __future__ import annotations

import posixpath
from typing import Final

from gaitops.gait.artifacts.digests import bare
from gaitops.gait.artifacts.documents import HEAD, other_facts
from gaitops.gait.artifacts.fields import Objs, Spec, Text, checked, extras
from gaitops.gait.artifacts.inspect import inspect_source
from gaitops.gait.artifacts.model import Effect, Finding, Inspection, Neighbours, Verdict
from gaitops.gait.artifacts.reading import Notes, Source, objects, text
from gaitops.gait.artifacts.session_checkpoints import (
    CHECKPOINT,
    Checkpoint,
    Session,
    checkpoint_of,
    link_findings,
)
from gaitops.gait.quoting import quote

CHAIN: Final = Spec(
    **HEAD,
    session_id=Text(always=True),
    run_id=Text(always=True),
    checkpoints=Objs(CHECKPOINT, always=True),
)
"""``gait.runpack.session_chain``."""

_MAX_BAD_RUNPACKS: Final = 20
"""After as many that do not hold, no more are opened: a chain may name one large runpack very often."""


def read(source: Source) -> Inspection:
    """Judge a chain and, where its runpacks were collected with it, those."""
    chain = checked(CHAIN, source.document)
    notes = Notes()
    notes.expect_schema(chain, "gait.runpack.session_chain", gait=True)
    notes.extras(extras(CHAIN, chain))
    session = Session(text(chain, "session_id"), text(chain, "run_id"))
    if not (session.session_id and session.run_id):
        notes.rejects("session.identity_missing", "the chain names no session or no run", gait=True)
    checkpoints = [checkpoint_of(value) for value in objects(chain, "checkpoints")]
    if not checkpoints:
        notes.rejects("session.no_checkpoints", "the chain has no checkpoints", gait=True)
    before = None
    for checkpoint in checkpoints:
        for finding in link_findings(before, checkpoint, session, journal=False):
            notes.add(finding)
        before = checkpoint
    if source.neighbours is None:
        notes.notes("session.runpacks_not_checked", "nothing was collected together with the chain")
    else:
        _judge_runpacks(checkpoints, source, source.neighbours, notes)
    return notes.conclude(
        "session_chain",
        source,
        ids={"session_id": session.session_id, "run_id": session.run_id},
        digests={"checkpoint_digest": bare(before.digest)} if before else {},
        facts=other_facts(chain),
    )


def _judge_runpacks(
    checkpoints: list[Checkpoint], source: Source, neighbours: Neighbours, notes: Notes
) -> None:
    """Every checkpoint's runpack is there, holds, and is the one whose digest was chained."""
    good: set[str] = set()
    bad = 0
    for checkpoint in checkpoints:
        if checkpoint.manifest_digest in good:
            continue
        finding = _runpack_finding(checkpoint, source, neighbours)
        if finding is None:
            good.add(checkpoint.manifest_digest)
            continue
        notes.add(finding)
        bad += 1
        if bad == _MAX_BAD_RUNPACKS:
            notes.notes("session.runpacks_not_checked", f"stopped after {bad} runpacks that do not hold")
            return


def _runpack_finding(checkpoint: Checkpoint, source: Source, neighbours: Neighbours) -> Finding | None:
    name = posixpath.basename(checkpoint.runpack_path.replace("\\", "/"))
    data = neighbours.runpack(bare(checkpoint.manifest_digest), name)
    where = f"checkpoint {checkpoint.index}"
    if data is None:
        message = f"the runpack of {where} was not collected: {quote(name)}"
        return Finding("session.runpack_missing", message, Effect.FAILS, gait=True)
    found = inspect_source(source.inside(data))
    if found.verdict in {Verdict.FAILED, Verdict.REJECTED} or found.kind != "runpack":
        message = f"the runpack of {where} is {found.verdict}, of the kind {found.kind}"
        refused = found.gait_verdict in {Verdict.FAILED, Verdict.REJECTED} or found.kind != "runpack"
        return Finding("session.runpack_failed", message, Effect.FAILS, gait=refused)
    if found.digests.get("manifest_digest") != checkpoint.manifest_digest:
        message = (
            f"{where} names the manifest digest {quote(checkpoint.manifest_digest)}, the runpack has another"
        )
        return Finding("session.manifest_digest_mismatch", message, Effect.FAILS, gait=True)
    return None
