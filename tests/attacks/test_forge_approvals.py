# SPDX-License-Identifier: Apache-2.0
"""Reviews at a forge that must not count: nobody asked for them, somebody else's word, used before, for something else."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from gaitops.documents.times import format_timestamp
from tests.attacks.forge_tools import (
    ACCOUNTS,
    BOT,
    PAY,
    account_revocation,
    attested,
    forge_fleet,
    person,
    review_of,
)
from tests.attacks.story import (
    PENDING,
    VERIFIED,
    Commands,
    edited,
    fingerprint_of,
    hire,
    project,
    restated,
    revocation,
    rule,
)
from tests.cli.harness import Run
from tests.simulator import Actor, World, binding_document, principal_document


def proposed(world: World, files: dict[str, str] | None = None) -> None:
    """Alice proposes a project on the branch topic."""
    world.commit(files or project(), by="alice", branch="topic")


def put(world: World, files: dict[str, bytes], branch: str = "topic") -> None:
    """Somebody without any role commits envelopes."""
    world.commit(files, by="courier", branch=branch, signed=False)


def refusals(run: Run) -> list[str]:
    """Codes for which envelopes do not count, in the order of decisions."""
    return [
        item["code"]
        for partition in run.json["partitions"]
        for decision in partition["decisions"]
        for item in decision["refused"]
    ]


# -- what counts --------------------------------------------------------------------------------------------------


def test_a_review_counts_where_a_rule_names_the_service(world: World, commands: Commands) -> None:
    """An attested review approves; check, verdict, publication and the audit log say whose word it is."""
    forge_fleet(world)
    proposed(world)
    reviewed = world.head("topic")
    put(world, attested(world, "topic"))
    check = commands.check(world, "topic")
    assert check.code == VERIFIED, check.out
    (approved,) = check.json["partitions"][0]["decisions"][0]["approved"]
    assert (approved["principal"], approved["assurance"]) == ("dave", "forge")
    assert (approved["review"]["attestedBy"], approved["review"]["review"]) == (BOT, "80")
    world.merge("topic")
    commands.accepts(world)
    events = commands.run(world, "audit", "export").json["events"]
    (approval,) = events[-1]["approvals"]
    assert (approval["principal"], approval["assurance"]) == ("dave", "forge")
    assert approval["identity"] == {
        "id": "github",
        "type": "forge",
        "provider": "github",
        "host": "github.com",
        "accountId": ACCOUNTS["dave"],
    }
    assert approval["attestedBy"]["fingerprint"] == fingerprint_of(world.actor(BOT))
    assert approval["review"]["commit"] == reviewed
    assert events[-1]["requirement"]["forgeAttesters"] == [BOT]


def test_people_see_whose_word_it_is(world: World, commands: Commands) -> None:
    """The text and the Markdown of check name the service beside the reviewer, and say that nobody signed."""
    forge_fleet(world)
    proposed(world)
    put(world, attested(world, "topic"))
    commands.clock["now"] = world.now
    given = (
        "check",
        "--repo",
        world.path,
        "--trust-root",
        world.trust_root,
        "--base",
        "main",
        "--head",
        "topic",
    )
    for options in ((), ("--format", "markdown")):
        out = commands.invoke(*given, *options).out
        assert "dave (forge: reviewbot attests review 80 of github.com/larkspur/fleet" in out.replace(
            "\\", ""
        )
        assert "no signature of the reviewer" in out


def test_two_reviews_are_two_people(world: World, commands: Commands) -> None:
    """Quorum counts reviewers, not the service that attests them."""
    forge_fleet(world, quorum=2)
    proposed(world)
    put(world, attested(world, "topic"))
    put(world, attested(world, "topic", review=review_of(world, "topic", review="81")))
    assert commands.check(world, "topic").code == PENDING
    put(world, attested(world, "topic", "erin", review=review_of(world, "topic", "erin", review="82")))
    assert commands.check(world, "topic").code == VERIFIED


def test_one_review_carries_what_its_commit_does_in_every_organization(
    world: World, commands: Commands
) -> None:
    """A pull request that touches fleet and organization is one review and two envelopes."""
    forge_fleet(world, operations=["project.*", "organization.*"])
    body = world.read("orgs/acme/org.yaml").decode().replace("acme", "beta")
    proposed(world, {**project(), "orgs/beta/org.yaml": body})
    files = attested(world, "topic")
    assert len(files) == 2
    put(world, files)
    assert commands.check(world, "topic").code == VERIFIED
    world.merge("topic")
    commands.accepts(world)


# -- off unless a rule says so --------------------------------------------------------------------------------------


def test_no_rule_no_review(world: World, commands: Commands) -> None:
    """T49: without a rule that lists forge, a review is no approval, whoever attests it."""
    forge_fleet(world, operations=["repository.*"])
    proposed(world)
    put(world, attested(world, "topic"))
    check = commands.check(world, "topic")
    assert (check.code, refusals(check)) == (PENDING, ["approval.assurance"])
    world.merge("topic")
    commands.survives(world, "approval.quorum")


def test_another_rule_that_does_not_list_it(world: World, commands: Commands) -> None:
    """T49: every rule that matches must accept it: one that lists kinds without forge takes it away."""
    forge_fleet(world)
    world.land(
        rule("signed", ["project.*"], assurance=["key", "ssh"]), by="alice", approvers=["alice", "bob"]
    )
    proposed(world)
    put(world, attested(world, "topic"))
    assert refusals(commands.check(world, "topic")) == ["approval.assurance"]


def test_rules_that_believe_different_services(world: World, commands: Commands) -> None:
    """T49: rules that share no service share no forge; when nothing else is left, that is an error of the rules."""
    forge_fleet(world, assurance=["forge"])
    other = {"trust/principals/otherbot.yaml": principal_document(world.actor("otherbot"), kind="service")}
    world.land(
        {**other, **rule("other", ["project.*"], assurance=["forge"], forgeAttesters=["otherbot"])},
        by="alice",
        approvers=["alice", "bob"],
    )
    proposed(world)
    put(world, attested(world, "topic"))
    check = commands.check(world, "topic")
    assert "approval_rule.empty_assurance" in check.codes
    assert refusals(check) == ["approval.assurance"]


@pytest.mark.parametrize(
    "files",
    [
        {"trust/roles/more.yaml": binding_document("more", "operator", "fleet", ["carol"])},
        {"orgs/acme/roles/more.yaml": binding_document("more", "operator", "org/acme", ["carol"])},
        {"orgs/acme/principals/zoe.yaml": principal_document(Actor("acme/zoe"))},
    ],
)
def test_people_and_roles_never(world: World, commands: Commands, files: dict[str, str]) -> None:
    """T49: a rule for everything that lists forge does not reach people and roles, of the fleet or of an organization."""
    forge_fleet(world, operations=["**"], assurance=["key", "forge"])
    proposed(world, files)
    put(world, attested(world, "topic"))
    put(world, attested(world, "topic", "erin", review=review_of(world, "topic", "erin", review="81")))
    check = commands.check(world, "topic")
    assert check.code == PENDING, check.out
    assert set(refusals(check)) <= {"approval.assurance", "permission.denied"}
    assert all(not item["approved"] for part in check.json["partitions"] for item in part["decisions"])


# -- whose word --------------------------------------------------------------------------------------------------


def test_a_service_that_no_rule_names(world: World, commands: Commands) -> None:
    """T49: another service of the fleet cannot attest."""
    forge_fleet(world)
    other = world.actor("otherbot")
    world.land(
        {"trust/principals/otherbot.yaml": principal_document(other, kind="service")},
        by="alice",
        approvers=["alice", "bob"],
    )
    proposed(world)
    put(world, attested(world, "topic", review=review_of(world, "topic", attested_by="otherbot"), by=other))
    assert refusals(commands.check(world, "topic")) == ["approval.attester"]


def test_a_service_signs_under_the_name_of_another(world: World, commands: Commands) -> None:
    """T49: the service that the review names must have signed, not any service."""
    forge_fleet(world)
    other = world.actor("otherbot")
    world.land(
        {"trust/principals/otherbot.yaml": principal_document(other, kind="service")},
        by="alice",
        approvers=["alice", "bob"],
    )
    proposed(world)
    put(world, attested(world, "topic", by=other))
    assert refusals(commands.check(world, "topic")) == ["signature.invalid"]


def test_a_person_as_attester(world: World, commands: Commands) -> None:
    """T49: a person cannot attest, even when a rule names that person: one key would be two approvers."""
    forge_fleet(world, quorum=2)
    world.land(
        rule("reviews", ["project.*"], quorum=2, assurance=["key", "forge"], forgeAttesters=["bob"]),
        by="alice",
        approvers=["alice", "bob"],
    )
    proposed(world)
    files = attested(
        world, "topic", review=review_of(world, "topic", attested_by="bob"), by=world.actor("bob")
    )
    put(world, files)
    world.sign("topic", "bob")
    check = commands.check(world, "topic")
    assert (check.code, refusals(check)) == (PENDING, ["approval.attester"])


def test_a_service_that_proposed_the_change(world: World, commands: Commands) -> None:
    """T49: a service that contributed to a change cannot attest its reviews."""
    forge_fleet(world)
    world.land(
        {"trust/roles/bot.yaml": binding_document("bot", "platform_admin", "fleet", [BOT])},
        by="alice",
        approvers=["alice", "bob"],
    )
    world.commit(project(), by=BOT, branch="topic")
    put(world, attested(world, "topic"))
    assert refusals(commands.check(world, "topic")) == ["approval.separation_of_duties"]


def test_a_reviewer_who_contributed(world: World, commands: Commands) -> None:
    """T50: separation of duties holds for the reviewer."""
    forge_fleet(world)
    dave = world.actor("dave")
    body = json.loads(person("dave", ACCOUNTS["dave"]))
    body["spec"]["emails"] = [dave.email]
    world.land({"trust/principals/dave.yaml": json.dumps(body)}, by="alice", approvers=["alice", "bob"])
    proposed(world)
    world.commit(
        {
            "orgs/acme/projects/pay/project.yaml": project(summary="more")[
                "orgs/acme/projects/pay/project.yaml"
            ]
        },
        by="dave",
        branch="topic",
        signed=False,
    )
    world.sign("topic", "alice", "propose")
    put(world, attested(world, "topic"))
    assert refusals(commands.check(world, "topic")) == ["approval.separation_of_duties"]


def test_a_reviewer_who_wrote_it_in_the_browser(world: World, commands: Commands) -> None:
    """T50: what somebody writes on the forge's pages is signed by nobody; the forge's own address of them says whose it is."""
    forge_fleet(world)
    proposed(world)
    world.actor("browser").email = f"{ACCOUNTS['dave']}+Dave-Renamed@users.noreply.github.com"
    world.commit({PAY: project(summary="more")[PAY]}, by="browser", branch="topic", signed=False)
    world.sign("topic", "alice", "propose")
    put(world, attested(world, "topic"))
    assert refusals(commands.check(world, "topic")) == ["approval.separation_of_duties"]
    put(world, attested(world, "topic", "erin", review=review_of(world, "topic", "erin", review="81")))
    assert commands.check(world, "topic").code == VERIFIED


def test_a_reviewer_without_the_role(world: World, commands: Commands) -> None:
    """T50: a review by somebody who may not approve is no approval."""
    forge_fleet(world)
    world.land(
        {
            "trust/roles/reviewers-platform-admin.yaml": binding_document(
                "reviewers-platform-admin", "platform_admin", "fleet", ["erin"]
            )
        },
        by="alice",
        approvers=["alice", "bob"],
    )
    proposed(world)
    put(world, attested(world, "topic"))
    assert refusals(commands.check(world, "topic")) == ["permission.denied"]


# -- whose account -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"account_id": "999"},
        {"account_id": ACCOUNTS["erin"]},
        {"host": "github.example.com"},
        {"provider": "gitlab", "review": f"5.{ACCOUNTS['dave']}.20261101T100000Z"},
    ],
)
def test_an_account_that_is_not_the_reviewers(
    world: World, commands: Commands, other: dict[str, Any]
) -> None:
    """T50: account id, host and kind of forge must be those of the reviewer's identity; the login decides nothing."""
    forge_fleet(world)
    proposed(world)
    put(world, attested(world, "topic", review=review_of(world, "topic", **other)))
    assert refusals(commands.check(world, "topic")) == ["approval.account"]


