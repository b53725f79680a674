# SPDX-License-Identifier: Apache-2.0
"""Publishing, continuing, refreshing: what a release holds, and that its bytes are a function of its content."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from gaitops.errors import (
    GaitopsError,
    InternalError,
    InvalidInputError,
    UnsafeOperationError,
    VerificationError,
)
from gaitops.fleet.root import root_chain
from gaitops.release import folder as folder_module
from gaitops.release.layout import RELEASE_TARGET, envelope_file, version_statement
from gaitops.release.metadata import issued_at
from gaitops.release.previous import read_previous
from gaitops.release.publish import publish
from gaitops.release.refresh import refresh
from gaitops.release.statement import (
    AssignmentsPredicate,
    ReleasePredicate,
    VersionPredicate,
    assignments_statement,
    open_envelope,
    read_statement,
)
from gaitops.release.verify import verify_release
from tests.release.release_builder import (
    EXPIRIES,
    PAY,
    TIME,
    WEB,
    Fleet,
    commit_id,
    files_of,
    org,
    ref,
    root_for,
    row,
    signer,
)

ASSIGNMENTS = f"orgs/acme/projects/payments/assignments/{PAY}.json"


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """A fleet with one release."""
    fleet = Fleet(tmp_path / "out")
    fleet.publish(first=True)
    return fleet


def code(error: pytest.ExceptionInfo[GaitopsError]) -> str:
    return error.value.code


class TestContent:
    def test_verifies(self, fleet: Fleet) -> None:
        """A published release verifies and says what it is of."""
        release = verify_release(fleet.source, fleet.trust_root, TIME)
        assert (release.number, release.timestamp.version, release.snapshot.version) == (1, 1, 1)
        assert (release.fields.fleet, release.fields.commit) == ("acme-fleet", commit_id(1))
        assert sorted(release.roles) == ["org.acme", "org.acme.project.payments", "targets"]
        assert release.timestamp.expires == TIME + EXPIRIES.timestamp
        policy = "orgs/acme/policies/guard/versions/1.0.0/gait.policy.yaml"
        assert release.read_target(policy).startswith(b"schema_id")

    def test_statements(self, fleet: Fleet) -> None:
        """Every statement is a target and carries enough signatures beside it."""
        release = verify_release(fleet.source, fleet.trust_root, TIME)
        root = root_chain(release.roots, fleet.trust_root)
        for path in (RELEASE_TARGET, version_statement("acme", "guard", "1.0.0"), ASSIGNMENTS):
            payload = release.read_target(path)
            digest = release.targets[path].hashes["sha256"]
            envelope = (fleet.out / envelope_file(digest)).read_bytes()
            assert open_envelope(envelope, root, path) == payload
        _, said = read_statement(release.read_target(RELEASE_TARGET), ReleasePredicate, root, RELEASE_TARGET)
        assert (said.release, said.commit, said.fleet) == (1, commit_id(1), "acme-fleet")
        path = version_statement("acme", "guard", "1.0.0")
        statement, version = read_statement(release.read_target(path), VersionPredicate, root, path)
        assert version.policy_version.digest == ref().digest
        assert [subject.name for subject in statement.subjects] == sorted(
            ["gait.policy.yaml", "mcp/trust.json", "version.yaml"]
        )

    def test_assignments_statement_says_the_row(self, fleet: Fleet) -> None:
        """A repository's statement names version, digest and mode for each environment."""
        fleet.publish(org(row(candidate="1.1.0", mode="dry_run"), versions=["1.0.0", "1.1.0"]), step=2)
        release = verify_release(fleet.source, fleet.trust_root, TIME)
        payload = release.read_target(ASSIGNMENTS)
        _, said = read_statement(payload, AssignmentsPredicate, release.root, ASSIGNMENTS)
        environment = said.environments[0]
        assert (said.repository, said.release, environment.mode) == (PAY, 2, "dry_run")
        assert environment.candidate is not None
        assert str(environment.candidate) == "acme/guard@1.1.0"

    def test_mode_and_candidate_belong_together(self, fleet: Fleet) -> None:
        """A mode without a candidate, and a candidate that is enforced, are said by nobody."""
        root = root_chain(fleet.roots, fleet.trust_root)
        for candidate, mode in ((None, "observe"), ("1.1.0", "enforce")):
            rows = [row(candidate=candidate, mode=mode)]
            with pytest.raises(ValueError, match="mode enforce has no candidate"):
                assignments_statement(
                    fleet.content(step=2), root, org="acme", project="payments", rows=rows, number=2
                )


