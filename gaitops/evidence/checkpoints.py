# SPDX-License-Identifier: Apache-2.0
"""Merkle roots over the evidence log of a store, and proofs from it (RFC 6962)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import pyarrow.compute as pc

from gaitops.documents.models.checkpoint import (
    CHECKPOINT_SCHEMA,
    PROOF_SCHEMA,
    EvidenceCheckpoint,
    EvidenceProof,
    Prefix,
)
from gaitops.errors import InvalidInputError, VerificationError
from gaitops.evidence import delta
from gaitops.evidence.log import Log
from gaitops.evidence.merkle import Prover, Tree, inclusion_ranges
from gaitops.evidence.stores import Store

_WINDOW: Final = 250_000
"""Positions that are held at once."""

Advance = Callable[[int], None]


def leaves(store: Store, log: Log, size: int) -> Iterator[tuple[int, list[bytes]]]:
    """(first position, digests) of the first ``size`` artifacts, in order, a window at a time.

    Raises:
        VerificationError: ``evidence.positions``: a position is missing or taken twice.
    """
    files = log.files
    for first in range(0, size, _WINDOW):
        after = min(first + _WINDOW, size)
        within = [
            item
            for item in files
            if item.least.get("position", -1) < after and item.greatest.get("position", size) >= first
        ]
        where = (pc.field("position") >= first) & (pc.field("position") < after)
        window: list[bytes | None] = [None] * (after - first)
        for piece in delta.scan(store, within, ("position", "artifact"), where):
            for position, digest in zip(
                piece["position"].to_pylist(), piece["artifact"].to_pylist(), strict=True
            ):
                if window[position - first] is not None:
                    raise _positions(store, f"position {position} is taken twice")
                window[position - first] = bytes.fromhex(digest)
        complete = [digest for digest in window if digest is not None]
        if len(complete) != len(window):
            raise _positions(store, f"position {first + window.index(None)} of {size} is missing")
        yield first, complete


def roots(
    store: Store, log: Log, sizes: Iterable[int], advance: Advance = lambda _steps: None
) -> dict[int, str]:
    """Size → root of the log's beginning of that size, in one pass. Sizes that the log has not reached are not there.

    Raises:
        VerificationError: ``evidence.positions``.
    """
    wanted = sorted({size for size in sizes if size <= log.positions})
    found: dict[int, str] = {}
    tree = Tree()
    for size in wanted:
        if size == 0:
            found[0] = tree.root().hex()
    for first, digests in leaves(store, log, max(wanted, default=0)):
        begin = 0
        for size in wanted:
            if first < size <= first + len(digests):
                tree.extend(digests[begin : size - first])
                begin = size - first
                found[size] = tree.root().hex()
        tree.extend(digests[begin:])
        advance(len(digests))
    return found


def make_checkpoint(
    store: Store,
    made_at: str,
    previous: EvidenceCheckpoint | None = None,
    advance: Advance = lambda _steps: None,
) -> EvidenceCheckpoint:
    """The checkpoint of the log as it is now.

    Args:
        store: the store.
        made_at: time, as documents write it.
        previous: the checkpoint before; the log is proven to continue it.
        advance: told how many artifacts went by.

    Raises:
        VerificationError: ``evidence.checkpoint``: the log does not continue ``previous``; ``evidence.positions``.
    """
    log = Log(store)
    size = log.positions
    before = previous.size if previous is not None else size
    found = roots(store, log, (size, before), advance)
    if previous is not None:
        check_checkpoint(store, previous, found.get(before), size)
    return EvidenceCheckpoint(
        schema=CHECKPOINT_SCHEMA,
        store=store.id,
        size=size,
        root=found[size],
        madeAt=made_at,
        previous=Prefix(size=previous.size, root=previous.root) if previous is not None else None,
    )


def check_checkpoint(store: Store, checkpoint: EvidenceCheckpoint, root: str | None, size: int) -> None:
    """Accept only if the log begins as ``checkpoint`` says; ``root`` is of the log's beginning of that size.

    Raises:
        VerificationError: ``evidence.checkpoint``.
    """
    if checkpoint.store != store.id:
        raise VerificationError.of(
            "evidence.checkpoint",
            f"the checkpoint is about store {checkpoint.store}, this is {store.id}",
            path=store.url,
        )
    if root is None:
        raise VerificationError.of(
            "evidence.checkpoint",
            f"the log had {checkpoint.size} artifacts at {checkpoint.made_at} and has {size} now: it was cut or replaced",
            path=store.url,
            remedy="Restore the store from a copy; look who could write to it.",
        )
    if root != checkpoint.root:
        raise VerificationError.of(
            "evidence.checkpoint",
            f"the first {checkpoint.size} artifacts have root {root}, not {checkpoint.root} as at {checkpoint.made_at}",
            path=store.url,
            remedy="Restore the store from a copy; look who could write to it.",
        )


def prove(store: Store, artifact: str, size: int | None = None) -> EvidenceProof:
    """Proof that an artifact is in the log of the first ``size`` (all by default).

    Raises:
        InvalidInputError: ``evidence.no_artifact``: it is not among them.
        VerificationError: ``evidence.positions``.
    """
    log = Log(store)
    size = log.positions if size is None else size
    position = _position(store, log, artifact)
    if position is None or position >= size:
        raise InvalidInputError.of(
            "evidence.no_artifact",
            f"{artifact} is not among the first {size} artifacts of the store",
            path=store.url,
        )
    ranges = inclusion_ranges(position, size)
    prover = Prover(size)
    prover.want(ranges)
    for first, digests in leaves(store, log, size):
        prover.feed(first, digests)
    return EvidenceProof(
        schema=PROOF_SCHEMA,
        store=store.id,
        artifact=artifact,
        position=position,
        size=size,
        path=tuple(root.hex() for root in prover.roots(ranges)),
    )


def _position(store: Store, log: Log, artifact: str) -> int | None:
    where = (pc.field("artifact") == artifact) & pc.field("position").is_valid()
    for piece in delta.scan(store, log.files, ("position",), where):
        for position in piece["position"].to_pylist():
            return int(position)
    return None


def _positions(store: Store, reason: str) -> VerificationError:
    return VerificationError.of(
        "evidence.positions",
        f"the evidence log is damaged: {reason}",
        path=store.url,
        remedy="Restore the tables from a copy; look who could write to them.",
    )
