# SPDX-License-Identifier: Apache-2.0
"""Who may do what, and what may never become easier by doing it in small steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.story import (
    PENDING,
    PRODUCTION,
    REFUSED,
    Commands,
    approvals_of,
    guard,
    hire,
    hire_in_org,
    in_production,
    production,
    project,
    rule,
    with_identity,
)
from tests.simulator import (
    Actor,
    World,
    binding_document,
    document,
    environment_document,
    policy_document,
    principal_document,
    repository_document,
)


@pytest.fixture
def two_orgs(tmp_path: Path) -> World:
    """A fleet of acme and beta, each with an admin, an author and approvers of its own."""
    world = World(tmp_path / "two", orgs=("acme", "beta"))
    staff = {
        "platform_admin": ["root1", "root2", "root3"],
        "policy_author": ["author"],
        "approver": ["one", "two"],
    }
    for org in ("acme", "beta"):
        hire_in_org(world, org, staff)
    return world


# -- T13, T14: places and roles -----------------------------------------------------------------------------------


def test_t13_an_approver_of_another_org(two_orgs: World, commands: Commands) -> None:
    """T13: an approver of acme approves in beta."""
    two_orgs.commit(guard("1.0.0", org="beta"), by="beta/author", branch="topic")
    two_orgs.sign("topic", "acme/one")
    assert commands.check(two_orgs, "topic").code == PENDING
    two_orgs.merge("topic", by="beta/author")
    commands.survives(two_orgs, "signature.invalid", "approval.quorum")


def test_t13_the_orgs_own_approver(two_orgs: World, commands: Commands) -> None:
    """An approver of beta approves in beta; nobody of the fleet is needed."""
    two_orgs.land(guard("1.0.0", org="beta"), by="beta/author", approvers=["beta/one"])
    commands.accepts(two_orgs)


def test_t13_an_author_of_another_project(world: World, commands: Commands) -> None:
    """T13: the admin of one project changes another one."""
    world.land({**project("pay"), **project("ledger")}, by="alice", approvers=["bob"])
    hire(world, "dave", roles=("platform_admin",), scope="org/acme/project/pay")
    world.land(project("pay", summary="mine"), by="dave", approvers=["bob"])
    commands.accepts(world)
    world.commit(project("ledger", summary="not mine"), by="dave", branch="topic")
    world.approve("topic", "bob")
    assert commands.check(world, "topic").code == REFUSED
    world.merge("topic", by="dave")
    commands.survives(world, "permission.denied")


def test_t13_an_org_cannot_give_itself_the_fleet(two_orgs: World, commands: Commands) -> None:
    """T13: a role binding in acme names the fleet, or beta, as its scope."""
    for scope in ("fleet", "org/beta"):
        binding = binding_document("wide", "platform_admin", scope, ["alice"])
        two_orgs.commit({"orgs/acme/roles/wide.yaml": binding}, by="acme/root1")
        commands.survives(two_orgs, "document.path_mismatch")


def test_t13_an_org_admin_cannot_move_the_borders(two_orgs: World, commands: Commands) -> None:
    """T13: the admin of acme widens the globs of acme, which is a matter of the fleet."""
    spec = {"displayName": "acme", "repositories": ["github.com/acme/*", "github.com/other/*"]}
    text = document("Organization", "acme", spec)
    two_orgs.commit({"orgs/acme/org.yaml": text}, by="acme/root1", branch="topic")
    two_orgs.approve("topic", "acme/root2", "acme/root3")
    assert commands.check(two_orgs, "topic").code == REFUSED
    two_orgs.merge("topic", by="acme/root1")
    commands.survives(two_orgs, "permission.denied")


@pytest.mark.parametrize(
    ("role", "files"),
    [
        pytest.param("auditor", project(), id="auditor changes a project"),
        pytest.param("approver", project(), id="approver proposes a project"),
        pytest.param("approver", guard("1.0.0"), id="approver proposes a policy"),
        pytest.param("policy_author", project(), id="author changes a project"),
        pytest.param("platform_admin", guard("1.0.0"), id="admin proposes a policy"),
        pytest.param("analyst", project(), id="analyst proposes"),
        pytest.param("operator", production("2.0.0"), id="operator leaves the plan"),
    ],
)
def test_t14_a_role_that_may_not_propose(
    world: World, commands: Commands, role: str, files: dict[str, str]
) -> None:
    """T14: auditor, approver, analyst and operator propose what is not theirs."""
    in_production(world)
    hire(world, "dave", roles=(role,))
    renamed = {
        path.replace("guard", "fence").replace("/pay/project", "/new/project"): text
        for path, text in files.items()
    }
    renamed = {
        path: text.replace('"guard"', '"fence"').replace('"pay"', '"new"') for path, text in renamed.items()
    }
    world.commit(files if PRODUCTION in files else renamed, by="dave", branch="topic")
    world.approve("topic", "bob", "carol")
    check = commands.check(world, "topic")
    assert check.code == REFUSED
    assert "permission.denied" in check.codes
    world.merge("topic", by="dave")
    commands.survives(world, "permission.denied")


def test_t14_an_auditor_places_a_hold(world: World, commands: Commands) -> None:
    """What an auditor may propose works, and releasing it takes somebody else."""
    hire(world, "dave", roles=("auditor",))
    hold = Path(__file__).parents[1] / "documents" / "examples" / "legal-hold.yaml"
    text = hold.read_text(encoding="utf-8")
    name = next(line.split(":")[1].strip() for line in text.splitlines() if line.strip().startswith("name:"))
    path = f"evidence/holds/{name}.yaml"
    world.land({path: text}, by="dave", approvers=["bob"])
    commands.accepts(world)
    world.commit({path: None}, by="dave", branch="topic")
    world.approve("topic", "bob")
    world.merge("topic", by="dave")
    commands.survives(world, "permission.denied")


# -- T15, T24, T26: making the next step easier -------------------------------------------------------------------


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(rule("production", ["**"], quorum=1), id="lowering a quorum"),
        pytest.param({"trust/approvals/production.yaml": None}, id="removing a rule"),
        pytest.param({"CODEOWNERS": "* @mallory\n"}, id="code owners"),
        pytest.param({".github/workflows/check.yaml": "on: push\n"}, id="CI"),
        pytest.param({"docs/CODEOWNERS": "* @mallory\n"}, id="code owners in an unprotected folder"),
        pytest.param({"orgs/acme/.gitattributes": "* filter=evil\n"}, id="attributes inside an org"),
    ],
)
def test_t15_without_the_root_quorum(world: World, commands: Commands, files: dict[str, str | None]) -> None:
    """T15: an administrator without a root key, two other ones approve, one of them with a root key."""
    hire(world, "dave", "erin", roles=("platform_admin",))
    world.commit(files, by="dave", branch="topic")
    world.approve("topic", "erin", "carol")
    assert commands.check(world, "topic").code in (PENDING, REFUSED)
    world.merge("topic", by="dave")
    commands.survives(world, "permission.denied", "approval.quorum")
    world.commit(approvals_on_main(world, "bob"), by="bob")
    commands.accepts(world)


def approvals_on_main(world: World, principal: str) -> dict[str, bytes]:
    """Approvals of what waits on main."""
    return world.envelopes(world.signables("main", include_pending=True), principal, "approve")


def test_t15_widening_what_is_unprotected(world: World, commands: Commands) -> None:
    """T15: fleet.yaml declares everything unprotected; what rides on it in the same push stays protected."""
    hire(world, "dave", "erin", roles=("platform_admin",))
    text = world.read("fleet.yaml").decode().replace("- README.md", '- "**"')
    world.commit({"fleet.yaml": text, "tools/evil.sh": "rm\n", "orgs/acme/evil.txt": "x"}, by="dave")
    verdict = commands.survives(world, "approval.quorum")
    assert [item["verified"] for item in verdict["partitions"]] == [False, False]


def test_t15_ci_files_stay_protected_under_any_glob(world: World, commands: Commands) -> None:
    """T15: with everything unprotected by the root people, CI files and documents still need them."""
    text = world.read("fleet.yaml").decode().replace("- README.md", '- "**"')
    world.land({"fleet.yaml": text}, by="alice", approvers=["alice", "bob"])
    world.commit({"tools/anything.txt": "x"}, by="mallory", signed=False)
    commands.accepts(world)
    world.commit({".github/workflows/x.yaml": "on: push\n"}, by="mallory", signed=False)
    commands.survives(world, "proposer.unknown", "approval.quorum")


def test_t24_a_second_identity_for_another_approver(world: World, commands: Commands) -> None:
    """T24: one stolen approver key adds a key of the thief's to another approver, so that quorum 2 falls."""
    hire(world, "dave", "erin")
    thief = Actor("dave", seed="thief")
    text = with_identity(principal_document(world.actor("dave")), thief, "phone")
    world.commit({"trust/principals/dave.yaml": text}, by="erin", branch="topic")
    world.sign("topic", "erin")
    assert commands.check(world, "topic").code in (PENDING, REFUSED)
    world.merge("topic", by="erin")
    commands.survives(world, "approval.quorum", "permission.denied")
    world.commit(project(), by="alice", branch="next")
    world.sign("next", "dave", key=thief)
    world.merge("next")
    commands.survives(world, "approval.quorum", "signature.invalid")