class TestDeterminism:
    def test_same_bytes_anywhere(self, fleet: Fleet, tmp_path: Path) -> None:
        """Two publishers on two machines make the same bytes."""
        other = Fleet(tmp_path / "elsewhere", fleet.roots)
        other.publish(first=True, now=TIME + timedelta(hours=5))
        assert files_of(other.out) == files_of(fleet.out)

    def test_randomised_signatures(self, tmp_path: Path) -> None:
        """ECDSA signatures differ each time; what they sign does not."""
        signers = [CryptoSigner.generate_ecdsa()]
        roots = (root_for(signers[0].public_key),)
        signed = []
        for name in ("one", "two"):
            fleet = Fleet(tmp_path / name, roots)
            publish(fleet.content(), signers, fleet.out, previous=None, first=True, now=TIME)
            release = verify_release(fleet.source, fleet.trust_root, TIME)
            signed.append({role.name: role.metadata.signed_bytes for role in release.roles.values()})
            assert files_of(fleet.out / "targets") == files_of(tmp_path / "one" / "targets")
        assert signed[0] == signed[1]

    def test_order_of_input_does_not_matter(self, tmp_path: Path) -> None:
        """Orgs, versions and rows may come in any order."""
        one, two = Fleet(tmp_path / "one"), Fleet(tmp_path / "two")
        two.roots = one.roots
        acme = org(row(), row(WEB), versions=["1.0.0", "1.1.0"])
        backwards = org(row(WEB), row(), versions=["1.1.0", "1.0.0"])
        one.publish(acme, org(name="beta"), first=True)
        two.publish(org(name="beta"), backwards, first=True)
        assert files_of(one.out) == files_of(two.out)

    def test_old_commit_still_gives_valid_metadata(self) -> None:
        """Expiries count from the commit, moved on by whole steps while that lies far back."""
        life = timedelta(days=30)
        assert issued_at(TIME, life, TIME + timedelta(days=14)) == TIME
        assert issued_at(TIME, life, TIME + timedelta(days=40)) == TIME + timedelta(days=30)
        assert issued_at(TIME, life, TIME - timedelta(days=1)) == TIME

    def test_quiet_fleet_can_publish(self, fleet: Fleet) -> None:
        """The same commit published again months later is valid again."""
        now = TIME + timedelta(days=100)
        fleet.publish(now=now)
        assert verify_release(fleet.source, fleet.trust_root, now).number == 2


