# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence ingest``: judge artifacts, keep them, and record what they say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from gaitops.cli import evidence_options, options
from gaitops.cli.command import command
from gaitops.cli.output import Result, note, progress


@command(
    "ingest",
    example="gaitops evidence ingest --store evidence --from collected --layout '{repository}/**'\n"
    "gaitops evidence ingest --store evidence --from collected --fleet-repo fleet --jobs 8\n"
    "gaitops evidence ingest --store s3://acme/store --from s3://acme/ci --layout '{repository}/**'\n"
    "gaitops evidence ingest --store ev --from out --repository github.com/acme/pay --key ci.pub",
)
@evidence_options.store
@click.option(
    "--from",
    "sources",
    required=True,
    multiple=True,
    metavar="URL",
    help="Folder, file or URL with artifacts; may be repeated.",
)
@click.option(
    "--from-option",
    "source_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="files.KEY=VALUE for the file system of --from; may be repeated.",
)
@click.option("--repository", metavar="ID", help="Repository that everything was collected from.")
@click.option("--environment", metavar="NAME", help="Environment that everything was collected from.")
@click.option(
    "--layout",
    metavar="PATTERN",
    help="Where paths say repository and environment: {host} {owner} {name} {repository} {environment}, * and **.",
)
@click.option(
    "--repository-prefix",
    default="",
    metavar="TEXT",
    help="Put before repositories that the layout names without a host, such as github.com.",
)
@evidence_options.keys
@evidence_options.fleet(required=False)
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N", help="Processes."
)
@click.option(
    "--engine", metavar="MASTER", help="Run as a Spark job instead, on local[N] or spark://host:port."
)
@options.at
def ingest(
    *,
    store: str,
    store_options: Sequence[str],
    sources: Sequence[str],
    source_options: Sequence[str],
    repository: str | None,
    environment: str | None,
    layout: str | None,
    repository_prefix: str,
    key_files: Sequence[Path],
    fleet_repo: Path | None,
    rev: str,
    trust_root: str | None,
    jobs: int,
    engine: str | None,
    at: datetime | None,
) -> Result:
    """Read every artifact once, judge it, keep it under its hash, and record what it says.

    Nothing is recorded twice: what is known by its bytes and its place is only counted. After a failure, run the
    same command again; it goes on where it stopped. Several of these commands may run at once on one store.
    """
    from gaitops.cli.opening import judged_at
    from gaitops.evidence.extras import needing

    with needing("evidence"):
        from gaitops.evidence import jobs as ingestion
        from gaitops.evidence.collection import Place
        from gaitops.evidence.ingest import NO_FLEET, IngestReport
    from gaitops.evidence.engines import DUCKDB, check_engine
    from gaitops.report.evidence_ingest import ingest_json, ingest_text

    if engine is not None and check_engine(engine) == DUCKDB:
        engine = None
    keys = evidence_options.public_keys(key_files)
    moment = judged_at(at)
    registry = evidence_options.verified_registry(fleet_repo, rev, trust_root)
    if fleet_repo is None and not keys:
        note("note: neither --fleet-repo nor --key was given, so every signature is unverifiable")
    report = IngestReport()
    began = time.monotonic()
    for source in sources:
        place = Place(source, repository, environment, repository_prefix, layout)
        job = ingestion.Job(
            store,
            place,
            moment,
            keys,
            registry or NO_FLEET,
            tuple(store_options),
            tuple(source_options),
        )
        listing = ingestion.Listing(job)
        if listing.total == 0:
            note(f"note: there is nothing at {source}")
        with progress(f"ingesting {source}", listing.total) as advance:
            report.add(ingestion.ingest(job, listing, jobs=jobs, engine=engine, advance=advance))
    seconds = time.monotonic() - began
    return Result("evidence-ingest", ingest_json(report, store, seconds), ingest_text(report, store, seconds))
