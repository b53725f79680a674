# SPDX-License-Identifier: Apache-2.0
"""Entries, names and folders that no honest tool would commit (threats G6, G7)."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.attacks import git_tools as tools
from tests.attacks.git_tools import FILE, FOLDER, PROGRAM, SUBMODULE, SYMLINK
from tests.attacks.story import REFUSED, VERIFIED, Commands
from tests.simulator import World, document, policy_files, project_files

ENVELOPE = b"approvals/ab/" + b"c" * 62 + b"/bob." + b"0" * 12 + b".json"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"


def _object(world: World, mode: bytes) -> str:
    return "1" * 40 if mode == SUBMODULE else tools.blob(world, b"../../secrets")


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        *product(
            [b"trust/principals/alice.yaml", b"orgs/acme", b"fleet.yaml", b"trust"],
            [SYMLINK, SUBMODULE, b"040000"],
        ),
        (b"orgs/other", SUBMODULE),
        (b"orgs/acme/projects/pay/project.yaml", SUBMODULE),
        (b"orgs/acme/projects/pay/project.yaml", b"100664"),
        (b".github/workflows/x.yml", SYMLINK),
        (b"orgs/acme/policies/p/versions/1.0.0/gait.policy.yaml", b"140000"),
    ],
)
def test_entry_that_is_no_regular_file(commands: Commands, world: World, mode: bytes, path: bytes) -> None:
    """G6: a symbolic link, submodule or unknown mode under a protected path."""
    good = world.head()
    tree = tools.planted(world, (path, mode, _object(world, mode)))
    world.move("topic", tools.raw_commit(world, tree, [good], branch=None))
    checked = commands.check(world, "topic")
    assert checked.code == REFUSED, checked.out
    assert "git.unsupported_entry" in checked.codes
    tools.raw_commit(world, tree, [good])
    tools.refused_until_restored(commands, world, good, "git.unsupported_entry")


def test_lfs_pointer(commands: Commands, world: World) -> None:
    """G6: an LFS pointer whose content would come from elsewhere."""
    good = world.head()
    tools.plant(world, (b"orgs/acme/policies/p/versions/1.0.0/data.bin", FILE, tools.blob(world, LFS)))
    tools.refused_until_restored(commands, world, good, "git.unsupported_entry")


def test_full_approval_does_not_help(commands: Commands, world: World) -> None:
    """G6: nobody can even sign a change that holds a symbolic link; check says why."""
    topic = tools.raw_commit(
        world,
        tools.planted(world, (b"trust/link", SYMLINK, tools.blob(world, b"principals"))),
        [world.head()],
        branch=None,
    )
    world.move("topic", topic)
    run = commands.check(world, "topic")
    assert (run.code, run.codes) == (REFUSED, ["git.unsupported_entry"])


@pytest.mark.parametrize("mode", [SYMLINK, SUBMODULE, FILE])
@pytest.mark.parametrize("path", [b"orgs", b"approvals"])
def test_folder_replaced_as_a_whole(commands: Commands, world: World, path: bytes, mode: bytes) -> None:
    """G6: something that is no folder stands where all organizations or all envelopes were."""
    good = world.head()
    tools.plant(world, (path, mode, _object(world, mode)), by="mallory", sign=False)
    code = "approval.quorum" if mode == FILE and path == b"orgs" else "git.unsupported_entry"
    tools.refused_until_restored(
        commands, world, good, "approval.tampered" if mode == FILE and path == b"approvals" else code
    )


@pytest.mark.parametrize("mode", [SYMLINK, SUBMODULE, FILE])
def test_orgs_without_any_organization(commands: Commands, tmp_path: Path, mode: bytes) -> None:
    """G6: in a fleet without organizations, ``orgs`` appears as something that is no folder."""
    world = World(tmp_path / "lonely", orgs=())
    good = world.head()
    tools.plant(world, (b"orgs", mode, _object(world, mode)), by="mallory", sign=False)
    codes = ["proposer.unknown"] if mode == FILE else ["git.unsupported_entry"]
    assert commands.check(world, "main").code in (REFUSED, VERIFIED)
    tools.refused_until_restored(commands, world, good, *codes)


@pytest.mark.parametrize("mode", [SYMLINK, SUBMODULE, FILE])
def test_check_sees_what_stands_in_orgs(commands: Commands, world: World, mode: bytes) -> None:
    """G6: a pull request that puts something beside the organizations is judged, not overlooked."""
    tree = tools.planted(world, (b"orgs/beside", mode, _object(world, mode)))
    world.move("topic", tools.raw_commit(world, tree, [world.head()], branch=None, by="mallory", sign=False))
    run = commands.check(world, "topic")
    assert run.code == REFUSED, run.out
    assert ("proposer.unknown" if mode == FILE else "git.unsupported_entry") in run.codes


def test_organization_called_fleet(commands: Commands, world: World) -> None:
    """G7: an organization named as the partition of everything else would be judged by nobody."""
    good = world.head()
    files = {
        "orgs/fleet/org.yaml": document(
            "Organization", "fleet", {"displayName": "F", "repositories": ["h.example/f/*"]}
        )
    }
    world.commit(files, by="mallory", signed=False, branch="topic")
    assert "document.misplaced" in commands.check(world, "topic").codes
    world.commit(files, by="mallory", signed=False)
    tools.refused_until_restored(commands, world, good, "document.misplaced")


UNSAFE = {
    "non-ascii": "trust/roles/é.yaml".encode(),
    "decomposed": "trust/roles/e\u0301.yaml".encode(),
    "not-utf8": b"trust/roles/\xff\xfe.yaml",
    "backslash": b"trust/roles\\evil.yaml",
    "newline": b"trust/roles/a\nb.yaml",
    "escape": b"trust/roles/\x1b[2Ja.yaml",
    "delete": b"trust/roles/\x7f.yaml",
    "right-to-left": "trust/roles/\u202egnp.yaml".encode(),
    "fullwidth": "ｔrust/roles/a.yaml".encode(),
    "kelvin": "trust/roles/\u212a.yaml".encode(),
    "org": b"orgs/\xc3\xa9/org.yaml",
    "org-bytes": b"orgs/\xff/org.yaml",
    "git": b"trust/.git/config",
    "git-case": b"trust/.GIT/config",
    "device": b"trust/roles/nul.yaml",
    "colon": b"trust/roles/a.yaml:stream",
    "trailing-dot": b"trust/roles./a.yaml",
    "trailing-space": b"trust/roles /a.yaml",
    "long": b"trust/" + b"x" * 600,
    "deep": b"/".join([b"trust", *[b"d"] * 200, b"x"]),
}


@pytest.mark.parametrize("path", UNSAFE.values(), ids=UNSAFE.keys())
def test_unsafe_path(commands: Commands, world: World, path: bytes) -> None:
    """G7: a path that another platform, tool or person reads as another path."""
    good = world.head()
    tree = tools.planted(world, (path, FILE, tools.blob(world, b"x")))
    world.move("topic", tools.raw_commit(world, tree, [good], branch=None))
    code = "git.unsupported_entry" if path.count(b"/") > 64 else "git.unsafe_path"
    checked = commands.check(world, "topic")
    assert checked.code == REFUSED, checked.out
    assert code in checked.codes
    tools.raw_commit(world, tree, [good])
    tools.refused_until_restored(commands, world, good, code)


@pytest.mark.parametrize(
    "twin",
    [
        b"trust/Principals/mallory.txt",
        b"TRUST/x",
        b"Fleet.yaml",
        b"ORGS/acme/x",
        b"Approvals/x",
        b"orgs/ACME/x.txt",
        b"orgs/acme/ORG.YAML",
    ],
)
def test_case_twins(commands: Commands, world: World, twin: bytes) -> None:
    """G7: two names that are one where case does not count."""
    good = world.head()
    tools.plant(world, (twin, FILE, tools.blob(world, b"x")))
    tools.refused_until_restored(commands, world, good, "git.unsafe_path")


@pytest.mark.parametrize(
    "names",
    [[b"..", b"a"], [b".", b"a"], [b"a", b"a"], [b"b", b"a"], [b"a/b"], [b"../../evil"]],
    ids=["parent", "self", "twice", "order", "slash", "escape"],
)
@pytest.mark.parametrize("folder", [b"trust", b"orgs", b""])
def test_malformed_folder(commands: Commands, world: World, names: list[bytes], folder: bytes) -> None:
    """G7: raw tree objects with ``..``, slashes, names twice or out of order."""
    good = world.head()
    oid = tools.blob(world, b"x")
    hostile = tools.raw_tree(world, [(FILE, name, oid) for name in names], in_order=False)
    tree = hostile if not folder else tools.planted(world, (folder, FOLDER, hostile))
    tools.raw_commit(world, tree, [good])
    tools.refused_until_restored(commands, world, good, "git.unsafe_path")


def test_file_and_folder_of_one_name(commands: Commands, world: World) -> None:
    """G7: a tree that holds the folder ``trust`` and a file ``trust``."""
    good = world.head()
    entries = [
        (mode, name, oid.hex())
        for mode, name, oid in world.repository.contents.tree(world.repository.tree_of(good))
    ]
    tree = tools.raw_tree(world, [*entries, (FILE, b"trust", tools.blob(world, b"x"))])
    tools.raw_commit(world, tree, [good])
    tools.refused_until_restored(commands, world, good, "git.unsafe_path")


@pytest.mark.parametrize("mode", [FOLDER, SUBMODULE, SYMLINK, PROGRAM])
def test_pinned_root_replaced_in_place(commands: Commands, world: World, mode: bytes) -> None:
    """G6: the pinned root's own path becomes a folder, submodule, link or program."""
    good = world.head()
    path, root = b"trust/root/1.root.json", tools.blob(world, world.root)
    if mode == FOLDER:
        tools.plant(world, (path + b"/x", FILE, root), by="mallory", sign=False)
    else:
        tools.plant(
            world, (path, mode, root if mode == PROGRAM else _object(world, mode)), by="mallory", sign=False
        )
    code = "trust.root_rotation" if mode in (FOLDER, PROGRAM) else "git.unsupported_entry"
    tools.refused_until_restored(commands, world, good, code)


