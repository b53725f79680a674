# SPDX-License-Identifier: Apache-2.0
"""``gaitops audit``: one event per decision, hash-chained, and proof that an export is the history's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.errors import VerificationError

if TYPE_CHECKING:
    from gaitops.errors import Problem
    from gaitops.history.audit import Selection
    from gaitops.history.events import Event

_F = TypeVar("_F", bound=Callable[..., Any])
_CSV_START = b"sequence,"


def _selection_options(function: _F) -> _F:
    """Which decisions an export holds, and with which it is verified."""
    for decorate in reversed(
        (
            click.option("--scope", metavar="SCOPE", help="Only operations in this scope and below."),
            click.option(
                "--principal", metavar="PRINCIPAL", help="Only decisions that PRINCIPAL took part in."
            ),
            click.option(
                "--since", type=options.timestamp, metavar="TIME", help="Only what was decided from TIME on."
            ),
            click.option(
                "--until", type=options.timestamp, metavar="TIME", help="Only what was decided before TIME."
            ),
        )
    ):
        function = decorate(function)
    return function


def _selection(
    scope: str | None, principal: str | None, since: datetime | None, until: datetime | None
) -> Selection:
    from gaitops.history.audit import Selection

    return Selection(scope, principal, since, until)


@command(
    example="gaitops audit export --format jsonl > audit.jsonl\n"
    "gaitops audit export --format csv --scope org/acme --since 2026-10-01T00:00:00Z > q4.csv",
    formats=("text", "json", "jsonl", "csv"),
)
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Revision whose history is exported."
)
@_selection_options
@options.trust_root
@options.at
def export(
    *,
    repo: Path,
    rev: str,
    scope: str | None,
    principal: str | None,
    since: datetime | None,
    until: datetime | None,
    trust_root: str,
    at: datetime | None,
) -> Result:
    """Export the audit log: every decision with its evidence, oldest first.

    Each signature is named with its identity, how that is held, when it was signed and who says so, its place in a
    transparency log where there is one, and the digest of the exact envelope. The log is a function of the history:
    whoever has the commits and the trust root gets the same bytes.
    """
    from gaitops.history.audit import event_line
    from gaitops.report.audit import audit_csv, audit_text

    events = _selection(scope, principal, since, until).of(_own(repo, rev, trust_root, at))
    return Result(
        "audit-export",
        {"events": events},
        audit_text(events),
        {
            "jsonl": lambda: "\n".join(event_line(item).decode() for item in events),
            "csv": lambda: audit_csv(events),
        },
    )


@command(
    example="gaitops audit verify audit.jsonl\n"
    "gaitops audit verify audit.jsonl --release https://policies.example.com\n"
    "gaitops audit verify q4.csv --scope org/acme --since 2026-10-01T00:00:00Z"
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Revision whose history is compared."
)
@click.option(
    "--release", metavar="DIR|URL", help="Compare with the audit head of a release instead of a repository."
)
@_selection_options
@options.trust_root
@options.at
def verify(
    *,
    file: Path,
    repo: Path,
    rev: str,
    release: str | None,
    scope: str | None,
    principal: str | None,
    since: datetime | None,
    until: datetime | None,
    trust_root: str,
    at: datetime | None,
) -> Result:
    """Prove that FILE, an export in JSON lines or CSV, is the audit log of this history or the beginning of it.

    An export of a selection is verified with the options that it was made with, and proves that nothing that they
    select is missing. Against a release only the whole log up to that release can be proven, in JSON lines.
    """
    selection = _selection(scope, principal, since, until)
    data = file.read_bytes()
    if release is not None:
        if not selection.is_whole or data.startswith(_CSV_START):
            raise click.UsageError(
                "a release proves a whole log in JSON lines; a selection or CSV needs --repo"
            )
        return _against_release(data, file, release, trust_root, at)
    own = _own(repo, rev, trust_root, at)
    if data.startswith(_CSV_START):
        return _csv_result(data, selection.of(own), file)
    return _lines_result(data, own, selection, file)


def _own(repo: Path, rev: str, trust_root: str, at: datetime | None) -> list[Event]:
    """The events of the verified history."""
    from gaitops.cli.opening import opened
    from gaitops.history.audit import events_of

    with opened(repo, rev, trust_root, at=at) as history:
        history.state()
        return events_of(history)


def _lines_result(data: bytes, own: list[Event], selection: Selection, file: Path) -> Result:
    from gaitops.history.audit import compare, compare_selection, read_events

    given = read_events(data, str(file))
    if selection.is_whole:
        _raise(compare(given, own, str(file)))
    else:
        _raise(compare_selection(given, selection.of(own), str(file)))
    return _verified(len(given), len(own), given[-1]["hash"], "repository")


def _csv_result(data: bytes, own: list[Event], file: Path) -> Result:
    from gaitops.history.audit import mismatch
    from gaitops.report.audit import audit_csv

    expected = audit_csv(own).encode().split(b"\n")
    given = data.split(b"\n")
    for number, line in enumerate(given, start=1):
        if number > len(expected) or line.removesuffix(b"\r") != expected[number - 1]:
            _raise((mismatch(str(file), number, "the history gives another line here"),))
    if len(given) < len(expected):
        _raise((mismatch(str(file), len(given) + 1, "lines are missing from here on"),))
    return _verified(len(own), len(own), own[-1]["hash"] if own else None, "repository")


def _against_release(data: bytes, file: Path, address: str, trust_root: str, at: datetime | None) -> Result:
    import os
    import tempfile

    from gaitops.cli.opening import judged_at
    from gaitops.history.audit import compare_head, read_events
    from gaitops.pin.sources import open_source
    from gaitops.release.verify import verify_release

    given = read_events(data, str(file))
    with tempfile.TemporaryDirectory() as scratch:
        found = verify_release(open_source(address, Path(scratch), os.environ), trust_root, judged_at(at))
    _raise(compare_head(given, found.fields.audit_head, str(file)))
    return _verified(len(given), len(given), given[-1]["hash"], f"release {found.number}")


def _raise(problems: tuple[Problem, ...]) -> None:
    if problems:
        raise VerificationError(problems)


def _verified(events: int, known: int, head: str | None, against: str) -> Result:
    text = f"{events} of {known} events verified against the {against}"
    if head is not None:
        text += f"; the last one of the export has hash {head}"
    members = {
        "verified": True,
        "events": events,
        "eventsOfHistory": known,
        "head": head,
        "against": against,
    }
    return Result("audit-verify", members, text)
