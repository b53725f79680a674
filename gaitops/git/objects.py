# SPDX-License-Identifier: Apache-2.0
"""Raw objects by full id, with their hashes checked; the only reader of libgit2 in this package.

libgit2 hashes every object that it reads and refuses bytes that do not belong to their id (strict hash
verification), whichever pack, index or loose file they came from. It is opened on the objects folder alone,
never as a repository, so it sees no configuration, no environment, no grafts and no shallow file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import ObjectType, Option

from gaitops.errors import InternalError, VerificationError

OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
"""A full SHA-1 object id, the only form in which objects are named."""

COMMIT: Final = ObjectType.COMMIT
TREE: Final = ObjectType.TREE
BLOB: Final = ObjectType.BLOB
TAG: Final = ObjectType.TAG


class ObjectStore:
    """The object database below one ``objects`` folder, and optionally what lies in ``quarantine`` beside it."""

    def __init__(self, folder: Path, quarantine: Path | None = None) -> None:
        """Open ``folder``; raises VerificationError ``git.corrupt_object`` when it is no object database."""
        # The default of libgit2, stated because verdicts depend on it.
        pygit2.option(Option.ENABLE_STRICT_HASH_VERIFICATION, True)  # noqa: FBT003 - the signature of libgit2
        try:
            self._odb = pygit2.Odb(str(folder))
            if quarantine is not None:
                self._odb.add_disk_alternate(str(quarantine))
        except (pygit2.GitError, OSError) as error:
            raise VerificationError.of(
                "git.corrupt_object", f"cannot open the object database: {error}"
            ) from error

    def typed(self, oid: str) -> tuple[ObjectType, bytes]:
        """Type and content of the object ``oid``.

        Raises:
            VerificationError: ``git.corrupt_object`` when it is missing, unreadable, or other bytes than its id says.
        """
        try:
            kind, data = self._odb.read(_full(oid))
        except KeyError as error:
            raise _missing(oid) from error
        except (pygit2.GitError, ValueError, OSError) as error:
            raise VerificationError.of(
                "git.corrupt_object", f"object {oid} cannot be read: {error}"
            ) from error
        return kind, data

    def read(self, oid: str, kind: ObjectType) -> bytes:
        """Content of the object ``oid``, which must be of type ``kind``; errors as for :meth:`typed`."""
        found, data = self.typed(oid)
        if found != kind:
            raise VerificationError.of(
                "git.corrupt_object", f"object {oid} is a {found.name.lower()}, not a {kind.name.lower()}"
            )
        return data

    def size(self, oid: str) -> int:
        """Size in bytes that the object's header states, without inflating it; errors as for :meth:`typed`.

        The header is not covered by the hash check: good for refusing large blobs early, not as a fact.
        """
        try:
            return int(self._odb.read_header(_full(oid))[1])
        except KeyError as error:
            raise _missing(oid) from error
        except (pygit2.GitError, ValueError, OSError) as error:
            raise VerificationError.of(
                "git.corrupt_object", f"object {oid} cannot be read: {error}"
            ) from error

    def write(self, kind: ObjectType, data: bytes) -> str:
        """Store an object and return its id; raises InternalError ``git.write_failed`` when the disk refuses."""
        try:
            return str(self._odb.write(kind, data))
        except (pygit2.GitError, OSError) as error:
            raise InternalError.of(
                "git.write_failed", f"cannot write a {kind.name.lower()}: {error}"
            ) from error


def _full(oid: str) -> str:
    # libgit2 would complete an abbreviated id; nothing here may depend on which objects happen to exist.
    if OBJECT_ID.fullmatch(oid) is None:
        raise VerificationError.of("git.corrupt_object", f"{oid!r} is not a full object id")
    return oid


def _missing(oid: str) -> VerificationError:
    return VerificationError.of(
        "git.corrupt_object",
        f"object {oid} is missing",
        remedy="fetch the complete history (no shallow, partial or interrupted clone)",
    )