def test_mode_of_a_published_version(commands: Commands, world: World) -> None:
    """G6: nobody makes a program of a published policy file, approved or not."""
    world.land(policy_files("guard", "1.0.0"), by="alice", approvers=["bob"])
    good = world.head()
    path = "orgs/acme/policies/guard/versions/1.0.0/gait.policy.yaml"
    oid = tools.files_of(world, world.repository.tree_of(good))[path]
    tools.plant(world, (path.encode(), PROGRAM, oid))
    tools.refused_until_restored(commands, world, good, "policy.immutable")


def test_executable_document(commands: Commands, world: World) -> None:
    """A mode is part of a change: it needs the approval that the file needs, and can have it."""
    world.land(project_files(), by="alice", approvers=["bob"])
    path = "orgs/acme/projects/pay/project.yaml"
    oid = tools.files_of(world, world.repository.tree_of(world.head()))[path]
    tree = tools.planted(world, (path.encode(), PROGRAM, oid))
    world.move("topic", tools.raw_commit(world, tree, [world.head()], branch=None))
    tools.raw_commit(world, tree, [world.head()])
    commands.survives(world, "approval.quorum")
    tools.restore(world, tools.git(world)("rev-parse", "main~1"))
    world.move("topic", tools.raw_commit(world, tree, [world.head()], branch=None))
    world.approve("topic", "bob")
    world.move("main", world.head("topic"))
    commands.accepts(world)


