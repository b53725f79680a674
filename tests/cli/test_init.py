# SPDX-License-Identifier: Apache-2.0
"""``gaitops init``: what it makes verifies at once, and what it cannot make it does not half make."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from gaitops.errors import InternalError
from gaitops.signing.keyfiles import generate_private_key
from tests.cli.fleets import Fleet
from tests.cli.harness import Invoke


def test_three_people(gaitops: Invoke, tmp_path: Path) -> None:
    """Three private keys make a fleet that is verified from the printed digest, with a clean working tree."""
    fleet = Fleet(gaitops, tmp_path, "--org", "acme", "--email", "bob=bob@example.com")
    document = fleet.made.json
    root = fleet.path / "trust/root/1.root.json"
    assert fleet.made.code == 0
    assert document["trustRoot"] == hashlib.sha256(root.read_bytes()).hexdigest()
    assert document["root"] == {"threshold": 2, "signed": ["alice", "bob", "carol"], "open": [], "missing": 0}
    assert fleet.git("status", "--porcelain") == ""
    assert fleet.git("rev-list", "--reverse", "main").split() == document["commits"]
    assert sorted(fleet.git("ls-files").split()) == document["files"]
    assert "bob@example.com" in (fleet.path / "trust/principals/bob.yaml").read_text()
    assert f"sha256:{document['trustRoot']}" in (fleet.path / "README.md").read_text()
    verdict = fleet.verify()
    assert verdict.code == 0
    assert [item["name"] for item in verdict.json["partitions"]] == ["fleet", "acme"]
    assert gaitops("validate", "--repo", fleet.path).code == 0


def test_text_says_what_to_do_next(gaitops: Invoke, tmp_path: Path) -> None:
    """The text names the trust root and the commands that follow, and no private key."""
    alice, bob = (tmp_path / f"{name}.pem" for name in ("alice", "bob"))
    for path in (alice, bob, tmp_path / "publisher.pem"):
        generate_private_key(path)
    keys = ("--root-key", alice, "--root-key", bob, "--publisher-key", tmp_path / "publisher.pem")
    run = gaitops("init", tmp_path / "fleet", "--fleet", "larkspur", *keys)
    assert run.code == 0
    digest = hashlib.sha256((tmp_path / "fleet/trust/root/1.root.json").read_bytes()).hexdigest()
    assert f"export GAITOPS_TRUST_ROOT=sha256:{digest}" in run.out
    assert "gaitops verify --repo" in run.out
    assert "Git does not know your name" in run.out
    assert alice.read_text().splitlines()[1] not in run.out


def test_commits_carry_the_users_name(gaitops: Invoke, tmp_path: Path) -> None:
    """A Git identity that the user has configured is the author of the first commits."""
    Path(os.environ["HOME"], ".gitconfig").write_text("[user]\n\tname = Ann\n\temail = ann@example.com\n")
    fleet = Fleet(gaitops, tmp_path)
    assert set(fleet.git("log", "--format=%an <%ae>").splitlines()) == {"Ann <ann@example.com>"}


def test_solo(gaitops: Invoke, tmp_path: Path) -> None:
    """One person alone is possible on request, and every verdict says so."""
    fleet = Fleet(gaitops, tmp_path, "--solo", private=["me"])
    assert fleet.made.json["solo"] is True
    assert fleet.made.json["root"]["threshold"] == 1
    assert (fleet.verify().code, fleet.verify().json["solo"]) == (0, True)
    text = gaitops("verify", "--repo", fleet.path, "--trust-root", fleet.trust_root)
    assert "solo root" in text.out


def test_others_sign_later(gaitops: Invoke, tmp_path: Path) -> None:
    """With public keys only there is no trust root; signing, committing and approving make one that verifies."""
    fleet = Fleet(gaitops, tmp_path, private=["alice"], public=["bob", "carol"])
    document = fleet.made.json
    assert (document["trustRoot"], len(document["commits"])) == (None, 1)
    assert document["root"] == {"threshold": 2, "signed": ["alice"], "open": ["bob", "carol"], "missing": 1}
    assert not (fleet.path / "approvals").exists()
    assert fleet.git("status", "--porcelain") == ""
    signed = fleet.sign("bob")
    assert (signed.code, signed.json["complete"]) == (0, True)
    root = signed.json["trustRoot"]
    assert root == hashlib.sha256((fleet.path / "trust/root/1.root.json").read_bytes()).hexdigest()
    assert f"sha256:{root}" in (fleet.path / "README.md").read_text()
    fleet.commit("Sign root metadata")
    assert fleet.verify(root).code == 2
    assert fleet.approve("alice", root=root).code == 0
    assert fleet.verify(root).code == 2
    assert fleet.approve("bob", root=root).code == 0
    assert fleet.verify(root).code == 0


def test_nobody_has_signed(gaitops: Invoke, tmp_path: Path) -> None:
    """A ceremony can begin without a single private key at hand."""
    fleet = Fleet(gaitops, tmp_path, private=[], public=["alice", "bob"])
    assert fleet.made.json["root"]["missing"] == 2
    assert fleet.sign("alice").json["trustRoot"] is None
    fleet.commit("alice signs")
    root = fleet.sign("bob").json["trustRoot"]
    fleet.commit("bob signs")
    for name in ("alice", "bob"):
        assert fleet.approve(name, root=root).code == 0
    assert fleet.verify(root).code == 0


def test_publisher_repository(gaitops: Invoke, tmp_path: Path) -> None:
    """The publisher repository's files are written beside the fleet, and not inside it."""
    beside = tmp_path / "publisher"
    fleet = Fleet(gaitops, tmp_path, "--publisher-repo", beside)
    assert fleet.made.code == 0
    listed = {path.relative_to(beside).as_posix() for path in beside.rglob("*") if path.is_file()}
    assert sorted(listed) == fleet.made.json["publisherFiles"]
    assert ".github/workflows/publish.yml" in listed
    inside = Fleet(gaitops, _folder(tmp_path, "b"), "--publisher-repo", tmp_path / "b/fleet/publisher")
    assert (inside.made.code, inside.made.json["error_code"]) == (6, "init.nested")
    assert not inside.path.exists()


