# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.content import TREE_MODE, Entry
from gaitops.errors import VerificationError
from gaitops.git import trees
from gaitops.git.repository import Repository
from gaitops.git.trees import MALFORMED, RawEntry, TreeChange, parse_tree, sort_key, tree_changes, walk_tree
from tests.git.box import GitBox

Files = dict[str, tuple[str, bytes]]


class Forest:
    """Tree objects held in memory, built from files by path, or from raw bytes."""

    def __init__(self) -> None:
        self.raw: dict[str, bytes] = {}
        self.reads = 0

    def add(self, raw: bytes) -> str:
        oid = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        self.raw[oid] = raw
        return oid

    def build(self, files: Files) -> str:
        folders: dict[str, Files] = {}
        entries: list[RawEntry] = []
        for path, (mode, oid) in files.items():
            name, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(name, {})[rest] = (mode, oid)
            else:
                entries.append((mode.encode(), name.encode("utf-8", "surrogateescape"), oid))
        for name, below in folders.items():
            oid = bytes.fromhex(self.build(below))
            entries.append((b"40000", name.encode("utf-8", "surrogateescape"), oid))
        entries.sort(key=lambda entry: sort_key(entry[0], entry[1]))
        return self.add(b"".join(raw_entry(*entry) for entry in entries))

    def read(self, oid: str) -> tuple[RawEntry, ...]:
        self.reads += 1
        return parse_tree(oid, self.raw[oid])

    def walk(self, tree: str, folder: str = "") -> Iterator[tuple[str, Entry]]:
        return walk_tree(self.read, tree, folder)


def raw_entry(mode: bytes, name: bytes, oid: bytes) -> bytes:
    return mode + b" " + name + b"\0" + oid