class TestContinuity:
    def test_unchanged_roles_keep_their_files(self, fleet: Fleet) -> None:
        """What did not change is not downloaded again."""
        before = files_of(fleet.out)
        report = fleet.publish(step=2)
        assert report.renewed == ("snapshot", "targets")
        release = verify_release(fleet.source, fleet.trust_root, TIME)
        assert release.roles["org.acme"].version == 1
        _, said = read_statement(
            release.read_target(ASSIGNMENTS), AssignmentsPredicate, release.root, ASSIGNMENTS
        )
        assert said.release == 1
        after = files_of(fleet.out)
        assert {name for name, data in before.items() if after[name] != data} == {"metadata/timestamp.json"}

    def test_roles_near_their_end_are_renewed(self, fleet: Fleet) -> None:
        """A role that nothing changes must not expire one day in all consumers."""
        fleet.time = TIME + timedelta(days=200)
        assert "org.acme" in fleet.publish(step=2).renewed

    def test_removed_role_stays_in_the_snapshot(self, fleet: Fleet) -> None:
        """TUF clients refuse a snapshot that forgets a role they have seen."""
        fleet.publish(org(name="beta"), step=2)
        release = verify_release(fleet.source, fleet.trust_root, TIME)
        assert "org.acme.json" in release.snapshot.metadata.signed.meta
        assert "org.acme" not in release.roles

    def test_fresh_folder_holds_everything(self, fleet: Fleet, tmp_path: Path) -> None:
        """A release continued from elsewhere into an empty folder is complete."""
        fleet.publish(step=2)
        previous = read_previous(fleet.source, fleet.trust_root)
        other = Fleet(tmp_path / "fresh", fleet.roots)
        publish(other.content(step=3), [signer("pub1")], other.out, previous=previous, now=TIME)
        release = verify_release(other.source, other.trust_root, TIME)
        assert release.number == 3
        assert all(release.read_target(path) for path in release.targets)

    def test_previous_is_required(self, fleet: Fleet, tmp_path: Path) -> None:
        """R11: an emptied folder does not start a new fleet by itself."""
        with pytest.raises(InvalidInputError) as error:
            publish(fleet.content(), [signer("pub1")], tmp_path / "new", previous=None, now=TIME)
        assert code(error) == "release.previous_required"

    def test_first_beside_another(self, fleet: Fleet) -> None:
        """R11: a first release into a folder that holds one is refused."""
        before = files_of(fleet.out)
        with pytest.raises(UnsafeOperationError) as error:
            fleet.publish(first=True)
        assert code(error) == "history.fork"
        assert files_of(fleet.out) == before

    def test_previous_commit_off_the_chain(self, fleet: Fleet) -> None:
        """R7, G8: the previous release's commit must lie on the first-parent chain."""
        fleet.publish(step=5)
        before = files_of(fleet.out)
        with pytest.raises(VerificationError) as error:
            fleet.publish(step=3)
        assert code(error) == "history.not_descendant"
        assert files_of(fleet.out) == before

    def test_lost_race(self, fleet: Fleet) -> None:
        """R11: of two publishers who continue the same release, the second one loses."""
        previous = read_previous(fleet.source, fleet.trust_root)
        fleet.publish(step=2)
        before = files_of(fleet.out)
        with pytest.raises(VerificationError) as error:
            publish(fleet.content(step=3), [signer("pub1")], fleet.out, previous=previous, now=TIME)
        assert code(error) == "history.fork"
        assert files_of(fleet.out) == before

    def test_other_roots(self, fleet: Fleet) -> None:
        """A history whose root chain is not the published one forks the fleet."""
        fleet.rotate("pub2")
        fleet.publish(step=2, signers=["pub2"])
        fork = Fleet(fleet.out, fleet.roots[:1])
        fork.rotate("pub3")
        with pytest.raises(VerificationError) as error:
            fork.publish(step=3, signers=["pub3"])
        assert code(error) == "history.fork"

    def test_stranger_cannot_publish(self, fleet: Fleet) -> None:
        """Only keys of the root's publishers sign."""
        with pytest.raises(InvalidInputError) as error:
            fleet.publish(step=2, signers=["eve"])
        assert code(error) == "release.publisher"

    def test_unsafe_file_name(self, tmp_path: Path) -> None:
        """A file whose name cannot be published everywhere is named, not mangled."""
        fleet = Fleet(tmp_path / "out")
        acme = org(row())
        acme.versions[0].files["a b.txt"] = b""  # type: ignore[index]  # tests may
        with pytest.raises(InvalidInputError) as error:
            fleet.publish(acme, first=True)
        assert code(error) == "release.unsafe_path"


