# SPDX-License-Identifier: Apache-2.0
"""``gaitops drill verify``: whether a report is genuine, and who stands for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result

if TYPE_CHECKING:
    from gaitops.drill.attest import SignedReport


@command(
    example="gaitops drill verify drill.json --public-key alice.pem.pub\n"
    "gaitops drill verify drill.json --repo fleet --trust-root sha256:5f0c…"
)
@click.argument("report", metavar="REPORT", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Public key of whoever must have signed it.",
)
@click.option(
    "--repo",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The fleet repository: whoever signed it must be a principal, and the report about this fleet.",
)
@click.option(
    "--rev",
    default="main",
    show_default=True,
    metavar="REV",
    help="With --repo: whose verified state is asked.",
)
@click.option(
    "--trust-root",
    type=options.sha256_digest,
    envvar=options.TRUST_ROOT_VARIABLE,
    show_envvar=True,
    metavar="SHA256",
    help="With --repo: SHA-256 of the first TUF root metadata, obtained out of band; or configured.",
)
def verify(
    *, report: Path, public_key: Path | None, repo: Path | None, rev: str, trust_root: str | None
) -> Result:
    """Verify the signed REPORT of a drill: its signature, its form, and with --repo who signed it.

    Success means that the report is genuine; whether the drill passed is what it says.
    """
    from gaitops.cli.files import read_bytes
    from gaitops.drill.attest import read_report, signed_with
    from gaitops.signing.keys import fingerprint, parse_public_key

    if (public_key is None) == (repo is None):
        raise click.UsageError("give exactly one of --public-key and --repo")
    signed = read_report(read_bytes(report), str(report))
    if public_key is not None:
        key = parse_public_key(read_bytes(public_key).decode("utf-8", "replace"))
        signed_with(signed, key)
        return _result(signed, None, fingerprint(key))
    from gaitops.cli.opening import opened
    from gaitops.drill.attest import signed_by

    known = trust_root or options.trust_root_from_configuration()
    with opened(repo or Path(), rev, known) as history:
        identity = signed_by(signed, history)
    return _result(signed, identity.principal, identity.fingerprint)


def _result(signed: SignedReport, principal: str | None, fingerprint: str) -> Result:
    from gaitops.cli.drill_text import report_text
    from gaitops.report.tables import fields

    report = signed.report
    members = {
        "verified": True,
        "signer": {"principal": principal, "fingerprint": fingerprint},
        "passed": report.passed,
        "fails": list(report.fails),
        "report": report.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    about = fields(
        [
            ("signed by", f"{principal or 'the given key'} ({fingerprint})"),
            ("fleet", f"{report.fleet}, trust root sha256:{report.trust_root}"),
            ("commit", report.commit),
            ("began", f"{report.started_at}, with gaitops {report.gaitops_version}"),
        ]
    )
    return Result("drill-verify", members, f"{about}\n{report_text(report)}")
