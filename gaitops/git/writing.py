# SPDX-License-Identifier: Apache-2.0
"""New commits and branch moves, without touching the index, the work tree or any hook."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gaitops.errors import InternalError, InvalidInputError
from gaitops.git import libgit2
from gaitops.git.commits import LATEST_TIME, parse_commit
from gaitops.git.objects import BLOB, COMMIT, TREE
from gaitops.git.refs import LostRaceError, check_ref_name
from gaitops.git.repository import Repository
from gaitops.git.trees import MALFORMED, RawEntry, entry_of, name_bytes, sort_key

_FOLDER: Final = b"40000"
_PLAIN: Final = b"100644"
_EXECUTABLE: Final = b"100755"
_MAX_SEGMENTS: Final = 64
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_NOT_IN_IDENT: Final = re.compile(r"[\x00-\x1f\x7f<>\ud800-\udfff]")

_Plan = dict[str, "bytes | _Plan | None"]
"""Changes by path segment: new bytes, removal, or changes inside a folder."""


@dataclass(frozen=True, slots=True)
class Person:
    """Name and email for the author and committer lines."""

    name: str
    email: str

    def __post_init__(self) -> None:
        """Raises InvalidInputError ``git.identity`` for text that Git could not store as it is."""
        for text in (self.name, self.email):
            if not text or text != text.strip() or _NOT_IN_IDENT.search(text):
                raise InvalidInputError.of("git.identity", f"{text!r} cannot be a name or email in a commit")


def commit_files(
    repository: Repository,
    base: str | None,
    changes: Mapping[str, bytes | None],
    *,
    message: str,
    author: Person,
    when: int,
    signer: Callable[[bytes], bytes] | None = None,
) -> str:
    """Create a commit on top of ``base`` and return its id; no branch moves.

    Args:
        repository: Where the objects go.
        base: Parent commit, or ``None`` for a first commit.
        changes: New bytes by path, or ``None`` to remove the file. Files keep their executable mode; new ones have none.
        message: Commit message; a final newline is added if missing.
        author: Author and committer.
        when: Time of both in Unix seconds; the offset is written as UTC.
        signer: Given the bytes to sign, returns an armored signature, for example of ``ssh-keygen -Y sign -n git``.

    Raises:
        InvalidInputError: ``git.unsafe_path``, ``git.path_conflict``, ``git.message`` or ``history.time``.
        VerificationError: ``git.corrupt_object`` when ``base`` cannot be read.
        InternalError: ``git.write_failed``.
    """
    if not message.strip() or "\0" in message:
        raise InvalidInputError.of("git.message", "a commit message is some text without NUL")
    if not 0 <= when <= LATEST_TIME:
        raise InvalidInputError.of("history.time", f"{when} is not a time between 1970 and 9999")
    base_tree = None if base is None else repository.tree_of(base)
    tree = _write_tree(repository, base_tree, _plan(changes), "")
    ident = f"{author.name} <{author.email}> {when} +0000"
    headers = [f"tree {tree or repository.objects.write(TREE, b'')}"]
    headers += [] if base is None else [f"parent {base}"]
    headers += [f"author {ident}", f"committer {ident}"]
    head = ("\n".join(headers) + "\n").encode()
    body = ("\n" + message.rstrip("\n") + "\n").encode()
    raw = head + body if signer is None else _signed(head, body, signer(head + body))
    return repository.objects.write(COMMIT, raw)


def update_branch(repository: Repository, name: str, new: str, expected_old: str | None) -> None:
    """Move branch ``name`` to the commit ``new`` if it still is at ``expected_old`` (``None``: does not exist).

    The work tree and index of a branch that is checked out stay as they are: ``git status`` will show the difference.

    Raises:
        LostRaceError: ``history.fork`` when the branch is elsewhere by now.
        InvalidInputError: ``git.unknown_revision`` for an impossible name, or a branch that points to another.
        InternalError: ``git.write_failed``.
    """
    reference = "refs/heads/" + check_ref_name(name)
    repository.commit(new)
    if repository.references.is_symbolic(reference):
        raise InvalidInputError.of("git.unknown_revision", f"{name!r} is not a branch but points to another")
    if repository.references.target(reference) != expected_old:
        raise _lost(name)
    try:
        store = libgit2.open_for_references(repository.location)
        if expected_old is None:
            store.create_reference(reference, new)
        else:
            # libgit2 locks the branch and compares it with what it was when looked up, here and now.
            found = store.lookup_reference(reference)
            if str(found.target) != expected_old:
                raise _lost(name)
            found.set_target(new)
    except libgit2.FAILURES as error:
        if repository.references.target(reference) != expected_old:
            raise _lost(name) from error
        raise InternalError.of("git.write_failed", f"cannot move the branch {name}: {error}") from error


def init_repository(path: Path, branch: str = "main", *, bare: bool = False) -> Repository:
    """Create an empty repository with the unborn ``branch``.

    Raises:
        InvalidInputError: ``git.exists`` when there already is one, ``git.unknown_revision`` for an impossible name.
        InternalError: ``git.write_failed``.
    """
    check_ref_name(branch)
    if (path / ".git").exists() or (path / "HEAD").exists():
        raise InvalidInputError.of("git.exists", f"{path} already holds a Git repository")
    try:
        libgit2.create(str(path), branch, bare=bare)
    except libgit2.FAILURES as error:
        raise InternalError.of(
            "git.write_failed", f"cannot create a repository at {path}: {error}"
        ) from error
    return Repository.open(path)


def record_checkout(repository: Repository, commit: str) -> None:
    """Make the index of a new repository say what ``commit`` holds, as if it had been checked out.

    For a work tree whose files were just written with exactly these bytes; no file is touched. Without it
    ``git status`` would call all of them deleted and untracked.

    Raises:
        InternalError: ``git.write_failed``.
    """
    tree = repository.tree_of(commit)
    try:
        index = libgit2.open_for_references(repository.location).index
        index.read_tree(tree)
        index.write()
    except libgit2.FAILURES as error:
        raise InternalError.of("git.write_failed", f"cannot write the index: {error}") from error


def _lost(name: str) -> LostRaceError:
    return LostRaceError.of(
        "history.fork",
        f"the branch {name} has moved in the meantime",
        remedy="start again from its new state",
    )


def _signed(head: bytes, body: bytes, armored: bytes) -> bytes:
    """The commit with the signature as Git stores it: last header, continuation lines indented by a space."""
    header = b"gpgsig " + armored.replace(b"\r\n", b"\n").strip(b"\n").replace(b"\n", b"\n ") + b"\n"
    raw = head + header + body
    signature = parse_commit("being written", raw).signature
    if signature is None or signature.payload != head + body:
        raise InternalError.of("git.write_failed", "the signer did not return an armored signature")
    return raw


def _plan(changes: Mapping[str, bytes | None]) -> _Plan:
    plan: _Plan = {}
    for path, data in changes.items():
        *folders, name = _segments(path)
        node = plan
        for folder in folders:
            below = node.setdefault(folder, {})
            if not isinstance(below, dict):
                raise _conflict(path, "a file and a folder have the same name")
            node = below
        if name in node:
            raise _conflict(path, "a file and a folder have the same name")
        node[name] = data
    return plan


def _segments(path: str) -> list[str]:
    segments = path.split("/")
    if (
        _UNSAFE.search(path)
        or len(segments) > _MAX_SEGMENTS
        or any(segment.lower() in {"", ".", "..", ".git"} for segment in segments)
    ):
        raise InvalidInputError.of("git.unsafe_path", f"{path!r} is not a path for a file in a repository")
    return segments


def _write_tree(repository: Repository, tree: str | None, plan: _Plan, folder: str) -> str | None:
    """Apply ``plan`` to ``tree`` and return the id of the result; ``None`` when nothing is left in it."""
    entries = {} if tree is None else {entry[1]: entry for entry in repository.contents.tree(tree)}
    if name_bytes(MALFORMED) in entries:
        raise _conflict(folder, "the folder is malformed and cannot be changed")
    for name, change in plan.items():
        key = name_bytes(name)
        entry = _changed(repository, entries.get(key), name, change, folder)
        if entry is not None:
            entries[key] = entry
        else:
            entries.pop(key, None)
    if not entries:
        return None
    ordered = sorted(entries.values(), key=lambda entry: sort_key(entry[0], entry[1]))
    return repository.objects.write(
        TREE, b"".join(mode + b" " + name + b"\0" + oid for mode, name, oid in ordered)
    )


def _changed(
    repository: Repository, old: RawEntry | None, name: str, change: bytes | _Plan | None, folder: str
) -> RawEntry | None:
    """What stands under ``name`` after ``change``."""
    path = f"{folder}/{name}" if folder else name
    old_is_folder = old is not None and old[0] == _FOLDER
    if isinstance(change, dict):
        if old is not None and not old_is_folder:
            raise _conflict(path, "there is a file where a folder is needed")
        below = None if old is None else entry_of(old).oid
        tree = _write_tree(repository, below, change, path)
        return None if tree is None else (_FOLDER, name_bytes(name), bytes.fromhex(tree))
    if old_is_folder:
        raise _conflict(path, "there is a folder where a file is named")
    if change is None:
        if old is None:
            raise _conflict(path, "there is no file to remove")
        return None
    # Only regular files keep their mode: bytes meant for a file must not become the target of a symlink.
    mode = _EXECUTABLE if old is not None and old[0] == _EXECUTABLE else _PLAIN
    return (mode, name_bytes(name), bytes.fromhex(repository.objects.write(BLOB, change)))


def _conflict(path: str, message: str) -> InvalidInputError:
    return InvalidInputError.of("git.path_conflict", message, path=path)
