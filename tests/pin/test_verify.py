# SPDX-License-Identifier: Apache-2.0
"""Verifying a pin offline, and its status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from gaitops.documents.writer import write_yaml
from gaitops.errors import (
    InvalidInputError,
    VerificationError,
)
from gaitops.pin.folder import read_folder
from gaitops.pin.status import pin_status
from gaitops.pin.update import PinRequest, init_pin, newest_pin
from gaitops.pin.verify import verify_pin
from tests.pin.pin_builder import NOW, REQUEST, code, update
from tests.release.release_builder import PAY, WEB, Fleet, org, row, signer, version, withdrawn

Edit = Callable[[dict[str, bytes]], object]


def _swap(text: bytes, other: bytes) -> Edit:
    def edit(files: dict[str, bytes]) -> None:
        assert text in files["pin.yaml"]
        files["pin.yaml"] = files["pin.yaml"].replace(text, other)

    return edit


def _exchange(files: dict[str, bytes], one: str, other: str) -> None:
    """Two versions change places, in ``pin.yaml`` too."""
    names = {one: other, other: one}
    for path in [path for path in files if path.split("/")[1:]]:
        folder, which, *rest = path.replace(".dsse", "/.dsse").split("/")
        if which in names:
            target = "/".join([folder, names[which], *rest]).replace("/.dsse", ".dsse")
            files[f"new:{target}"] = files.pop(path)
    for path in [path for path in files if path.startswith("new:")]:
        files[path.removeprefix("new:")] = files.pop(path)
    text = files["pin.yaml"].decode()
    files["pin.yaml"] = text.replace(one, "\0").replace(other, one).replace("\0", other).encode()


def _forget(files: dict[str, bytes], which: str) -> None:
    """One version is taken out without a trace."""
    for path in [path for path in files if f"/{which}" in path]:
        del files[path]
    document = yaml.safe_load(files["pin.yaml"])
    del document["environments"]["production"][which]
    document["environments"]["production"]["mode"] = "enforce"
    files["pin.yaml"] = write_yaml(document)


class TestVerify:
    @pytest.mark.parametrize(
        "edit",
        [
            pytest.param(
                lambda f: f.update({"production/enforced/gait.policy.yaml": b"x"}), id="policy file edited"
            ),
            pytest.param(lambda f: f.pop("production/enforced/version.yaml"), id="file removed"),
            pytest.param(lambda f: f.update({"production/enforced/more.yaml": b"x"}), id="file added"),
            pytest.param(lambda f: f.update({"staging/enforced/a": b"x"}), id="folder added"),
            pytest.param(lambda f: f.pop("production/assignments.dsse.json"), id="statement removed"),
            pytest.param(
                lambda f: f.update({"production/enforced.dsse.json": f["production/assignments.dsse.json"]}),
                id="statement of another type",
            ),
            pytest.param(_swap(b"version: 1.0.0", b"version: 1.0.1"), id="version"),
            pytest.param(_swap(b"release: 1", b"release: 9"), id="release number"),
            pytest.param(_swap(b"acme-fleet", b"other-fleet"), id="fleet"),
            pytest.param(_swap(b"mode: enforce", b"mode: observe"), id="mode"),
            pytest.param(_swap(b"  production:", b"  staging:"), id="environment"),
            pytest.param(_swap(PAY.encode(), WEB.encode()), id="repository"),
            pytest.param(_swap(version().ref.digest.encode(), b"ab" * 32), id="digest"),
            pytest.param(_swap(version().gait_digest.encode(), b"ab" * 32), id="Gait digest"),
            pytest.param(lambda f: f.update({"3.root.json": f["1.root.json"]}), id="gap in the chain"),
        ],
    )
    def test_edits(self, fleet: Fleet, pinned: Path, edit: Edit) -> None:
        """R5: whatever is edited does not agree with what was signed."""
        files = read_folder(pinned)
        edit(files)
        with pytest.raises(VerificationError) as error:
            verify_pin(files, fleet.trust_root)
        assert code(error) in {"pin.mismatch", "statement.invalid"}

    @pytest.mark.parametrize(
        "edit",
        [
            pytest.param(
                lambda f: f.update({"production/candidate/gait.policy.yaml": b"x"}), id="policy edited"
            ),
            pytest.param(lambda f: f.pop("production/candidate/version.yaml"), id="file removed"),
            pytest.param(lambda f: f.update({"production/candidate/more.yaml": b"x"}), id="file added"),
            pytest.param(lambda f: f.pop("production/candidate.dsse.json"), id="statement removed"),
            pytest.param(
                lambda f: f.update({"production/candidate.dsse.json": f["production/enforced.dsse.json"]}),
                id="statement of the enforced version",
            ),
            pytest.param(_swap(b"mode: dry_run", b"mode: observe"), id="weaker mode"),
            pytest.param(_swap(b"mode: dry_run", b"mode: enforce"), id="stronger mode"),
            pytest.param(_swap(b"version: 1.1.0", b"version: 1.0.0"), id="version"),
            pytest.param(
                lambda f: _exchange(f, "enforced", "candidate"), id="candidate in place of enforced"
            ),
            pytest.param(lambda f: _forget(f, "candidate"), id="candidate left out"),
        ],
    )
    def test_edits_of_the_candidate(self, fleet: Fleet, consumer: Path, edit: Edit) -> None:
        """R5: during a rollout the candidate is verified like the enforced version, and so is which of them is which."""
        fleet.publish(org(row(candidate="1.1.0", mode="dry_run"), versions=["1.0.0", "1.1.0"]), step=2)
        init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
        files = read_folder(consumer)
        verify_pin(files, fleet.trust_root)
        edit(files)
        with pytest.raises(VerificationError) as error:
            verify_pin(files, fleet.trust_root)
        assert code(error) in {"pin.mismatch", "statement.invalid"}

    def test_environment_of_another_name(self, fleet: Fleet, consumer: Path) -> None:
        """R5: the laxer policy of staging does not pass for production."""
        fleet.publish(
            org(row(number="1.1.0"), row(environment="staging"), versions=["1.0.0", "1.1.0"]), step=2
        )
        init_pin(consumer, fleet.source, fleet.trust_root, [PinRequest("staging", PAY)], NOW)
        files = {name.replace("staging", "production"): data for name, data in read_folder(consumer).items()}
        files["pin.yaml"] = files["pin.yaml"].replace(b"staging", b"production")
        with pytest.raises(VerificationError) as error:
            verify_pin(files, fleet.trust_root)
        assert code(error) == "pin.mismatch"

    def test_pin_of_another_repository(self, fleet: Fleet, pinned: Path) -> None:
        """R5: a genuine pin that was copied from another repository."""
        files = read_folder(pinned)
        verify_pin(files, fleet.trust_root, repository=PAY)
        with pytest.raises(VerificationError) as error:
            verify_pin(files, fleet.trust_root, repository=WEB)
        assert code(error) == "pin.mismatch"

    def test_all_problems_at_once(self, fleet: Fleet, pinned: Path) -> None:
        """Everything that does not fit is reported together."""
        files = read_folder(pinned)
        files["production/enforced/gait.policy.yaml"] = b"x"
        files["production/enforced/more.yaml"] = b"x"
        with pytest.raises(VerificationError) as error:
            verify_pin(files, fleet.trust_root)
        assert [problem.path for problem in error.value.problems] == [
            ".gaitops/production/enforced/gait.policy.yaml",
            ".gaitops/production/enforced/more.yaml",
        ]

    @pytest.mark.parametrize("name", ["release", "production/assignments", "production/enforced"])
    def test_stripped_signature(self, fleet: Fleet, pinned: Path, name: str) -> None:
        """R4: a statement without signatures, or signed by somebody else, is no statement."""
        from gaitops.release.statement import seal_statement
        from gaitops.signing.dsse import parse_envelope

        files = read_folder(pinned)
        path = f"{name}.dsse.json"
        payload = parse_envelope(files[path]).payload
        stripped = files[path].partition(b'"signatures"')[0] + b'"signatures":[]}'
        for forged in (stripped, seal_statement(payload, [signer("eve")]), b"{}", b"junk"):
            with pytest.raises(VerificationError) as error:
                verify_pin({**files, path: forged}, fleet.trust_root)
            assert code(error) == "signature.invalid"

    def test_other_fleet_entirely(self, fleet: Fleet, pinned: Path, tmp_path: Path) -> None:
        """R6: a pin whose trust root was replaced with everything below it fails against the caller's root."""
        mallory = Fleet(tmp_path / "evil", time=NOW)
        mallory.rotate("eve")
        mallory.roots = (mallory.roots[0].replace(b"\n", b"\n ", 1), *mallory.roots[1:])
        mallory.publish(first=True, signers=["eve"])
        other = tmp_path / "other"
        other.mkdir()
        init_pin(other, mallory.source, mallory.trust_root, [REQUEST], NOW)
        with pytest.raises(VerificationError) as error:
            verify_pin(read_folder(other), fleet.trust_root)
        assert code(error) == "trust.root_mismatch"
        files = read_folder(other)
        files["pin.yaml"] = files["pin.yaml"].replace(mallory.trust_root.encode(), fleet.trust_root.encode())
        with pytest.raises(VerificationError) as error:
            verify_pin(files, fleet.trust_root)
        assert code(error) == "trust.root_mismatch"

    def test_no_trust_root(self, pinned: Path) -> None:
        """T21: without a trust root nothing verifies, and the pin's own is not taken."""
        with pytest.raises(InvalidInputError) as error:
            verify_pin(read_folder(pinned), None)
        assert code(error) == "trust.root_required"

    def test_base(self, fleet: Fleet, pinned: Path) -> None:
        """A pull request that goes back to an older pin is refused, although that pin is genuine."""
        old = read_folder(pinned)
        fleet.publish(org(row(number="1.1.0"), versions=["1.1.0"]), step=2)
        update(fleet, pinned)
        base = read_folder(pinned)["pin.yaml"]
        verify_pin(old, fleet.trust_root)
        with pytest.raises(VerificationError) as error:
            verify_pin(old, fleet.trust_root, base=base)
        assert {problem.code for problem in error.value.problems} == {"release.rollback"}
        assert all("gaitops pin update" in (problem.remedy or "") for problem in error.value.problems)

    def test_old_assignment_under_a_new_release(self, fleet: Fleet, pinned: Path) -> None:
        """Mixing the newest release statement with an older assignment is refused against the base."""
        old = read_folder(pinned)
        fleet.publish(org(row(number="1.1.0"), versions=["1.1.0"]), step=2)
        update(fleet, pinned)
        new = read_folder(pinned)
        mixed = {**old, "release.dsse.json": new["release.dsse.json"]}
        mixed["pin.yaml"] = old["pin.yaml"].replace(b"release: 1", b"release: 2")
        with pytest.raises(VerificationError) as error:
            verify_pin(mixed, fleet.trust_root, base=new["pin.yaml"])
        assert code(error) == "release.rollback"

    def test_symbolic_link(self, pinned: Path) -> None:
        """A link in the folder is refused, wherever it points."""
        (pinned / ".gaitops/production/link").symlink_to("enforced")
        with pytest.raises(VerificationError) as error:
            read_folder(pinned)
        assert code(error) == "pin.mismatch"


class TestStatus:
    def test_outdated(self, fleet: Fleet, pinned: Path) -> None:
        """Status tells age, newer releases and the root's expiry without failing."""
        verified = verify_pin(read_folder(pinned), fleet.trust_root)
        assert pin_status(verified, NOW).state == "unknown"
        newest = newest_pin(fleet.source, fleet.trust_root, verified.pin, NOW)
        assert pin_status(verified, NOW, newest).state == "current"
        fleet.publish(step=2)
        later = NOW + timedelta(days=9)
        status = pin_status(verified, later, newest_pin(fleet.source, fleet.trust_root, verified.pin, NOW))
        assert (status.state, status.release, status.newest, status.age) == (
            "outdated",
            1,
            2,
            timedelta(days=9),
        )
        assert not status.root_expired

    def test_withdrawn(self, fleet: Fleet, consumer: Path) -> None:
        """A pinned version that was withdrawn shows."""
        acme = org(row())
        gone = acme.__class__("acme", acme.commit, (withdrawn(acme.versions[0]),), acme.projects)
        fleet.publish(gone, step=2)
        changes = init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
        assert pin_status(changes.after, NOW).withdrawn == ("acme/guard@1.0.0",)
