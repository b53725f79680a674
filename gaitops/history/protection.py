# SPDX-License-Identifier: Apache-2.0
"""Which steps of the history touch anything that needs authorization; on a busy branch most do not."""

from __future__ import annotations

from gaitops.change.interpret import is_unprotected
from gaitops.content import TREE_MODE
from gaitops.errors import VerificationError
from gaitops.fleet.state import FleetState
from gaitops.git.repository import Repository
from gaitops.git.trees import TOO_LARGE, RawEntry, name_text
from gaitops.history.trees import PartitionTrees, kept

_FOLDER = TREE_MODE.encode()
_NEVER_QUIET = frozenset({b"orgs", b"approvals", b"trust", b"fleet.yaml"})
"""What is looked at in full whenever it differs."""
_MAX_DEPTH = 8
"""Unprotected folders nested deeper are looked at in full."""


class Protection:
    """Compares neighbours on the chain under the unprotected globs of a verified state."""

    def __init__(self, repository: Repository, trees: PartitionTrees) -> None:
        self._repository = repository
        self._trees = trees
        self._quiet: dict[tuple[str, str, tuple[str, ...]], bool] = {}

    def touches(self, name: str, previous: str | None, commit: str, state: FleetState | None) -> bool:
        """Whether a step changes anything of a partition that needs authorization.

        ``state`` is the verified state before the step, which alone says what is unprotected; ``None`` before genesis.
        """
        if state is None:
            return True
        try:
            changes = self._trees.changes(name, previous, commit)
        except VerificationError as error:
            if error.code != TOO_LARGE:
                raise
            return True
        return any(not is_unprotected(item.path, state) for item in changes)

    def is_quiet(self, previous: str, commit: str, state: FleetState) -> bool:
        """Whether a step surely changes nothing but unprotected files; ``False`` when a closer look is needed.

        Reads only the folders that differ, and builds nothing from them.
        """
        fleet = state.fleet()
        key = (previous, commit, fleet.spec.unprotected if fleet is not None else ())
        quiet = self._quiet.get(key)
        if quiet is None:
            old, new = (self._repository.tree_of(oid) for oid in (previous, commit))
            quiet = kept(self._quiet, key, self._only_unprotected(old, new, "", state))
        return quiet

    def _only_unprotected(self, old: str, new: str, folder: str, state: FleetState) -> bool:
        if old == new:
            return True
        before, after = self._repository.tree_entries(old), self._repository.tree_entries(new)
        differing = set(before) ^ set(after)
        if len(differing) > 2 and not folder:
            return False
        pairs: dict[bytes, list[RawEntry]] = {}
        for entry in differing:
            pairs.setdefault(entry[1], []).append(entry)
        return all(self._is_harmless(name, sides, folder, state) for name, sides in pairs.items())

    def _is_harmless(self, name: bytes, sides: list[RawEntry], folder: str, state: FleetState) -> bool:
        if not folder and name in _NEVER_QUIET:
            return False
        path = folder + name_text(name)
        if all(mode != _FOLDER for mode, _name, _oid in sides):
            return is_unprotected(path, state)
        if len(sides) != 2 or any(mode != _FOLDER for mode, _name, _oid in sides):
            return False
        one, other = (oid.hex() for _mode, _name, oid in sides)
        return path.count("/") < _MAX_DEPTH and self._only_unprotected(one, other, path + "/", state)