def test_a_renamed_account_is_the_same(world: World, commands: Commands) -> None:
    """The id of an account stays when its login changes."""
    forge_fleet(world)
    proposed(world)
    put(world, attested(world, "topic", review=review_of(world, "topic", login="dave-of-old")))
    assert commands.check(world, "topic").code == VERIFIED


def test_an_account_that_the_change_itself_brings(world: World, commands: Commands) -> None:
    """T50: accounts are read from verified state."""
    forge_fleet(world)
    proposed(world, {**project(), "trust/principals/erin.yaml": person("erin", "999")})
    put(world, attested(world, "topic", "erin", review=review_of(world, "topic", account_id="999")))
    assert "approval.account" in refusals(commands.check(world, "topic"))


def test_an_expired_account(world: World, commands: Commands) -> None:
    """T50: an account counts from and until when its identity says, at the review and at the merge."""
    until = world.now + timedelta(hours=2)
    forge_fleet(world, validUntil=format_timestamp(until))
    proposed(world)
    put(world, attested(world, "topic"))
    assert commands.check(world, "topic").code == VERIFIED
    world.now = until
    assert refusals(commands.check(world, "topic")) == ["identity.expired"]


def test_a_review_from_before_the_account_was_valid(world: World, commands: Commands) -> None:
    """What an account did before it was the person's is nobody's approval."""
    start = world.now + timedelta(hours=2)
    forge_fleet(world, validFrom=format_timestamp(start))
    world.now = start + timedelta(minutes=5)
    proposed(world)
    early = review_of(world, "topic", submitted_at=start - timedelta(minutes=1))
    put(world, attested(world, "topic", review=early))
    assert refusals(commands.check(world, "topic")) == ["identity.expired"]


