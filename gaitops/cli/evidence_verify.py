# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence verify``: prove that a store lost nothing, or check a proof about one artifact without any store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import evidence_options, options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import SUCCESS, VERIFICATION_FAILED
from gaitops.cli.output import Result, progress

if TYPE_CHECKING:
    from gaitops.documents.models.checkpoint import EvidenceCheckpoint, EvidenceProof
    from gaitops.evidence.stores import Store
    from gaitops.gait.gait_keys import GaitPublicKey

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@command(
    "verify",
    example="gaitops evidence verify --store evidence --fleet-repo ../fleet --jobs 4\n"
    "gaitops evidence verify --store evidence --checkpoint cp.json --prove SHA256 --out proof.json\n"
    "gaitops evidence verify --proof proof.json --checkpoint cp.json --artifact trace.json",
)
@click.option("--store", metavar="URL", help="The evidence store: a folder, or a URL that fsspec opens.")
@click.option(
    "--store-option",
    "store_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="files.KEY=VALUE or tables.KEY=VALUE, what the store's libraries need beyond the URL; may be repeated.",
)
@click.option(
    "--checkpoint",
    "checkpoint_files",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="A checkpoint that the store must continue; may be repeated.",
)
@evidence_options.keys
@evidence_options.fleet(required=False)
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N", help="Processes."
)
@click.option(
    "--prove",
    type=options.sha256_digest,
    metavar="SHA256",
    help="Also prove that this artifact is in the log: of the one --checkpoint, or as it is now.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="File for the proof."
)
@click.option(
    "--proof", type=_FILE, metavar="FILE", help="Check this proof against the one --checkpoint; no store."
)
@click.option("--artifact", type=_FILE, metavar="FILE", help="The file that --proof must be about.")
def verify(
    *,
    store: str | None,
    store_options: Sequence[str],
    checkpoint_files: Sequence[Path],
    key_files: Sequence[Path],
    fleet_repo: Path | None,
    rev: str,
    trust_root: str | None,
    jobs: int,
    prove: str | None,
    out: Path | None,
    proof: Path | None,
    artifact: Path | None,
) -> Result:
    """Read every artifact again, compare its rows, and hold the log to checkpoints. Exit code 2: something is wrong.

    With --fleet-repo, the checkpoints of this store in the fleet's verified state count too, and what is recorded as
    verified must be signed by a key that is registered there, or given with --key.
    """
    from gaitops.cli.files import read_bytes
    from gaitops.documents.checkpoints import read_checkpoint

    if (store is None) == (proof is None):
        raise click.UsageError("name either --store, or --proof with its --checkpoint")
    if (prove is None) != (out is None):
        raise click.UsageError("--prove needs --out, and --out is for --prove")
    checkpoints = [read_checkpoint(read_bytes(path), str(path)) for path in checkpoint_files]
    if proof is not None:
        return _check_proof(proof, checkpoints, artifact)
    if artifact is not None:
        raise click.UsageError("--artifact is for --proof")
    from gaitops.cli.evidence_sources import opened_store
    from gaitops.report.evidence_verify import verify_json, verify_text

    named = len(checkpoints)
    if prove is not None and named > 1:
        raise click.UsageError("--prove takes one --checkpoint")
    with opened_store(store or "", store_options) as opened:
        from gaitops.evidence.verify import opened_log, verify_store

        recorded, producers = _verified(opened, fleet_repo, rev, trust_root)
        keys = {*producers, *evidence_options.public_keys(key_files)}
        everything = [*checkpoints, *recorded]
        with progress("verifying artifacts", opened_log(opened, everything).positions) as advance:
            report = verify_store(opened, store_options, everything, keys=keys, jobs=jobs, advance=advance)
        proven = None
        if prove is not None and out is not None and not report.failures:
            proven = _write_proof(opened, prove, checkpoints[0].size if named else None, out)
    shown = None if proven is None else proven.model_dump(by_alias=True, exclude_none=True)
    return Result(
        "evidence-verify",
        verify_json(report, opened.url, shown),
        verify_text(report, opened.url, str(out) if proven is not None else None),
        exit_code=VERIFICATION_FAILED if report.problems else SUCCESS,
    )


def _verified(
    store: Store, fleet_repo: Path | None, rev: str, trust_root: str | None
) -> tuple[list[EvidenceCheckpoint], list[GaitPublicKey]]:
    """Checkpoints of this store, and keys of producers, in the verified state of the fleet.

    Raises:
        VerificationError: ``evidence.checkpoint``: there are checkpoints, and none is about this store. Whoever can write to a
            store can give it another id, and would be rid of every checkpoint.
    """
    if fleet_repo is None:
        return [], []
    from gaitops.cli.opening import opened
    from gaitops.errors import VerificationError
    from gaitops.fleet.checkpoints import checkpoints_of
    from gaitops.fleet.evidence import fleet_view
    from gaitops.gait.gait_keys import GaitPublicKey

    root = trust_root or options.trust_root_from_configuration()
    with opened(fleet_repo, rev, root) as history:
        recorded = list(checkpoints_of(history.state()))
        producers = fleet_view(history.state()).producers.values()
    own = [item for item in recorded if item.store == store.id]
    if recorded and not own:
        known = ", ".join(sorted({item.store for item in recorded})[:3])
        raise VerificationError.of(
            "evidence.checkpoint",
            f"verified state has checkpoints of {known}, and none of this store, {store.id}",
            path=store.url,
            remedy="If this store is new, record a checkpoint of it; else somebody replaced it, or its store.json.",
        )
    return own, [GaitPublicKey(producer.public_key) for producer in producers]


def _write_proof(store: Store, artifact: str, size: int | None, out: Path) -> EvidenceProof:
    from gaitops.cli.files import create_files
    from gaitops.documents.checkpoints import written
    from gaitops.evidence.checkpoints import prove

    made = prove(store, artifact, size)
    create_files(out.parent, {out.name: written(made)})
    return made


def _check_proof(path: Path, checkpoints: Sequence[EvidenceCheckpoint], artifact: Path | None) -> Result:
    """Check a proof against a checkpoint: nothing else is needed."""
    from gaitops.cli.files import read_bytes
    from gaitops.documents.checkpoints import read_proof
    from gaitops.evidence.proofs import check_inclusion
    from gaitops.report.tables import fields

    if len(checkpoints) != 1:
        raise click.UsageError("--proof needs one --checkpoint")
    (checkpoint,) = checkpoints
    proof = read_proof(read_bytes(path), str(path))
    check_inclusion(proof, checkpoint, None if artifact is None else _sha256(artifact))
    document = {
        "artifact": proof.artifact,
        "position": proof.position,
        "store": proof.store,
        "artifacts": checkpoint.size,
        "root": checkpoint.root,
        "checkpoint_made_at": checkpoint.made_at,
    }
    shown = [
        ("artifact", proof.artifact),
        ("position", f"{proof.position:,} of {proof.size:,}"),
        ("store", proof.store),
        ("recorded by", checkpoint.made_at),
    ]
    return Result(
        "evidence-proof", document, fields(shown) + "\nthe artifact is in the log of the checkpoint"
    )


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
