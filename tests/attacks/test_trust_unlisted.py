# SPDX-License-Identifier: Apache-2.0
"""Attacks that are on no list: found by reading the engine as its enemy. Each one worked once, or nearly did."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.story import (
    GUARD,
    LAX,
    PENDING,
    REFUSED,
    VERIFIED,
    Commands,
    approvals_of,
    assign,
    guard,
    hire,
    hire_in_org,
    in_production,
    production,
    project,
    restated,
    revocation,
    rule,
)
from tests.attacks.test_trust_revocation import affirm, doubtful_paths, revoke_since
from tests.simulator import (
    World,
    binding_document,
    policy_document,
    principal_document,
    project_files,
)

EVIL = "default_verdict: allow # evil\n"


@pytest.fixture
def neighbours(tmp_path: Path) -> World:
    """Two organizations under the same people."""
    return World(tmp_path / "two", orgs=("acme", "beta"))


def approve_main(world: World, *principals: str) -> None:
    """Approvals of what waits on main, committed to main."""
    for principal in principals:
        files = world.envelopes(world.signables("main", include_pending=True), principal, "approve")
        world.commit(files, by=principal)


# -- places that belong to nobody ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "orgs/fleet/principals/evil.yaml",
        "orgs/fleet/notes.txt",
        "orgs/evil.yaml",
        "orgs/Acme/x.txt",
        "orgs/ACME/org.yaml",
        "Fleet.yaml",
        "TRUST/roles/evil.yaml",
        "trust/roles/Evil.yaml",
        "trust/principals/evil.yml",
        "approvals/evil.yaml",
        "approvals/ab/x.json",
        "Docs/x.md",
        "readme.md",
        "orgs/acme/.gitattributes",
        ".GITHUB/workflows/x.yaml",
    ],
)
def test_a_path_that_seems_to_belong_to_nobody(world: World, commands: Commands, path: str) -> None:
    """Whatever name a file has, and whatever partition it pretends to be, nothing is verified by silence."""
    world.commit({path: EVIL}, by="mallory", signed=False)
    world.commit(
        {path.rpartition("/")[0] + "/x" if "/" in path else "x": EVIL}, by="mallory", branch="t", signed=False
    )
    commands.survives(world, forbidden=["evil"])
    assert commands.check(world, "t").code != VERIFIED


def test_a_malformed_fleet_file_next_to_a_harmless_one(world: World, commands: Commands) -> None:
    """Anybody who can push writes nonsense into fleet.yaml: a finding that a later commit repairs, never a crash."""
    good = world.read("fleet.yaml")
    world.commit(
        {"fleet.yaml": "nonsense: [", "a.txt": "x", "orgs/acme/a.txt": "x"}, by="mallory", signed=False
    )
    commands.survives(world, "document.syntax")
    world.commit({"fleet.yaml": good, "a.txt": None, "orgs/acme/a.txt": None}, by="mallory", signed=False)
    commands.accepts(world)


@pytest.mark.parametrize("gone", ["fleet.yaml", "orgs/acme/org.yaml", "trust/root/1.root.json", "the org"])
def test_removing_what_everything_rests_on(world: World, commands: Commands, gone: str) -> None:
    """fleet.yaml, the root, an organization or its folder are removed, with every approval that people can give."""
    world.land({**guard("1.0.0"), **project_files()}, by="alice", approvers=["bob"])
    tree = world.repository.snapshot(world.head())
    folder = [path for path, _entry in tree.walk("orgs/acme")]
    world.commit(dict.fromkeys(folder if gone == "the org" else [gone]), by="alice")
    commands.survives(world)


def test_the_world_is_moved_into_another_folder(world: World, commands: Commands) -> None:
    """Trust is emptied and written anew under another capitalisation, which some file systems take for the same."""
    files = {path: world.read(path) for path in ("trust/roles/approvers.yaml", "trust/principals/bob.yaml")}
    moved: dict[str, bytes | str | None] = {
        path.replace("trust/", "Trust/"): data for path, data in files.items()
    }
    world.commit(moved, by="alice")
    commands.survives(world, "git.unsafe_path")


# -- borders between organizations --------------------------------------------------------------------------------


def test_a_channel_moves_after_it_was_unshared(neighbours: World, commands: Commands) -> None:
    """Acme unshares a policy that beta's production follows, then moves its channel at the low bar of acme."""
    stable = {"stable": "1.0.0"}
    neighbours.land(guard("1.0.0", channels=stable, shared=["beta"]), by="alice", approvers=["bob"])
    following = {"production": ("production", {"org": "acme", "name": "guard", "channel": "stable"})}
    neighbours.land(project_files(org="beta", environments=following), by="alice", approvers=["bob", "carol"])
    neighbours.land(guard("2.0.0", text=LAX, parent="1.0.0", channels=stable), by="alice", approvers=["bob"])
    commands.accepts(neighbours)
    moved = policy_document("guard", channels={"stable": "2.0.0"})
    neighbours.land({f"{GUARD}/policy.yaml": moved}, by="alice", approvers=["bob"])
    commands.survives(neighbours, "approval.quorum")
    assert set(commands.assigned(neighbours).values()) == {"1.0.0"}
    approve_main(neighbours, "carol")
    commands.accepts(neighbours)


