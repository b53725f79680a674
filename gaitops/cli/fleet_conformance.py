# SPDX-License-Identifier: Apache-2.0
"""``gaitops fleet conformance``: which repositories of a fleet follow what it requires."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import POLICY_BLOCKED, SUCCESS
from gaitops.cli.output import Result, progress
from gaitops.cli.require import require as require_option
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from gaitops.conformance.fleet import FleetReport
    from gaitops.conformance.fleet_changes import Changes
    from gaitops.conformance.fleet_survey import Requirements
    from gaitops.conformance.inputs import Context
    from gaitops.conformance.manifest import Clone
    from gaitops.pin.require import Require

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_MAX_SUMMARIES = 1_000_000


@command(
    "conformance",
    example="gaitops fleet conformance --manifest mirrors.yaml --release https://example.com/fleet\n"
    "gaitops fleet conformance --manifest mirrors.yaml --fleet-repo ../fleet --previous last.json\n"
    "gaitops fleet conformance --vsa inbox --verifier-key ci.pub --release mirror --format markdown",
    formats=("text", "json", "jsonl", "markdown"),
)
@click.option(
    "--manifest",
    type=_FILE,
    metavar="FILE",
    help="YAML list of local clones or bare mirrors of repositories.",
)
@click.option(
    "--vsa",
    "summaries",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Signed summaries (*.json) that repositories submitted, for those without a clone.",
)
@click.option(
    "--verifier-key",
    "verifier_keys",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Public key that signs such summaries; may be repeated.",
)
@options.trust_root
@require_option
@click.option(
    "--release",
    metavar="SOURCE",
    help="The newest release says what is required: a folder, an http(s) URL, or git+URL#branch.",
)
@click.option(
    "--fleet-repo",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The verified state of this fleet repository says what is required.",
)
@click.option("--rev", default="main", show_default=True, metavar="REV", help="Revision of --fleet-repo.")
@click.option(
    "--evidence", type=_FILE, metavar="FILE", help="Evidence summary, for the controls of evidence."
)
@click.option(
    "--control",
    "controls",
    multiple=True,
    metavar="ID",
    help="Judge only this control; may be repeated. All by default.",
)
@click.option(
    "--previous", type=_FILE, metavar="FILE", help="Result of an earlier run (--json), to compare with."
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="N",
    show_default="number of processors",
    help="Processes that read repositories.",
)
@options.at
@click.option("--strict", is_flag=True, help="Also fail (exit code 3) when anything is unknown.")
def conformance(
    *,
    manifest: Path | None,
    summaries: Path | None,
    verifier_keys: Sequence[Path],
    trust_root: str,
    require: Require,
    release: str | None,
    fleet_repo: Path | None,
    rev: str,
    evidence: Path | None,
    controls: Sequence[str],
    previous: Path | None,
    jobs: int | None,
    at: datetime | None,
    strict: bool,
) -> Result:
    """Judge every repository and environment to which the fleet assigns something.

    Clones are read without a checkout. What the fleet requires and nobody showed is unknown, and so is what lacks
    data: unknown is counted apart and is never a pass. Exit code 3: something is nonconformant.
    """
    from gaitops.cli.conformance_sources import opened_requirements, read_evidence
    from gaitops.cli.opening import judged_at
    from gaitops.conformance.fleet_changes import compare, read_previous
    from gaitops.conformance.inputs import Context

    if (release is None) == (fleet_repo is None):
        raise click.UsageError("name either --release or --fleet-repo: nothing else says what is required")
    if (summaries is None) != (not verifier_keys):
        raise click.UsageError("--vsa needs --verifier-key, and --verifier-key is for --vsa")
    clones = _clones(manifest)
    earlier = None if previous is None else read_previous(_previous(previous), str(previous), trust_root)
    summary, sha256 = read_evidence(evidence)
    context = Context(trust_root, judged_at(at), summary, sha256, require)
    with opened_requirements(release, fleet_repo, rev, trust_root, at) as requirements:
        if requirements is None:  # Cannot be: one of the two was named.
            raise click.UsageError("name --release or --fleet-repo")
        report = _report(clones, requirements, context, _controls(controls), jobs or os.cpu_count() or 1)
        report = _with_summaries(report, summaries, verifier_keys, requirements, context)
    changes = None if earlier is None else compare(earlier, report)
    return _result(report, changes, strict=strict)


def _report(
    clones: Sequence[Clone],
    requirements: Requirements,
    context: Context,
    controls: tuple[str, ...],
    jobs: int,
) -> FleetReport:
    from gaitops.conformance.fleet import Basis, FleetReport, in_order, not_listed
    from gaitops.conformance.fleet_survey import assign, requirement, survey, universe

    places = universe(requirements)
    tasks, unassigned = assign(clones, places)
    with progress("reading repositories", len(tasks)) as advance:
        reports = survey(tasks, requirements, context, controls, jobs=jobs, advance=advance)
    seen = {item.place for item in reports}
    if not places:
        raise InvalidInputError.of(
            "conformance.nothing_assigned",
            "the fleet assigns nothing to any repository",
            remedy="check --release or --rev",
        )
    first = requirement(requirements, places[0])
    basis = Basis(
        first.fleet,
        context.trust_root,
        first.source,
        first.release,
        first.commit,
        context.at,
        context.evidence_sha256,
    )
    missing = [not_listed(place) for place in places if place not in seen]
    return FleetReport(basis, controls, in_order([*reports, *missing]), unassigned)


def _with_summaries(
    report: FleetReport,
    folder: Path | None,
    key_files: Sequence[Path],
    requirements: Requirements,
    context: Context,
) -> FleetReport:
    """The report with submitted summaries for the places that no clone tells about."""
    from dataclasses import replace

    from gaitops.conformance.fleet_summaries import read_summaries

    if folder is None:
        return report
    blind = {
        (item.place.repository, item.place.environment): item.place
        for item in report.places
        if item.result is None
    }
    found, rejected = read_summaries(
        _envelopes(folder),
        _keys(key_files),
        blind,
        requirements,
        report.controls,
        context.trust_root,
        context.at,
        context.require,
    )
    places = tuple(found.get(item.place, item) for item in report.places)
    return replace(report, places=places, rejected=rejected)


def _envelopes(folder: Path) -> Iterable[tuple[str, bytes]]:
    from gaitops.cli.files import read_bytes

    for path in sorted(folder.glob("*.json")):
        yield path.name, read_bytes(path)


def _keys(files: Sequence[Path]) -> list[Key]:
    from gaitops.cli.files import read_bytes
    from gaitops.signing.keys import parse_public_key

    return [parse_public_key(read_bytes(path).decode("utf-8", "replace")) for path in files]


def _clones(manifest: Path | None) -> tuple[Clone, ...]:
    from gaitops.cli.files import read_bytes
    from gaitops.conformance.manifest import read_manifest

    return () if manifest is None else read_manifest(read_bytes(manifest), str(manifest), manifest.parent)


def _controls(chosen: Sequence[str]) -> tuple[str, ...]:
    from gaitops.conformance.registry import BY_ID

    unknown = [name for name in chosen if name not in BY_ID]
    if unknown:
        raise click.BadParameter(f"there is no control {', '.join(unknown)}", param_hint="--control")
    return tuple(name for name in BY_ID if not chosen or name in chosen)


def _previous(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError.of(
            "input.unreadable", error.strerror or str(error), path=str(path)
        ) from error


def _result(report: FleetReport, changes: Changes | None, *, strict: bool) -> Result:
    from gaitops.report.fleet_conformance import fleet_markdown, fleet_text

    tally = report.tally()
    failed = tally.nonconformant or (strict and tally.unknown)
    return Result(
        "fleet-conformance",
        {**report.to_json(), "changes": None if changes is None else changes.to_json()},
        fleet_text(report, changes),
        {
            "jsonl": lambda: "\n".join(json.dumps(item.to_json()) for item in report.places),
            "markdown": lambda: fleet_markdown(report, changes),
        },
        exit_code=POLICY_BLOCKED if failed else SUCCESS,
    )
