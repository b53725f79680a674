# SPDX-License-Identifier: Apache-2.0
"""``gaitops trust access``: who can approve what, who did, and which authority nobody used."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gaitops.change.access import AT_ENVIRONMENT, AT_FLEET, AT_ORG, AT_PROJECT, ELSEWHERE
from gaitops.change.permissions import PERMISSIONS
from gaitops.documents.times import format_timestamp
from gaitops.fleet.credentials import ForgeAccount
from tests.attacks.forge_tools import ACCOUNTS, BOT, attested, forge_fleet
from tests.attacks.story import hire, hire_in_org, in_production, project, revocation, rule, with_identity
from tests.cli.harness import Invoke, Run
from tests.simulator import START, Actor, World, binding_document, document, principal_document

QUARTER = timedelta(days=91)


class Office:
    """A world, and the command at its time."""

    def __init__(self, gaitops: Invoke, folder: Path, clock: dict[str, datetime]) -> None:
        self.gaitops, self.clock = gaitops, clock
        self.world = World(folder / "fleet")

    def run(self, *options: str) -> Run:
        """Run the command."""
        self.clock["now"] = self.world.now
        return self.gaitops(
            "trust", "access", "--repo", self.world.path, "--trust-root", self.world.trust_root, *options
        )

    def json(self, *options: str) -> dict[str, Any]:
        """What it prints with ``--json``."""
        run = self.run("--json", *options)
        assert run.code == 0, run.out
        return run.json

    def findings(self, kind: str, *options: str) -> list[tuple[str | None, str | None, str]]:
        """Findings of a kind: principal, scope, message."""
        found = self.json(*options)["findings"]
        return [(item["principal"], item["scope"], item["message"]) for item in found if item["kind"] == kind]


@pytest.fixture
def office(gaitops: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office whose command line believes the story's time."""
    clock: dict[str, datetime] = {"now": START}
    for module in ("opening", "clock"):
        monkeypatch.setattr(f"gaitops.cli.{module}.now", lambda: clock["now"])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Office(gaitops, tmp_path, clock)


def one(report: Mapping[str, Any], scope: str, operation: str, risk: str | None = None) -> dict[str, Any]:
    """The entry for an operation at a scope."""
    (found,) = [
        item
        for item in report["access"]
        if (item["scope"], item["operation"], item["risk"]) == (scope, operation, risk)
    ]
    entry: dict[str, Any] = found
    return entry


def who(entry: Mapping[str, Any]) -> list[str]:
    """Names of those who could approve."""
    return [item["principal"] for item in entry["approvers"]]


def test_every_operation_is_decided_somewhere() -> None:
    """The kinds that are listed by scope are those of the permission table."""
    listed = {*AT_FLEET, *AT_ORG, *AT_PROJECT, *AT_ENVIRONMENT}
    assert listed | ELSEWHERE == set(PERMISSIONS)
    assert not listed & ELSEWHERE


def test_roles_and_groups_become_people(office: Office) -> None:
    """Approvers are named with the role, the scope and the group by which they are, and what they would sign with."""
    world = office.world
    hire(world, "dave", roles=(), groups=("security",))
    world.land(project(), by="alice", approvers=["bob"])
    binding = binding_document("sec", "platform_admin", "org/acme/project/pay", [], ["security"])
    world.land({"trust/roles/sec.yaml": binding}, by="alice", approvers=["alice", "bob"])
    hire_in_org(world, "acme", {"platform_admin": ["zoe"]})
    report = office.json()
    entry = one(report, "org/acme/project/pay", "project.change")
    assert who(entry) == ["acme/zoe", "alice", "bob", "carol", "dave"]
    by = {item["principal"]: item["roles"] for item in entry["approvers"]}
    assert by["dave"] == [{"role": "platform_admin", "scope": "org/acme/project/pay", "group": "security"}]
    assert by["acme/zoe"] == [{"role": "platform_admin", "scope": "org/acme", "group": None}]
    dave = next(item for item in entry["approvers"] if item["principal"] == "dave")
    assert [item["id"] for item in dave["identities"]] == ["laptop"]
    assert who(one(report, "fleet", "organization.change")) == ["alice", "bob", "carol"]
    root = one(report, "fleet", "principal.change")
    assert (root["requirement"]["root"], root["requirement"]["quorum"]) == (True, 2)
    assert all(item["roles"] == [] for item in root["approvers"])


