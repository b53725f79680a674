# SPDX-License-Identifier: Apache-2.0
"""Approvals that must not count: too few people, other bytes, other times, other places, other words."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gaitops.documents.layout import envelope_path
from gaitops.history.proposal import propose
from gaitops.history.signable import of_proposal
from tests.attacks.story import (
    LAX,
    PENDING,
    REFUSED,
    VERIFIED,
    Commands,
    approvals_of,
    edited,
    guard,
    hire,
    in_production,
    production,
    project,
    restated,
    rule,
    with_identity,
)
from tests.simulator import Actor, World, binding_document, principal_document, project_files

PAY = "orgs/acme/projects/pay/project.yaml"


def own_approvals(world: World, branch: str, principal: str) -> tuple[str, ...]:
    """Payload digests that a principal may withdraw."""
    with world.history() as history:
        proposal = propose(history, history.repository.resolve(branch))
        return of_proposal(history, proposal)[0].own_approvals(principal)


# -- T1, T4, T5: who counts ---------------------------------------------------------------------------------------


def test_t01_a_key_that_the_change_itself_brings(world: World, commands: Commands) -> None:
    """T1: the change adds a person with every role, and that person approves it."""
    mallory = world.actor("mallory")
    world.commit(
        {
            "trust/principals/mallory.yaml": principal_document(mallory),
            "trust/roles/all.yaml": binding_document("all", "platform_admin", "fleet", ["mallory"]),
            **project(),
        },
        by="alice",
        branch="topic",
    )
    world.sign("topic", "mallory")
    check = commands.check(world, "topic")
    assert check.code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.quorum", "signature.invalid", forbidden=["mallory"])


def test_t01_a_role_that_the_change_itself_brings(world: World, commands: Commands) -> None:
    """T1: the change makes its own author's friend an approver."""
    hire(world, "dave", roles=("policy_author",))
    world.commit(
        {"trust/roles/more.yaml": binding_document("more", "platform_admin", "fleet", ["dave"]), **project()},
        by="alice",
        branch="topic",
    )
    world.sign("topic", "dave")
    world.merge("topic")
    commands.survives(world, "approval.quorum", "permission.denied")


def test_t01_a_person_who_was_added_before_may_approve(world: World, commands: Commands) -> None:
    """The same person, added by the root people first, may approve the next change."""
    hire(world, "dave")
    world.land(project(), by="alice", approvers=["dave"])
    commands.accepts(world)


def test_t04_one_person_with_two_keys(world: World, commands: Commands) -> None:
    """T4: one person, two keys, quorum 2."""
    second = Actor("dave", seed="dave-two")
    files = {
        "trust/principals/dave.yaml": with_identity(
            principal_document(world.actor("dave")), second, "second"
        ),
        "trust/roles/dave.yaml": binding_document("dave", "platform_admin", "fleet", ["dave"]),
        **rule("two", ["project.*"], quorum=2),
    }
    world.land(files, by="alice", approvers=["alice", "bob"])
    world.commit(project(), by="alice", branch="topic")
    world.sign("topic", "dave")
    world.sign("topic", "dave", key=second)
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.quorum")
    world.commit(approvals_of_main(world, "carol"), by="carol")
    commands.accepts(world)


def approvals_of_main(world: World, principal: str, **options: Any) -> dict[str, bytes]:
    """Approvals of what waits on main."""
    return world.envelopes(world.signables("main", include_pending=True), principal, "approve", **options)


def test_t05_the_same_signature_twice(world: World, commands: Commands) -> None:
    """T5: one envelope carries the same signature twice, and lies there under two names."""
    world.land(rule("two", ["project.*"], quorum=2), by="alice", approvers=["alice", "bob"])
    world.commit(project(), by="alice", branch="topic")
    envelope = approvals_of(world, "topic", "bob")
    (path,) = envelope
    doubled = edited(envelope, lambda value: value["signatures"].append(value["signatures"][0]))
    copies = {
        path.replace("/bob.", "/carol."): envelope[path],
        path.replace("/bob.", "/dave."): doubled[path],
    }
    world.commit({**doubled, **copies}, by="bob", branch="topic")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    verdict = commands.survives(world, "approval.quorum")
    assert any("has 1 (bob)" in problem["message"] for problem in verdict["problems"])