BLOB_A, BLOB_B = b"a" * 20, b"b" * 20
# Few names, with those around "/" in byte order, so that files and folders replace each other often.
NAMES = st.sampled_from(["a", "a-b", "a.b", "a0", "b", "\udc80", "ü"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
FILES = st.dictionaries(
    PATHS,
    st.tuples(st.sampled_from(["100644", "100755", "120000", "160000"]), st.sampled_from([BLOB_A, BLOB_B])),
)


def without_collisions(files: Files) -> Files:
    """Drop files that stand where another path needs a folder."""
    return {
        path: value
        for path, value in files.items()
        if not any(other.startswith(path + "/") for other in files)
    }


def path_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


@given(FILES.map(without_collisions), FILES.map(without_collisions), st.sampled_from(["", "orgs/acme"]))
def test_changes_equal_brute_force_comparison(old: Files, new: Files, folder: str) -> None:
    """Comparing by subtree ids finds exactly what comparing all files of both sides finds."""
    forest = Forest()
    old_tree, new_tree = forest.build(old), forest.build(new)
    before, after = dict(forest.walk(old_tree, folder)), dict(forest.walk(new_tree, folder))
    expected = [
        TreeChange(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys(), key=path_bytes)
        if before.get(path) != after.get(path)
    ]
    assert tree_changes(forest.read, old_tree, new_tree, folder) == expected


@given(FILES.map(without_collisions))
def test_walk_yields_all_files_in_path_order(files: Files) -> None:
    """A walk gives back the files of the tree, sorted by the bytes of their paths."""
    forest = Forest()
    walked = list(forest.walk(forest.build(files)))
    assert walked == [
        (path, Entry(files[path][0], files[path][1].hex())) for path in sorted(files, key=path_bytes)
    ]


@given(FILES.map(without_collisions), st.sampled_from(["a", "b", "a/b"]))
def test_changes_from_nothing_and_skipping(files: Files, skipped: str) -> None:
    """An absent side makes everything an addition or removal; skipped paths are left out with all below them."""
    forest = Forest()
    tree = forest.build(files)
    kept = [
        (path, entry)
        for path, entry in forest.walk(tree)
        if path != skipped and not path.startswith(skipped + "/")
    ]
    added = tree_changes(forest.read, None, tree, skip=[skipped])
    removed = tree_changes(forest.read, tree, None, skip=[skipped])
    assert added == [TreeChange(path, None, entry) for path, entry in kept]
    assert removed == [TreeChange(path, entry, None) for path, entry in kept]


def test_equal_subtrees_are_not_read() -> None:
    """Only folders that differ are opened, so the cost does not depend on the size of the rest."""
    forest = Forest()
    big = {f"same{n}/{m}": ("100644", BLOB_A) for n in range(50) for m in range(5)}
    old = forest.build({**big, "x/y/z": ("100644", BLOB_A)})
    new = forest.build({**big, "x/y/z": ("100644", BLOB_B)})
    assert [change.path for change in tree_changes(forest.read, old, new)] == ["x/y/z"]
    assert forest.reads == 6


def test_file_becomes_folder_and_back() -> None:
    """A file that gives way to a folder is a removal and additions, not a change."""
    forest = Forest()
    file, folder = forest.build({"p": ("100644", BLOB_A)}), forest.build({"p/q": ("100644", BLOB_A)})
    entry = Entry("100644", BLOB_A.hex())
    there = [TreeChange("p", entry, None), TreeChange("p/q", None, entry)]
    back = [TreeChange("p", None, entry), TreeChange("p/q", entry, None)]
    assert tree_changes(forest.read, file, folder) == there
    assert tree_changes(forest.read, folder, file) == back


@pytest.mark.parametrize(
    "raw",
    {
        "same name twice": raw_entry(b"100644", b"a", BLOB_A) + raw_entry(b"100644", b"a", BLOB_B),
        "file and folder": raw_entry(b"100644", b"a", BLOB_A) + raw_entry(b"40000", b"a", BLOB_B),
        "out of order": raw_entry(b"100644", b"b", BLOB_A) + raw_entry(b"100644", b"a", BLOB_B),
        "slash in a name": raw_entry(b"100644", b"a/b", BLOB_A),
        "dot": raw_entry(b"40000", b".", BLOB_A),
        "dot dot": raw_entry(b"40000", b"..", BLOB_A),
        "empty name": raw_entry(b"100644", b"", BLOB_A),
        "cut off": raw_entry(b"100644", b"a", BLOB_A)[:-1],
        "junk in front": b"\n" + raw_entry(b"100644", b"a", BLOB_A),
        "junk behind": raw_entry(b"100644", b"a", BLOB_A) + b"1",
        "no mode": raw_entry(b"", b"a", BLOB_A),
        "junk": b"junk",
    }.items(),
    ids=lambda case: case[0],
)
def test_malformed_trees_hide_everything_behind_one_unsafe_entry(raw: tuple[str, bytes]) -> None:
    """G7: a tree that tools read differently is neither fatal nor readable; it shows as one entry nobody accepts."""
    forest = Forest()
    bad = forest.add(raw[1])
    root = forest.add(raw_entry(b"40000", b"orgs", bytes.fromhex(bad)))
    assert list(forest.walk(root)) == [("orgs/" + MALFORMED, Entry("malformed", bad))]


@pytest.mark.parametrize("mode", ["040000", "0100644", "100664", "0"])
def test_unusual_modes_are_reported_as_they_are(mode: str) -> None:
    """Modes that Git would tolerate are not tidied up; only 40000 is a folder."""
    forest = Forest()
    root = forest.add(raw_entry(mode.encode(), b"a", BLOB_A))
    assert list(forest.walk(root)) == [("a", Entry(mode, BLOB_A.hex()))]


def test_deep_nesting_ends_in_a_folder_entry() -> None:
    """Beyond the depth limit a folder is reported as an entry that no rule accepts for a file."""
    forest = Forest()
    tree = forest.build({"/".join("d" * 300): ("100644", BLOB_A)})
    (found,) = forest.walk(tree)
    assert found[0] == "/".join("d" * 65)
    assert found[1].mode == TREE_MODE
    assert tree_changes(forest.read, None, tree) == [TreeChange(found[0], None, found[1])]


@pytest.mark.parametrize("leaf", [b"", raw_entry(b"100644", b"f", BLOB_A)], ids=["no files", "files"])
def test_trees_that_unfold_without_end_are_refused(leaf: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few shared subtrees that stand for billions of paths end in an error, not in a full memory."""
    monkeypatch.setattr(trees, "MAX_PATHS", 10_000)
    forest = Forest()
    tree = forest.add(leaf)
    for _ in range(30):
        tree = forest.add(b"".join(raw_entry(b"40000", name, bytes.fromhex(tree)) for name in (b"a", b"b")))
    with pytest.raises(VerificationError) as changes:
        tree_changes(forest.read, None, tree)
    with pytest.raises(VerificationError) as walk:
        list(forest.walk(tree))
    assert changes.value.code == walk.value.code == "git.too_large"


def test_links_and_odd_names_of_a_real_repository(box: GitBox) -> None:
    """G6, G7: symlinks, submodules and names that are no UTF-8 appear as what they are."""
    first = box.commit({"keep/f": "x", "Keep/g": "y"})
    target = box("hash-object", "-w", "--stdin", data=b"/etc/passwd")
    lines = (
        f"120000 {target}\tlink\x00160000 {first}\tmodule\x00100644 {target}\tbad".encode()
        + b"\xff name\n\x00"
    )
    box("update-index", "-z", "--add", "--index-info", data=lines)
    box("commit", "-q", "-m", "odd")
    repository = Repository.open(box.path)
    head = repository.resolve("HEAD")
    changes = repository.tree_changes(repository.tree_of(first), repository.tree_of(head))
    assert changes == [
        TreeChange("bad\udcff name\n", None, Entry("100644", target)),
        TreeChange("link", None, Entry("120000", target)),
        TreeChange("module", None, Entry("160000", first)),
    ]
    assert [path for path, _ in repository.snapshot(head).walk("")][:1] == ["Keep/g"]
