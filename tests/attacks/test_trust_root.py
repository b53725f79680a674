# SPDX-License-Identifier: Apache-2.0
"""The trust root: given by the caller, and replaced by its own people only."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical

from gaitops.release.ceremony import next_root, sign_root
from tests.attacks.story import INVALID, REFUSED, VERIFIED, Commands, hire, project
from tests.simulator import DAY, START, Actor, World, binding_document

SECOND = "trust/root/2.root.json"


def signed_by(data: bytes, *actors: Actor) -> bytes:
    """A root file with signatures."""
    for actor in actors:
        data = sign_root(data, actor.signer)
    return data


def forged(data: bytes, edit: Callable[[dict[str, Any]], None], actors: Sequence[Actor]) -> bytes:
    """A root file as no ceremony would write it, with valid signatures."""
    value = json.loads(data)
    edit(value["signed"])
    message = str(encode_canonical(value["signed"])).encode()
    value["signatures"] = [
        {"keyid": actor.signer.public_key.keyid, "sig": actor.key.sign(message).hex()} for actor in actors
    ]
    return json.dumps(value).encode()


def test_t02_another_trust_root(world: World, commands: Commands) -> None:
    """T2: the trust root in the repository differs from the pinned digest."""
    world.land(project(), by="alice", approvers=["bob"])
    commands.accepts(world)
    world.trust_root = "0" * 64
    run = commands.verify(world)
    assert (run.code, run.codes) == (REFUSED, ["trust.root_mismatch"])
    released, out = commands.publish(world)
    assert released.code == REFUSED
    assert not out.exists()


def test_t02_the_root_file_was_replaced(world: World, commands: Commands) -> None:
    """T2: somebody writes a root of their own over version 1; the pinned one stays in force."""
    other = World(world.path.parent / "other", people=("mallory", "trudy"))
    world.tick(DAY)
    world.commit({"trust/root/1.root.json": other.root}, by="mallory")
    commands.survives(world, "trust.root_rotation")


def test_t03_signed_by_its_own_keys_only(world: World, commands: Commands) -> None:
    """T3: root 2 has other people and only their signatures."""
    mallory, trudy = world.actor("mallory"), world.actor("trudy")
    people = [("mallory", mallory.signer.public_key), ("trudy", trudy.signer.public_key)]
    root = next_root(world.root, people=people, expires=START + 400 * DAY)
    world.commit({SECOND: signed_by(root, mallory, trudy)}, by="alice")
    verdict = commands.survives(world, "trust.root_rotation")
    assert verdict["rootVersion"] == 1


def test_t03_a_version_is_skipped(world: World, commands: Commands) -> None:
    """T3: root 3 follows root 1."""
    alice, bob = world.actor("alice"), world.actor("bob")
    two = signed_by(next_root(world.root, expires=START + 400 * DAY), alice, bob)
    three = signed_by(next_root(two, expires=START + 500 * DAY), alice, bob)
    world.commit({"trust/root/3.root.json": three}, by="alice")
    assert commands.survives(world, "trust.root_rotation")["rootVersion"] == 1
    world.commit({SECOND: two}, by="alice")
    assert commands.accepts(world)["rootVersion"] == 3


def _threshold(number: int) -> Callable[[dict[str, Any]], None]:
    return lambda signed: signed["roles"]["root"].update(threshold=number)


def _same_key_under_two_ids(signed: dict[str, Any]) -> None:
    role = signed["roles"]["root"]
    key = dict(signed["keys"][role["keyids"][0]])
    key["x-gaitops-principal"] = "mallory"
    signed["keys"]["f" * 64] = key
    role["keyids"].append("f" * 64)


def _one_principal_with_two_keys(signed: dict[str, Any]) -> None:
    first, second, *_rest = signed["roles"]["root"]["keyids"]
    signed["keys"][second]["x-gaitops-principal"] = signed["keys"][first]["x-gaitops-principal"]


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(_threshold(0), id="threshold 0"),
        pytest.param(_threshold(-1), id="negative threshold"),
        pytest.param(_threshold(1), id="threshold 1 of several people"),
        pytest.param(_threshold(9), id="threshold above the keys"),
        pytest.param(_same_key_under_two_ids, id="one key under two ids"),
        pytest.param(_one_principal_with_two_keys, id="one principal with two keys"),
    ],
)
def test_t03_metadata_that_breaks_a_rule(
    world: World, commands: Commands, edit: Callable[[dict[str, Any]], None]
) -> None:
    """T3: thresholds and keys that would let fewer people decide than it seems."""
    people = [world.actor(name) for name in ("alice", "bob", "carol")]
    root = forged(next_root(world.root, expires=START + 400 * DAY), edit, people)
    world.commit({SECOND: root}, by="alice")
    assert commands.survives(world, "trust.root_rotation")["rootVersion"] == 1


def test_t03_the_same_key_as_another_type(world: World, commands: Commands) -> None:
    """T3: one key is there as ``ecdsa`` and once more under the older name of the same type."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
    from securesystemslib.signer import CryptoSigner

    signer = CryptoSigner(derive_private_key(7, SECP256R1()))
    alice, bob = world.actor("alice"), world.actor("bob")
    keys = [(name, world.actor(name).signer.public_key) for name in ("alice", "bob", "carol")]
    root = next_root(world.root, people=[*keys, ("dave", signer.public_key)], expires=START + 400 * DAY)

    def again(signed: dict[str, Any]) -> None:
        key = dict(signed["keys"][signer.public_key.keyid], keytype="ecdsa-sha2-nistp256")
        signed["keys"]["e" * 64] = {**key, "x-gaitops-principal": "erin"}
        signed["roles"]["root"]["keyids"].append("e" * 64)

    world.commit({SECOND: forged(root, again, [alice, bob])}, by="alice")
    assert commands.survives(world, "trust.root_rotation")["rootVersion"] == 1