def test_current_folder(gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder that exists, such as the current one, is filled and stays the same folder."""
    target = _folder(tmp_path, "fleet")
    before = target.stat().st_ino
    monkeypatch.chdir(target)
    fleet = Fleet(gaitops, tmp_path)
    assert fleet.made.code == 0
    assert target.stat().st_ino == before
    assert fleet.git("status", "--porcelain") == ""
    assert fleet.verify().code == 0


@pytest.mark.parametrize("kind", ["file", "full", "link"])
def test_existing_content_survives(gaitops: Invoke, tmp_path: Path, kind: str) -> None:
    """A file, a folder with content or a dangling link in the way is refused and left alone."""
    target = tmp_path / "fleet"
    if kind == "file":
        target.write_text("mine")
    elif kind == "full":
        _folder(tmp_path, "fleet").joinpath("mine").write_text("mine")
    else:
        target.symlink_to("nowhere")
    run = Fleet(gaitops, tmp_path).made
    assert (run.code, run.json["error_code"]) == (8, "init.not_empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fleet", "keys"]
    assert not (target / ".git").exists()


@pytest.mark.parametrize("existing", [False, True])
def test_nothing_is_left_half_done(
    gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    """When the disk fills up in the middle, neither repository appears and no staging folder stays."""
    if existing:
        _folder(tmp_path, "fleet")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gaitops.cli.init_build.record_checkout", full)
    run = Fleet(gaitops, tmp_path, "--publisher-repo", tmp_path / "publisher").made
    assert (run.code, run.json["error_code"]) == (1, "internal.os")
    assert sorted(path.name for path in tmp_path.iterdir()) == (["fleet", "keys"] if existing else ["keys"])
    assert not existing or not list((tmp_path / "fleet").iterdir())


def test_a_killed_run_leaves_nothing_that_looks_finished(
    gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If even cleaning up is impossible, what stays is under a name of its own and the command can be repeated."""

    def killed(*_: object) -> None:
        raise InternalError.of("test.killed", "killed")

    with monkeypatch.context() as patch:
        patch.setattr("gaitops.cli.init_build.record_checkout", killed)
        patch.setattr("gaitops.cli.new_folder.shutil.rmtree", lambda *_, **__: None)
        assert Fleet(gaitops, tmp_path).made.code == 1
    assert not (tmp_path / "fleet").exists()
    assert any(path.name.startswith(".gaitops-unfinished-") for path in tmp_path.iterdir())
    (tmp_path / "keys").rename(tmp_path / "old-keys")
    assert Fleet(gaitops, tmp_path).made.code == 0


def test_keys_that_are_missing(gaitops: Invoke, tmp_path: Path) -> None:
    """Without keys, with too few people or without a publisher, the error names the command that helps."""
    generate_private_key(tmp_path / "alice.pem")
    key = ("--root-key", tmp_path / "alice.pem")
    for options, code, remedy in (
        ((), "init.no_root_key", "gaitops key generate --out alice.pem"),
        (key, "init.too_few_people", "--solo"),
        ((*key, "--solo"), "init.no_publisher", "gaitops key generate --out publisher.pem"),
        ((*key, *key, "--solo"), "init.solo", "--solo"),
    ):
        run = gaitops("init", tmp_path / "fleet", "--fleet", "larkspur", *options, "--json")
        assert (run.code, run.json["error_code"]) == (6, code)
        assert remedy in run.json["hint"]
        assert not (tmp_path / "fleet").exists()


def test_publisher_is_no_root_key(gaitops: Invoke, tmp_path: Path) -> None:
    """A root key cannot publish, also under another name and from the other half of the pair."""
    key = tmp_path / "alice.pem"
    generate_private_key(key)
    options = ("--root-key", key, "--solo", "--publisher-key", f"publisher={key}.pub", "--json")
    run = gaitops("init", tmp_path / "fleet", "--fleet", "larkspur", *options)
    assert (run.code, run.json["error_code"]) == (6, "init.publisher_is_root")


def test_one_key_is_one_person(gaitops: Invoke, tmp_path: Path) -> None:
    """The same key under two names does not make two people."""
    key, other = tmp_path / "alice.pem", tmp_path / "publisher.pem"
    generate_private_key(key)
    generate_private_key(other)
    options = ("--root-key", key, "--root-key", f"bob={key}.pub", "--publisher-key", other, "--json")
    run = gaitops("init", tmp_path / "fleet", "--fleet", "larkspur", *options)
    assert (run.code, run.json["error_code"]) == (6, "trust.root_invalid")


def test_ssh_keys_are_no_root_keys(gaitops: Invoke, tmp_path: Path) -> None:
    """TUF metadata cannot carry SSH keys, and the error says so before anything is made."""
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO5lHDDYcTUSbnoGxnW7p8bAjEbvVxDvfGkQbLdUyN2j dana\n"
    (tmp_path / "dana.pub").write_text(line)
    generate_private_key(tmp_path / "publisher.pem")
    keys = ("--root-key", tmp_path / "dana.pub", "--solo", "--publisher-key", tmp_path / "publisher.pem")
    run = gaitops("init", tmp_path / "fleet", "--fleet", "larkspur", *keys, "--json")
    assert (run.code, run.json["error_code"]) == (6, "key.unsupported")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--fleet", 'x"\nrules: 2'), "init.name"),
        (("--org", "../../etc"), "init.name"),
        (("--org", "acme", "--org", "acme"), "init.duplicate"),
        (("--root-key", "Evil Name={key}"), "init.name"),
        (("--root-key", "a\x1b[31m={key}"), "init.name"),
        (("--root-key", "../evil={key}"), "key.path"),
        (("--root-key", "gnupg:1234"), "init.key_uri"),
        (("--root-key", "awskms:"), "key.uri"),
        (("--root-key", "eve=/nonexistent.pem"), "key.path"),
        (("--root-key", "={key}"), "cli.usage"),
        (("--publisher-key", "pub/../x={key}"), "key.path"),
        (("--publisher-key", "x y={key}"), "init.name"),
        (("--email", "alice=a b@example.com"), "init.email"),
        (("--email", "mallory=m@example.com"), "init.email"),
        (("--email", "alice"), "cli.usage"),
        (("--threshold", "0"), "cli.usage"),
        (("--threshold", "1"), "init.threshold"),
        (("--threshold", "9"), "init.threshold"),
        (("--publisher-threshold", "2"), "trust.root_invalid"),
    ],
)
def test_hostile_arguments(gaitops: Invoke, tmp_path: Path, options: tuple[str, ...], code: str) -> None:
    """Names, addresses and numbers that cannot be used are refused with exit code 6 and leave no trace."""
    generate_private_key(tmp_path / "other.pem")
    filled = [word.replace("{key}", str(tmp_path / "other.pem")) for word in options]
    run = Fleet(gaitops, tmp_path, *filled).made
    assert (run.code, run.json["error_code"]) == (6, code)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys", "other.pem", "other.pem.pub"]


def _folder(parent: Path, name: str) -> Path:
    path = parent / name
    path.mkdir()
    return path
