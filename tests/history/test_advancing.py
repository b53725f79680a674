# SPDX-License-Identifier: Apache-2.0
"""How verified state moves along the chain: late approvals, queues, organizations, merges, times, rules."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.history.stories import approve_main, by_root, codes, events, partition, project, rule
from tests.simulator import World, document

PAY = "orgs/acme/projects/pay/project.yaml"


def summary(world: World) -> str | None:
    """What verified state says about the project ``pay``."""
    with world.history() as history:
        found = history.state().project("acme", "pay")
        return found.spec.summary if found is not None else None


# -- genesis ------------------------------------------------------------------------------------------------------


def test_nothing_is_verified_before_the_root_people_signed(tmp_path: Path) -> None:
    """A threshold of root keys vouches for the first tree, in a later commit; until then nothing counts."""
    world = World(tmp_path / "fleet", genesis=False)
    assert codes(world.verify()) == {"approval.quorum"}
    world.sign_genesis(["alice"])
    assert codes(world.verify()) == {"approval.quorum"}
    world.sign_genesis(["bob"])
    assert world.verify().verified


def test_changes_that_came_before_the_signatures_wait_for_their_own(tmp_path: Path) -> None:
    """Signing the first tree does not sign what was pushed onto it in the meantime."""
    world = World(tmp_path / "fleet", genesis=False)
    world.commit(project(), by="mallory", signed=False)
    world.sign_genesis(["alice", "bob"])
    verdict = world.verify()
    assert partition(verdict, "fleet").verified
    assert not partition(verdict, "acme").verified


def test_a_solo_fleet_says_so(tmp_path: Path) -> None:
    """One person may try gaitops out; every verdict tells."""
    world = World(tmp_path / "fleet", people=("alice",), threshold=1, solo=True)
    verdict = world.verify()
    assert verdict.verified
    assert verdict.solo


# -- the queue ----------------------------------------------------------------------------------------------------


def test_a_late_approval_advances_the_queue(world: World) -> None:
    """The approval arrives after the merge, on main, and names the commit's bytes."""
    world.commit(project(), by="alice")
    merged = world.head()
    assert not world.verify().verified
    approve_main(world, "bob")
    assert world.verify().verified
    last = events(world)[-1]
    assert last["changeCommit"] == merged
    assert last["commit"] == world.head()


def test_the_earliest_authorized_commit_is_taken_first(world: World) -> None:
    """Two commits wait; the approval of the first advances to it and leaves the second waiting."""
    world.commit(project(summary="one"), by="alice", branch="one")
    envelopes = world.envelopes(world.signables("one"), "bob", "approve")
    world.commit(project(summary="one"), by="alice")
    first = world.head()
    world.commit(project(summary="two"), by="alice")
    world.commit(envelopes, by="bob")
    verdict = world.verify()
    assert partition(verdict, "acme").commit == first
    assert summary(world) == "one"
    approve_main(world, "bob")
    assert world.verify().verified
    assert summary(world) == "two"


def test_a_later_commit_may_be_authorized_as_a_whole(world: World) -> None:
    """An approval of the sum of two commits carries both, although the first alone was never approved."""
    world.commit(project(summary="one"), by="alice")
    world.commit(project(summary="two"), by="alice")
    approve_main(world, "bob")
    assert world.verify().verified
    assert [event["operation"]["kind"] for event in events(world)] == ["fleet.genesis", "project.change"]


def test_undoing_an_unauthorized_commit_needs_nobody(world: World) -> None:
    """Back at verified content, nothing differs and nothing waits, whoever pushed the repair."""
    world.commit(project(), by="mallory", signed=False)
    world.commit({PAY: None}, by="mallory", signed=False)
    assert world.verify().verified
    assert len(events(world)) == 1


def test_unprotected_files_need_nobody_and_hold_nothing_up(world: World) -> None:
    """README and docs may change at any time, together with anything."""
    world.commit({"README.md": "x", "docs/a/b.md": "y"}, by="mallory", signed=False)
    assert world.verify().verified
    world.land({**project(), "docs/c.md": "z"}, by="alice", approvers=["bob"])
    world.commit({"README.md": "newer"}, by="mallory", signed=False)
    assert world.verify().verified
    assert "docs/c.md" not in str(events(world))


def test_what_becomes_protected_later_stays_as_it_was(world: World) -> None:
    """Narrowing the unprotected globs judges changes from then on."""
    world.commit({"docs/a.md": "old"}, by="mallory", signed=False)
    narrow = world.read("fleet.yaml").decode().replace('    - "docs/**"\n', "")
    by_root(world, {"fleet.yaml": narrow})
    assert world.verify().verified
    world.commit({"docs/a.md": "new"}, by="mallory", signed=False)
    assert "approval.quorum" in codes(world.verify())


