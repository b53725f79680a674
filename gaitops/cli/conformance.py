# SPDX-License-Identifier: Apache-2.0
"""``gaitops conformance``: whether one consumer repository follows what its fleet requires."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import exit_codes, options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.cli.require import require as require_option
from gaitops.errors import InvalidInputError, VerificationError

if TYPE_CHECKING:
    from gaitops.cli.conformance_sources import Requirements
    from gaitops.conformance.inputs import PinReading, Required, Subject
    from gaitops.conformance.model import RepositoryResult
    from gaitops.pin.require import Require


@command(
    example="gaitops conformance --release https://releases.example.com/fleet\n"
    "gaitops conformance --environment production --evidence summary.json --format sarif\n"
    "gaitops conformance --fleet-repo ../fleet --environment production --vsa vsa.json --key ci.pem",
    formats=("text", "json", "markdown", "sarif", "junit", "code-quality"),
)
@options.consumer_repo
@click.option("--rev", metavar="REV", help="Judge this commit; the working tree by default.")
@click.option(
    "--repository", metavar="URL", help="URL or id of this repository; what the pin says by default."
)
@click.option(
    "--environment",
    "environments",
    multiple=True,
    metavar="ENV",
    help="May be repeated; every environment that is pinned or assigned by default.",
)
@require_option
@options.trust_root
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
@click.option(
    "--fleet-rev", default="main", show_default=True, metavar="REV", help="Revision of --fleet-repo."
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Evidence summary, for the controls of evidence.",
)
@options.at
@click.option("--strict", is_flag=True, help="Also fail (exit code 3) when a control cannot tell.")
@click.option(
    "--vsa",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a signed SLSA verification summary of one environment at --rev, or HEAD; needs --key.",
)
@click.option("--key", metavar="URI", help="Key that signs the summary.")
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The public key that must be behind the URI; a KMS or HSM that holds another signs nothing.",
)
def conformance(
    *,
    repo: Path,
    rev: str | None,
    repository: str | None,
    environments: Sequence[str],
    require: Require,
    trust_root: str,
    release: str | None,
    fleet_repo: Path | None,
    fleet_rev: str,
    evidence: Path | None,
    at: datetime | None,
    strict: bool,
    vsa: Path | None,
    key: str | None,
    public_key: Path | None,
) -> Result:
    """Check one repository against what its fleet requires; the controls are in the reference.

    Without --release or --fleet-repo it works offline: the signed statements of the pin say what is required, and
    controls that need something newer are unknown. An unknown is never a pass, and is always counted.
    """
    from gaitops.cli.conformance_sources import consumer_content, opened_requirements, read_evidence
    from gaitops.cli.opening import judged_at
    from gaitops.conformance.evaluate import evaluate
    from gaitops.conformance.inputs import Context, Subject
    from gaitops.conformance.pinned import read_pinned
    from gaitops.documents.models.tenancy import repository_name

    if (vsa is None) != (key is None):
        raise click.UsageError("--vsa and --key go together")
    if vsa is not None and rev is None:
        rev = "HEAD"  # A statement is about a commit, never about files that nobody committed.
    wanted = None if repository is None else repository_name(repository)
    snapshot, commit = consumer_content(repo, rev)
    summary, sha256 = read_evidence(evidence)
    context = Context(trust_root, judged_at(at), summary, sha256, require)
    reading = read_pinned(snapshot, trust_root, wanted, require)
    with opened_requirements(release, fleet_repo, fleet_rev, trust_root, at) as requirements:
        places = _places(reading, wanted, environments, requirements)
        subjects = [Subject(snapshot, *place, reading, commit) for place in places]
        results = [evaluate(item, _required(item, requirements), context) for item in subjects]
    if vsa is not None and key is not None:
        _write_summary(results, vsa, key, public_key)
    unverified = requirements is None and bool(reading.problems)
    return _printed(results, strict=strict, unverified=unverified, vsa=vsa)


def _places(
    reading: PinReading,
    repository: str | None,
    environments: Sequence[str],
    requirements: Requirements | None,
) -> list[tuple[str, str]]:
    """(repository, environment) of everything to judge: what was asked for, or what is pinned or assigned."""
    pinned = {} if reading.pin is None else reading.pin.environments
    repositories = sorted({item.repository for item in pinned.values()})
    own = repository or (repositories[0] if repositories else None)
    if own is None:
        raise _unknown("which repository this is", "--repository")
    assigned = () if requirements is None else requirements.environments(own)
    names = environments or sorted({*pinned, *assigned})
    if not names:
        raise _unknown("which environment to judge", "--environment")
    return [(repository or (pinned[name].repository if name in pinned else own), name) for name in names]


def _unknown(what: str, option: str) -> InvalidInputError:
    return InvalidInputError.of(
        "conformance.unknown_subject",
        f"there is no readable pin, so nothing says {what}",
        remedy=f"name it with {option}; create the pin with: gaitops pin init",
    )


def _required(subject: Subject, requirements: Requirements | None) -> Required | None:
    from gaitops.conformance.requirements import required_by_pin

    if requirements is None:
        return required_by_pin(subject)
    required = requirements.required(subject)
    pinned = subject.release
    if pinned is not None and required.timeline is not None and required.timeline.is_behind(pinned):
        raise VerificationError.of(
            "release.rollback",
            f"release {pinned.release} is pinned, which is newer than what says what is required",
            remedy="the mirror or clone is behind or hostile; use another",
        )
    return required


def _write_summary(
    results: Sequence[RepositoryResult], file: Path, key: str, public_key: Path | None
) -> None:
    from gaitops import __version__
    from gaitops.cli.signing import signer_for
    from gaitops.conformance.vsa import summary_statement
    from gaitops.signing.dsse import seal
    from gaitops.signing.statement import PAYLOAD_TYPE

    if len(results) != 1:
        raise click.UsageError("--vsa is about one environment: name it with --environment")
    payload = summary_statement(results[0], __version__).to_bytes()
    file.write_bytes(seal(PAYLOAD_TYPE, payload, [signer_for(key, public_key)]))


def _printed(
    results: Sequence[RepositoryResult], *, strict: bool, unverified: bool, vsa: Path | None
) -> Result:
    from gaitops import __version__
    from gaitops.report.conformance import conformance_markdown, conformance_text
    from gaitops.report.conformance_findings import (
        conformance_code_quality,
        conformance_junit,
        conformance_sarif,
    )

    conformant = all(item.conformant for item in results)
    complete = all(item.complete for item in results)
    code = exit_codes.SUCCESS if conformant and (complete or not strict) else exit_codes.POLICY_BLOCKED
    members = {
        "conformant": conformant,
        "complete": complete,
        "strict": strict,
        "summary": None if vsa is None else str(vsa),
        "results": [item.to_json() for item in results],
    }
    return Result(
        "conformance",
        members,
        conformance_text(results),
        {
            "sarif": lambda: conformance_sarif(results, __version__),
            "junit": lambda: conformance_junit(results),
            "code-quality": lambda: conformance_code_quality(results),
            "markdown": lambda: conformance_markdown(results),
        },
        # The pin is all that is relied on, and it does not verify.
        exit_code=exit_codes.VERIFICATION_FAILED if unverified else code,
    )
