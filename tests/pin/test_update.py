# SPDX-License-Identifier: Apache-2.0
"""Creating and renewing a pin."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gaitops.errors import (
    InvalidInputError,
    UnsafeOperationError,
    VerificationError,
)
from gaitops.pin import folder as folder_module
from gaitops.pin.folder import read_folder
from gaitops.pin.model import read_pin
from gaitops.pin.update import PinRequest, init_pin, update_pin
from gaitops.pin.verify import verify_pin
from gaitops.release.sources import DirectorySource
from tests.pin.pin_builder import NOW, REQUEST, code, update
from tests.release.release_builder import PAY, WEB, Fleet, files_of, org, row, version


class TestInit:
    def test_folder(self, fleet: Fleet, pinned: Path) -> None:
        """A pin holds the version's files as published, the statements and the root chain."""
        files = read_folder(pinned)
        assert sorted(files) == [
            ".gitattributes",
            "1.root.json",
            "pin.yaml",
            "production/assignments.dsse.json",
            "production/enforced.dsse.json",
            "production/enforced/gait.policy.yaml",
            "production/enforced/mcp/trust.json",
            "production/enforced/version.yaml",
            "release.dsse.json",
        ]
        assert files["production/enforced/gait.policy.yaml"] == version().files["gait.policy.yaml"]
        verified = verify_pin(files, fleet.trust_root)
        assert (verified.pin.fleet, verified.pin.release) == ("acme-fleet", 1)
        environment = verified.pin.environments["production"]
        assert (environment.repository, environment.org, environment.project) == (PAY, "acme", "payments")
        assert environment.enforced.digest == version().ref.digest

    def test_pin_file_round_trip(self, pinned: Path) -> None:
        """``pin.yaml`` is deterministic and reads back equal."""
        data = read_folder(pinned)["pin.yaml"]
        assert read_pin(data).to_bytes() == data

    def test_candidate(self, fleet: Fleet, consumer: Path) -> None:
        """During a rollout the candidate comes with its files and its mode."""
        fleet.publish(org(row(candidate="1.1.0", mode="observe"), versions=["1.0.0", "1.1.0"]), step=2)
        init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
        verified = verify_pin(read_folder(consumer), fleet.trust_root)
        environment = verified.pin.environments["production"]
        assert environment.mode == "observe"
        assert str(environment.candidate) == "acme/guard@1.1.0"
        assert (consumer / ".gaitops/production/candidate/gait.policy.yaml").is_file()

    def test_exists(self, fleet: Fleet, pinned: Path) -> None:
        """An existing pin is never overwritten by ``init``."""
        with pytest.raises(UnsafeOperationError) as error:
            init_pin(pinned, fleet.source, fleet.trust_root, [REQUEST], NOW)
        assert code(error) == "pin.exists"

    @pytest.mark.parametrize(
        "request_",
        [
            PinRequest("production", WEB),
            PinRequest("staging", PAY),
            PinRequest("staging", PAY, "acme", "other"),
        ],
    )
    def test_not_assigned(self, fleet: Fleet, consumer: Path, request_: PinRequest) -> None:
        """What the fleet does not assign cannot be pinned, and nothing is written."""
        with pytest.raises(InvalidInputError) as error:
            init_pin(consumer, fleet.source, fleet.trust_root, [request_], NOW)
        assert code(error) == "pin.not_assigned"
        assert not (consumer / ".gaitops").exists()

    def test_no_release(self, fleet: Fleet, consumer: Path, tmp_path: Path) -> None:
        """An address without a release is a mistake of the caller."""
        with pytest.raises(InvalidInputError) as error:
            init_pin(consumer, DirectorySource(tmp_path), fleet.trust_root, [REQUEST], NOW)
        assert code(error) == "release.not_found"

    def test_other_trust_root(self, fleet: Fleet, consumer: Path) -> None:
        """R6: the caller's trust root decides."""
        with pytest.raises(VerificationError) as error:
            init_pin(consumer, fleet.source, "0" * 64, [REQUEST], NOW)
        assert code(error) == "trust.root_mismatch"