# -- organizations ------------------------------------------------------------------------------------------------


def test_organizations_advance_on_their_own(neighbours: World) -> None:
    """Acme waits, beta and the fleet go on; then acme catches up."""
    world = neighbours
    world.commit(project(), by="alice")
    world.land(project(org="beta"), by="alice", approvers=["bob"])
    by_root(world, rule("extra", ["waiver.*"], quorum=3))
    verdict = world.verify()
    assert [partition(verdict, name).verified for name in ("fleet", "acme", "beta")] == [True, False, True]
    assert verdict.only("beta").verified
    approve_main(world, "bob")
    assert world.verify().verified


def test_a_change_of_rules_holds_from_then_on(world: World) -> None:
    """A waiting change is judged by the rules of the verified state in which it is authorized."""
    world.commit(project(), by="alice")
    by_root(world, rule("two", ["project.*"], quorum=2))
    approve_main(world, "bob")
    assert "approval.quorum" in codes(world.verify())
    approve_main(world, "carol")
    assert world.verify().verified


def test_a_waiting_fleet_change_does_not_hold_organizations_up(world: World) -> None:
    """Rules that wait for the root people neither help nor hinder what acme does meanwhile."""
    world.commit(rule("two", ["project.*"], quorum=2), by="alice")
    world.land(project(), by="alice", approvers=["bob"])
    verdict = world.verify()
    assert [partition(verdict, name).verified for name in ("fleet", "acme")] == [False, True]


# -- merges -------------------------------------------------------------------------------------------------------


def test_a_merge_commit_brings_a_side_branch_in(world: World) -> None:
    """The merger need not be known: the branch's own commits say who made the change."""
    world.commit(project(summary="one"), by="alice", branch="topic")
    world.commit(project(summary="two"), by="carol", branch="topic")
    world.approve("topic", "bob")
    world.join("topic", by="forge", signed=False)
    assert world.verify().verified
    assert events(world)[-1]["proposers"] == ["alice", "carol"]


def test_side_branches_with_merges_of_their_own(world: World) -> None:
    """A branch that merged main and another branch; every commit of it joins with the merge."""
    world.commit(project("one"), by="alice", branch="one")
    world.commit(project("two"), by="carol", branch="two")
    tree = world.repository.tree_of(
        world.commit({**project("one"), **project("two")}, by="alice", branch="sum")
    )
    world.commit_tree(tree, [world.head("one"), world.head("two")], by="alice", branch="both")
    world.approve("both", "bob")
    world.join("both", by="forge", signed=False)
    assert world.verify().verified
    assert {event["operation"]["title"]: event["proposers"] for event in events(world)[1:]} == {
        "add one": ["alice"],
        "add two": ["carol"],
    }


def test_an_unsigned_commit_on_a_side_branch_is_seen(world: World) -> None:
    """Hiding the unsigned commit below a signed one that changes something else does not help."""
    world.commit(project(), by="mallory", branch="topic", signed=False)
    world.commit({"docs/x.md": "x"}, by="alice", branch="topic")
    world.approve("topic", "bob")
    world.join("topic", by="alice")
    assert "proposer.unknown" in codes(world.verify())


def test_an_evil_merge_is_its_mergers_change(world: World) -> None:
    """What a merge writes that no parent has was written by whoever signed the merge."""
    world.commit(project(), by="alice", branch="topic")
    world.join("topic", by="carol", files=project("ledger"))
    approve_main(world, "bob")
    assert world.verify().verified
    assert {event["operation"]["title"]: event["proposers"] for event in events(world)[1:]} == {
        "add pay": ["alice"],
        "add ledger": ["carol"],
    }


# -- times, freezing, rules -----------------------------------------------------------------------------------------


def test_an_approval_between_the_dates_of_two_commits(world: World) -> None:
    """Evidence is weighed at the time of the commit at which it is all there."""
    world.commit(project(), by="alice", branch="topic")
    late = world.now + timedelta(hours=5)
    files = world.envelopes(world.signables("topic"), "bob", "approve", issued_at=late)
    world.commit({**project(), **files}, by="alice")
    assert "approval.expired" in codes(world.verify())
    world.now = late
    world.commit({"tools/later": "x"}, by="carol", branch="later")
    world.approve("later", "bob")
    world.merge("later", by="carol")
    assert partition(world.verify(), "fleet").verified


