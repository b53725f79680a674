# SPDX-License-Identifier: Apache-2.0
"""How envelopes reach the fleet repository: as files, as a pushed commit, or as text (design 6)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli.clock import now
from gaitops.errors import InvalidInputError, VerificationError

if TYPE_CHECKING:
    from gaitops.git.remote import GitProgram
    from gaitops.git.writing import Person

_ATTEMPTS = 5
"""How often a push is tried again when the branch moved in the meantime."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where the envelopes are now."""

    kind: str
    """``files``, ``pushed`` or ``printed``."""
    text: str
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Sides:
    """A change and what it is meant for, as revisions of the repository."""

    base: str
    head: str
    protected: str
    """What messages call the base."""


def require_together(branch: str | None, *, push: bool, printed: bool) -> None:
    """Refuse ``--push`` and ``--print`` where they do not go together with what else was given.

    Raises:
        click.UsageError: they do not.
    """
    if push and branch is None:
        raise click.UsageError("--push needs --branch")
    if push and printed:
        raise click.UsageError("--push and --print exclude each other")


class Delivery:
    """Delivers envelopes for one change."""

    def __init__(self, repo: Path, remote: str, branch: str | None) -> None:
        self._repo = repo
        self._remote = remote
        self._branch = branch

    def fetched(self, base: str, head: str) -> Sides:
        """What is signed: with a branch, it and its base as the remote has them now, so that nobody signs against an old state."""
        if self._branch is None:
            return Sides(base, head, base)
        program = self._program()
        return Sides(
            program.fetch(self._remote, base),
            program.fetch(self._remote, self._branch),
            f"{self._remote}/{base}",
        )

    def fetch_base_and_branch(self, base: str) -> tuple[str, str | None]:
        """Fetch the base, and the branch if the remote has it; their commit ids."""
        program, branch = self._program(), self._branch or ""
        commit = program.fetch(self._remote, base)
        exists = program.remote_branch(self._remote, branch) is not None
        return commit, program.fetch(self._remote, branch) if exists else None

    def author(self) -> Person:
        """Who commits envelopes: as Git has it, the environment before the configuration.

        Raises:
            InvalidInputError: ``git.identity``.
        """
        from gaitops.git.writing import Person

        name, email = (os.environ.get(f"GIT_COMMITTER_{part}", "").strip() for part in ("NAME", "EMAIL"))
        return Person(name, email) if name and email else self._program().user_identity()

    def deliver(
        self, files: Mapping[str, bytes], head: str, principal: str, intent: str, *, push: bool, printed: bool
    ) -> Delivered:
        """Put the envelopes where they were asked for."""
        if printed:
            from gaitops.cli.armor import armored

            return Delivered(
                "printed", "\n".join(armored(path, data) for path, data in sorted(files.items()))
            )
        if push:
            return self._pushed(files, head, principal, intent)
        return self._written(files)

    def _written(self, files: Mapping[str, bytes]) -> Delivered:
        from gaitops.cli.files import create_files

        check_worktree(self._repo)
        written = create_files(self._repo, files)
        return Delivered(
            "files", "\n".join([*(f"wrote {path}" for path in written), "commit them with the change"])
        )

    def _pushed(self, files: Mapping[str, bytes], head: str, principal: str, intent: str) -> Delivered:
        from gaitops.report.text import counted

        commit = self.push(files, head, f"{intent} by {principal}")
        text = (
            f"pushed {counted(len(files), 'envelope')} to {self._branch} of {self._remote} as {commit[:12]}"
        )
        return Delivered("pushed", text, commit)

    def push(self, files: Mapping[str, bytes], parent: str, message: str, *, creates: bool = False) -> str:
        """Commit files on top of ``parent`` and push them to the branch; start again when it moved. The commit's id.

        ``parent`` is where the branch was when it was fetched, or with ``creates`` where a new branch begins.
        """
        from gaitops.git.repository import Repository
        from gaitops.git.writing import commit_files

        program, branch = self._program(), self._branch or ""
        author = self.author()
        expected = None if creates else parent
        for attempt in range(_ATTEMPTS):
            commit = commit_files(
                Repository.open(self._repo),
                parent,
                dict(files),
                message=message,
                author=author,
                when=int(now().timestamp()),
            )
            try:
                program.push(commit, branch, self._remote, expected)
            except VerificationError as error:
                if error.code != "history.fork" or attempt == _ATTEMPTS - 1:
                    raise
                expected = parent = program.fetch(self._remote, branch)
                continue
            return commit
        raise VerificationError.of("history.fork", f"{branch} keeps moving", remedy="try again")

    def _program(self) -> GitProgram:
        from gaitops.git.remote import GitProgram

        return GitProgram(self._repo, os.environ)


def check_worktree(repo: Path) -> None:
    """Raises InvalidInputError ``approval.no_worktree`` when there is no working tree to write envelopes to."""
    if not (repo / ".git").exists():
        raise InvalidInputError.of(
            "approval.no_worktree",
            f"{repo} has no work tree to write envelopes to",
            remedy="Use --branch with --push, or --print.",
        )
