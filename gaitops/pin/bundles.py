# SPDX-License-Identifier: Apache-2.0
"""The Sigstore bundles in a pin: what must hold where the consumer asks for them, and what may lie there where not.

Everything follows from the caller's trust root: the newest root of the pin's chain names the workloads that sign and, by
digest, the Sigstore trusted root. Nothing here falls back to keys: a bundle that is required and missing is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gaitops.errors import GaitopsError, MissingDependencyError, Problem
from gaitops.fleet.root import TrustedRoot
from gaitops.pin.layout import FOLDER, TRUSTED_ROOT_FILE, bundle_file
from gaitops.pin.require import Require
from gaitops.release.keyless import is_bundle_of, open_bundle, trusted_root_file

_LESS = "pin a release with bundles, or ask for less on your side: --require key"


class PinnedBundles:
    """Checks the bundles of one pin, statement by statement."""

    def __init__(self, files: Mapping[str, bytes], root: TrustedRoot, require: Require) -> None:
        self._files = files
        self._root = root
        self._required = Require.KEYLESS in require
        self.explained: set[str] = set()
        """Files of the pin that were accounted for."""
        self.signers: set[str] = set()
        """Subjects of the certificates whose signatures were verified."""

    def start(self) -> Iterator[Problem]:
        """What is wrong before any bundle is looked at."""
        if self._root.publishing is None:
            if self._required:
                yield _missing(f"root version {self._root.version} names no workload that may sign", None)
            return
        data = self._files.get(TRUSTED_ROOT_FILE)
        if data is None:
            if self._required:
                yield _missing("the Sigstore trusted root is missing", TRUSTED_ROOT_FILE)
            return
        self.explained.add(TRUSTED_ROOT_FILE)
        try:
            trusted_root_file(data, self._root, f"{FOLDER}/{TRUSTED_ROOT_FILE}")
        except GaitopsError as error:
            yield from error.problems

    def check(self, statement: str, payload: bytes) -> Iterator[Problem]:
        """What is wrong with the bundle of the statement in this file.

        Raises:
            MissingDependencyError: ``dependency.sigstore``.
        """
        path = bundle_file(statement)
        data = self._files.get(path)
        if self._root.publishing is None:
            return  # Said before; and a bundle that lies there, nothing accounts for.
        if data is None:
            if self._required:
                yield _missing("the statement has no Sigstore bundle", path)
        elif self._required:
            self.explained.add(path)
            yield from self._verify(path, data, payload)
        elif is_bundle_of(payload, data, path):
            self.explained.add(path)

    def _verify(self, path: str, data: bytes, payload: bytes) -> Iterator[Problem]:
        shown = f"{FOLDER}/{path}"
        pinned = self._files.get(TRUSTED_ROOT_FILE)
        if pinned is None:
            return  # Said before.
        try:
            trusted_root = trusted_root_file(pinned, self._root, f"{FOLDER}/{TRUSTED_ROOT_FILE}")
        except GaitopsError:
            return  # Said before.
        try:
            found, verified = open_bundle(data, self._root, trusted_root, shown)
        except MissingDependencyError:
            raise
        except GaitopsError as error:
            yield from error.problems
            return
        if found != payload:
            yield Problem(
                "pin.mismatch",
                "the bundle is over another statement than the one beside it",
                shown,
                remedy="restore the folder, or run: gaitops pin update",
            )
            return
        self.signers.add(verified.claims.subject)


def _missing(message: str, path: str | None) -> Problem:
    where = FOLDER if path is None else f"{FOLDER}/{path}"
    return Problem(
        "pin.keyless_missing", f"keyless signatures are required, and {message}", where, remedy=_LESS
    )
