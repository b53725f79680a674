# SPDX-License-Identifier: Apache-2.0
"""``gaitops signals``: what to fix first, why, and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.cli.signals_sources import Opened, Request, opened_queue, source_options
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.signals.model import Fix, Signal

_PROOF = click.option("--proof", is_flag=True, help="List the digests of all artifacts behind each signal.")


@command(
    "list",
    example="gaitops signals list --store evidence --fleet-repo ../fleet --top 10\n"
    "gaitops signals list --store s3://acme/store --fleet-repo ../fleet --team pay --format markdown\n"
    "gaitops signals list --store evidence --fleet-repo ../fleet --format sarif > signals.sarif",
    formats=("text", "json", "sarif", "markdown"),
)
@source_options
@click.option(
    "--repository",
    "repositories",
    multiple=True,
    metavar="ID",
    help="Only signals about it; may be repeated.",
)
@click.option(
    "--team", "teams", multiple=True, metavar="TEAM", help="Only signals that it owns; may be repeated."
)
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind of signal; may be repeated."
)
@click.option(
    "--top",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    metavar="N",
    help="How many to show; 0 for all.",
)
@_PROOF
def list_(
    *,
    request: Request,
    repositories: Sequence[str],
    teams: Sequence[str],
    kinds: Sequence[str],
    top: int,
    proof: bool,
) -> Result:
    """List what to look at, the most important first: incidents, drift, doubtful and missing evidence.

    Equal events are one entry; the counts say how many there were before. The score is privilege times tier times
    radius, and volume only decides among equals. Alone, `gaitops signals` means this.
    """
    from gaitops.documents.times import format_timestamp
    from gaitops.report.signals import queue_markdown, queue_text

    _known(kinds)
    with opened_queue(request) as opened:
        chosen = [signal for signal in opened.queue.signals if _wanted(signal, repositories, teams, kinds)]
        shown = chosen[: top or None]
        proofs = {signal.id: opened.proof(signal) for signal in shown} if proof else {}
        made, notes = opened.queue.only(chosen), opened.notes
    document = made.to_json(top or None)
    for entry in document["signals"]:
        entry["proof"] = proofs.get(entry["id"])
    window = {
        "since": format_timestamp(opened.window.since),
        "until": format_timestamp(opened.window.until),
    }
    return Result(
        "signals",
        {"window": window, "notes": list(notes), **document},
        lambda: queue_text(made, shown, proofs, notes),
        {
            "sarif": lambda: _sarif(shown),
            "markdown": lambda: queue_markdown(made, shown, proofs, notes),
        },
    )


def _known(kinds: Iterable[str]) -> None:
    from gaitops.signals.kinds import KINDS

    unknown = sorted(set(kinds) - KINDS.keys())
    if unknown:
        raise click.BadParameter(
            f"there is no kind {', '.join(unknown)}; there are {', '.join(KINDS)}", param_hint="--kind"
        )


def _wanted(signal: Signal, repositories: Sequence[str], teams: Sequence[str], kinds: Sequence[str]) -> bool:
    return (
        (not kinds or signal.kind in kinds)
        and (not teams or bool(set(teams).intersection(signal.owners)))
        and (not repositories or any(_names(text, signal.repositories) for text in repositories))
    )


def _names(text: str, repositories: Iterable[str]) -> bool:
    """Whether a text is the id of one of these repositories, or the end of it."""
    return any(name == text or name.endswith(f"/{text}") for name in repositories)


def _sarif(shown: Sequence[Signal]) -> str:
    from gaitops import __version__
    from gaitops.report.sarif import sarif
    from gaitops.report.signals import queue_findings, queue_rules

    # Signals are about repositories and not about lines; GitHub refuses results without a place.
    return sarif(
        queue_findings(shown),
        queue_rules(),
        tool_version=__version__,
        invocation_ok=True,
        default_path="fleet.yaml",
    )


@command(
    "show",
    example="gaitops signals show fam_5fbb0b6f1bd4 --store evidence --fleet-repo ../fleet\n"
    "gaitops signals show sig_7a31b8d945a8 --store evidence --fleet-repo ../fleet --proof --json",
)
@click.argument("identifier", metavar="ID")
@source_options
@_PROOF
def show(*, identifier: str, request: Request, proof: bool) -> Result:
    """Show one signal: every term of its score, what changed before it, Gait's own view, and how to fix it.

    ID is a signal or a family as `gaitops signals` lists it, or the beginning of one.
    """
    from gaitops.report.signals import signal_text

    with opened_queue(request) as opened:
        signal = _found(opened, identifier)
        digests = opened.proof(signal) if proof else None
    family = next((one for one in opened.queue.families if one.gait.family_id == signal.id), None)
    document = {
        **signal.to_json(),
        "proof": digests,
        "family": None if family is None else family.to_json(),
    }
    return Result("signal", document, lambda: signal_text(signal, digests))


@command(
    "fix",
    example="gaitops signals fix fam_5fbb0b6f1bd4 --store evidence --fleet-repo ../fleet --out ../cart-api\n"
    "gaitops signals fix fam_5fbb0b6f1bd4 --store evidence --kind regress_fixture --out fix",
)
@click.argument("identifier", metavar="ID")
@source_options
@click.option(
    "--kind", metavar="KIND", help="Only this fix: policy_fixture, regress_fixture, rollback, pin_update."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="Where to write the files, usually a checkout of the repository; existing files are not overwritten.",
)
def fix(*, identifier: str, request: Request, kind: str | None, out: Path) -> Result:
    """Write the files that a signal's fixes consist of, and print the commands that finish them.

    ID is a signal as `gaitops signals` lists it. The runpack of a regress fixture is taken from the store, after its
    hash was checked. A gait.yaml that is there keeps its fixtures.
    """
    from gaitops.cli.signals_files import write_fixes

    with opened_queue(request) as opened:
        signal = _found(opened, identifier)
        fixes = [one for one in signal.fixes if kind in {None, one.kind}]
        if not fixes:
            raise InvalidInputError.of(
                "signals.not_found",
                f"{signal.id} has no fix of kind {kind}",
                remedy=f"one of {_kinds(signal)}",
            )
        written = write_fixes(fixes, out, opened.store.get)
    document = {
        "id": signal.id,
        "out": str(out),
        "written": written,
        "fixes": [one.to_json() for one in fixes],
    }
    return Result("signals-fix", document, lambda: _written(fixes, written, out))


def _written(fixes: Sequence[Fix], written: Sequence[str], out: Path) -> str:
    from gaitops.report.text import Style, safe, styled

    lines = [f"  + {safe(str(out / path))}" for path in written]
    for one in fixes:
        lines.append(styled(f"{one.kind.replace('_', ' ')}: {one.summary}", Style.BOLD))
        lines += [f"  $ {safe(line)}" for line in one.commands]
    return "\n".join(lines)


def _found(opened: Opened, identifier: str) -> Signal:
    signal = opened.queue.find(identifier)
    if signal is None:
        raise InvalidInputError.of(
            "signals.not_found",
            f"no signal of this window has the id {identifier!r}, or several begin so",
            remedy="gaitops signals lists them with --top 0; --since and --until choose the window",
        )
    return signal


def _kinds(signal: Signal) -> str:
    return ", ".join(dict.fromkeys(one.kind for one in signal.fixes))