def test_t03_a_ceremony_replaces_a_person(world: World, commands: Commands) -> None:
    """Both thresholds replace Carol by Dave; afterwards Dave's root key counts and Carol's does not."""
    alice, bob, dave = world.actor("alice"), world.actor("bob"), world.actor("dave")
    people = [(actor.name, actor.signer.public_key) for actor in (alice, bob, dave)]
    root = next_root(world.root, people=people, expires=START + 400 * DAY)
    world.commit({SECOND: signed_by(root, alice, bob)}, by="mallory", signed=False)
    assert commands.accepts(world)["rootVersion"] == 2
    world.commit(_role("erin"), by="alice", branch="topic")
    world.sign("topic", "alice")
    world.sign("topic", "carol")
    world.merge("topic")
    commands.survives(world, "approval.quorum", "permission.denied")
    world.commit(world.envelopes(world.signables("main", include_pending=True), "dave", "approve"), by="dave")
    commands.accepts(world)


def _role(name: str) -> dict[str, str]:
    return {"trust/roles/more.yaml": binding_document("more", "auditor", "fleet", [name])}


def test_t21_no_trust_root_is_given(world: World, commands: Commands) -> None:
    """T21: nothing verifies by default, and nothing in the repository is taken for the trust root."""
    world.land({"trust_root": world.trust_root}, by="alice", approvers=["bob"])
    hire(world, "dave")
    commands.clock["now"] = world.now
    for command in (["verify"], ["check", "--base", "main", "--head", "main"], ["resolve", "--all"]):
        run = commands.invoke(*command, "--repo", world.path, "--json")
        assert run.code == INVALID
        assert run.codes == ["trust.root_missing"]
    key = commands.scratch / "key.pem"
    key.write_bytes(world.publisher.private_pem)
    key.chmod(0o600)
    out = commands.scratch / "out"
    run = commands.invoke("publish", "--repo", world.path, "--key", key, "--out", out, "--first", "--json")
    assert run.code == INVALID
    assert not out.exists()


def test_t21_the_environment_of_the_caller_counts(
    world: World, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trust root from the caller's environment is as good as one on the command line."""
    monkeypatch.setenv("GAITOPS_TRUST_ROOT", world.trust_root)
    commands.clock["now"] = world.now
    assert commands.invoke("verify", "--repo", world.path, "--no-cache", "--json").code == VERIFIED