def test_signatures_dated_ahead_in_another_org(neighbours: World, commands: Commands) -> None:
    """Beta's people date a commit and its approval days ahead; when those days come, acme's history still holds."""
    neighbours.commit(project(org="beta"), by="alice", branch="ahead")
    today = neighbours.now
    envelopes = approvals_of(neighbours, "ahead", "bob", issued_at=today + timedelta(days=5))
    neighbours.commit(envelopes, by="bob", branch="ahead", when=today)
    neighbours.now = today + timedelta(days=5)
    neighbours.merge("ahead")
    neighbours.now = today + timedelta(minutes=5)
    neighbours.land(project(), by="alice", approvers=["carol"])
    assert commands.verify(neighbours, "--org", "acme").code == VERIFIED
    assert commands.verify(neighbours, "--org", "beta").code == REFUSED
    neighbours.now = today + timedelta(days=6)
    assert commands.verify(neighbours, "--org", "acme").code == VERIFIED
    assert commands.verify(neighbours, "--org", "beta").code == VERIFIED


def test_a_group_of_the_fleet_claimed_by_an_org(world: World, commands: Commands) -> None:
    """An org gives its own people the name of the fleet's security group, which a rule asks for."""
    hire_in_org(world, "acme", {"approver": ["one"], "platform_admin": ["root1", "root2", "root3"]})
    world.land(rule("security", ["policy.*"], groups=["security"]), by="alice", approvers=["alice", "bob"])
    text = principal_document(world.actor("acme/one"), groups=["security"])
    world.land(
        {"orgs/acme/principals/one.yaml": text}, by="acme/root1", approvers=["acme/root2", "acme/root3"]
    )
    commands.accepts(world)
    world.commit(guard("1.0.0"), by="alice", branch="topic")
    world.approve("topic", "acme/one")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.quorum")


def test_an_org_principal_with_the_name_of_a_fleet_principal(world: World, commands: Commands) -> None:
    """``acme/bob`` is nobody's bob: the roles of the fleet's Bob are not his."""
    hire_in_org(world, "acme", {"analyst": ["bob"]})
    world.commit(project(), by="alice", branch="topic")
    world.sign("topic", "bob", key=world.actor("acme/bob"))
    world.sign("topic", "acme/bob")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.quorum", "signature.invalid", "permission.denied")


def test_a_role_that_waits_for_somebody(world: World, commands: Commands) -> None:
    """Root people bind a role to a fleet principal who does not exist yet; only they can make that person exist."""
    binding = binding_document("later", "platform_admin", "fleet", ["zed"])
    world.land({"trust/roles/later.yaml": binding}, by="alice", approvers=["alice", "bob"])
    hire(world, "dave", "erin", roles=("platform_admin",))
    path = "trust/principals/zed.yaml"
    world.commit({path: principal_document(world.actor("zed"))}, by="dave")
    approve_main(world, "erin")
    commands.survives(world, "approval.quorum", "permission.denied")


# -- approvals that outlive their reason --------------------------------------------------------------------------


def test_the_risk_is_raised_after_the_approval(world: World, commands: Commands) -> None:
    """Bob approved a version of a low-risk policy; meanwhile the policy became high-risk."""
    world.land(guard("1.0.0"), by="alice", approvers=["bob"])
    world.commit(guard("2.0.0", text=LAX, parent="1.0.0", risk=None), by="alice", branch="topic")
    world.approve("topic", "bob")
    risky = policy_document("guard", risk="high")
    world.land({f"{GUARD}/policy.yaml": risky}, by="alice", approvers=["bob", "carol"])
    world.merge("topic")
    commands.survives(world, "approval.misleading", "approval.quorum", forbidden=["default_verdict: allow"])


