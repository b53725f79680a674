# SPDX-License-Identifier: Apache-2.0
"""``gaitops trust``: rotations count when enough people signed them, and nothing here commits by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gaitops.signing.keys import fingerprint, parse_public_key
from tests.cli.fleets import Fleet
from tests.cli.harness import Invoke
from tests.simulator import document, policy_files


@pytest.fixture
def fleet(gaitops: Invoke, tmp_path: Path) -> Fleet:
    """Three people, two of whom must sign; organization acme."""
    return Fleet(gaitops, tmp_path, "--org", "acme")


def _fingerprint(key: Path) -> str:
    return fingerprint(parse_public_key(key.with_name(key.name + ".pub").read_text()))


def _merge(fleet: Fleet, branch: str) -> None:
    fleet.git("switch", "--quiet", "main")
    fleet.git("merge", "--quiet", "--no-ff", "--message", f"merge {branch}", branch)


def _show(gaitops: Invoke, fleet: Fleet, *options: str) -> dict[str, object]:
    run = gaitops("trust", "show", "--repo", fleet.path, "--trust-root", fleet.trust_root, *options, "--json")
    assert run.code == 0
    return run.json


def _add_identity(fleet: Fleet, name: str, identity: str) -> None:
    """Give ``name`` a second key by the whole course of a change: proposed, approved twice, merged."""
    key = fleet.key(f"{name}-{identity}")
    path = fleet.path / f"trust/principals/{name}.yaml"
    identities = [
        {"id": label, "type": "key", "publicKey": file.with_name(file.name + ".pub").read_text()}
        for label, file in (("root", fleet.key(name)), (identity, key))
    ]
    fleet.git("switch", "--quiet", "--create", "identity")
    path.write_text(document("Principal", name, {"type": "human", "identities": identities}))
    fleet.commit("second key")
    assert fleet.approve(name, "identity", verb="propose").code == 0
    for approver in ("bob", "carol"):
        assert fleet.approve(approver, "identity").code == 0
    _merge(fleet, "identity")
    assert fleet.verify().code == 0


# -- show ----------------------------------------------------------------------------------------------------


def test_show(gaitops: Invoke, fleet: Fleet) -> None:
    """Root, publishers, people with roles and keys come from verified state, as JSON and as text."""
    shown = _show(gaitops, fleet)
    assert (shown["trustRoot"], shown["verified"], shown["solo"]) == (fleet.trust_root, True, False)
    root = shown["root"]
    assert isinstance(root, dict)
    assert (root["version"], root["threshold"], root["publisherThreshold"]) == (1, 2, 1)
    alice = {"name": "alice", "fingerprint": _fingerprint(fleet.key("alice"))}
    assert alice in root["people"]
    assert root["publishers"] == [{"name": "publisher", "fingerprint": _fingerprint(fleet.key("publisher"))}]
    people = {item["name"]: item for item in shown["principals"]}  # type: ignore[attr-defined]
    assert {"role": "approver", "scope": "fleet"} in people["bob"]["roles"]
    assert [item["root"] for item in people["bob"]["identities"]] == [True]
    text = gaitops("trust", "show", "--repo", fleet.path, "--trust-root", fleet.trust_root)
    assert alice["fingerprint"] in text.out
    assert "approver" in text.out


def test_show_leaves_out_what_nobody_authorized(gaitops: Invoke, fleet: Fleet) -> None:
    """A role that somebody pushed to main without approvals is not shown, and that there is more is said."""
    members = {"principals": ["alice"]}
    spec = {"role": "auditor", "scope": "fleet", "members": members}
    (fleet.path / "trust/roles/evil.yaml").write_text(document("RoleBinding", "evil", spec))
    fleet.commit("evil")
    shown = _show(gaitops, fleet)
    assert shown["verified"] is False
    assert "auditor" not in json.dumps(shown)
    text = gaitops("trust", "show", "--repo", fleet.path, "--trust-root", fleet.trust_root)
    assert "not authorized by anybody" in text.out


def test_show_of_another_fleet(gaitops: Invoke, fleet: Fleet) -> None:
    """With another trust root nothing is shown at all."""
    run = gaitops("trust", "show", "--repo", fleet.path, "--trust-root", "0" * 64, "--json")
    assert (run.code, run.json["error_code"]) == (2, "trust.root_mismatch")


# -- rotate and sign -----------------------------------------------------------------------------------------


def test_replace_a_person(gaitops: Invoke, fleet: Fleet) -> None:
    """A rotation that both thresholds signed takes effect when it is committed to main, without approvals."""
    new = fleet.key("alice-2")
    rotated = fleet.trust("rotate", "--replace-person", f"alice={new}.pub")
    assert rotated.code == 0
    assert rotated.json["path"] == "trust/root/2.root.json"
    assert [role["missing"] for role in rotated.json["roles"]] == [2, 2]
    assert any("alice gets another key" in change for change in rotated.json["changes"])
    assert fleet.git("log", "--oneline").count("\n") == 2
    assert fleet.sign("alice-2").json["complete"] is False
    assert fleet.sign("bob").json["complete"] is False
    last = fleet.sign("carol")
    assert (last.json["complete"], last.json["principal"], last.json["trustRoot"]) == (True, "carol", None)
    fleet.commit("rotate")
    verdict = fleet.verify()
    assert (verdict.code, verdict.json["rootVersion"]) == (0, 2)
    shown = _show(gaitops, fleet)["root"]
    assert {"name": "alice", "fingerprint": _fingerprint(new)} in shown["people"]  # type: ignore[index]


def test_too_few_signatures(gaitops: Invoke, fleet: Fleet) -> None:
    """The new root's own threshold is not enough; a later commit with the missing signature mends it."""
    fleet.trust("rotate", "--replace-person", f"alice={fleet.key('alice-2')}.pub")
    fleet.sign("alice-2")
    fleet.sign("bob")
    fleet.commit("rotate too early")
    verdict = fleet.verify()
    assert verdict.code == 2
    assert "trust.root_rotation" in verdict.codes
    assert verdict.json["rootVersion"] == 1
    assert fleet.sign("alice").json["complete"] is True
    fleet.commit("the missing signature")
    assert (fleet.verify().code, fleet.verify().json["rootVersion"]) == (0, 2)


