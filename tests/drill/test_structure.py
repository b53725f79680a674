# SPDX-License-Identifier: Apache-2.0
"""Who could still decide what: the engine's own requirements against the people who could meet them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gaitops.change.judge import Judgement
from gaitops.drill import expired_root
from gaitops.drill.catalogue import DRILLS, drill_of, subject
from gaitops.drill.probes import approvers, probe_for
from gaitops.drill.structure import (
    MOST_LISTED,
    Need,
    head_findings,
    need,
    needs,
    publisher_findings,
    quorum_findings,
    reserve_findings,
    root_findings,
)
from gaitops.drill.survey import Survey
from gaitops.errors import InvalidInputError
from tests.drill.conftest import surveyed
from tests.simulator import World, binding_document, policy_document


def needed(found: Survey, kind: str, scope: str, risk: str | None = None) -> Need:
    """A need that exists."""
    item = need(found, kind, scope, risk)
    assert item is not None
    return item


def test_a_group_that_a_rule_asks_for_limits_who_can_do_without_whom(found: Survey) -> None:
    """Two leads approve with one of the group among them; without both leads nothing is decided."""
    item = needed(found, "policy.create", "org/acme", "low")
    assert (item.requirement.quorum, item.requirement.groups) == (2, frozenset({"acme/leads"}))
    assert {"acme/dora", "acme/emil", "alice", "bob", "carol"} == item.approvers
    assert item.reachable(frozenset({"acme/dora"}))
    assert not item.reachable(frozenset({"acme/dora", "acme/emil"}))
    assert item.indispensable() == ()
    assert "with somebody of acme/leads (built-in, default, leads)" in item.missing()


def test_an_assurance_that_nobody_has_is_found(found: Survey) -> None:
    """A rule that asks for keyless identities where nobody has one makes a decision unreachable today."""
    item = needed(found, "project.change", "org/beta")
    assert item.approvers == frozenset()
    assert item.holders
    assert not item.reachable()
    texts = [one.text for one in reserve_findings(found) if one.about == "quorum-unreachable"]
    assert any("project.change in org/beta" in text and "could approve: nobody" in text for text in texts)


def test_revoked_and_outdated_people_count_for_nothing(found: Survey) -> None:
    """Whoever has no identity that counts can neither propose nor approve."""
    revoked = replace(
        found, revoked=found.revoked | {i.fingerprint for i in found.home("acme/dora").identities}
    )
    assert needed(revoked, "policy.create", "org/acme", "low").approvers == frozenset()
    later = replace(found, places=(), at=found.at + timedelta(days=10_000))
    assert needed(later, "policy.create", "org/acme", "low").approvers >= {"acme/dora"}


def test_the_root_is_a_need_of_its_own(found: Survey) -> None:
    """Root people propose and approve alike: two of three can do without any one, not without two."""
    root = needs(found)[0]
    assert root.requirement.root
    assert root.reachable(frozenset({"alice"}))
    assert not root.reachable(frozenset({"alice", "bob"}))


@pytest.mark.parametrize(
    ("kind", "scope", "risk"),
    [
        ("policy.create", "org/beta", "low"),
        ("policy.create", "org/beta", "high"),
        ("organization.change", "fleet", None),
        ("org_role.change", "org/beta", None),
    ],
)
def test_requirements_are_those_of_the_engine(
    tmp_path: Path, kind: str, scope: str, risk: str | None
) -> None:
    """What is asked here for a decision is what the engine asks when somebody proposes it."""
    world = World(tmp_path / "fleet", orgs=("beta",))
    changes: dict[str, tuple[str, str | bytes]] = {
        "policy.create": (
            "orgs/beta/policies/p/policy.yaml",
            policy_document("p", org="beta", risk=risk or "low"),
        ),
        "organization.change": ("orgs/beta/org.yaml", world.read("orgs/beta/org.yaml") + b"# more\n"),
        "org_role.change": (
            "orgs/beta/roles/r.yaml",
            binding_document("r", "approver", "org/beta", ["bob"]),
        ),
    }
    path, data = changes[kind]
    world.commit({path: data}, by="alice", branch="topic")
    judgement: Judgement = world.signables("topic")[0].judgement
    (decision,) = judgement.decisions
    item = needed(surveyed(world), kind, scope, risk)
    assert item.requirement == decision.approvals.requirement
    assert item.approvers - {"alice"} == set(decision.approvals.may_sign)


def test_everything_that_is_lost_is_told_with_what_is_left(small: World) -> None:
    """In a fleet of two, either is indispensable."""
    texts = [item.text for item in quorum_findings(surveyed(small), "bob", severity="failure")]
    assert texts[0].startswith("without bob: what only the root may change")
    assert "without bob: organization.change in fleet needs 1 approval besides its proposer" in texts[1]
    assert texts[1].endswith("could approve: alice; could propose: alice")
    people = {item.text.split(",")[0] for item in reserve_findings(surveyed(small))}
    assert people == {"without alice", "without bob"}


def test_long_lists_are_cut(found: Survey) -> None:
    """A report must fit an envelope: what does not fit is counted."""
    people = {"fleet": found.people["fleet"], **{f"org-{n}": found.people["beta"] for n in range(40)}}
    risks = {f"org-{n}": frozenset[str]() for n in range(40)}
    many = replace(found, people=people, risks=risks, projects=(), places=())
    told = [item for item in quorum_findings(many, "bob", severity="failure") if item.severity == "failure"]
    assert len(told) == MOST_LISTED + 1
    assert told[-1].text == f"and {80 - MOST_LISTED} more of this kind"


def test_roots_and_publishers(found: Survey, small: World, solo: World) -> None:
    """How many may be lost is reckoned from the thresholds."""
    assert [item.severity for item in root_findings(found, severity="failure")] == ["note"]
    (none,) = root_findings(surveyed(small), severity="failure")
    assert (none.severity, none.text.split(": ")[1]) == (
        "failure",
        "the loss of any one root key is the loss of the root",
    )
    (alone,) = root_findings(surveyed(solo), severity="warning")
    assert "the only root key" in alone.text
    two = replace(found, root=replace(found.root, publishers=found.root.publishers * 3, targets_threshold=2))
    (spare,) = publisher_findings(two, severity="failure")
    assert (spare.severity, spare.text) == (
        "note",
        "2 of 3 publishers must sign a release: 1 may be lost before no release can be published",
    )
    assert [item.severity for item in publisher_findings(found, severity="failure")] == ["failure", "warning"]


@pytest.mark.parametrize(("days", "severity"), [(-1, "failure"), (20, "warning"), (31, "note")])
def test_expiry_of_the_root(found: Survey, days: int, severity: str) -> None:
    """An expired root is a failure, one that expires soon a warning."""
    soon = replace(found, root=replace(found.root, expires=found.at + timedelta(days=days)))
    assert expired_root.findings(soon, None)[0].severity == severity


def test_a_head_that_is_not_verified_is_told(found: Survey) -> None:
    """The copy holds verified state, and the report says when that is not everything."""
    assert head_findings(found) == ()
    assert head_findings(replace(found, verified=False))[0].severity == "warning"


def test_whom_a_drill_is_about(found: Survey, solo: World) -> None:
    """Somebody suitable by default, whoever is named if they fit, and an error otherwise."""
    compromised, left = drill_of("compromised-approver"), drill_of("left-company")
    assert approvers(found)[:2] == ("acme/dora", "acme/emil")
    assert subject(compromised, found, None) == "acme/dora"
    assert subject(compromised, found, "carol") == "carol"
    assert subject(left, found, "gus") == "gus"
    assert subject(left, surveyed(solo), None) == "alice"
    for drill, fleet, name in (
        (compromised, found, "gus"),
        (left, found, "nobody"),
        (compromised, surveyed(solo), None),
    ):
        with pytest.raises(InvalidInputError) as caught:
            subject(drill, fleet, name)
        assert caught.value.code == "drill.principal"


def test_a_probe_is_something_that_others_can_propose(found: Survey) -> None:
    """Whoever approves nothing has none."""
    probe = probe_for(found, "acme/dora")
    assert probe is not None
    assert (probe.kind, probe.scope) == ("policy.create", "org/acme")
    assert probe_for(found, "acme/fay") is None


def test_every_drill_has_a_runbook() -> None:
    """The catalogue names modules that exist."""
    modules = [item.runbook for item in DRILLS]
    assert [getattr(one, "__name__", "") for one in modules] == [
        f"gaitops.drill.{item.name.replace('-', '_')}" for item in DRILLS
    ]
    assert all(hasattr(one, "run") and hasattr(one, "findings") for one in modules)
    with pytest.raises(KeyError):
        drill_of("rotate-everything")