def test_tiers_and_risks_raise_what_is_needed(office: Office) -> None:
    """An environment has the quorum of its tier, a policy that of each risk."""
    in_production(office.world)
    report = office.json()
    place = "org/acme/project/pay/environment/production"
    assert one(report, place, "assignment.change", "low")["requirement"]["quorum"] == 2
    assert one(report, place, "assignment.change", "low")["tier"] == "production"
    quorums = {
        risk: one(report, "org/acme", "policy.publish", risk)["requirement"]["quorum"]
        for risk in ("low", "medium", "high", "critical")
    }
    assert quorums == {"low": 1, "medium": 1, "high": 2, "critical": 2}


def test_revoking_from_now_on_takes_one_approval(office: Office) -> None:
    """The safe direction is shown as the engine judges it: rules that ask for more do not slow it down."""
    office.world.land(rule("slow", ["revocation.*"], quorum=3), by="alice", approvers=["alice", "bob"])
    report = office.json()
    for scope in ("fleet", "org/acme"):
        needed = one(report, scope, "revocation.identity")["requirement"]
        assert (needed["quorum"], needed["rules"]) == (1, ["built-in:safe-direction"])
    assert one(report, "fleet", "revocation.release")["requirement"]["quorum"] == 3


def test_assurance_decides_whose_identity_would_do(office: Office) -> None:
    """Where a rule accepts reviews, people with nothing but an account appear, and the service by name; elsewhere not."""
    forge_fleet(office.world)
    office.world.land(project(), by="alice", approvers=["bob"])
    report = office.json()
    entry = one(report, "org/acme/project/pay", "project.change")
    assert {"dave", "erin"} <= set(who(entry))
    assert entry["requirement"]["forgeAttesters"] == [BOT]
    assert "dave" not in who(one(report, "org/acme/project/pay", "repository.change"))
    text = office.run("--scope", "org/acme/project/pay").out
    assert f"1 approval, by forge or key (reviews are the word of {BOT})" in text
    assert "dave (forge)" in text


def test_who_did(office: Office) -> None:
    """Per scope and principal: how often proposed, approved, attested, and when last; services are told apart."""
    world = office.world
    forge_fleet(world)
    world.commit(project(), by="alice", branch="topic")
    world.commit(attested(world, "topic"), by="courier", branch="topic", signed=False)
    world.merge("topic")
    rows = {(item["scope"], item["principal"]): item for item in office.json()["did"]}
    scope = "org/acme/project/pay"
    assert {name for place, name in rows if place == scope} == {"alice", "dave", BOT}
    counts = ("proposed", "approved", "attested", "analyzed")
    assert [rows[scope, "alice"][name] for name in counts][1:] == [0, 0, 0]
    assert [rows[scope, "dave"][name] for name in counts] == [0, 1, 0, 0]
    assert [rows[scope, BOT][name] for name in counts] == [0, 0, 1, 0]
    last = rows[scope, "dave"]["last"]
    assert last == office.json("--principal", "dave")["did"][0]["last"]


def test_grants_that_nobody_used(office: Office) -> None:
    """A grant is told of when it is old enough and of no use for so long; using it, or giving it anew, ends that."""
    world = office.world
    hire(world, "dave", "erin", roles=("platform_admin",))
    assert office.findings("grant_unused") == []
    world.now += QUARTER
    world.land(project(), by="alice", approvers=["dave"])
    unused = office.findings("grant_unused")
    assert ("erin", "fleet", "platform_admin: never used (trust/roles/dave-platform-admin.yaml)") in unused
    assert "dave" not in {name for name, _scope, _why in unused}
    assert office.findings("grant_unused", "--unused-for", "180d") == []
    assert office.run("--fail-on-unused").code == 3
    assert office.run("--fail-on-unused", "--unused-for", "180d").code == 0
    assert office.run("--fail-on-unused", "--principal", "dave").code == 0
    world.now += QUARTER
    later = {name: why for name, _scope, why in office.findings("grant_unused", "--principal", "dave")}
    assert later["dave"].startswith("platform_admin: last used 20")