# -- T7, T23: exactly these bytes ---------------------------------------------------------------------------------


def test_t07_one_byte_changed_after_the_approval(world: World, commands: Commands) -> None:
    """T7: one byte of one covered file changes after the approval."""
    world.commit({**project(), **guard("1.0.0")}, by="alice", branch="topic")
    world.approve("topic", "bob")
    world.commit(project(summary="payments."), by="alice", branch="topic")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.quorum")


def test_t07_the_mode_changed_after_the_approval(world: World, commands: Commands) -> None:
    """T7: the mode of one covered file changes after the approval."""
    world.commit({"tools/run.sh": "#!/bin/sh\n"}, by="alice", branch="topic")
    world.approve("topic", "bob")
    world.change_mode("tools/run.sh", "100755", by="alice", branch="topic")
    assert commands.check(world, "topic").code == PENDING
    tree = world.repository.tree_of(world.head("topic"))
    world.commit_tree(tree, [world.head()], by="alice")
    commands.survives(world, "approval.quorum")


def test_t07_a_change_of_mode_alone_needs_approval(world: World, commands: Commands) -> None:
    """T7: a later change of nothing but the mode is a change of its own, never an affirmation."""
    world.land({"tools/run.sh": "#!/bin/sh\n"}, by="alice", approvers=["bob"])
    world.change_mode("tools/run.sh", "100755", by="alice")
    commands.survives(world, "approval.quorum")
    world.commit(approvals_of_main(world, "bob"), by="bob")
    commands.accepts(world)


def test_t07_unrelated_commits_do_not_hurt_an_approval(world: World, commands: Commands) -> None:
    """An approval survives a rebase and merges of other paths, because it names bytes."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    world.land(project("ledger"), by="carol", approvers=["bob"])
    world.merge("topic", by="alice")
    commands.accepts(world)


def test_t23_only_the_weakening_half_is_merged(world: World, commands: Commands) -> None:
    """T23: two files approved together, only the weakening one is merged."""
    lax = guard("1.0.0", text=LAX)
    world.commit({**project(), **lax}, by="alice", branch="topic")
    world.approve("topic", "bob")
    envelopes = approvals_of(world, "topic", "bob")
    world.commit({**lax, **envelopes}, by="alice")
    commands.survives(world, "approval.quorum", "approval.coverage", forbidden=["default_verdict: allow"])
    world.commit(project(), by="alice")
    commands.accepts(world)


# -- T8: time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issued", "lifetime", "wait"),
    [
        pytest.param(0, 1, 2, id="expired"),
        pytest.param(3, 24, 0, id="not yet valid"),
        pytest.param(0, 24 * 30, 24 * 8, id="older than the built-in 7 days"),
    ],
)
def test_t08_an_approval_out_of_time(
    world: World, commands: Commands, issued: int, lifetime: int, wait: int
) -> None:
    """T8: approval expired, not yet valid, or older than any rule allows (hours)."""
    world.commit(project(), by="alice", branch="topic")
    world.sign(
        "topic", "bob", issued_at=world.now + timedelta(hours=issued), lifetime=timedelta(hours=lifetime)
    )
    world.tick(timedelta(hours=wait))
    world.merge("topic")
    commands.survives(world, "approval.expired", "approval.quorum")


def test_t08_an_approval_older_than_a_rule_allows(world: World, commands: Commands) -> None:
    """T8: the approver allowed three days, the rule allows an hour."""
    world.land(rule("brief", ["project.*"], ttl="1h"), by="alice", approvers=["alice", "bob"])
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    world.tick(timedelta(minutes=61))
    world.merge("topic")
    commands.survives(world, "approval.expired", "approval.quorum")


def test_t08_an_approval_in_its_last_minute_counts(world: World, commands: Commands) -> None:
    """The end of an approval's life is exclusive, and everything before it is inside."""
    world.commit(project(), by="alice", branch="topic")
    world.sign("topic", "bob", lifetime=timedelta(hours=1))
    world.tick(timedelta(minutes=57))
    world.merge("topic")
    commands.accepts(world)