def test_t24_inside_an_organization(two_orgs: World, commands: Commands) -> None:
    """T24: the same inside an org needs the highest quorum in which the key could count there."""
    two_orgs.land(
        rule("three", ["assignment.*"], scope="org/acme", quorum=3), by="alice", approvers=["alice", "bob"]
    )
    thief = Actor("acme/two", seed="thief")
    text = with_identity(principal_document(two_orgs.actor("acme/two")), thief, "phone")
    path = "orgs/acme/principals/two.yaml"
    two_orgs.commit({path: text}, by="acme/root1", branch="topic")
    two_orgs.approve("topic", "acme/root2", "acme/root3")
    assert commands.check(two_orgs, "topic").code == PENDING
    two_orgs.merge("topic", by="acme/root1")
    commands.survives(two_orgs, "approval.quorum")
    two_orgs.commit(approvals_on_main(two_orgs, "alice"), by="alice")
    commands.accepts(two_orgs)


@pytest.mark.parametrize("step", ["tier", "risk", "environment removed", "environment replaced"])
def test_t26_lowering_the_bar_before_the_weakening(world: World, commands: Commands, step: str) -> None:
    """T26: first tier production to development, or risk high to low, with one approver; weakening second."""
    in_production(world)
    world.land(
        {"orgs/acme/policies/guard/policy.yaml": policy_document("guard", risk="high")},
        by="alice",
        approvers=["bob", "carol"],
    )
    files: dict[str, str | None]
    if step == "tier":
        files = dict(production("1.0.0", tier="development"))
    elif step == "risk":
        files = {"orgs/acme/policies/guard/policy.yaml": policy_document("guard", risk="low")}
    elif step == "environment removed":
        files = {PRODUCTION: None}
    else:
        folder = PRODUCTION.rpartition("/")[0]
        other = environment_document("live", "development", {"name": "guard", "version": "2.0.0"})
        files = {PRODUCTION: None, f"{folder}/live.yaml": other}
    world.commit(files, by="alice", branch="topic")
    world.approve("topic", "bob")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.quorum")
    world.commit(production("2.0.0", tier="development"), by="alice")
    world.commit(approvals_on_main(world, "bob"), by="bob")
    commands.survives(world, "approval.quorum")
    assert set(commands.assigned(world).values()) == {"1.0.0"}