def test_root_keys_use_no_role(office: Office) -> None:
    """Deciding with root keys makes no use of roles, so roles of root people can be unused."""
    world = office.world
    world.now += QUARTER
    hire(world, "dave", roles=("auditor",))
    unused = {(name, why.partition(":")[0]) for name, _scope, why in office.findings("grant_unused")}
    assert {("alice", "platform_admin"), ("bob", "platform_admin")} <= unused


def test_a_grant_through_a_group_is_as_old_as_the_membership(office: Office) -> None:
    """Who joined a group lately has not had its roles for long."""
    world = office.world
    hire(world, "dave", roles=(), groups=("security",))
    binding = binding_document("sec", "auditor", "fleet", [], ["security"])
    world.land({"trust/roles/sec.yaml": binding}, by="alice", approvers=["alice", "bob"])
    world.now += QUARTER
    hire(world, "erin", roles=(), groups=("security",))
    unused = office.findings("grant_unused")
    assert ("dave", "fleet", "auditor through security: never used (trust/roles/sec.yaml)") in unused
    assert "erin" not in {name for name, _scope, _why in unused}


def test_identities_that_nobody_used(office: Office) -> None:
    """An identity without any signature is told of once it is old; root keys, and new and revoked ones, are not."""
    world = office.world
    hire(world, "dave", roles=("platform_admin",))
    spare = Actor("dave", seed="spare")
    text = with_identity(principal_document(world.actor("dave")), spare, "spare")
    world.land({"trust/principals/dave.yaml": text}, by="alice", approvers=["alice", "bob"])
    assert office.findings("identity_unused") == []
    world.now += QUARTER
    world.land(project(), by="alice", approvers=["dave"])
    assert office.findings("identity_unused") == [("dave", None, "spare (key) was never used")]
    world.land(revocation("spare", "dave", spare), by="alice", approvers=["bob"])
    assert office.findings("identity_unused") == []


def test_quorums_that_cannot_be_met(office: Office) -> None:
    """Too few people, a group that nobody is in, kinds that nobody has, and rules that contradict each other."""
    world = office.world
    world.land(project(), by="alice", approvers=["bob"])
    files = {
        **rule("many", ["project.*"], quorum=3),
        **rule("group", ["waiver.*"], groups=["security"]),
        **rule("hard", ["repository.*"], assurance=["ssh-sk"]),
        **rule("one", ["gate.*"], assurance=["ssh"]),
        **rule("other", ["gate.*"], assurance=["sigstore"]),
    }
    world.land(files, by="alice", approvers=["alice", "bob"])
    found = {why.partition(":")[0]: why for _name, _scope, why in office.findings("unreachable")}
    by_floor = {"org_principal.change", "org_role.change", "org_directory.change"}
    by_rule = {"project.change", "waiver.change", "repository.change", "gate.change"}
    assert set(found) == {*by_floor, *by_rule, "hold.place"}
    assert "nobody who may propose it can sign" in found["hold.place"]
    assert all("needs 3" in found[kind] for kind in by_floor)
    assert "needs 3, and 3 could approve, not counting who proposes" in found["project.change"]
    assert "nobody who could approve belongs to security" in found["waiver.change"]
    assert "needs 1, and 0 could approve" in found["repository.change"]
    assert "no kind of identity satisfies all rules" in found["gate.change"]
    assert "cannot be met" in office.run().out