# -- T9, T10, T11, T12: what an envelope is -----------------------------------------------------------------------


def test_t09_an_old_approval_after_a_rollback(world: World, commands: Commands) -> None:
    """T9: A to B approved, back to A, then B again with the old envelope, also under another file name."""
    world.land(project(summary="one"), by="alice", approvers=["bob"])
    world.commit(project(summary="two"), by="alice", branch="topic")
    old = approvals_of(world, "topic", "bob")
    world.commit(old, by="bob", branch="topic")
    world.merge("topic")
    world.land(project(summary="one"), by="alice", approvers=["bob"])
    commands.accepts(world)
    (path,) = old
    copy = {f"{path.rpartition('.')[0][:-12]}{'0' * 12}.json": old[path]}
    world.commit({**project(summary="two"), **copy}, by="alice")
    commands.survives(world, "approval.replayed", "approval.quorum")
    world.commit(approvals_of_main(world, "bob"), by="bob")
    commands.accepts(world)


def test_t09_an_unused_approval_from_before_the_rollback(world: World, commands: Commands) -> None:
    """T9: an approval that came too late to be used the first time is not saved up for the second time."""
    world.land(project(summary="one"), by="alice", approvers=["bob"])
    world.commit(project(summary="two"), by="alice", branch="topic")
    saved = approvals_of(world, "topic", "carol")
    world.approve("topic", "bob")
    world.merge("topic")
    world.land(project(summary="one"), by="alice", approvers=["bob"])
    world.commit({**project(summary="two"), **saved}, by="alice")
    commands.survives(world, "approval.replayed", "approval.quorum")


def test_t10_an_approval_from_another_fleet(world: World, commands: Commands, tmp_path: Path) -> None:
    """T10: the same people approved the same bytes in another fleet."""
    other = World(tmp_path / "other", people=("alice", "bob", "carol", "dave"))
    assert other.trust_root != world.trust_root
    other.commit(project(), by="alice", branch="topic")
    world.tick(timedelta(hours=1))
    world.commit({**project(), **approvals_of(other, "topic", "bob")}, by="alice")
    commands.survives(world, "approval.wrong_fleet", "approval.quorum")


def test_t10_an_approval_moved_into_the_folder_of_this_fleet(
    world: World, commands: Commands, tmp_path: Path
) -> None:
    """T10: the foreign envelope lies where this fleet's would lie."""
    other = World(tmp_path / "other", people=("alice", "bob", "carol", "dave"))
    other.commit(project(), by="alice", branch="topic")
    world.commit(project(), by="alice", branch="topic")
    (foreign,) = approvals_of(other, "topic", "bob").values()
    (place,) = approvals_of(world, "topic", "bob")
    world.tick(timedelta(hours=1))
    world.commit({**project(), place: foreign}, by="alice")
    commands.survives(world, "approval.tampered", "approval.quorum")


def test_t11_operations_that_say_something_else(world: World, commands: Commands) -> None:
    """T11: the envelope's operations call a production assignment a development one."""
    in_production(world)
    world.commit(production("2.0.0"), by="alice", branch="topic")
    for name in ("bob", "carol"):

        def tell_less(predicate: dict[str, Any]) -> None:
            predicate["operations"][0]["tiers"] = ["development"]

        lie = restated(world, approvals_of(world, "topic", name), world.actor(name), name, tell_less)
        world.commit(lie, by=name, branch="topic")
    assert commands.check(world, "topic").code in (REFUSED, PENDING)
    world.merge("topic")
    commands.survives(world, "approval.misleading", "approval.quorum")
    assert set(commands.assigned(world).values()) == {"1.0.0"}


