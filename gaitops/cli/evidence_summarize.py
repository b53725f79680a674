# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence summarize``: the evidence summary that rollout analyses and conformance read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import evidence_options, options
from gaitops.cli.command import command
from gaitops.cli.output import Result

if TYPE_CHECKING:
    from gaitops.evidence.summarize import Summarized


@command(
    "summarize",
    example="gaitops evidence summarize --store ev --fleet-repo fleet --since 2026-10-05T00:00:00Z --out w.json",
)
@evidence_options.store
@evidence_options.fleet(required=True)
@click.option(
    "--since",
    required=True,
    type=options.timestamp,
    metavar="TIME",
    help="First moment of the window, e.g. 2026-11-22T21:00:00Z.",
)
@click.option(
    "--until",
    type=options.timestamp,
    metavar="TIME",
    show_default="the time of judgement",
    help="First moment after the window.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the summary here; a file that exists is not overwritten.",
)
@evidence_options.engine
@options.at
def summarize(
    *,
    store: str,
    store_options: Sequence[str],
    fleet_repo: Path,
    rev: str,
    trust_root: str | None,
    since: datetime,
    until: datetime | None,
    out: Path,
    engine: str,
    engine_options: Mapping[str, str],
    at: datetime | None,
) -> Result:
    """Count what the evidence of a window says of every repository and environment of the fleet.

    Decisions count when a registered key signed them, each emission once. A place of which something was ever collected
    has a row, of zeros if it was quiet; a place that nobody heard of has none. The same store, window and --at give the
    same bytes.
    """
    from gaitops.cli.files import create_files
    from gaitops.cli.opening import judged_at
    from gaitops.evidence.extras import needing

    with needing("evidence"):
        from gaitops.evidence.summarize import summarize as summary_of
    moment = judged_at(at)
    end = moment if until is None else until
    if since >= end:
        raise click.UsageError("--since must lie before --until")
    view, root = evidence_options.opened_view(fleet_repo, rev, trust_root, at)
    with evidence_options.opened_engine(store, store_options, engine, engine_options) as (_store, running):
        made = summary_of(running, view, root, since, end, moment)
    data = made.to_bytes()
    create_files(out.parent, {out.name: data})
    return _result(made, out, hashlib.sha256(data).hexdigest(), places=sum(map(len, view.places.values())))


def _result(made: Summarized, out: Path, digest: str, *, places: int) -> Result:
    from gaitops.report.tables import fields

    rows = made.summary.repositories
    decisions = sum(policy.total for row in rows for policy in row.policies)
    artifacts = {
        name: sum(getattr(row.artifacts, name) for row in rows) for name in ("proven", "unproven", "total")
    }
    members: dict[str, object] = {
        "file": str(out),
        "sha256": digest,
        "window": {"start": made.summary.window.start, "end": made.summary.window.end},
        "places": places,
        "heard_of": len(rows),
        "decisions": decisions,
        "unplaced": {"decisions": made.unplaced.decisions, "artifacts": made.unplaced.artifacts},
    }
    lines = [
        ("places", f"{len(rows):,} of {places:,} heard of"),
        ("decisions", f"{decisions:,}"),
        ("artifacts", f"{artifacts['proven']:,} proven, {artifacts['unproven']:,} that prove nothing"),
        (
            "left out",
            f"{made.unplaced.decisions:,} decisions and {made.unplaced.artifacts:,} artifacts of no place of the fleet",
        ),
        ("sha256", digest),
        ("wrote", str(out)),
    ]
    return Result("evidence-summarize", members, lambda: fields(lines))
