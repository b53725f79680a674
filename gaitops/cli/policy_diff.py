# SPDX-License-Identifier: Apache-2.0
"""``gaitops policy diff``: what changed between two policies, by what they mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.gait.policy import Policy


@command(
    example="gaitops policy diff acme/guard@1.0.0 acme/guard@1.1.0\n"
    "gaitops policy diff acme/guard@1.1.0 gait.policy.yaml"
)
@click.argument("old")
@click.argument("new")
@options.repo
def diff(*, old: str, new: str, repo: Path) -> Result:
    """Compare the policies OLD and NEW after normalisation: order, spelling and comments do not count.

    Each is a file, or ORG/POLICY@VERSION in the working tree of the fleet repository. A change is marked stricter
    or laxer where that follows from the change alone. The exit code is 0 whether or not they differ.
    """
    from gaitops.gait.policy_diff import diff as diff_policies
    from gaitops.gait.policy_diff import render_text

    difference = diff_policies(_policy(old, repo), _policy(new, repo))
    return Result("policy-diff", {"old": old, "new": new, **difference.to_json()}, render_text(difference))


def _policy(reference: str, repo: Path) -> Policy:
    from gaitops.cli.policies import policy_source
    from gaitops.gait.policy_digest import digest_policy

    name, data = policy_source(reference, repo)
    reading = digest_policy(data)
    if reading.policy is not None and reading.outcome == "accepted":
        return reading.policy
    if reading.problems:
        raise InvalidInputError(replace(problem, path=name) for problem in reading.problems)
    raise InvalidInputError.of(
        "policy.not_computed", f"the policy cannot be read with certainty: {reading.reason}", path=name
    )