def test_add_and_remove(gaitops: Invoke, fleet: Fleet) -> None:
    """People and publishers come and go, and thresholds move, in one rotation."""
    rotated = fleet.trust(
        "rotate",
        *("--add-person", f"dave={fleet.key('dave')}.pub", "--remove-person", "carol", "--threshold", "3"),
        *("--add-publisher", f"second={fleet.key('second')}.pub", "--publisher-threshold", "2"),
    )
    root = rotated.json["root"]
    assert [item["name"] for item in root["people"]] == ["alice", "bob", "dave"]
    assert [item["name"] for item in root["publishers"]] == ["publisher", "second"]
    assert (root["threshold"], root["publisherThreshold"]) == (3, 2)
    for name in ("alice", "bob", "dave"):
        signed = fleet.sign(name)
    assert signed.json["complete"] is True
    fleet.commit("rotate")
    assert fleet.verify().json["rootVersion"] == 2
    again = fleet.trust("rotate", "--remove-publisher", "publisher", "--publisher-threshold", "1")
    assert [item["name"] for item in again.json["root"]["publishers"]] == ["second"]


def test_leaving_solo(gaitops: Invoke, tmp_path: Path) -> None:
    """When a second person joins, the threshold becomes two by itself, and verdicts stop saying solo."""
    fleet = Fleet(gaitops, tmp_path, "--solo", private=["me"])
    rotated = fleet.trust("rotate", "--add-person", f"you={fleet.key('you')}.pub")
    assert rotated.json["root"]["threshold"] == 2
    for name in ("me", "you"):
        fleet.sign(name)
    fleet.commit("two people")
    assert (fleet.verify().code, fleet.verify().json["solo"]) == (0, False)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--remove-person", "mallory"), "trust.rotation"),
        (("--replace-person", "mallory={key}"), "trust.rotation"),
        (("--add-person", "bob={key}"), "trust.rotation"),
        (("--add-person", "dave={key}", "--remove-person", "dave"), "trust.rotation"),
        (("--add-person", "Dave Evil={key}"), "trust.rotation"),
        (("--add-publisher", "x\nroot person dave added={key}"), "trust.rotation"),
        (("--add-person", "{key}"), "cli.usage"),
        (("--add-person", "dave={alice}"), "trust.root_invalid"),
        (("--add-publisher", "dave={alice}"), "trust.root_invalid"),
        (("--remove-person", "alice", "--remove-person", "bob"), "trust.rotation"),
        (("--threshold", "4"), "trust.rotation"),
        (("--threshold", "1"), "trust.root_invalid"),
        (("--remove-publisher", "publisher"), "trust.rotation"),
        (("--expires", "never"), "cli.usage"),
    ],
)
def test_impossible_rotations(fleet: Fleet, options: tuple[str, ...], code: str) -> None:
    """A rotation that no verifier would accept is refused before it is written."""
    names = {"{key}": f"{fleet.key('dave')}.pub", "{alice}": f"{fleet.key('alice')}.pub"}
    filled = []
    for option in options:
        word = option
        for name, path in names.items():
            word = word.replace(name, path)
        filled.append(word)
    run = fleet.trust("rotate", *filled)
    assert (run.code, run.json["error_code"]) == (6, code)
    assert not (fleet.path / "trust/root/2.root.json").exists()


