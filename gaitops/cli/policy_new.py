# SPDX-License-Identifier: Apache-2.0
"""``gaitops policy new``: the document of a policy that has no versions yet."""

from __future__ import annotations

from pathlib import Path

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError


@command(example="gaitops policy new acme guard --owner payments --summary 'Guards payments' --risk high")
@click.argument("org")
@click.argument("policy")
@click.option("--owner", required=True, metavar="NAME", help="Principal or group to ask: NAME or ORG/NAME.")
@click.option("--summary", required=True, metavar="TEXT", help="What the policy guards.")
@click.option(
    "--risk",
    required=True,
    type=click.Choice(["low", "medium", "high", "critical"]),
    help="Harm that a wrong version can do; high and critical raise the quorum.",
)
@options.repo
def new(*, org: str, policy: str, owner: str, summary: str, risk: str, repo: Path) -> Result:
    """Create the policy POLICY of the organization ORG in the working tree.

    Writes orgs/ORG/policies/POLICY/policy.yaml, which must not exist yet. Add versions with
    `gaitops policy add-version`; nothing is committed.
    """
    from gaitops.cli.files import create_files
    from gaitops.documents.layout import organization_path, policy_path
    from gaitops.documents.load import load_document
    from gaitops.documents.writer import write_yaml

    path = policy_path(org, policy)
    document = {
        "apiVersion": "gaitops.dev/v1",
        "kind": "Policy",
        "metadata": {"name": policy, "org": org},
        "spec": {"owner": owner, "summary": summary, "risk": risk},
    }
    content = write_yaml(document)
    load_document(content, path)  # checks every argument, names included, before anything is written
    if not (repo / organization_path(org)).is_file():
        raise InvalidInputError.of(
            "org.unknown", f"there is no organization {org}", path=organization_path(org)
        )
    files = create_files(repo, {path: content})
    return Result("policy-new", {"org": org, "policy": policy, "files": files}, f"created {path}")
