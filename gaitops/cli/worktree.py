# SPDX-License-Identifier: Apache-2.0
"""The files of a working tree as a :class:`~gaitops.content.Snapshot`, for checks before anything is committed.

Reads the disk directly: no filters and no configuration of the repository take part in what a file holds. Folders and
files named ``.git`` are left out, as Git leaves them out; symbolic links are entries of their own and are
never followed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from gaitops.cli.files import read_bytes
from gaitops.content import TREE_MODE, Entry, walk_children
from gaitops.errors import InvalidInputError

_SYMLINK_MODE = "120000"
_SUBMODULE_MODE = "160000"


class WorkingTree:
    """A snapshot of a folder, read lazily; object ids are the paths themselves.

    Methods raise InvalidInputError ``input.unreadable`` for what cannot be read, and ``git.unsafe_path`` for
    names that are not valid UTF-8. What is neither file, folder nor link (sockets, devices) is left out.
    ``visible`` restricts the tree to these files (see :func:`not_ignored`); ``None`` shows all.
    """

    def __init__(self, root: Path, visible: Collection[str] | None = None) -> None:
        self._root = root
        self._visible = (
            None if visible is None else {part for path in visible for part in _with_folders(path)}
        )
        self._folders: dict[str, dict[str, Entry]] = {}

    def entry(self, path: str) -> Entry | None:
        """See :meth:`gaitops.content.Snapshot.entry`."""
        folder, _, name = path.rpartition("/")
        return self.children(folder).get(name)

    def children(self, folder: str) -> Mapping[str, Entry]:
        """See :meth:`gaitops.content.Snapshot.children`."""
        if folder not in self._folders:
            found = self.entry(folder) if folder else None
            # Only what was listed as a folder is opened: no "..", no symbolic link leads out of the tree.
            is_folder = not folder or (found is not None and found.mode == TREE_MODE)
            self._folders[folder] = dict(self._scan(folder)) if is_folder else {}
        return self._folders[folder]

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """See :meth:`gaitops.content.Snapshot.walk`."""
        return walk_children(self, folder)

    def read(self, oid: str) -> bytes:
        """See :meth:`gaitops.content.Snapshot.read`; for a symbolic link, its target, as Git stores it."""
        path = self._root / oid
        if path.is_symlink():
            return os.fsencode(path.readlink())
        return read_bytes(path)

    def sha256(self, oid: str) -> str:
        """See :meth:`gaitops.content.Snapshot.sha256`."""
        return hashlib.sha256(self.read(oid)).hexdigest()

    def _scan(self, folder: str) -> Iterator[tuple[str, Entry]]:
        try:
            with os.scandir(self._root / folder) as found:
                for item in found:
                    path = f"{folder}/{item.name}" if folder else item.name
                    hidden = item.name == ".git" or (self._visible is not None and path not in self._visible)
                    mode = None if hidden else _git_mode(item, path)
                    if mode is not None:
                        yield item.name, Entry(mode, path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise InvalidInputError.of("input.unreadable", reason, path=folder or ".") from error


def not_ignored(root: Path) -> list[str] | None:
    """Files below ``root`` that Git tracks or would track, as paths relative to it; ``None`` where there is no Git.

    Only the user's own Git knows what ``.gitignore`` and the user's configuration leave out. It is asked with
    everything switched off that could run another program (threat G9), and whoever owns the folder.
    """
    switches = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "safe.directory=*")
    options = [part for switch in switches for part in ("-c", switch)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *options, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            env=environment,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    if done.returncode != 0:
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _with_folders(path: str) -> Iterator[str]:
    """``path`` and the folders above it. Git ends the names of repositories inside the tree with a slash."""
    name = path.rstrip("/")
    while name:
        yield name
        name = name.rpartition("/")[0]


def _git_mode(item: os.DirEntry[str], path: str) -> str | None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise InvalidInputError.of("git.unsafe_path", "the name is not valid UTF-8", path=shown) from error
    mode = item.stat(follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return _SYMLINK_MODE
    if stat.S_ISDIR(mode):
        return _SUBMODULE_MODE if os.path.lexists(os.path.join(item.path, ".git")) else TREE_MODE  # noqa: PTH118
    if stat.S_ISREG(mode):
        return "100755" if mode & stat.S_IXUSR else "100644"
    return None
