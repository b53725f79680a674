# SPDX-License-Identifier: Apache-2.0
"""``gaitops audit``: one event per decision, hash-chained, and proof that an export is the history's own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.errors import VerificationError


@command(
    example="gaitops audit export --format jsonl > audit.jsonl",
    formats=("text", "json", "jsonl"),
)
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Revision whose history is exported."
)
@options.trust_root
@options.at
def export(*, repo: Path, rev: str, trust_root: str, at: datetime | None) -> Result:
    """Export the audit log: every decision with its evidence, oldest first.

    The log is a function of the history: whoever has the commits and the trust root gets the same bytes.
    """
    from gaitops.cli.opening import opened
    from gaitops.history.audit import event_line, events_of
    from gaitops.report.tables import table

    with opened(repo, rev, trust_root, at=at) as history:
        history.state()
        events = events_of(history)
    cells = [
        [
            str(item["sequence"]),
            item["time"],
            item["operation"]["kind"],
            str(item["operation"].get("title", item["operation"]["scope"])),
            ", ".join(one["principal"] for one in item["approvals"]),
        ]
        for item in events
    ]
    return Result(
        "audit-export",
        {"events": events},
        table(["no.", "time", "operation", "what", "approved by"], cells) if cells else "no decisions yet",
        {"jsonl": lambda: "\n".join(event_line(item).decode() for item in events)},
    )


@command(example="gaitops audit verify audit.jsonl")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Revision whose history is compared."
)
@options.trust_root
@options.at
def verify(*, file: Path, repo: Path, rev: str, trust_root: str, at: datetime | None) -> Result:
    """Prove that FILE, an export in JSON lines, is the audit log of this history or the beginning of it."""
    from gaitops.cli.opening import opened
    from gaitops.history.audit import compare, events_of, read_events

    given = read_events(file.read_bytes(), str(file))
    with opened(repo, rev, trust_root, at=at) as history:
        history.state()
        own = events_of(history)
        problems = compare(given, own, str(file))
    if problems:
        raise VerificationError(problems)
    head = given[-1]["hash"]
    text = f"{len(given)} of {len(own)} events verified; the last one of the export has hash {head}"
    members = {"verified": True, "events": len(given), "eventsOfHistory": len(own), "head": head}
    return Result("audit-verify", members, text)
