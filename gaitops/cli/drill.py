# SPDX-License-Identifier: Apache-2.0
"""``gaitops drill list`` and ``gaitops drill run``: runbooks of the key lifecycle, rehearsed on a copy."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command, prints_text
from gaitops.cli.exit_codes import GATE_FAILED, SUCCESS
from gaitops.cli.output import Result, progress, write_text
from gaitops.errors import UnsafeOperationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaitops.documents.models.drill import DoneCommand, DrillReport, Proof, Step
    from gaitops.drill.performing import Rehearsal
    from gaitops.drill.survey import Survey

_NAMES = (
    "rotate-root",
    "rotate-publisher",
    "compromised-approver",
    "lost-quorum",
    "expired-root",
    "left-company",
)
"""As in ``gaitops.drill.catalogue``, which is not imported for help; a test compares them."""


@command("list", example="gaitops drill list")
def list_() -> Result:
    """List the drills, with what each rehearses and what it proves."""
    from gaitops.drill.catalogue import DRILLS
    from gaitops.report.text import Style, styled

    rows = [
        {"name": item.name, "summary": item.summary, "proves": item.proves, "principal": item.about_somebody}
        for item in DRILLS
    ]
    text = "\n\n".join(
        f"{styled(item.name, Style.BOLD)}\n  {item.summary}\n  proves: {item.proves}" for item in DRILLS
    )
    return Result("drill-list", {"drills": rows}, text)


@command(
    example="gaitops drill run rotate-root --out ../drill.json --key alice.pem\n"
    "gaitops drill run left-company --principal dana --out ../drill.json --key alice.pem --json"
)
@click.argument("drill", metavar="DRILL", type=click.Choice(_NAMES))
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Revision whose verified state is copied."
)
@options.trust_root
@click.option(
    "--principal",
    metavar="NAME",
    help="Whom a drill about somebody is about: NAME or ORG/NAME; somebody suitable by default.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="REPORT",
    help="Where to write the signed report; outside of the repository.",
)
@options.key
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Public key of a signer URI that does not tell it (KMS, HSM).",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Work in this folder, which must be empty or not exist yet, and leave the copy there.",
)
def run(
    *,
    drill: str,
    repo: Path,
    rev: str,
    trust_root: str,
    principal: str | None,
    out: Path,
    key: str,
    public_key: Path | None,
    keep: Path | None,
) -> Result:
    """Carry out DRILL on a copy of the fleet with throw-away keys, and sign what was proven with --key.

    The copy has the verified content of the repository, its people, roles, rules and thresholds, and a key of its own
    for everybody. The repository is only read, and the copy is removed afterwards. Findings about the fleet itself,
    such as what could no longer be decided, need no keys. Exit code 5: something would fail in this fleet.
    """
    from gaitops.cli.clock import now
    from gaitops.cli.files import create_files
    from gaitops.cli.opening import opened
    from gaitops.cli.signing import signer_for
    from gaitops.drill.attest import sealed_report
    from gaitops.drill.catalogue import drill_of, subject
    from gaitops.drill.performing import Rehearsal
    from gaitops.drill.survey import survey

    chosen = drill_of(drill)
    if principal is not None and not chosen.about_somebody:
        raise click.UsageError(f"{drill} is about nobody in particular; leave out --principal")
    _require_places(repo, out, keep)
    signer = signer_for(key, public_key)  # Before the long work: a wrong key or passphrase shows at once.
    with opened(repo, rev, trust_root) as history:
        found = survey(history)
    rehearsal = Rehearsal(chosen, subject(chosen, found, principal), now())
    with _folder(keep) as folder:
        report = _performed(rehearsal, found, folder)
    create_files(out.parent, {out.name: sealed_report(report, signer)})
    return _result(report, out, keep)


def _performed(rehearsal: Rehearsal, found: Survey, folder: Path) -> DrillReport:
    """Text tells the drill while it happens; for JSON the terminal shows progress."""
    from gaitops.drill.performing import perform

    if prints_text():
        return perform(rehearsal, found, folder, _tell)
    with progress(f"drill {rehearsal.drill.name}") as advance:
        return perform(rehearsal, found, folder, _counting(advance))


def _tell(item: Step | DoneCommand | Proof) -> None:
    from gaitops.cli.drill_text import told_text

    # Commands of the drill print into memory meanwhile; this is between two of them.
    write_text(told_text(item), sys.stdout)
    sys.stdout.flush()


def _counting(advance: Callable[[int], None]) -> Callable[[Step | DoneCommand | Proof], None]:
    from gaitops.documents.models.drill import DoneCommand

    def told(item: Step | DoneCommand | Proof) -> None:
        if isinstance(item, DoneCommand):
            advance(1)

    return told


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder of the copy: the user's own, or one that is gone afterwards, also after Ctrl-C."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with TemporaryDirectory(prefix="gaitops-drill-") as folder:
        yield Path(folder).resolve()


def _require_places(repo: Path, out: Path, keep: Path | None) -> None:
    """Nothing is written into the repository, and nothing is overwritten.

    Raises:
        UnsafeOperationError: ``drill.inside_repository``, ``input.exists``, ``init.not_empty``.
    """
    from gaitops.cli.new_folder import require_vacant

    for place in (out, keep):
        if place is not None and place.resolve().is_relative_to(repo.resolve()):
            raise UnsafeOperationError.of(
                "drill.inside_repository",
                f"{place} lies in the fleet repository, into which a drill writes nothing",
                remedy="Name a place outside of it.",
            )
    if os.path.lexists(out):
        raise UnsafeOperationError.of(
            "input.exists",
            "already exists and is not overwritten",
            path=str(out),
            remedy="Choose another name.",
        )
    if keep is not None:
        require_vacant(keep)


def _result(report: DrillReport, out: Path, keep: Path | None) -> Result:
    from gaitops.cli.drill_text import report_text

    members = {
        "passed": report.passed,
        "file": str(out),
        "folder": None if keep is None else str(keep),
        "report": report.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    lines = [report_text(report), f"signed report in {out}"]
    if keep is not None:
        lines.append(f"The copy is in {keep}: keys, fleet, releases, consumers. Its keys are worth nothing.")
    return Result("drill-run", members, "\n".join(lines), exit_code=SUCCESS if report.passed else GATE_FAILED)