def test_t11_what_an_approval_does_may_not_change_afterwards(world: World, commands: Commands) -> None:
    """T11: a repository joins the project after the approval, so the assignment reaches further than was read."""
    in_production(world)
    world.commit(production("2.0.0"), by="alice", branch="topic")
    world.approve("topic", "bob", "carol")
    more = project_files(repositories=["vault"])
    del more["orgs/acme/projects/pay/project.yaml"]
    world.land(more, by="alice", approvers=["bob", "carol"])
    assert commands.check(world, "topic").code in (REFUSED, PENDING)
    world.merge("topic")
    commands.survives(world, "approval.misleading", "approval.quorum")


def test_t12_a_key_id_that_is_not_the_keys_own(world: World, commands: Commands) -> None:
    """T12: Mallory's signature under Bob's key id; Bob's signature under Carol's name."""
    world.commit(project(), by="alice", branch="topic")
    forged = approvals_of(world, "topic", "bob", key=world.actor("mallory"))
    bob = world.actor("bob").signer.public_key.keyid
    forged = edited(forged, lambda value: value["signatures"][0].update(keyid=bob))
    borrowed = approvals_of(world, "topic", "carol", key=world.actor("bob"))
    world.commit({**forged, **borrowed}, by="mallory", branch="topic")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "signature.invalid", "approval.quorum")


@pytest.mark.parametrize("signatures", ["stripped", "empty"])
def test_t12_signatures_that_are_gone(world: World, commands: Commands, signatures: str) -> None:
    """T12: the signature list was stripped, or its entries emptied."""
    world.commit(project(), by="alice", branch="topic")

    def strip(value: dict[str, Any]) -> None:
        value["signatures"] = [] if signatures == "stripped" else [{"keyid": "", "sig": ""}]

    world.commit(edited(approvals_of(world, "topic", "bob"), strip), by="bob", branch="topic")
    world.merge("topic")
    commands.survives(world, "signature.invalid", "approval.quorum")


def test_t12_a_signature_over_other_bytes(world: World, commands: Commands) -> None:
    """T12: the payload was exchanged under a valid signature."""
    world.commit(project(summary="harmless"), by="alice", branch="harmless")
    world.commit(project(summary="harmful"), by="alice", branch="topic")
    (signed,) = approvals_of(world, "harmless", "bob").values()
    wanted = approvals_of(world, "topic", "bob")

    def exchange(value: dict[str, Any]) -> None:
        value["signatures"] = json.loads(signed)["signatures"]

    world.commit(edited(wanted, exchange), by="alice", branch="topic")
    world.merge("topic")
    commands.survives(world, "signature.invalid", "approval.quorum")


def test_t12_a_weak_key_is_nobodys(world: World, commands: Commands) -> None:
    """T12: a principal is to get an RSA key of 1024 bits."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - that is the attack
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    weak = world.actor("dave")
    text = principal_document(weak).replace(
        weak.pem.replace("\n", "\\n"),
        key.public_bytes(serialization.Encoding.PEM, form).decode().replace("\n", "\\n"),
    )
    world.commit({"trust/principals/dave.yaml": text}, by="alice")
    commands.survives(world, "key.weak")


# -- T20: withdrawing ---------------------------------------------------------------------------------------------


def withdraw(world: World, branch: str, by: str, digests: tuple[str, ...], **options: Any) -> None:
    """Somebody takes approvals back."""
    files = world.envelopes(world.signables(branch), by, "withdraw", withdraws=digests, **options)
    world.commit(files, by=by, branch=branch)


def test_t20_a_withdrawn_approval(world: World, commands: Commands) -> None:
    """T20: an approval that its signer took back is still counted."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    assert commands.check(world, "topic").code == VERIFIED
    withdraw(world, "topic", "bob", own_approvals(world, "topic", "bob"))
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.withdrawn", "approval.quorum")
    world.tick()
    world.commit(approvals_of_main(world, "bob"), by="bob")
    commands.accepts(world)