def test_gitattributes_deep_in_an_organization(commands: Commands, world: World) -> None:
    """Attributes are CI configuration wherever they lie: root keys, not the organization's approvers."""
    world.commit({"orgs/acme/projects/pay/.gitattributes": "* -text\n"}, by="alice", branch="topic")
    run = commands.check(world, "topic")
    assert run.code == 4
    world.approve("topic", "alice", "bob")
    assert commands.check(world, "topic").code == VERIFIED
    world.merge("topic")
    commands.accepts(world)


@pytest.mark.parametrize("mode", [SYMLINK, SUBMODULE])
@pytest.mark.parametrize("path", [b"approvals/cd", b"approvals/ab/x.json", ENVELOPE])
def test_link_among_envelopes(commands: Commands, world: World, path: bytes, mode: bytes) -> None:
    """G6: links and submodules among the envelopes, also under a name that an envelope could have."""
    good = world.head()
    world.commit(project_files(), by="alice", branch="topic")
    data = next(iter(world.envelopes(world.signables("topic"), "bob", "approve").values()))
    oid = "1" * 40 if mode == SUBMODULE else tools.blob(world, data)
    tools.plant(world, (path, mode, oid), by="mallory", sign=False)
    tools.refused_until_restored(commands, world, good, "git.unsupported_entry")


def test_envelope_under_a_name_that_is_no_text(commands: Commands, world: World) -> None:
    """G7: a valid approval in a file whose name is not UTF-8 does not count, and the checkpoint survives it."""
    good = world.head()
    world.commit(project_files(), by="alice", branch="topic")
    data = next(iter(world.envelopes(world.signables("topic"), "bob", "approve").values()))
    tools.plant(world, (b"approvals/ab/\xff\xfe.json", FILE, tools.blob(world, data)))
    for _attempt in range(2):  # As of now, so that a checkpoint is written, and then read.
        run = commands.run(world, "verify")
        assert (run.code, run.codes) == (REFUSED, ["git.unsafe_path"])
    tools.refused_until_restored(commands, world, good, "git.unsafe_path")


def test_envelope_removed_and_brought_back(commands: Commands, world: World) -> None:
    """An envelope that is removed holds the fleet up; bringing it back is enough."""
    good = world.head()
    path = next(
        path
        for path in tools.files_of(world, world.repository.tree_of(good))
        if path.startswith("approvals/")
    )
    tools.plant(world, (path.encode(), FILE, ""))
    tools.refused_until_restored(commands, world, good, "approval.quorum")


def test_empty_tree(commands: Commands, world: World) -> None:
    """A commit that removes everything, the trust root included."""
    world.land(policy_files("guard", "1.0.0"), by="alice", approvers=["bob"])
    good = world.head()
    tools.raw_commit(world, tools.raw_tree(world, []), [good], by="mallory", sign=False)
    tools.refused_until_restored(commands, world, good, "approval.tampered", "policy.immutable")


def test_folder_of_nothing(commands: Commands, world: World) -> None:
    """Empty folders, which Git cannot make and raw objects can, mean nothing."""
    empty = tools.raw_tree(world, [])
    tools.plant(
        world, (b"orgs/ghost", FOLDER, empty), (b"trust/void", FOLDER, empty), by="mallory", sign=False
    )
    commands.accepts(world)


def test_windows_line_ends(commands: Commands, world: World) -> None:
    """A document with CRLF line ends is the same document, and its bytes are what is approved."""
    files = {path: text.replace("\n", "\r\n") for path, text in project_files().items()}
    world.land(files, by="alice", approvers=["bob"])
    commands.accepts(world)
    world.commit(project_files(), by="alice")
    commands.survives(world, "approval.quorum")