class TestRotation:
    def test_everything_is_signed_anew(self, fleet: Fleet) -> None:
        """After a rotation the next release carries every live statement with the new keys."""
        fleet.rotate("pub2")
        report = fleet.publish(step=2, signers=["pub2"])
        assert report.renewed == ("org.acme", "org.acme.project.payments", "snapshot", "targets")
        release = verify_release(fleet.source, fleet.trust_root, TIME)
        path = version_statement("acme", "guard", "1.0.0")
        envelope = (fleet.out / envelope_file(release.targets[path].hashes["sha256"])).read_bytes()
        assert open_envelope(envelope, release.root, path) == release.read_target(path)

    def test_old_publisher_is_out(self, fleet: Fleet) -> None:
        """A publisher that the newest root does not name cannot go on."""
        fleet.rotate("pub2")
        with pytest.raises(InvalidInputError) as error:
            fleet.publish(step=2, signers=["pub1"])
        assert code(error) == "release.publisher"


class TestRefresh:
    def test_only_the_timestamp_changes(self, fleet: Fleet) -> None:
        """A refresh replaces one file."""
        before = files_of(fleet.out)
        now = TIME + timedelta(days=20)
        report = refresh(fleet.out, [signer("pub1")], fleet.trust_root, now)
        after = files_of(fleet.out)
        assert {name for name, data in after.items() if before.get(name) != data} == {
            "metadata/timestamp.json"
        }
        assert (report.number, report.timestamp_version) == (1, 2)
        assert report.timestamp_expires == now + EXPIRIES.timestamp
        assert report.renew_before == TIME + EXPIRIES.snapshot
        assert verify_release(fleet.source, fleet.trust_root, now).number == 1

    def test_cannot_revive_an_expired_snapshot(self, fleet: Fleet) -> None:
        """When other metadata has expired only a new release helps, and the error says so."""
        with pytest.raises(VerificationError) as error:
            refresh(fleet.out, [signer("pub1")], fleet.trust_root, TIME + timedelta(days=31))
        assert code(error) == "release.expired"

    def test_publishing_goes_on_after_a_refresh(self, fleet: Fleet) -> None:
        """Timestamp versions rise through refreshes and releases alike."""
        refresh(fleet.out, [signer("pub1")], fleet.trust_root, TIME)
        assert fleet.publish(step=2).timestamp_version == 3


class TestAtomicity:
    @pytest.mark.parametrize("step", range(1, 12))
    def test_death_in_any_step(self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        """A publisher that dies between two writes leaves a whole release, and the next run finishes the work."""
        done = 0
        real = folder_module.write_durably

        def dying(path: Path, data: bytes) -> None:
            nonlocal done
            done += 1
            if done == step:
                path.write_bytes(data[: len(data) // 2])
                raise OSError("power cut")
            real(path, data)

        monkeypatch.setattr(folder_module, "write_durably", dying)
        acme = org(row(number="1.1.0"), versions=["1.0.0", "1.1.0"])
        with pytest.raises(InternalError) as error:
            fleet.publish(acme, step=2)
        assert code(error) == "release.io"
        release = verify_release(fleet.source, fleet.trust_root, TIME)
        assert release.number == 1
        assert all(release.read_target(path) for path in release.targets)
        monkeypatch.undo()
        fleet.publish(acme, step=2)
        assert verify_release(fleet.source, fleet.trust_root, TIME).number == 2

    def test_client_in_flight(self, fleet: Fleet) -> None:
        """A client that read the old timestamp finds everything of the old release after the new one is out."""
        old = verify_release(fleet.source, fleet.trust_root, TIME)
        timestamp = (fleet.out / "metadata/timestamp.json").read_bytes()
        fleet.publish(org(row(number="1.1.0"), versions=["1.1.0"]), step=2)
        late = fleet.out.with_name("late")
        shutil.copytree(fleet.out, late)
        (late / "metadata/timestamp.json").write_bytes(timestamp)
        again = verify_release(type(fleet.source)(late), fleet.trust_root, TIME)
        assert again.number == 1
        assert all(again.read_target(path) for path in old.targets)

    def test_timestamp_is_json_with_one_line(self, fleet: Fleet) -> None:
        """Metadata is compact JSON that any TUF client reads."""
        text = (fleet.out / "metadata/timestamp.json").read_text()
        assert text.count("\n") == 1
        assert json.loads(text)["signed"]["meta"] == {"snapshot.json": {"version": 1}}