@pytest.mark.parametrize("whose", ["account", "service"])
def test_a_revoked_account_or_service(world: World, commands: Commands, whose: str) -> None:
    """T50: a review that arrives after the account or the key of the service was revoked does not count."""
    forge_fleet(world)
    gone = (
        account_revocation("gone", "dave")
        if whose == "account"
        else revocation("gone", BOT, world.actor(BOT))
    )
    world.land(gone, by="alice", approvers=["bob"])
    proposed(world)
    put(world, attested(world, "topic"))
    assert refusals(commands.check(world, "topic")) == ["identity.revoked"]


@pytest.mark.parametrize("whose", ["account", "service"])
def test_doubt_reaches_what_either_carried(world: World, commands: Commands, whose: str) -> None:
    """Decisions that rest on a review are in doubt when the account or the service turns out to be compromised."""
    forge_fleet(world)
    proposed(world)
    put(world, attested(world, "topic"))
    since = world.merge("topic")
    commands.accepts(world)
    gone = (
        account_revocation("gone", "dave", since=since)
        if whose == "account"
        else revocation("gone", BOT, world.actor(BOT), since=since)
    )
    world.land(gone, by="alice", approvers=["bob", "carol"])
    verdict = commands.verify(world)
    assert "decision.doubtful" in verdict.codes