def test_one_rotation_at_a_time(fleet: Fleet) -> None:
    """The next version is not prepared while one waits for signatures, and a gap in the versions is found."""
    fleet.trust("rotate")
    run = fleet.trust("rotate")
    assert (run.code, run.json["error_code"]) == (8, "trust.rotation_pending")
    (fleet.path / "trust/root/2.root.json").rename(fleet.path / "trust/root/3.root.json")
    assert fleet.trust("rotate").json["error_code"] == "trust.root_gap"


def test_no_fleet(gaitops: Invoke, fleet: Fleet, tmp_path: Path) -> None:
    """Outside a fleet repository the error says so."""
    for verb, *options in (("rotate",), ("sign", "--key", str(fleet.key("alice")), "--yes")):
        run = gaitops("trust", verb, "--repo", tmp_path, *options, "--json")
        assert (run.code, run.json["error_code"]) == (6, "trust.no_root")


def test_only_root_people_sign(fleet: Fleet) -> None:
    """Strangers and publishers have nothing to sign, and the file stays as it was."""
    fleet.trust("rotate")
    before = (fleet.path / "trust/root/2.root.json").read_bytes()
    for name in ("mallory", "publisher"):
        run = fleet.sign(name)
        assert (run.code, run.json["error_code"]) == (6, "key.not_principals")
    assert (fleet.path / "trust/root/2.root.json").read_bytes() == before


def test_signing_twice_changes_nothing(fleet: Fleet) -> None:
    """A second signature by the same key does not count and does not touch the file."""
    fleet.trust("rotate")
    fleet.sign("alice")
    before = (fleet.path / "trust/root/2.root.json").read_bytes()
    again = fleet.sign("alice")
    assert (again.code, again.json["changed"]) == (0, [])
    assert [role["missing"] for role in again.json["roles"]] == [1, 1]
    assert (fleet.path / "trust/root/2.root.json").read_bytes() == before


def test_a_committed_root_is_final(fleet: Fleet) -> None:
    """One more signature would change the digest that everybody pins, so it is refused."""
    run = fleet.sign("alice")
    assert (run.code, run.json["error_code"]) == (8, "trust.root_final")
    assert fleet.git("status", "--porcelain") == ""


def test_signing_needs_a_yes(gaitops: Invoke, fleet: Fleet) -> None:
    """Without a terminal and without --yes nothing is signed; what would be signed is shown."""
    fleet.trust("rotate", "--replace-person", f"carol={fleet.key('carol-2')}.pub")
    run = gaitops("trust", "sign", "--repo", fleet.path, "--key", fleet.key("alice"))
    assert run.code == 6
    assert "[cli.confirmation]" in run.err
    assert _fingerprint(fleet.key("carol-2")) in run.err
    assert "root person carol gets another key" in run.err
    assert json.loads((fleet.path / "trust/root/2.root.json").read_text())["signatures"] == []


def test_the_chain_before_is_verified(gaitops: Invoke, fleet: Fleet, tmp_path: Path) -> None:
    """With a trust root at hand, nobody is led to sign the successor of somebody else's root."""
    other = Fleet(gaitops, _folder(tmp_path, "other"))
    (fleet.path / "trust/root/1.root.json").write_bytes((other.path / "trust/root/1.root.json").read_bytes())
    fleet.trust("rotate", "--add-person", f"alicia={fleet.key('alice')}.pub")
    run = fleet.sign("alice", "--trust-root", fleet.trust_root)
    assert (run.code, run.json["error_code"]) == (2, "trust.root_mismatch")
    assert "not verified" in fleet.sign("alice").err


# -- revoke --------------------------------------------------------------------------------------------------


