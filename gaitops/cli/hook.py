# SPDX-License-Identifier: Apache-2.0
"""``gaitops hook``: what a Git server runs while a push arrives."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command, prints_text
from gaitops.cli.exit_codes import APPROVAL_REQUIRED, SUCCESS, VERIFICATION_FAILED
from gaitops.cli.output import Result, note
from gaitops.errors import VerificationError

if TYPE_CHECKING:
    from gaitops.history.updates import Reception, Update

_SECONDS = 60
"""A pusher waits; the checkpoint makes all but the first push take a fraction of a second."""
_SHOWN = 20
"""Reasons that a pusher is shown; ``gaitops check`` shows all."""


@command(
    "pre-receive",
    example="gaitops hook pre-receive --repo . --branch main --trust-root sha256:5f0c…\n"
    "gaitops hook pre-receive --repo /srv/git/fleet.git --json < /dev/null",
)
@options.repo
@click.option(
    "--branch",
    default="main",
    show_default=True,
    metavar="NAME",
    help="The protected branch, without refs/heads/.",
)
@options.trust_root
@click.option(
    "--timeout",
    type=click.IntRange(1, 3600),
    default=_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Refuse a push that takes longer to judge (no effect on Windows).",
)
def pre_receive(*, repo: Path, branch: str, trust_root: str, timeout: int) -> Result:
    """Refuse a push onto the protected branch unless all of it is authorized.

    Runs as Git's pre-receive hook on a server: reads `OLD NEW REFERENCE` lines from standard input, and any exit
    code but 0 makes Git refuse the push. The branch only moves forward, and at its new head everything that the push
    touches is verified. Without any input it tests the set-up: it verifies the branch and fills the checkpoint.

    The trust root comes from the hook's command line or the server's environment, never from the repository.
    Exit code 2: refused; 4: refused, only approvals are missing; 1: not judged in time or by a failure of the server.
    """
    from gaitops.cli.deadline import deadline
    from gaitops.history.updates import MAX_INPUT_BYTES, branch_update, read_updates

    updates = read_updates(sys.stdin.buffer.read(MAX_INPUT_BYTES + 1))
    late = f"judging the push takes longer than {timeout} seconds"
    remedy = "ask the administrator to run the hook once without input, and push in smaller steps"
    with deadline(timeout, "hook.timeout", late, remedy):
        reception = _received(repo, branch, trust_root, updates, _quarantine(os.environ))
    update = branch_update(updates, branch)
    document = {
        "accepted": reception.accepted,
        "pending": reception.pending,
        "branch": branch,
        "updates": len(updates),
        "old": update.old if update is not None else None,
        "new": update.new if update is not None else None,
        "judged": list(reception.judged),
        "decisions": reception.decisions,
        "problems": [problem.to_json() for problem in reception.problems],
    }
    if prints_text():
        # Git shows a pusher both streams; only this one is for people.
        note(_text(reception, branch, is_test=not updates))
    return Result("hook", document, "", exit_code=_exit_code(reception))


def _received(
    repo: Path, branch: str, trust_root: str, updates: tuple[Update, ...], quarantine: Path | None
) -> Reception:
    from gaitops.git.location import locate
    from gaitops.git.refs import References
    from gaitops.history.updates import Reception, branch_update, check_current, name_problems

    references = References(locate(repo))
    problems = name_problems(updates, branch, references)
    update = branch_update(updates, branch)
    if problems or (updates and update is None):
        return Reception(problems)
    if update is not None:
        check_current(update, branch, references)
    try:
        return _judged(repo, branch, trust_root, update, quarantine)
    except VerificationError as error:
        if update is not None and error.code == "history.not_descendant":
            # Another push got in between, and its own hook run has moved the checkpoint past where this one starts.
            check_current(update, branch, references)
        raise


def _judged(
    repo: Path, branch: str, trust_root: str, update: Update | None, quarantine: Path | None
) -> Reception:
    from gaitops.cli.opening import opened
    from gaitops.history.receive import receive_forward, receive_whole

    # One checkpoint per repository: a server may hold several copies of a fleet, each at another commit.
    checkpoint = f"{repo.resolve()}\n{branch}"
    if update is None:
        with opened(repo, f"refs/heads/{branch}", trust_root, branch=checkpoint) as history:
            return receive_whole(history)
    if update.old is None:
        with opened(repo, str(update.new), trust_root, cache=False, quarantine=quarantine) as history:
            return receive_whole(history)
    with opened(repo, update.old, trust_root, branch=checkpoint, quarantine=quarantine) as history:
        return receive_forward(history, update, branch)


def _quarantine(environ: Mapping[str, str]) -> Path | None:
    """Where Git keeps the pushed objects; forges pass on only the second variable (git-receive-pack(1))."""
    named = environ.get("GIT_QUARANTINE_PATH") or environ.get("GIT_OBJECT_DIRECTORY")
    return Path(named) if named else None


def _exit_code(reception: Reception) -> int:
    if reception.accepted:
        return SUCCESS
    return APPROVAL_REQUIRED if reception.pending else VERIFICATION_FAILED


def _text(reception: Reception, branch: str, *, is_test: bool) -> str:
    from gaitops.report.problems import problem_lines
    from gaitops.report.text import counted

    if reception.accepted:
        if is_test:
            return f"gaitops: {branch} is verified; the hook is ready"
        return f"gaitops: accepted, {counted(reception.decisions, 'decision')}" if reception.decisions else ""
    why = "approvals are missing" if reception.pending else "not authorized"
    head = f"gaitops: {branch} is not verified" if is_test else f"gaitops: push to {branch} refused: {why}"
    lines = [head, problem_lines(reception.problems[:_SHOWN])]
    if len(reception.problems) > _SHOWN:
        lines.append(f"and {len(reception.problems) - _SHOWN} more; run: gaitops check --base {branch}")
    return "\n".join(lines)
