# SPDX-License-Identifier: Apache-2.0
"""libgit2 with the user's and the machine's settings switched off, for the two tasks that need a repository.

Reading needs none (see :mod:`gaitops.git.objects`). Creating a repository and moving a branch do, for locks, reflogs and
name conflicts. libgit2 runs no hooks and starts no programs for either.
"""

from __future__ import annotations

from typing import Final

import pygit2
from pygit2.enums import ConfigLevel, Option, RepositoryInitFlag, RepositoryOpenFlag

from gaitops.git.location import Location

FAILURES: Final = (pygit2.GitError, KeyError, ValueError, OSError)
"""What pygit2 raises, by version and call, when libgit2 refuses."""

_OUTSIDE_LEVELS: Final = (ConfigLevel.PROGRAMDATA, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL)


def open_for_references(location: Location) -> pygit2.Repository:
    """The repository at ``location``; raises one of :data:`FAILURES`."""
    _isolate()
    return pygit2.Repository(str(location.git_dir), RepositoryOpenFlag.NO_SEARCH)


def create(path: str, branch: str, *, bare: bool) -> None:
    """Create an empty repository whose ``HEAD`` is the unborn ``branch``; raises one of :data:`FAILURES`."""
    _isolate()
    flags = RepositoryInitFlag.MKPATH | RepositoryInitFlag.NO_REINIT
    pygit2.init_repository(path, bare=bare, flags=flags, initial_head=branch)


def _isolate() -> None:
    # Process-wide settings of libgit2. Owners are not compared, as CI checks out under other users' ids, and
    # the check exists to keep foreign configuration from being used, of which nothing is used here.
    pygit2.option(Option.SET_OWNER_VALIDATION, False)  # noqa: FBT003 - the signature of libgit2
    for level in _OUTSIDE_LEVELS:
        pygit2.option(Option.SET_SEARCH_PATH, level, "")