# -- once, and for what it was given -------------------------------------------------------------------------------


def test_a_review_is_used_once(world: World, commands: Commands) -> None:
    """T48: a review that carried a decision is replayed under a new payload, for other bytes and another commit."""
    forge_fleet(world)
    proposed(world)
    review = review_of(world, "topic")
    put(world, attested(world, "topic", review=review))
    world.merge("topic")
    commands.accepts(world)
    world.commit(project(summary="something else"), by="alice", branch="next")
    moved: list[dict[str, Any]] = [
        {},
        {"commit": world.head("next")},
        {"repository": "larkspur/renamed", "change": 13},
    ]
    for changes in moved:
        again = review_of(world, "next", **{"commit": review.commit, **changes})
        put(world, attested(world, "next", review=again), "next")
    check = commands.check(world, "next")
    assert (check.code, refusals(check)) == (PENDING, ["approval.replayed"] * 3)
    world.merge("next")
    commands.survives(world, "approval.quorum", "approval.replayed")


def test_a_used_review_for_another_organization(world: World, commands: Commands) -> None:
    """T48: of another commit, a used review carries nothing, in whatever organization."""
    body = world.read("orgs/acme/org.yaml").decode().replace("acme", "beta")
    world.land({"orgs/beta/org.yaml": body}, by="alice", approvers=["bob"])
    forge_fleet(world)
    proposed(world)
    put(world, attested(world, "topic"))
    world.merge("topic")
    world.commit(project(org="beta"), by="alice", branch="next")
    put(world, attested(world, "next"), "next")
    assert refusals(commands.check(world, "next")) == ["approval.replayed"]


def test_use_is_remembered_by_the_checkpoint(world: World, commands: Commands) -> None:
    """T48: a run that starts from a checkpoint knows the reviews that were used before it."""
    forge_fleet(world)
    proposed(world)
    put(world, attested(world, "topic"))
    world.merge("topic")
    commands.clock["now"] = world.now
    given = ("--repo", world.path, "--trust-root", world.trust_root, "--json")
    assert commands.invoke("verify", *given).code == VERIFIED
    world.commit(project(summary="something else"), by="alice", branch="next")
    put(world, attested(world, "next"), "next")
    check = commands.invoke("check", "--base", "main", "--head", "next", *given)
    assert refusals(check) == ["approval.replayed"]


def test_a_review_grows_old_from_when_it_was_given(world: World, commands: Commands) -> None:
    """T48: attesting a review late does not make it young; the rule's time runs from the review."""
    forge_fleet(world)
    proposed(world)
    old = review_of(world, "topic", submitted_at=world.now - timedelta(days=7))
    put(world, attested(world, "topic", review=old))
    assert refusals(commands.check(world, "topic")) == ["approval.expired"]