def test_people_who_cannot_sign_or_soon_cannot(office: Office) -> None:
    """A role without a usable identity, and a last identity that ends within thirty days."""
    world = office.world
    soon = format_timestamp(world.now + timedelta(days=20))
    later = format_timestamp(world.now + timedelta(days=300))
    body = json.loads(principal_document(world.actor("erin"), validUntil=soon))
    both = with_identity(
        principal_document(world.actor("frank"), validUntil=soon), Actor("f2"), "two", validUntil=later
    )
    files = {
        "trust/principals/dave.yaml": document("Principal", "dave", {"type": "human"}),
        "trust/principals/gone.yaml": document("Principal", "gone", {"type": "human"}),
        "trust/principals/erin.yaml": json.dumps(body),
        "trust/principals/frank.yaml": both,
        "trust/roles/dave.yaml": binding_document("dave", "auditor", "fleet", ["dave"]),
    }
    world.land(files, by="alice", approvers=["alice", "bob"])
    assert [name for name, _scope, _why in office.findings("no_identity")] == ["dave"]
    assert office.findings("identity_expiring") == [("erin", None, f"the last identity ends at {soon[:10]}")]
    world.now += timedelta(days=21)
    assert [name for name, _scope, _why in office.findings("identity_expiring")] == []


def test_filters(office: Office) -> None:
    """--scope keeps a scope and what is below, --principal what concerns somebody; what is not there is an error."""
    world = office.world
    world.land({**project(), **project("ledger")}, by="alice", approvers=["bob"])
    hire(world, "dave", roles=("platform_admin",), scope="org/acme/project/pay")
    report = office.json("--scope", "org/acme")
    assert {item["scope"] for item in report["access"]} == {
        "org/acme",
        "org/acme/project/ledger",
        "org/acme/project/pay",
    }
    assert {item["scope"] for item in report["did"]} == {"org/acme/project/ledger", "org/acme/project/pay"}
    mine = office.json("--principal", "dave")
    assert {item["scope"] for item in mine["access"]} == {"org/acme/project/pay"}
    assert {item["principal"] for item in mine["grants"]} == {"dave"}
    for options in (("--scope", "org/none"), ("--principal", "nobody"), ("--scope", "org/acme/")):
        run = office.run("--json", *options)
        assert (run.code, run.codes) == (6, ["access.unknown"])


def test_csv(office: Office) -> None:
    """One row for everybody who could approve something, with how often they did."""
    forge_fleet(office.world)
    office.world.land(project(), by="alice", approvers=["bob"])
    rows = list(csv.DictReader(io.StringIO(office.run("--format", "csv").out)))
    mine = [
        row for row in rows if (row["scope"], row["operation"]) == ("org/acme/project/pay", "project.change")
    ]
    assert [row["principal"] for row in mine] == ["alice", "bob", "carol", "dave", "erin"]
    by = {row["principal"]: row for row in mine}
    assert (by["bob"]["approved"], by["carol"]["approved"]) == ("1", "0")
    assert by["bob"]["last_approved"].endswith("Z")
    assert by["dave"]["identities"] == "github:forge"
    assert (by["dave"]["forge_attesters"], by["dave"]["assurance"]) == (BOT, "forge key")


def test_only_verified_state_is_shown(office: Office) -> None:
    """What nobody authorized gives nobody any access, and the report says that the revision holds more."""
    world = office.world
    binding = binding_document("m", "platform_admin", "fleet", ["mallory"])
    world.commit(
        {
            "trust/principals/mallory.yaml": principal_document(world.actor("mallory")),
            "trust/roles/m.yaml": binding,
        },
        by="alice",
    )
    report = office.json()
    assert report["verified"] is False
    assert "mallory" not in json.dumps(report)


def test_revoked_identities_give_no_access(office: Office) -> None:
    """Whose account was revoked cannot approve by reviews any more."""
    world = office.world
    forge_fleet(world)
    world.land(project(), by="alice", approvers=["bob"])
    account = ForgeAccount("github", "github.com", ACCOUNTS["dave"]).fingerprint
    spec = {
        "revokes": "identity",
        "cause": "retired",
        "identity": {"principal": "dave", "fingerprint": account},
        "reason": "story",
    }
    world.land({"trust/revocations/d.yaml": document("Revocation", "d", spec)}, by="alice", approvers=["bob"])
    assert "dave" not in who(one(office.json(), "org/acme/project/pay", "project.change"))
    assert [name for name, _scope, _why in office.findings("no_identity")] == ["dave"]