def test_a_principal_removed_and_made_again(world: World, commands: Commands) -> None:
    """Dave approves, leaves, and somebody else joins under his name: the old approval is not the new Dave's."""
    hire(world, "dave")
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "dave")
    path = "trust/principals/dave.yaml"
    world.land({path: None}, by="alice", approvers=["alice", "bob"])
    namesake = world.actor("namesake")
    text = principal_document(namesake).replace('"namesake"', '"dave"')
    world.land({path: text}, by="alice", approvers=["alice", "bob"])
    commands.accepts(world)
    world.merge("topic")
    commands.survives(world, "signature.invalid", "approval.quorum")


def test_operations_in_another_order_mean_the_same(world: World, commands: Commands) -> None:
    """The order in which an envelope lists operations carries no meaning; leaving one out does."""
    in_production(world)
    folder = "orgs/acme/projects/pay/environments"
    files = {
        f"{folder}/staging.yaml": production("1.0.0", tier="staging")[f"{folder}/production.yaml"].replace(
            '"production"', '"staging"'
        )
    }
    world.commit(files, by="alice", branch="topic")

    def reverse(predicate: dict[str, Any]) -> None:
        assert len(predicate["operations"]) > 1
        predicate["operations"].reverse()

    def forget(predicate: dict[str, Any]) -> None:
        predicate["operations"].pop()

    less = restated(world, approvals_of(world, "topic", "bob"), world.actor("bob"), "bob", forget)
    world.commit(less, by="bob", branch="topic")
    assert commands.check(world, "topic").code in (PENDING, REFUSED)
    same = restated(world, approvals_of(world, "topic", "carol"), world.actor("carol"), "carol", reverse)
    world.commit(same, by="carol", branch="topic")
    assert commands.check(world, "topic").code == VERIFIED


def test_half_a_version_folder_is_no_version(world: World, commands: Commands) -> None:
    """Approvals of single files of a version folder do not add up to an approval of the version."""
    world.commit(guard("1.0.0"), by="alice", branch="whole")
    for name, path in (
        ("bob", f"{GUARD}/versions/1.0.0/gait.policy.yaml"),
        ("carol", f"{GUARD}/versions/1.0.0/version.yaml"),
    ):

        def cut(predicate: dict[str, Any], keep: str = path) -> None:
            predicate["deltas"] = [item for item in predicate["deltas"] if item["path"] == keep]

        for data in approvals_of(world, "whole", name).values():
            partial = partial_envelope(world, data, name, cut)
            world.commit(partial, by=name, branch="whole")
    assert commands.check(world, "whole").code == PENDING
    world.merge("whole")
    commands.survives(world, "approval.quorum")


def partial_envelope(world: World, data: bytes, name: str, cut: Any) -> dict[str, bytes]:
    """An envelope over fewer deltas, consistent in itself."""
    import base64
    import json

    from gaitops.change.deltas import delta_from_json, deltas_digest
    from gaitops.signing.canonical import canonical_json

    statement = json.loads(base64.b64decode(json.loads(data)["payload"]))
    cut(statement["predicate"])
    deltas = [delta_from_json(item) for item in statement["predicate"]["deltas"]]
    digest = deltas_digest(world.trust_root, [item for item in deltas if item is not None])
    statement["subject"][0]["digest"]["sha256"] = digest
    return world.sealed(canonical_json(statement), world.actor(name), name)


def test_an_affirmation_is_no_approval(world: World, commands: Commands) -> None:
    """An affirmation of content does not let somebody change the file's mode, nor the content back later."""
    hire(world, "dave", "erin")
    world.land({"tools/run.sh": "one\n"}, by="alice", approvers=["dave"])
    since = world.repository.first_parents(world.head())[1]
    revoke_since(world, since)
    assert doubtful_paths(commands.survives(world, "decision.doubtful")) == ["tools/run.sh"]
    affirm(world, "tools/run.sh", "bob")
    commands.accepts(world)
    world.change_mode("tools/run.sh", "100755", by="alice")
    commands.survives(world, "approval.quorum")
    world.change_mode("tools/run.sh", "100644", by="alice")
    commands.accepts(world)


