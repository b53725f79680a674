# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence checkpoint``: write down what an evidence store holds, so that loss and alteration show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import evidence_options, options
from gaitops.cli.command import command
from gaitops.cli.output import Result, progress

if TYPE_CHECKING:
    from gaitops.documents.models.checkpoint import EvidenceCheckpoint


@command(
    "checkpoint",
    example="gaitops evidence checkpoint --store evidence --out checkpoint.json\n"
    "gaitops evidence checkpoint --store s3://acme-evidence/store --fleet-repo ../fleet",
)
@evidence_options.store
@click.option(
    "--previous",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The checkpoint before; with --fleet-repo the newest one there.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it to a new file."
)
@click.option(
    "--fleet-repo",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Write it into the working tree of a fleet repository, to be approved like any change there.",
)
@options.at
def checkpoint(
    *,
    store: str,
    store_options: Sequence[str],
    previous: Path | None,
    out: Path | None,
    fleet_repo: Path | None,
    at: datetime | None,
) -> Result:
    """Compute the Merkle root over all artifacts in the order in which they were recorded.

    The log must begin as the checkpoint before says; otherwise nothing is written, and the exit code is 2.
    """
    from gaitops.cli.evidence_sources import opened_store
    from gaitops.cli.files import create_files
    from gaitops.cli.opening import judged_at
    from gaitops.documents.checkpoints import checkpoint_path, written
    from gaitops.documents.times import format_timestamp
    from gaitops.report.tables import fields

    if out is not None and fleet_repo is not None:
        raise click.UsageError("--out and --fleet-repo exclude each other")
    made_at = format_timestamp(judged_at(at))
    with opened_store(store, store_options) as opened:
        from gaitops.evidence.checkpoints import make_checkpoint

        before = _read(previous) if previous is not None else _newest(fleet_repo, opened.id)
        with progress("hashing the log") as advance:
            made = make_checkpoint(opened, made_at, before, advance)
    data = written(made)
    path: str | None = None
    if fleet_repo is not None:
        path = str(fleet_repo / checkpoint_path(made))
        create_files(fleet_repo, {checkpoint_path(made): data})
    elif out is not None:
        path = str(out)
        create_files(out.parent, {out.name: data})
    shown = [
        ("store", made.store),
        ("artifacts", f"{made.size:,}"),
        ("root", made.root),
        ("made at", made.made_at),
        (
            "continues",
            f"the checkpoint of {made.previous.size:,}" if made.previous else "no other checkpoint",
        ),
        ("written to", path or "nothing: --out or --fleet-repo writes it"),
    ]
    document = {"checkpoint": made.model_dump(by_alias=True, exclude_none=True), "file": path}
    return Result("evidence-checkpoint", document, fields(shown))


def _read(path: Path) -> EvidenceCheckpoint:
    from gaitops.cli.files import read_bytes
    from gaitops.documents.checkpoints import read_checkpoint

    return read_checkpoint(read_bytes(path), str(path))


def _newest(fleet_repo: Path | None, store: str) -> EvidenceCheckpoint | None:
    """The largest checkpoint of a store in a working tree; names sort as logs grow."""
    from gaitops.documents.checkpoints import FOLDER

    if fleet_repo is None:
        return None
    found = sorted((fleet_repo / FOLDER / store).glob("*.json"))
    return _read(found[-1]) if found else None
