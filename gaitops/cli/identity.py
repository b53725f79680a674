# SPDX-License-Identifier: Apache-2.0
"""``gaitops identity sync``: what a company's directory says, as a change for people to approve."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result


@command(
    example="gaitops identity sync --from scim --mapping corp --token-env SCIM_TOKEN --dry-run\n"
    "gaitops identity sync --from scim --mapping corp --token-file scim.token --branch people\n"
    "gaitops identity sync --from file --mapping corp --file export.json --leavers-only\n"
    "gaitops identity sync --from oidc --mapping staff --org acme --token-env ACCESS_TOKEN"
)
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Choice(("scim", "oidc", "file")),
    help="What is read; the mapping must say the same.",
)
@click.option("--mapping", required=True, metavar="NAME", help="The DirectoryMapping, as it was approved.")
@click.option(
    "--org", metavar="ORG", help="The org whose mapping and principals are meant; the fleet's by default."
)
@options.repo
@click.option(
    "--rev",
    default="main",
    show_default=True,
    metavar="REV",
    help="The protected branch, from whose verified state the mapping is taken.",
)
@options.trust_root
@click.option("--token-env", metavar="VARIABLE", help="Environment variable that holds the bearer token.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="File that holds the bearer token; nobody but its owner may read it.",
)
@click.option(
    "--filter", "user_filter", metavar="FILTER", help="SCIM filter of the users to read; all by default."
)
@click.option(
    "--file",
    "export",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The export, for --from file: JSON or CSV.",
)
@click.option(
    "--expect-users",
    type=click.IntRange(1),
    metavar="N",
    help="Users that the export must hold; needed for CSV.",
)
@click.option(
    "--id-token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="ID token of the same sign-in, for --from oidc; verified, with --client-id.",
)
@click.option("--client-id", metavar="ID", help="Client that the ID token must be for.")
@click.option("--nonce", metavar="TEXT", help="Nonce that the ID token must hold.")
@click.option(
    "--max-leavers",
    type=click.IntRange(0),
    metavar="N",
    help="Most people who may leave at once, and most others who may lose groups; a fifth of those who are managed by "
    "default, at least 5.",
)
@click.option(
    "--left-at", type=options.timestamp, metavar="TIME", help="When leavers stop being valid; now by default."
)
@click.option("--leavers-only", is_flag=True, help="Prepare only the end of validity of those who left.")
@click.option(
    "--branch",
    metavar="NEW",
    help="Commit to this new branch, leavers first, instead of writing into the working tree.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
def sync(
    *,
    source: str,
    mapping: str,
    org: str | None,
    repo: Path,
    rev: str,
    trust_root: str,
    max_leavers: int | None,
    left_at: datetime | None,
    leavers_only: bool,
    branch: str | None,
    dry_run: bool,
    **given: Any,
) -> Result:
    """Prepare what a company's directory says: people who join, move or leave, their groups and roles.

    Documents are written for people to approve; nothing is merged, and nobody but those whom the mapping manages is touched.
    What cannot be done for one person is refused for that person (exit code 8), and the rest is prepared all the same.
    """
    from gaitops.cli.identity_change import delivered, setting_of
    from gaitops.cli.identity_report import result
    from gaitops.cli.identity_sources import check_given, read_source
    from gaitops.cli.opening import judged_at, opened
    from gaitops.directory.plan import known_users, make_plan

    check_given(source, given)
    moment = judged_at(left_at)
    with opened(repo, rev, trust_root) as history:
        setting = setting_of(history, repo, mapping, org, source, moment, on_branch=branch is not None)
        answer = read_source(setting, known_users(setting), given)
        plan = make_plan(setting, answer, max_leavers=max_leavers)
        done = delivered(history, repo, setting, plan, branch, leavers_only=leavers_only, dry_run=dry_run)
    return result(setting, answer, plan, done, leavers_only=leavers_only, dry_run=dry_run)