def test_revoke_your_own_key(gaitops: Invoke, fleet: Fleet) -> None:
    """One's own key goes by one's own signature; it is shown as revoked and signs nothing any more."""
    _add_identity(fleet, "alice", "laptop")
    laptop = fleet.key("alice-laptop")
    fleet.git("switch", "--quiet", "--create", "revoke")
    options = ("--cause", "retired", "--reason", "sold: yes")
    run = fleet.trust("revoke", "--principal", "alice", "--identity", "laptop", *options)
    assert run.code == 0
    assert run.json["path"] == f"trust/revocations/alice-{_fingerprint(laptop)[:12]}.yaml"
    assert run.json["spec"]["identity"] == {"principal": "alice", "fingerprint": _fingerprint(laptop)}
    fleet.commit("revoke")
    assert fleet.approve("alice", "revoke", verb="propose").code == 0
    _merge(fleet, "revoke")
    assert fleet.verify().code == 0
    people = {item["name"]: item for item in _show(gaitops, fleet)["principals"]}  # type: ignore[attr-defined]
    revoked = {item["id"]: item["revoked"] for item in people["alice"]["identities"]}
    assert revoked == {"root": None, "laptop": "retired"}


def test_revocation_documents(fleet: Fleet) -> None:
    """Policy versions and releases are named in full; the document's name comes from them or from --id."""
    for path, text in policy_files("guard", "1.0.0-RC.1").items():
        file = fleet.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    why = ("--cause", "error", "--reason", "wrong")
    version = fleet.trust("revoke", "--policy", "acme/guard@1.0.0-RC.1", *why)
    assert version.json["path"] == "trust/revocations/acme-guard-1-0-0-rc-1.yaml"
    assert version.json["spec"]["policyVersion"] == {
        "org": "acme",
        "policy": "guard",
        "version": "1.0.0-RC.1",
    }
    assert fleet.trust("revoke", "--release", "7", *why).json["id"] == "release-7"
    assert fleet.trust("revoke", "--release", "7", "--id", "bad-seven", *why).json["id"] == "bad-seven"
    again = fleet.trust("revoke", "--release", "7", *why)
    assert (again.code, again.json["error_code"]) == (8, "input.exists")


def test_backdating(fleet: Fleet) -> None:
    """--since takes any revision and writes the full commit id; only compromised keys can be backdated."""
    key = fleet.key("lost")
    named = ("--principal", "acme/dana", "--fingerprint", f"sha256:{_fingerprint(key)}", "--reason", "stolen")
    run = fleet.trust("revoke", *named, "--cause", "compromised", "--since", "main")
    assert run.json["spec"]["since"] == fleet.git("rev-parse", "main").strip()
    retired = fleet.trust("revoke", *named, "--cause", "retired", "--since", "main", "--id", "x")
    assert (retired.code, retired.json["error_code"]) == (6, "document.value")


def test_root_keys_are_rotated(fleet: Fleet) -> None:
    """A root key cannot be revoked by a document, and the error names the command that replaces it."""
    options = ("--cause", "compromised", "--reason", "lost")
    run = fleet.trust("revoke", "--principal", "alice", "--identity", "root", *options)
    assert (run.code, run.json["error_code"]) == (6, "revocation.root_key")
    assert "gaitops trust rotate" in run.json["hint"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "cli.usage"),
        (("--principal", "alice"), "cli.usage"),
        (("--principal", "alice", "--release", "1"), "cli.usage"),
        (("--identity", "root", "--release", "1"), "cli.usage"),
        (("--principal", "alice", "--fingerprint", "abc"), "cli.usage"),
        (("--principal", "alice", "--identity", "phone"), "revocation.unknown_identity"),
        (("--principal", "../../x", "--identity", "root"), "revocation.unknown_identity"),
        (("--principal", "mallory", "--identity", "root"), "revocation.unknown_identity"),
        (("--policy", "guard"), "cli.usage"),
        (("--policy", "acme/guard@9.9.9"), "policy.unknown_version"),
        (("--policy", "../..@1.0.0"), "policy.unknown_version"),
        (("--release", "1", "--since", "main"), "document.value"),
        (("--release", "1", "--id", "../../fleet"), "document.misplaced"),
        (("--release", "0"), "cli.usage"),
    ],
)
def test_hostile_revocations(fleet: Fleet, options: tuple[str, ...], code: str) -> None:
    """What cannot be a revocation is refused with exit code 6, and nothing is written."""
    run = fleet.trust("revoke", *options, "--cause", "compromised", "--reason", "x")
    assert run.code == 6
    assert run.json["error_code"] == code
    assert fleet.git("status", "--porcelain") == ""


def _folder(parent: Path, name: str) -> Path:
    path = parent / name
    path.mkdir()
    return path