def test_t20_a_withdrawal_outlives_its_own_expiry(world: World, commands: Commands) -> None:
    """T20: the withdrawal was given for an hour, the approval for three days."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    withdraw(world, "topic", "bob", own_approvals(world, "topic", "bob"), lifetime=timedelta(hours=1))
    world.tick(timedelta(hours=2))
    world.merge("topic")
    commands.survives(world, "approval.withdrawn", "approval.quorum")


def test_t20_a_withdrawal_holds_although_the_change_shrank(world: World, commands: Commands) -> None:
    """T20: the withdrawal names more files than the change still has."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    digests = own_approvals(world, "topic", "bob")
    world.commit(project("ledger"), by="alice", branch="topic")
    withdraw(world, "topic", "bob", digests)
    world.commit({"orgs/acme/projects/ledger/project.yaml": None}, by="alice", branch="topic")
    world.merge("topic")
    commands.survives(world, "approval.withdrawn", "approval.quorum")


def test_t20_somebody_elses_approval(world: World, commands: Commands) -> None:
    """T20: Carol withdraws what Bob approved, which has no effect; so does Mallory in Bob's name."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    digests = own_approvals(world, "topic", "bob")
    withdraw(world, "topic", "carol", digests)
    withdraw(world, "topic", "bob", digests, key=world.actor("mallory"))
    assert commands.check(world, "topic").code == VERIFIED
    world.merge("topic")
    commands.accepts(world)


# -- T22: envelopes as files --------------------------------------------------------------------------------------


def test_t22_an_envelope_edited_or_deleted(world: World, commands: Commands) -> None:
    """T22: an envelope is edited, or deleted on the side of another change."""
    world.commit(project(), by="alice", branch="topic")
    envelope = approvals_of(world, "topic", "bob")
    world.commit(envelope, by="bob", branch="topic")
    world.merge("topic")
    (path,) = envelope
    world.commit({path: envelope[path].replace(b"{", b"{ ", 1)}, by="alice")
    commands.survives(world, "approval.tampered")
    world.commit({path: None, "tools/x.txt": "x"}, by="alice")
    commands.survives(world, "approval.tampered")
    world.commit({path: envelope[path], "tools/x.txt": None}, by="alice")
    commands.accepts(world)


def test_t22_pruning_is_an_operation_of_its_own(world: World, commands: Commands) -> None:
    """Old envelopes may leave by a change that does nothing else, with an approval."""
    world.commit(project(), by="alice", branch="topic")
    envelope = approvals_of(world, "topic", "bob")
    world.commit(envelope, by="bob", branch="topic")
    world.merge("topic")
    world.commit(dict.fromkeys(envelope), by="alice")
    commands.survives(world, "approval.quorum")
    world.commit(approvals_of_main(world, "bob"), by="bob")
    commands.accepts(world)


def test_t22_junk_among_the_envelopes(world: World, commands: Commands) -> None:
    """T22: junk and a megabyte under approvals/ are ignored and reported, and harm nothing."""
    world.commit(project(), by="alice", branch="topic")
    (path,) = approvals_of(world, "topic", "bob")
    junk = {
        envelope_path("ab" * 32, "bob", "cd" * 32): b"\0junk",
        envelope_path("ab" * 32, "bob", "ef" * 32): b"{" * 1024 * 1024,
        path.replace("/bob.", "/mallory."): b"{}",
    }
    world.commit(junk, by="mallory", signed=False)
    run = commands.verify(world)
    assert run.code == VERIFIED
    assert len(run.json["ignored"]) == 3
    world.approve("topic", "bob")
    world.merge("topic")
    commands.accepts(world)


def test_t22_anything_but_envelopes_under_approvals(world: World, commands: Commands) -> None:
    """T22: files under approvals/ that no envelope's name has are a change like any other."""
    world.commit({"approvals/.gitattributes": "* -text\n"}, by="mallory", signed=False)
    commands.survives(world, "approval.quorum")
