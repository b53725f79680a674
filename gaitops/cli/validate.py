# SPDX-License-Identifier: Apache-2.0
"""``gaitops validate``: structure, schemas, policy graph and digests of a fleet repository; no signatures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import INVALID_INPUT, SUCCESS
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.content import Snapshot


@command(example="gaitops validate\ngaitops validate --repo fleet --rev main --json")
@click.option("--rev", metavar="REV", help="Check this commit instead of the working tree.")
@options.repo
def validate(*, rev: str | None, repo: Path) -> Result:
    """Check that a fleet repository is well formed: every document, every reference, every policy version.

    Looks at the files of the working tree that Git does not ignore, or at a commit with `--rev`. All problems are
    listed with path, line and column, and the exit code is 6 if there are any. Signatures, roles and approvals are
    not looked at: that is what `gaitops check` and `gaitops verify` do.
    """
    from gaitops.documents.kinds import KINDS
    from gaitops.documents.layout import classify
    from gaitops.documents.validate import validate_snapshot
    from gaitops.fleet.state import DocumentCache, FleetState
    from gaitops.fleet.structure import policy_findings, trusted_root_problems
    from gaitops.report.problems import problem_lines
    from gaitops.report.text import counted

    snapshot, revision = _content(repo, rev)
    problems = validate_snapshot(snapshot)
    broken = [problem.path for problem in problems if problem.path is not None]
    state = FleetState(snapshot, DocumentCache())
    policies = policy_findings(state, broken)
    found = [*problems, *policies.problems, *trusted_root_problems(state, broken)]
    problems = tuple(sorted(found, key=lambda problem: problem.path or ""))
    documents = sum(1 for path, _ in snapshot.walk("") if classify(path).kind in KINDS)
    looked_at = f"{counted(documents, 'document')} and {counted(policies.versions, 'policy version')}"
    summary = f"{counted(len(problems), 'problem')} in {looked_at}" if problems else f"valid: {looked_at}"
    blocks = [problem_lines(policies.warnings, label="warning"), problem_lines(problems), summary]
    return Result(
        "validate",
        {
            "valid": not problems,
            "revision": revision,
            "documents": documents,
            "policy_versions": policies.versions,
            "problems": [problem.to_json() for problem in problems],
            "warnings": [problem.to_json() for problem in policies.warnings],
        },
        "\n".join(block for block in blocks if block),
        exit_code=INVALID_INPUT if problems else SUCCESS,
    )


def _content(repo: Path, rev: str | None) -> tuple[Snapshot, str | None]:
    """What is to be checked, and the full commit id if it is a commit."""
    if rev is None:
        if not (repo / "fleet.yaml").exists() and not (repo / ".git").exists():
            raise InvalidInputError.of(
                "git.not_a_repository",
                f"{repo.resolve()} is neither a repository nor a folder with a fleet.yaml",
                remedy="Name the fleet repository with --repo.",
            )
        from gaitops.cli.worktree import WorkingTree, not_ignored

        return WorkingTree(repo, not_ignored(repo)), None
    from gaitops.git.repository import Repository

    repository = Repository.open(repo)
    commit = repository.resolve(rev)
    return repository.snapshot(commit), commit
