# SPDX-License-Identifier: Apache-2.0
"""How envelopes reach the fleet repository: as files, as a pushed commit, or as text (design 6)."""

from __future__ import annotations

import base64
import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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


class Delivery:
    """Delivers envelopes for one change."""

    def __init__(self, repo: Path, remote: str, branch: str | None) -> None:
        self._repo = repo
        self._remote = remote
        self._branch = branch

    def fetch(self, base: str) -> tuple[str, str]:
        """Fetch the branch and its base, so that nobody signs against an old state; their commit ids."""
        program = self._program()
        if self._branch is None:
            raise InvalidInputError.of("cli.usage", "there is no branch to fetch")
        return program.fetch(self._remote, base), program.fetch(self._remote, self._branch)

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
            return Delivered(
                "printed", "\n".join(armored(path, data) for path, data in sorted(files.items()))
            )
        if push:
            return self._pushed(files, head, principal, intent)
        return self._written(files)

    def _written(self, files: Mapping[str, bytes]) -> Delivered:
        from gaitops.cli.files import create_files

        if not (self._repo / ".git").exists():
            raise InvalidInputError.of(
                "approval.no_worktree",
                f"{self._repo} has no work tree to write envelopes to",
                remedy="Use --branch with --push, or --print.",
            )
        written = create_files(self._repo, files)
        return Delivered(
            "files", "\n".join([*(f"wrote {path}" for path in written), "commit them with the change"])
        )

    def _pushed(self, files: Mapping[str, bytes], head: str, principal: str, intent: str) -> Delivered:
        """Commit only under ``approvals/`` on top of the branch; start again when the branch moved."""
        from gaitops.git.repository import Repository
        from gaitops.git.writing import commit_files
        from gaitops.report.text import counted

        program, branch = self._program(), self._branch or ""
        author = self.author()
        for attempt in range(_ATTEMPTS):
            repository = Repository.open(self._repo)
            commit = commit_files(
                repository,
                head,
                dict(files),
                message=f"{intent} by {principal}",
                author=author,
                when=int(now().timestamp()),
            )
            try:
                program.push(commit, branch, self._remote, head)
            except VerificationError as error:
                if error.code != "history.fork" or attempt == _ATTEMPTS - 1:
                    raise
                head = program.fetch(self._remote, branch)
                continue
            return Delivered(
                "pushed",
                f"pushed {counted(len(files), 'envelope')} to {branch} of {self._remote} as {commit[:12]}",
                commit,
            )
        raise VerificationError.of("history.fork", f"{branch} keeps moving", remedy="try again")

    def _program(self) -> GitProgram:
        from gaitops.git.remote import GitProgram

        return GitProgram(self._repo, os.environ)


def armored(path: str, data: bytes) -> str:
    """An envelope as text for a pull-request comment. The path only helps people: readers derive it again."""
    body = "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 76))
    return f"-----BEGIN GAITOPS ENVELOPE-----\n# {path}\n\n{body}\n-----END GAITOPS ENVELOPE-----"
