# SPDX-License-Identifier: Apache-2.0
"""Where consumers read a release from: what ``release`` knows, and a branch of a Git repository.

``git+https://host/path#branch``, ``git+ssh://…#branch`` and ``git+file:///path#branch``. The branch is fetched into a
bare repository of our own by the user's Git, which has the user's credentials; nothing is ever checked out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from gaitops.content import FILE_MODES, Snapshot
from gaitops.errors import InvalidInputError
from gaitops.git.remote import GitProgram
from gaitops.git.repository import Repository
from gaitops.release.layout import is_safe_path
from gaitops.release.sources import Source
from gaitops.release.sources import open_source as open_plain_source

_REMOTE: Final = "release"
_GIT_ADDRESS = re.compile(
    r"git\+(?P<url>(?:https|ssh|file)://[^\s#\"\\\x00-\x1f\x7f]+)#(?P<branch>[^\s#]+)\Z"
)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")


class GitSource:
    """The content of one commit."""

    def __init__(self, name: str, snapshot: Snapshot) -> None:
        self._name = name
        self._snapshot = snapshot

    @property
    def name(self) -> str:
        """See :class:`~gaitops.release.sources.Source`."""
        return self._name

    def pieces(self, path: str) -> Iterator[bytes] | None:
        """See :class:`~gaitops.release.sources.Source`."""
        entry = self._snapshot.entry(path) if is_safe_path(path) else None
        if entry is None or entry.mode not in FILE_MODES:
            return None
        return iter((self._snapshot.read(entry.oid),))


def open_source(address: str, scratch: Path, environ: Mapping[str, str]) -> Source:
    """The source at ``address``.

    Args:
        address: A folder, ``file://``, ``http://`` or ``https://`` URL, or a ``git+…#branch`` address.
        scratch: A folder for the fetched branch; it must stay while the source is used.
        environ: The user's environment, for Git.

    Raises:
        InvalidInputError: ``release.address``, ``git.unknown_revision``.
        InternalError: ``git.remote_failed``.
        MissingDependencyError: ``git.not_installed``.
    """
    if not address.startswith("git+"):
        return open_plain_source(address)
    match = _GIT_ADDRESS.match(address)
    if match is None:
        raise InvalidInputError.of(
            "release.address",
            f"{_shown(address)!r} is not a Git address like git+https://github.com/acme/releases#main",
        )
    folder = scratch / "release.git"
    _create_bare(folder, match["url"])
    commit = GitProgram(folder, environ).fetch(_REMOTE, match["branch"])
    return GitSource(_shown(address), Repository.open(folder).snapshot(commit))


def _shown(address: str) -> str:
    """The address for messages: what stands before the host may be a token."""
    return _CREDENTIALS.sub("", address)


def _create_bare(folder: Path, url: str) -> None:
    """An empty bare repository with one remote, and nothing of the user's templates."""
    for name in ("objects", "refs/heads"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    # The address was checked to hold no quote, backslash or control character.
    (folder / "config").write_text(
        f'[core]\n\trepositoryformatversion = 0\n\tbare = true\n[remote "{_REMOTE}"]\n\turl = "{url}"\n'
    )