def test_t26_with_the_full_quorum(world: World, commands: Commands) -> None:
    """Lowering the tier is possible, with the quorum of the tier that is left."""
    in_production(world)
    world.land(production("1.0.0", tier="development"), by="alice", approvers=["bob", "carol"])
    commands.accepts(world)


def test_t25_a_label_moves_a_production_repository(world: World, commands: Commands) -> None:
    """T25: editing a label moves a production repository to a laxer policy at the low bar of the edited file."""
    labelled_fleet(world)
    before = commands.assigned(world)
    edited = repository_document("vault", labels={"track": "lax"})
    world.commit({"orgs/acme/projects/pay/repositories/vault.yaml": edited}, by="alice", branch="topic")
    world.approve("topic", "bob")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.quorum")
    assert commands.assigned(world) == before
    world.commit(approvals_on_main(world, "carol"), by="carol")
    commands.accepts(world)
    assert commands.assigned(world)["github.com/acme/vault", "lax"] == "2.0.0"


def test_t25_a_selector_moves_production_repositories(world: World, commands: Commands) -> None:
    """T25: editing a selector of a development environment takes production repositories in."""
    labelled_fleet(world)
    environment = environment_document(
        "lax", "production", {"name": "guard", "version": "2.0.0"}, selector={"all": True}
    )
    world.commit({"orgs/acme/projects/pay/environments/lax.yaml": environment}, by="alice", branch="topic")
    world.approve("topic", "bob")
    world.merge("topic")
    commands.survives(world, "approval.quorum")
    assert ("github.com/acme/vault", "lax") not in commands.assigned(world)


def labelled_fleet(world: World) -> None:
    """One repository on the strict policy by its label, and a lax environment for those that carry another one."""
    in_production(world)
    folder = "orgs/acme/projects/pay"
    strict = {"name": "guard", "version": "1.0.0"}
    lax = {"name": "guard", "version": "2.0.0"}
    files = {
        f"{folder}/repositories/vault.yaml": repository_document("vault", labels={"track": "strict"}),
        f"{folder}/environments/strict.yaml": environment_document(
            "strict", "production", strict, selector={"matchLabels": {"track": "strict"}}
        ),
        f"{folder}/environments/lax.yaml": environment_document(
            "lax", "production", lax, selector={"matchLabels": {"track": "lax"}}
        ),
    }
    world.land(files, by="alice", approvers=["bob", "carol"])


def test_t13_two_envelopes_for_two_partitions(two_orgs: World, commands: Commands) -> None:
    """One commit that touches two orgs is approved org by org, each by its own people."""
    files = {**guard("1.0.0"), **guard("1.0.0", org="beta")}
    two_orgs.commit(files, by="alice", branch="topic")
    for org in ("acme", "beta"):
        signables = [item for item in two_orgs.signables("topic") if item.partition == org]
        two_orgs.commit(
            two_orgs.envelopes(signables, f"{org}/one", "approve"), by=f"{org}/one", branch="topic"
        )
    assert approvals_of(two_orgs, "topic", "bob")
    two_orgs.merge("topic")
    commands.accepts(two_orgs)
