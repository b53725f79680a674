# SPDX-License-Identifier: Apache-2.0
"""Trees, commits and repositories that Git's own commands would refuse to make."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gaitops.git.objects import BLOB, COMMIT, TREE
from gaitops.git.trees import sort_key
from tests.attacks.story import REFUSED, Commands
from tests.git.box import GitBox
from tests.simulator import Actor, World

FILE, PROGRAM, SYMLINK, SUBMODULE, FOLDER = b"100644", b"100755", b"120000", b"160000", b"40000"

Place = tuple[bytes, bytes, str]
"""Path, mode and object id of an entry; of an entry to be removed, the id is empty."""


def blob(world: World, data: bytes) -> str:
    """A stored file."""
    return world.repository.objects.write(BLOB, data)


def raw_tree(world: World, entries: Sequence[tuple[bytes, bytes, str]], *, in_order: bool = True) -> str:
    """A stored folder of (mode, name, object id); with ``in_order=False`` exactly as given."""
    ordered = sorted(entries, key=lambda entry: sort_key(entry[0], entry[1])) if in_order else entries
    data = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in ordered)
    return world.repository.objects.write(TREE, data)


def planted(world: World, *places: Place) -> str:
    """Main's tree with entries put at any path, whatever stood there; folders are made as needed."""
    tree = world.repository.tree_of(world.head())
    for path, mode, oid in places:
        tree = _put(world, tree, path.split(b"/"), mode, oid)
    return tree


def _put(world: World, tree: str | None, segments: Sequence[bytes], mode: bytes, oid: str) -> str:
    entries = (
        {} if tree is None else {name: (was, old) for was, name, old in world.repository.contents.tree(tree)}
    )
    name, below = segments[0], segments[1:]
    if below:
        found = entries.get(name, (b"", b""))
        child = found[1].hex() if found[0] == FOLDER else None
        entries[name] = (FOLDER, bytes.fromhex(_put(world, child, below, mode, oid)))
    elif oid:
        entries[name] = (mode, bytes.fromhex(oid))
    else:
        entries.pop(name, None)
    return raw_tree(world, [(kind, key, value.hex()) for key, (kind, value) in entries.items()])


def raw_commit(
    world: World,
    tree: str,
    parents: Sequence[str],
    *,
    by: str = "alice",
    committer: bytes | None = None,
    headers: Sequence[bytes] = (),
    message: bytes = b"raw\n",
    sign: bool = True,
    finish: Callable[[bytes], bytes] = lambda raw: raw,
    branch: str | None = "main",
) -> str:
    """A commit object byte by byte.

    Args:
        world: where it goes.
        tree: tree id.
        parents: parent ids.
        by: who writes and signs it.
        committer: what follows ``committer `` instead of a proper line.
        headers: further header lines before the signature.
        message: what follows the empty line.
        sign: with the author's key, over the bytes before ``finish``.
        finish: may still change the whole object.
        branch: branch to move, if any.
    """
    actor = world.actor(by)
    person = f"{by} <{actor.email}> {int(world.tick().timestamp())} +0000".encode()
    lines = [b"tree " + tree.encode(), *(b"parent " + parent.encode() for parent in parents)]
    lines += [b"author " + person, b"committer " + (person if committer is None else committer), *headers]
    head, body = b"\n".join(lines) + b"\n", b"\n" + message
    raw = head + (signature_header(actor, head + body) if sign else b"") + body
    oid = world.repository.objects.write(COMMIT, finish(raw))
    if branch is not None:
        world.move(branch, oid)
    return oid


def signature_header(actor: Actor, payload: bytes, name: bytes = b"gpgsig") -> bytes:
    """A signature as a commit carries it."""
    return name + b" " + actor.sign_commit(payload).strip(b"\n").replace(b"\n", b"\n ") + b"\n"


def plant(world: World, *places: Place, by: str = "alice", sign: bool = True) -> str:
    """Commit entries at any path on main."""
    return raw_commit(world, planted(world, *places), [world.head()], by=by, sign=sign)


def restore(world: World, good: str) -> str:
    """Go back to an earlier commit's content by a new commit."""
    return raw_commit(world, world.repository.tree_of(good), [world.head()])


def revert(world: World, good: str) -> str:
    """Go back to an earlier commit's content, but keep the envelopes that arrived since."""
    entries = {
        name: (mode, oid.hex())
        for mode, name, oid in world.repository.contents.tree(world.repository.tree_of(good))
    }
    for mode, name, oid in world.repository.contents.tree(world.repository.tree_of(world.head())):
        if name == b"approvals":
            entries[name] = (mode, oid.hex())
    tree = raw_tree(world, [(mode, name, oid) for name, (mode, oid) in entries.items()])
    return raw_commit(world, tree, [world.head()])


def refused_until_restored(commands: Commands, world: World, good: str, *codes: str) -> None:
    """Main is refused for these reasons, and verified again once its content is that of ``good``."""
    commands.survives(world, *codes)
    restore(world, good)
    commands.accepts(world)


def fatal(commands: Commands, world: World, code: str) -> None:
    """There is no verdict at all: neither on main, nor on a change to it, nor a release."""
    for run in (commands.verify(world), commands.check(world, "main"), commands.publish(world)[0]):
        assert run.code == REFUSED, run.out
        assert run.json["error_code"] == code, run.out
        assert "partitions" not in run.json


def git(world: World) -> GitBox:
    """The git program in a world's repository, with a home folder of its own."""
    return GitBox(world.path.parent, world.path.name, init=False)


def moved(world: World, path: Path) -> World:
    """The same story, seen through another repository."""
    other = copy.copy(world)
    other.path = path
    return other


def cloned(world: World, *options: str, bare: bool = False) -> World:
    """A clone over the file transport, so that depth and filters are honoured."""
    name = "clone" + ("-bare" if bare else "")
    git(world)("config", "uploadpack.allowFilter", "true")
    git(world)("clone", "-q", *options, *(["--bare"] if bare else []), f"file://{world.path}", f"../{name}")
    return moved(world, world.path.parent / name)


def loose(world: World, oid: str) -> Path:
    """File of a loose object, made writable."""
    path = world.path / ".git" / "objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    return path


def files_of(world: World, tree: str) -> Mapping[str, str]:
    """Object id of every file of a tree, by path."""
    return {path: entry.oid for path, entry in world.repository.snapshot_of_tree(tree).walk("")}
