# SPDX-License-Identifier: Apache-2.0
"""``gaitops publish``: verified state becomes a signed release that consumers pin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.cli.publish_keyless import Workload, workload_options, workload_signer

if TYPE_CHECKING:
    from datetime import datetime

    from gaitops.fleet.root import TrustedRoot
    from gaitops.history.session import History
    from gaitops.release.content import ReleaseContent
    from gaitops.release.publish import PublishReport
    from gaitops.release.refresh import RefreshReport


@command(
    example="gaitops publish --repo fleet --out release --key publisher.pem --first\n"
    "gaitops publish --repo fleet --out release --key publisher.pem --previous release\n"
    "gaitops publish --repo fleet --out release --key publisher.pem --previous release --sigstore\n"
    "gaitops publish --out release --key publisher.pem --refresh"
)
@options.repo
@click.option(
    "--rev",
    default="main",
    show_default=True,
    metavar="REV",
    help="Revision whose verified state is published.",
)
@options.trust_root
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the release.",
)
@click.option(
    "--key", "keys", multiple=True, required=True, metavar="URI", help="Publisher key; may be repeated."
)
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The public key that must be behind the URI; a KMS or HSM that holds another signs nothing.",
)
@workload_options
@click.option("--previous", metavar="DIR|URL", help="The release that this one continues.")
@click.option("--first", is_flag=True, help="There is no previous release of this fleet, and never was.")
@click.option("--refresh", is_flag=True, help="Only sign a new timestamp for the release in --out.")
@click.option(
    "--cosign", is_flag=True, help="Add a second publisher's signature to the release staged in --out."
)
@click.option(
    "--gait-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Also sign Gait registry packs with this Gait private key.",
)
def publish(
    *,
    repo: Path,
    rev: str,
    trust_root: str,
    out: Path,
    keys: Sequence[str],
    public_key: Path | None,
    sigstore: bool,
    identity_token_file: Path | None,
    oidc_client_id: str | None,
    sigstore_config: Path | None,
    previous: str | None,
    first: bool,
    refresh: bool,
    cosign: bool,
    gait_key: Path | None,
) -> Result:
    """Publish verified state as the next release, judged from genesis without the local checkpoint.

    Each partition is published as it was verified last; what waits for approval is not in the release. With fewer
    signers than the trust root asks for, the release is staged until another publisher runs --cosign, who verifies
    the history again and signs only identical bytes.
    """
    from gaitops.cli.clock import now
    from gaitops.cli.signing import signer_for

    if refresh and (cosign or gait_key is not None):
        raise click.UsageError("--refresh signs a timestamp and nothing else")
    if sigstore and (refresh or cosign):
        raise click.UsageError(
            "--refresh keeps the bundles there are, and --cosign takes over those of the first publisher"
        )
    if not sigstore and (oidc_client_id is not None or sigstore_config is not None):
        raise click.UsageError("--oidc-client-id and --sigstore-config need --sigstore")
    # The second publisher says the same as the first, or nothing about a first release.
    if sum((previous is not None, first, refresh)) != 1 and not (cosign and previous is None and not first):
        raise click.UsageError("say one of --previous, --first and --refresh")
    signers = [signer_for(key, public_key) for key in keys]
    if refresh:
        from gaitops.release.refresh import refresh as renew

        return _refreshed(renew(out, signers, trust_root, now()), out)
    from gaitops.cli.opening import opened
    from gaitops.release.collect import collect
    from gaitops.release.cosign import cosign as add_signature
    from gaitops.release.previous import read_previous
    from gaitops.release.publish import publish as write
    from gaitops.release.sources import open_source

    earlier = read_previous(open_source(previous), trust_root) if previous is not None else None
    # The checkpoint is a convenience of this user; what is published rests on the history alone (design 5).
    with opened(repo, rev, trust_root, cache=False) as history:
        content = collect(history)
        packs = _packs(history, content, gait_key)
        waiting = [item.name for item in history.verdict().partitions if not item.verified]
        at, root = history.at, history.standing.root
    workload = Workload(identity_token_file, oidc_client_id, sigstore_config)
    keyless = workload_signer(workload, content, earlier) if sigstore else None
    if cosign:
        report = add_signature(content, signers, out, previous=earlier, now=at, packs=packs)
    else:
        report = write(
            content, signers, out, previous=earlier, now=at, first=first, packs=packs, keyless=keyless
        )
    return _published(report, out, content, root, waiting)


def _packs(history: History, content: ReleaseContent, gait_key: Path | None) -> dict[str, bytes]:
    if gait_key is None:
        return {}
    from gaitops import __version__
    from gaitops.cli.files import read_bytes
    from gaitops.gait.gait_keys import read_private_key
    from gaitops.release.collect import publication_times
    from gaitops.release.packs import registry_packs

    return registry_packs(
        content, publication_times(history, content), read_private_key(read_bytes(gait_key)), __version__
    )


def _time(moment: datetime | None) -> str | None:
    from gaitops.documents.times import format_timestamp

    return format_timestamp(moment) if moment is not None else None


def _published(
    report: PublishReport, out: Path, content: ReleaseContent, root: TrustedRoot, waiting: Sequence[str]
) -> Result:
    from gaitops.report.tables import fields
    from gaitops.report.text import counted

    versions = sum(len(org.versions) for org in content.orgs)
    assignments = sum(len(project.assignments) for org in content.orgs for project in org.projects)
    members = {
        "status": report.status,
        "out": str(out),
        "number": report.number,
        "commit": report.commit,
        "rootVersion": report.root_version,
        "missingSignatures": report.missing_signatures,
        "renewed": list(report.renewed),
        "timestampExpires": _time(report.timestamp_expires),
        "snapshotExpires": _time(report.snapshot_expires),
        "versions": versions,
        "assignments": assignments,
        "bundles": report.bundles,
        "bundlesSigned": report.bundles_signed,
        "unverifiedPartitions": list(waiting),
    }
    rows = [
        ("release", f"{report.number} ({report.status}) in {out}"),
        ("commit", report.commit),
        ("content", f"{counted(versions, 'policy version')}, {counted(assignments, 'assignment')}"),
        ("new metadata", ", ".join(report.renewed) or "none"),
        (
            "expires",
            f"timestamp {members['timestampExpires'] or 'unsigned'}, snapshot {members['snapshotExpires']}",
        ),
    ]
    if report.bundles:
        rows.append(("keyless", f"{counted(report.bundles, 'bundle')}, {report.bundles_signed} of them new"))
    elif root.publishing is not None:
        rows.append(("keyless", "no bundles: consumers who require them refuse this release (--sigstore)"))
    if waiting:
        rows.append(("not verified", f"{', '.join(waiting)}: published as verified last"))
    text = fields(rows)
    if report.missing_signatures:
        text += (
            f"\n\n{counted(report.missing_signatures, 'more publisher')} must sign before anybody sees it: "
            f"gaitops publish --cosign --out {out} …"
        )
    return Result("publish", members, text)


def _refreshed(report: RefreshReport, out: Path) -> Result:
    from gaitops.report.tables import fields

    members = {
        "status": "refreshed",
        "out": str(out),
        "number": report.number,
        "timestampVersion": report.timestamp_version,
        "timestampExpires": _time(report.timestamp_expires),
        "renewBefore": _time(report.renew_before),
    }
    rows = [
        ("release", f"{report.number} (timestamp {report.timestamp_version}) in {out}"),
        ("expires", str(members["timestampExpires"])),
        ("new release", f"needed before {members['renewBefore']}"),
    ]
    return Result("publish", members, fields(rows))