def test_an_identity_that_a_thief_brought_cannot_clear_its_own_doubt(
    world: World, commands: Commands
) -> None:
    """Mallory, admitted with a stolen key, neither affirms what is in doubt nor approves anything new."""
    hire(world, "dave", "erin")
    since = world.head()
    person = "orgs/acme/principals/mallory.yaml"
    files = {
        person: principal_document(world.actor("acme/mallory")),
        "orgs/acme/roles/admins.yaml": binding_document(
            "admins", "platform_admin", "org/acme", ["acme/mallory"]
        ),
    }
    world.land(files, by="alice", approvers=["dave", "bob"])
    world.land(project(), by="alice", approvers=["acme/mallory"])
    revoke_since(world, since)
    before = doubtful_paths(commands.survives(world, "decision.doubtful"))
    affirm(world, "orgs/acme/projects/pay/project.yaml", "acme/mallory")
    world.land(project("ledger"), by="alice", approvers=["acme/mallory"])
    assert doubtful_paths(commands.survives(world, "decision.doubtful", "approval.quorum")) == before
    world.commit({"orgs/acme/projects/ledger/project.yaml": None}, by="alice")
    # Whoever affirms Mallory's identity lets what she signed count again.
    for path in (before[0], before[2]):
        affirm(world, path, "bob", "carol")
    commands.accepts(world)


# -- the safe direction is one way --------------------------------------------------------------------------------


def test_a_rollback_cannot_be_rolled_back(world: World, commands: Commands) -> None:
    """After a rollback from the lax version, one approver must not bring it back as 'the one before'."""
    in_production(world)
    assign(world, "2.0.0")
    world.land(production("1.0.0"), by="alice", approvers=["bob"])
    commands.accepts(world)
    world.commit(production("2.0.0"), by="alice", branch="topic")
    world.sign("topic", "bob", issued_at=world.now)
    assert commands.check(world, "topic").code in (PENDING, REFUSED)
    world.merge("topic")
    commands.survives(world, "approval.quorum")
    assert set(commands.assigned(world).values()) == {"1.0.0"}


def test_a_channel_that_rides_on_the_rollback_of_another(world: World, commands: Commands) -> None:
    """Rolling back one channel with one approver must not move a second one that nobody follows yet."""
    following = {"production": ("production", {"name": "guard", "channel": "stable"})}
    old = {"stable": "1.0.0", "canary": "1.0.0"}
    world.land(
        {**guard("1.0.0", channels=old, risk="high"), **project_files(environments=following)},
        by="alice",
        approvers=["bob", "carol"],
    )
    new = guard("2.0.0", text=LAX, parent="1.0.0", risk="high", channels={**old, "stable": "2.0.0"})
    world.land(new, by="alice", approvers=["bob", "carol"])
    commands.accepts(world)
    back = policy_document("guard", risk="high", channels={"stable": "1.0.0", "canary": "2.0.0"})
    world.land({f"{GUARD}/policy.yaml": back}, by="alice", approvers=["bob"])
    commands.survives(world, "approval.quorum")


# -- nuisance -----------------------------------------------------------------------------------------------------


def test_many_envelopes_for_one_change(world: World, commands: Commands) -> None:
    """Two hundred worthless envelopes for the same bytes neither block the good one nor count."""
    world.commit(project(), by="alice", branch="topic")
    signables = world.signables("topic")
    mallory = world.actor("mallory")
    junk: dict[str, bytes | str | None] = {}
    for number in range(200):
        lifetime = timedelta(hours=1, minutes=number)
        junk.update(world.envelopes(signables, "bob", "approve", key=mallory, lifetime=lifetime))
    world.commit(junk, by="mallory", branch="topic", signed=False)
    assert commands.check(world, "topic").code == PENDING
    world.approve("topic", "bob")
    world.merge("topic")
    commands.accepts(world)


def test_forty_hostile_commits_before_the_good_one(world: World, commands: Commands) -> None:
    """A queue longer than what is judged from its front still ends when the branch is put right."""
    for number in range(40):
        world.commit(project(summary=f"junk {number}"), by="mallory", signed=False)
    commands.survives(world, "approval.quorum", forbidden=["junk"])
    world.commit({"orgs/acme/projects/pay/project.yaml": None}, by="mallory", signed=False)
    world.land(project(), by="alice", approvers=["bob"])
    commands.accepts(world)


def test_a_revocation_of_nobodys_business(world: World, commands: Commands) -> None:
    """Revoking the same key in two documents of one commit, one of them backdated, needs what backdating needs."""
    hire(world, "dave", "erin")
    since = world.head()
    world.land(project(), by="alice", approvers=["dave"])
    files = {
        **revocation("plain", "dave", world.actor("dave")),
        **revocation("backdated", "dave", world.actor("dave"), since=since),
    }
    world.land(files, by="alice", approvers=["bob"])
    commands.survives(world, "approval.quorum")
    approve_main(world, "carol")
    commands.survives(world, "decision.doubtful")