def test_a_review_from_the_future(world: World, commands: Commands) -> None:
    """Nobody attests what has not happened."""
    forge_fleet(world)
    proposed(world)
    coming = review_of(world, "topic", submitted_at=world.now + timedelta(hours=1))
    put(world, attested(world, "topic", review=coming))
    assert refusals(commands.check(world, "topic")) == ["approval.expired"]


def test_a_review_is_not_for_other_bytes(world: World, commands: Commands) -> None:
    """T48: the envelope of a review covers exact bytes as any other does."""
    forge_fleet(world)
    proposed(world)
    put(world, attested(world, "topic"))
    world.commit(project(summary="laxer"), by="alice", branch="topic")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.quorum")


def test_an_affirmation_is_no_review(world: World, commands: Commands) -> None:
    """Doubt is cleared by signatures of people, not by the service whose word may be what is in doubt."""
    forge_fleet(world)
    hire(world, "frank", roles=("platform_admin",))
    world.commit(project(), by="alice", branch="topic")
    world.sign("topic", "frank")
    since = world.merge("topic")
    world.land(
        revocation("gone", "frank", world.actor("frank"), since=since), by="alice", approvers=["bob", "carol"]
    )
    path = "orgs/acme/projects/pay/project.yaml"
    assert "decision.doubtful" in commands.verify(world).codes
    from gaitops.history.signable import of_affirmation

    with world.history() as history:
        (signable,) = of_affirmation(history, [path])
    payload = signable.payload(
        world.trust_root,
        "approve",
        "dave",
        issued_at=world.now,
        lifetime=timedelta(hours=1),
        reason="",
        forge=review_of(world, "main"),
    )
    put(world, world.sealed(payload, world.actor(BOT), "dave"), "main")
    assert "decision.doubtful" in commands.verify(world).codes
    plain = signable.payload(
        world.trust_root, "approve", "bob", issued_at=world.now, lifetime=timedelta(hours=1), reason=""
    )
    put(world, world.sealed(plain, world.actor("bob"), "bob"), "main")
    commands.accepts(world)


# -- taking it back -------------------------------------------------------------------------------------------------


def test_the_service_withdraws_a_dismissed_review(world: World, commands: Commands) -> None:
    """The service takes back what it attested, and nobody else's approvals."""
    forge_fleet(world, quorum=2)
    proposed(world)
    put(world, attested(world, "topic"))
    world.sign("topic", "bob")
    assert commands.check(world, "topic").code == VERIFIED
    (signable,) = world.signables("topic")
    (own,) = signable.own_approvals(BOT)
    (bobs,) = signable.own_approvals("bob")
    put(world, world.envelopes([signable], BOT, "withdraw", withdraws=[own, bobs]))
    check = commands.check(world, "topic")
    assert (check.code, refusals(check)) == (PENDING, ["approval.withdrawn"])


# -- malformed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"assurance": None},
        {"assurance": "ssh-sk"},
        {"forge": None},
        {"forge": []},
        {"intent": "propose"},
    ],
)
def test_half_an_attestation(world: World, commands: Commands, members: dict[str, object]) -> None:
    """T49: what says only half of what it is, or something else beside it, is no envelope at all."""
    forge_fleet(world)
    proposed(world)

    def edit(predicate: dict[str, Any]) -> None:
        for name, value in members.items():
            if value is None:
                del predicate[name]
            else:
                predicate[name] = value

    put(world, restated(world, attested(world, "topic"), world.actor(BOT), "dave", edit))
    check = commands.check(world, "topic")
    assert check.code == PENDING
    assert [item["code"] for item in check.json["ignored"]] == ["approval.malformed"]


def test_the_members_taken_out_leave_nothing(world: World, commands: Commands) -> None:
    """T49: without its review, the envelope is an approval by the reviewer that the reviewer did not sign."""
    forge_fleet(world)
    proposed(world)

    def edit(predicate: dict[str, Any]) -> None:
        del predicate["assurance"], predicate["forge"]

    put(world, restated(world, attested(world, "topic"), world.actor(BOT), "dave", edit))
    assert refusals(commands.check(world, "topic")) == ["signature.invalid"]


def test_a_broken_signature(world: World, commands: Commands) -> None:
    """T49: a review whose envelope does not verify is nobody's word."""
    forge_fleet(world)
    proposed(world)

    def spoil(value: dict[str, Any]) -> None:
        value["signatures"][0]["sig"] = value["signatures"][0]["sig"][::-1].lstrip("=") + "=="

    put(world, edited(attested(world, "topic"), spoil))
    run = commands.check(world, "topic")
    assert run.code == PENDING