def test_time_may_not_run_back_behind_the_newest_approval(world: World) -> None:
    """A commit dated before the last approval that counted decides nothing; the next one in time does."""
    world.land(project("one"), by="alice", approvers=["bob"])
    world.commit(project("two"), by="alice", branch="topic")
    world.approve("topic", "bob")
    files = {
        path: world.read(path, "topic")
        for path, _e in world.repository.snapshot(world.head("topic")).walk("")
    }
    world.commit(files, by="alice", when=world.now - timedelta(hours=2))
    assert "history.time" in codes(world.verify())
    world.commit({"README.md": "any commit will do"}, by="alice")
    assert world.verify().verified


def test_a_commit_from_the_future_waits_until_then(world: World) -> None:
    """Dated tomorrow: not decided today, decided tomorrow."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    now = world.now
    world.now = now + timedelta(days=1)
    world.merge("topic")
    world.now = now
    assert "history.time" in codes(world.verify())
    world.now = now + timedelta(days=1, minutes=5)
    assert world.verify().verified


def frozen(world: World) -> None:
    """Projects are frozen for the second half of this day."""
    windows = [{"start": "2026-11-01T12:00:00", "end": "2026-11-02T00:00:00"}]
    spec = {"timezone": "UTC", "windows": windows, "reason": "sale"}
    files = {"trust/freeze-windows/sale.yaml": document("FreezeWindow", "sale", spec)}
    world.land(files, by="alice", approvers=["bob"])
    by_root(world, rule("frozen", ["project.*"], freezeWindows=["sale"]))


@pytest.mark.parametrize(("hours", "expected"), [(1, set()), (4, {"approval.freeze_window"}), (16, set())])
def test_a_freeze_window_lets_nothing_through(world: World, hours: int, expected: set[str]) -> None:
    """Before it: verified; inside: refused although approved; after it: verified."""
    frozen(world)
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    world.tick(timedelta(hours=hours))
    world.merge("topic")
    assert codes(world.verify()) == expected


def test_a_freeze_window_that_does_not_exist_lets_nothing_through(world: World) -> None:
    """A rule that names a missing window fails closed."""
    by_root(world, rule("frozen", ["project.*"], freezeWindows=["nowhere"]))
    world.land(project(), by="alice", approvers=["bob"])
    assert codes(world.verify()) == {"approval.freeze_window"}


def test_rules_without_a_common_kind_of_identity_let_nothing_through(world: World) -> None:
    """An empty intersection is an error of the rules, not of the approvers."""
    by_root(
        world,
        {**rule("a", ["project.*"], assurance=["ssh"]), **rule("b", ["project.*"], assurance=["sigstore"])},
    )
    world.land(project(), by="alice", approvers=["bob"])
    assert "approval_rule.empty_assurance" in codes(world.verify())


def test_a_kind_of_identity_that_rules_do_not_accept(world: World) -> None:
    """A plain key where the rules ask for hardware."""
    by_root(world, rule("hardware", ["project.*"], assurance=["ssh-sk"]))
    world.land(project(), by="alice", approvers=["bob"])
    assert codes(world.verify()) == {"approval.quorum", "approval.assurance"}


def test_an_unknown_rules_version_is_too_new(world: World) -> None:
    """Also with every root key behind it, an engine does not judge by rules that it does not know."""
    text = world.read("fleet.yaml").decode().replace("rules: 1", "rules: 2")
    by_root_unverified = {"fleet.yaml": text}
    world.commit(by_root_unverified, by="alice")
    assert "engine.too_old" in codes(world.verify())


def test_an_expired_root_stops_everything_at_last(world: World) -> None:
    """Intermediate roots may have expired, the last one may not."""
    assert world.verify().verified
    world.tick(timedelta(days=366))
    assert codes(world.verify()) == {"trust.root_expired"}


def test_a_pull_request_is_judged_like_its_merge(world: World) -> None:
    """What ``check`` says about a branch is what ``verify`` says about the merge, before and after approval."""
    from gaitops.history.proposal import propose

    world.commit(project(), by="alice", branch="topic")
    for approvers in ((), ("bob",)):
        world.approve("topic", *approvers)
        with world.history() as history:
            proposal = propose(history, history.repository.resolve("topic"))
        world.join("topic", by="alice")
        assert proposal.authorized is world.verify().verified
        assert {problem.code for problem in proposal.all_problems()} == codes(world.verify())
        world.move("main", world.repository.first_parents(world.head())[1])