class TestUpdate:
    def test_new_release(self, fleet: Fleet, pinned: Path) -> None:
        """An update brings the new version and says what changed."""
        fleet.publish(org(row(number="1.1.0"), versions=["1.0.0", "1.1.0"]), step=2)
        changes = update(fleet, pinned)
        assert "production/enforced/gait.policy.yaml" in changes.changed
        assert changes.after.pin.environments["production"].since == 2
        verify_pin(read_folder(pinned), fleet.trust_root)

    def test_nothing_new(self, fleet: Fleet, pinned: Path) -> None:
        """Without a new release nothing is written."""
        before = (pinned / ".gaitops").stat().st_ino
        assert update(fleet, pinned).changed == ()
        assert (pinned / ".gaitops").stat().st_ino == before

    def test_new_release_without_changes_for_us(self, fleet: Fleet, pinned: Path) -> None:
        """A release about others changes the release statement and its number only."""
        fleet.publish(org(row(), row(WEB)), step=2)
        assert update(fleet, pinned).changed == ("pin.yaml", "release.dsse.json")

    def test_repairs(self, fleet: Fleet, pinned: Path) -> None:
        """A damaged folder is renewed."""
        (pinned / ".gaitops/production/enforced/gait.policy.yaml").write_bytes(b"default: allow\n")
        (pinned / ".gaitops/production/extra").write_bytes(b"")
        assert update(fleet, pinned).changed == (
            "production/enforced/gait.policy.yaml",
            "production/extra",
        )
        verify_pin(read_folder(pinned), fleet.trust_root)

    def test_a_rollout_comes_and_goes(self, fleet: Fleet, pinned: Path) -> None:
        """Each step of a rollout is one renewal: candidate, another mode, enforced; nothing is left behind."""
        both = ["1.0.0", "1.1.0"]
        fleet.publish(org(row(candidate="1.1.0", mode="observe"), versions=both), step=2)
        changed = update(fleet, pinned).changed
        assert "production/candidate/gait.policy.yaml" in changed
        assert "production/enforced/gait.policy.yaml" not in changed
        fleet.publish(org(row(candidate="1.1.0", mode="dry_run"), versions=both), step=3)
        assert update(fleet, pinned).changed == (
            "pin.yaml",
            "production/assignments.dsse.json",
            "release.dsse.json",
        )
        fleet.publish(org(row(number="1.1.0"), versions=both), step=4)
        assert "production/candidate/gait.policy.yaml" in update(fleet, pinned).changed
        files = read_folder(pinned)
        assert not [path for path in files if "candidate" in path]
        environment = verify_pin(files, fleet.trust_root).pin.environments["production"]
        assert (str(environment.enforced), environment.candidate) == ("acme/guard@1.1.0", None)

    def test_rollback(self, fleet: Fleet, pinned: Path, tmp_path: Path) -> None:
        """R1: a mirror with an older, validly signed release is refused and the pin stays."""
        mirror = tmp_path / "mirror"
        subprocess.run(["cp", "-r", str(fleet.out), str(mirror)], check=True)
        fleet.publish(org(row(number="1.1.0"), versions=["1.1.0"]), step=2)
        update(fleet, pinned)
        before = files_of(pinned)
        with pytest.raises(VerificationError) as error:
            update(fleet, pinned, DirectorySource(mirror))
        assert code(error) == "release.rollback"
        assert files_of(pinned) == before

    def test_second_environment(self, fleet: Fleet, pinned: Path) -> None:
        """Environments can be added; all of them move together."""
        fleet.publish(org(row(), row(environment="staging")), step=2)
        extra = [PinRequest("staging", PAY)]
        update_pin(pinned, fleet.source, fleet.trust_root, NOW, extra)
        verified = verify_pin(read_folder(pinned), fleet.trust_root)
        assert sorted(verified.pin.environments) == ["production", "staging"]

    def test_environment_named_like_a_file(self, fleet: Fleet, consumer: Path) -> None:
        """No name of an environment collides with another file of the pin."""
        names = ["root", "release", "pin", "enforced"]
        fleet.publish(org(*(row(environment=name) for name in names)), step=2)
        requests = [PinRequest(name, PAY) for name in names]
        init_pin(consumer, fleet.source, fleet.trust_root, requests, NOW)
        verify_pin(read_folder(consumer), fleet.trust_root)

    def test_moved_project(self, fleet: Fleet, pinned: Path) -> None:
        """A repository that moved to another project is found again."""
        moved = org(row())
        other = moved.projects[0].__class__("acme", "other", moved.projects[0].assignments)
        fleet.publish(moved.__class__("acme", moved.commit, moved.versions, (other,)), step=2)
        update(fleet, pinned)
        assert read_pin(read_folder(pinned)["pin.yaml"]).environments["production"].project == "other"

    @pytest.mark.parametrize("step", range(1, 9))
    def test_death_while_writing(
        self, fleet: Fleet, pinned: Path, monkeypatch: pytest.MonkeyPatch, step: int
    ) -> None:
        """A process that dies while it writes leaves the old pin."""
        fleet.publish(org(row(number="1.1.0"), versions=["1.1.0"]), step=2)
        before = read_folder(pinned)
        done = 0

        def dying(path: Path, data: bytes) -> None:
            nonlocal done
            done += 1
            if done == step:
                raise KeyboardInterrupt
            path.write_bytes(data)

        monkeypatch.setattr(folder_module, "write_durably", dying)
        with pytest.raises(KeyboardInterrupt):
            update(fleet, pinned)
        assert read_folder(pinned) == before
        monkeypatch.undo()
        update(fleet, pinned)
        assert sorted(file.name for file in pinned.iterdir()) == [".gaitops"]

    def test_death_between_renames(self, fleet: Fleet, pinned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The one moment without a folder: the next run takes the old one back."""
        fleet.publish(org(row(number="1.1.0"), versions=["1.1.0"]), step=2)
        rename = Path.rename

        def dying(self: Path, target: Path) -> Path:
            if self.name == ".gaitops.next":
                raise KeyboardInterrupt
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", dying)
        with pytest.raises(KeyboardInterrupt):
            update(fleet, pinned)
        monkeypatch.undo()
        assert update(fleet, pinned).before is not None
        assert verify_pin(read_folder(pinned), fleet.trust_root).pin.release == 2


class TestRotation:
    def test_old_pin_keeps_verifying(self, fleet: Fleet, pinned: Path) -> None:
        """An archived pin verifies with its own chain; the next one carries everything signed anew."""
        old = read_folder(pinned)
        fleet.rotate("pub2")
        fleet.publish(step=2, signers=["pub2"])
        assert update(fleet, pinned).after.root.version == 2
        assert verify_pin(old, fleet.trust_root).root.version == 1
        assert verify_pin(read_folder(pinned), fleet.trust_root, base=old["pin.yaml"]).pin.release == 2

    def test_old_statements_under_a_new_chain(self, fleet: Fleet, pinned: Path) -> None:
        """Statements of retired publishers do not count under the newer root."""
        old = read_folder(pinned)
        fleet.rotate("pub2")
        with pytest.raises(VerificationError) as error:
            verify_pin({**old, "2.root.json": fleet.roots[1]}, fleet.trust_root)
        assert code(error) == "signature.invalid"
