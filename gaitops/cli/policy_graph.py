# SPDX-License-Identifier: Apache-2.0
"""``gaitops policy graph``: versions, edges, channels and withdrawals of an organization's policies."""

from __future__ import annotations

from pathlib import Path

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import INVALID_INPUT, SUCCESS
from gaitops.cli.output import Result


@command(
    example="gaitops policy graph acme guard\ngaitops policy graph acme --format dot | dot -Tsvg > graph.svg",
    formats=("text", "json", "dot"),
)
@click.argument("org")
@click.argument("policy", required=False)
@options.repo
def graph(org: str, policy: str | None, repo: Path) -> Result:
    """Show the version graph of POLICY, or of all policies, of the organization ORG.

    Each line is a version with the beginning of its version digest, the channels that point to it, and
    whether it was withdrawn. A version below another was made from it. Reads the working tree; exits with 6
    when a graph is not sound.
    """
    from gaitops.cli.policies import policy_views
    from gaitops.fleet.graph import graph_problems
    from gaitops.report.policy_graph import graph_dot, graph_members, graph_text
    from gaitops.report.problems import problem_lines

    views = policy_views(repo, org, policy)
    problems = [
        problem
        for view in views
        for problem in graph_problems(view.graph.versions, f"orgs/{org}/policies/{view.policy}")
    ]
    blocks = [graph_text(view) for view in views] or [f"{org} has no policies"]
    if problems:
        blocks.append(problem_lines(problems))
    return Result(
        "policy-graph",
        {
            "policies": [graph_members(view) for view in views],
            "problems": [problem.to_json() for problem in problems],
        },
        "\n\n".join(blocks),
        {"dot": lambda: graph_dot(views)},
        exit_code=INVALID_INPUT if problems else SUCCESS,
    )
