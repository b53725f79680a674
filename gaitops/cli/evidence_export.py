# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence export``: tables of evidence as files for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import evidence_options
from gaitops.cli.command import command
from gaitops.cli.output import Result, progress

if TYPE_CHECKING:
    from gaitops.evidence.export import Format


@command(
    "export",
    example="gaitops evidence export --store evidence --out export --format parquet\n"
    "gaitops evidence export --store evidence --out blocks --table decisions --decision block",
)
@evidence_options.store
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for the files; made if it is not there, and refused if it is not empty.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(("parquet", "jsonl", "csv")),
    default="parquet",
    show_default=True,
    help="Format of the files.",
)
@click.option("--table", "chosen", multiple=True, metavar="TABLE", help="Only this table; may be repeated.")
@evidence_options.conditions
@evidence_options.engine
@evidence_options.fleet(required=False)
def export(
    *,
    store: str,
    store_options: Sequence[str],
    out: Path,
    file_format: Format,
    chosen: Sequence[str],
    conditions: evidence_options.Conditions,
    engine: str,
    engine_options: Mapping[str, str],
    fleet_repo: Path | None,
    rev: str,
    trust_root: str | None,
) -> Result:
    """Write tables into a folder, one file each, and a manifest with their digests.

    Rows are in an order that depends on what they say alone, so that the same evidence gives the same bytes. In CSV,
    text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    from gaitops.cli.files import create_files
    from gaitops.evidence.extras import needing
    from gaitops.evidence.tables import TABLES
    from gaitops.report.evidence_rows import csv_lines, json_lines
    from gaitops.report.tables import table
    from gaitops.report.text import counted

    with needing("evidence"):
        from gaitops.evidence.ask import Question, check
        from gaitops.evidence.export import MANIFEST, export, manifest
    for name in chosen:
        check(Question(table=name))
    selection = conditions.selection(fleet_repo, rev, trust_root)
    names = [name for name in TABLES if not chosen or name in chosen]
    lines = csv_lines if file_format == "csv" else lambda _columns, rows: json_lines(rows)
    with (
        evidence_options.opened_engine(store, store_options, engine, engine_options) as (opened, running),
        progress("exporting rows") as advance,
    ):
        exported = export(running, names, selection, out, file_format, lines, advance)
    where = conditions.to_json()
    create_files(out, {MANIFEST: manifest(opened.id, where, exported)})
    return Result(
        "evidence-export",
        {"out": str(out), "where": where, "tables": [item.to_json() for item in exported]},
        lambda: "\n".join(
            [
                table(
                    ("table", "rows", "file", "sha256"),
                    [[item.table, f"{item.rows:,}", item.file, item.sha256[:12]] for item in exported],
                ),
                f"wrote {counted(len(exported), 'file')} and {MANIFEST} to {out}",
            ]
        ),
    )
