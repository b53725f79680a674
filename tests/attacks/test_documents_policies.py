# SPDX-License-Identifier: Apache-2.0
"""What no approval can allow: versions that change or lie, graphs that are none, assignments to nothing (D6 to D8, D10).

Every change here is made by somebody who may, and everybody who could sign has signed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.attacks import git_tools as tools
from tests.attacks.story import REFUSED, Commands, approvals_of
from tests.simulator import (
    POLICY,
    World,
    document,
    environment_document,
    policy_document,
    policy_files,
    project_files,
    version_digest_of,
)

FOLDER = "orgs/acme/policies/guard"
ONE = f"{FOLDER}/versions/1.0.0"
OTHER_POLICY = POLICY.replace("fs.read", "fs.write")
Files = Mapping[str, str | None]


@pytest.fixture
def published(world: World) -> World:
    """A world with ``acme/guard@1.0.0`` and a project, all approved."""
    world.land(
        {**policy_files("guard", "1.0.0", channels={"stable": "1.0.0"}), **project_files()},
        by="alice",
        approvers=["bob"],
    )
    return world


def _refused(commands: Commands, world: World, files: Files, code: str, path: str | None = None) -> None:
    """In a pull request nobody can sign it; on main, with forced approvals of the same deltas, it does not advance."""
    good = world.head()
    world.commit(files, by="alice", branch="topic")
    checked = commands.check(world, "topic")
    assert checked.code == REFUSED, checked.out
    assert code in checked.codes, checked.codes
    refused = commands.run(
        world,
        "approve",
        "--base",
        "main",
        "--head",
        "topic",
        "--as",
        "bob",
        "--key",
        _key(commands, world),
        "--yes",
    )
    assert refused.code == REFUSED, refused.out
    world.commit(_forced_approvals(world), by="bob", branch="topic")
    world.move("main", world.head("topic"))
    verdict = commands.survives(world, code)
    if path is not None:
        assert path in {problem.get("path") for problem in verdict["problems"] if problem["code"] == code}
    tools.revert(world, good)
    commands.accepts(world)


def _key(commands: Commands, world: World) -> str:
    path = commands.scratch.parent / "bob.pem"
    path.write_bytes(world.actor("bob").private_pem)
    path.chmod(0o600)
    return str(path)


def _forced_approvals(world: World) -> dict[str, bytes]:
    """Approvals of everybody over the exact deltas, which honest tools refuse to make."""
    from gaitops.history.proposal import propose
    from gaitops.history.signable import Signable

    with world.history() as history:
        proposal = propose(history, history.repository.resolve("topic"))
        signables = [
            Signable(item.change.partition, proposal.base, item, ("alice",))
            for item in proposal.judgements
            if item.change.deltas
        ]
    files: dict[str, bytes] = {}
    for name in ("bob", "carol"):
        files.update(world.envelopes(signables, name, "approve"))
    return files


def _descriptor(text: str | bytes, **changes: Any) -> str:
    value = json.loads(text)
    value["spec"].update(changes)
    return json.dumps(value, indent=2) + "\n"


IMMUTABLE: dict[str, Files] = {
    "policy": {f"{ONE}/gait.policy.yaml": OTHER_POLICY},
    "policy and descriptor": policy_files("guard", "1.0.0", text=OTHER_POLICY, risk=None),
    "new companion": {f"{ONE}/trust.json": "{}"},
    "removed": {f"{ONE}/gait.policy.yaml": None, f"{ONE}/version.yaml": None},
    "policy removed": {
        f"{ONE}/gait.policy.yaml": None,
        f"{ONE}/version.yaml": None,
        f"{FOLDER}/policy.yaml": None,
    },
    "descriptor removed": {f"{ONE}/version.yaml": None},
    "line end": {f"{ONE}/gait.policy.yaml": POLICY + "\n"},
}


@pytest.mark.parametrize("files", IMMUTABLE.values(), ids=IMMUTABLE.keys())
def test_published_version(commands: Commands, published: World, files: Files) -> None:
    """D6: a published version is edited, extended or deleted."""
    _refused(commands, published, files, "policy.immutable")


def test_descriptor_of_other_bytes(commands: Commands, published: World) -> None:
    """D6: a new version whose descriptor declares other bytes, fewer or more files than there are."""
    files = policy_files("other", "1.0.0")
    path = "orgs/acme/policies/other/versions/1.0.0/version.yaml"
    good = json.loads(files[path])["spec"]["files"]
    declared = {
        "other bytes": [{**good[0], "sha256": "0" * 64}],
        "missing file": [*good, {"path": "zz.json", "sha256": "0" * 64}],
    }
    for entries in declared.values():
        _refused(
            commands,
            published,
            {**files, path: _descriptor(files[path], files=entries)},
            "policy.digest_mismatch",
        )
        _forget_topic(published)
    extra = {**files, "orgs/acme/policies/other/versions/1.0.0/undeclared.json": "{}"}
    _refused(commands, published, extra, "policy.digest_mismatch")


def _forget_topic(world: World) -> None:
    tools.git(world)("branch", "-q", "-D", "topic")


def test_version_without_descriptor(commands: Commands, published: World) -> None:
    """D6: a policy file in a version folder that nothing describes."""
    _refused(
        commands, published, {f"{FOLDER}/versions/2.0.0/gait.policy.yaml": POLICY}, "policy.digest_mismatch"
    )


def _child(world: World, number: str = "1.1.0", **changes: Any) -> dict[str, str]:
    """A version with the right parent, changed at will."""
    digest = version_digest_of(world.read(f"{ONE}/version.yaml").decode(), "guard", "1.0.0")
    files = policy_files("guard", number, text=OTHER_POLICY, parents=[("1.0.0", digest)], risk=None)
    path = f"{FOLDER}/versions/{number}/version.yaml"
    return {**files, path: _descriptor(files[path], **changes)}


def test_right_child_is_accepted(commands: Commands, published: World) -> None:
    """The honest version that the hostile ones below differ from."""
    published.land(_child(published), by="alice", approvers=["bob"])
    commands.accepts(published)


@pytest.mark.parametrize(
    "story",
    [
        "second root",
        "missing parent",
        "wrong digest",
        "going down",
        "itself",
        "cycle",
        "same twice",
        "prerelease",
    ],
)
def test_version_graph(commands: Commands, published: World, story: str) -> None:
    """D7: versions that do not descend from the one root, or not upwards."""
    digest = version_digest_of(published.read(f"{ONE}/version.yaml").decode(), "guard", "1.0.0")
    files: dict[str, dict[str, str]] = {
        "second root": _child(published, parents=[]),
        "missing parent": _child(published, parents=[{"version": "1.0.5", "digest": digest}]),
        "wrong digest": _child(published, parents=[{"version": "1.0.0", "digest": "0" * 64}]),
        "going down": _child(published, "0.9.0"),
        "itself": _child(published, parents=[{"version": "1.1.0", "digest": digest}]),
        "cycle": {
            **_child(published, "1.1.0", parents=[{"version": "1.2.0", "digest": digest}]),
            **_child(published, "1.2.0", parents=[{"version": "1.1.0", "digest": digest}]),
        },
        "same twice": {
            **policy_files("twins", "1.0.0", text=POLICY),
            **policy_files("twins", "1.0.1", text=OTHER_POLICY, risk=None),
        },
        "prerelease": _child(published, "1.0.0-rc.1"),
    }
    _refused(commands, published, files[story], "policy.graph")


@pytest.mark.parametrize("story", ["other digest", "other scheme", "no policy", "gait refuses"])
def test_gait_digest(commands: Commands, published: World, story: str) -> None:
    """D8: the descriptor claims a Gait digest that Gait would not print."""
    files = policy_files("other", "1.0.0")
    folder = "orgs/acme/policies/other/versions/1.0.0"
    path, policy = f"{folder}/version.yaml", f"{folder}/gait.policy.yaml"
    gait = json.loads(files[path])["spec"]["gait"]
    if story in ("no policy", "gait refuses"):
        import hashlib

        text = "just text\n" if story == "no policy" else POLICY + "default_verdict: allow\n"
        entries = [{"path": "gait.policy.yaml", "sha256": hashlib.sha256(text.encode()).hexdigest()}]
        files = {**files, policy: text, path: _descriptor(files[path], files=entries)}
    else:
        changed = {"digest": "0" * 64} if story == "other digest" else {"scheme": "gait.gate.policy/2.0.0"}
        files = {**files, path: _descriptor(files[path], gait={**gait, **changed})}
    code = "document.value" if story == "other scheme" else "policy.gait_digest_mismatch"
    _refused(commands, published, files, code)


def _environment(reference: Mapping[str, str]) -> Files:
    return {
        "orgs/acme/projects/pay/environments/dev.yaml": environment_document("dev", "development", reference)
    }


@pytest.mark.parametrize(
    "reference",
    [
        {"name": "guard", "version": "9.9.9"},
        {"name": "nothing", "version": "1.0.0"},
        {"name": "guard", "channel": "nightly"},
        {"org": "nobody", "name": "guard", "version": "1.0.0"},
    ],
    ids=["version", "policy", "channel", "org"],
)
def test_unknown_version(commands: Commands, published: World, reference: Mapping[str, str]) -> None:
    """D10: an environment follows what does not exist."""
    _refused(commands, published, _environment(reference), "assignment.unknown_version")


def test_channel_to_nowhere(commands: Commands, published: World) -> None:
    """D10: a channel is moved to a version that does not exist."""
    files = {f"{FOLDER}/policy.yaml": policy_document("guard", channels={"stable": "9.9.9"})}
    _refused(commands, published, files, "assignment.unknown_version", f"{FOLDER}/policy.yaml")


def test_withdrawn_version(commands: Commands, published: World) -> None:
    """D10: a version that was withdrawn is assigned."""
    spec = {
        "revokes": "policy_version",
        "cause": "error",
        "policyVersion": {"org": "acme", "policy": "guard", "version": "1.0.0"},
        "reason": "too lax",
    }
    published.land(
        {"trust/revocations/r1.yaml": document("Revocation", "r1", spec)}, by="alice", approvers=["bob"]
    )
    commands.accepts(published)
    _refused(commands, published, _environment({"name": "guard", "version": "1.0.0"}), "assignment.withdrawn")


def test_unshared_policy(commands: Commands, tmp_path: Any) -> None:
    """D10: an organization follows another's policy that is not shared with it."""
    world = World(tmp_path / "two", orgs=("acme", "globex"))
    world.land(policy_files("guard", "1.0.0", org="globex"), by="alice", approvers=["bob"])
    world.land(project_files(), by="alice", approvers=["bob"])
    reference = {"org": "globex", "name": "guard", "version": "1.0.0"}
    _refused(commands, world, _environment(reference), "assignment.not_shared")
    _forget_topic(world)
    shared = policy_document("guard", org="globex", shared=["acme"])
    world.land({"orgs/globex/policies/guard/policy.yaml": shared}, by="alice", approvers=["bob"])
    world.commit(_environment(reference), by="alice", branch="topic")
    world.commit(approvals_of(world, "topic", "bob"), by="bob", branch="topic")
    world.merge("topic")
    commands.accepts(world)


def test_malformed_sigstore_root(commands: Commands, published: World) -> None:
    """D1: a pinned Sigstore root that two readers take for two things, signed by everybody who may."""
    good = published.head()
    published.commit({"trust/sigstore/trusted_root.json": '{"a": 1, "a": 2}'}, by="alice", branch="topic")
    checked = commands.check(published, "topic")
    assert (checked.code, checked.codes) == (REFUSED, ["document.duplicate_key"])
    published.move("main", published.head("topic"))
    tools.refused_until_restored(commands, published, good, "document.duplicate_key")
