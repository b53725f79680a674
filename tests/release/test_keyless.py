# SPDX-License-Identifier: Apache-2.0
"""Publishing with bundles: what is signed, what is kept, and who is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gaitops.errors import GaitopsError, InvalidInputError, VerificationError
from gaitops.fleet.root import root_chain
from gaitops.release import keyless
from gaitops.release.cosign import cosign
from gaitops.release.keyless import SignStatement, open_bundle, trusted_root_file
from gaitops.release.layout import RELEASE_TARGET, TRUSTED_ROOT_TARGET, bundle_target, version_statement
from gaitops.release.previous import read_previous
from gaitops.release.refresh import refresh
from gaitops.release.verify import verify_release
from gaitops.signing.envelopes import read_envelope
from tests.release.keyless_builder import (
    REUSED,
    RUN,
    KeylessFleet,
    altered,
    double,
    keyless_fleet,
    publishing,
    signing,
    stranger,
    workload,
)
from tests.release.release_builder import PAY, TIME, WEB, files_of, first_root, org, rotated, row, signer
from tests.sigstore_double.double import Faults
from tests.sigstore_double.identities import Someone

DAY = timedelta(days=1)


@pytest.fixture
def fleet(tmp_path: Path) -> KeylessFleet:
    """A fleet with one release."""
    fleet = keyless_fleet(tmp_path / "out")
    fleet.publish(first=True)
    return fleet


def _statements(fleet: KeylessFleet) -> list[str]:
    targets = read_previous(fleet.source, fleet.trust_root).targets
    return sorted(path for path in targets if bundle_target(path) in targets)


def test_every_statement_has_a_bundle(fleet: KeylessFleet) -> None:
    """Each statement has a second target beside it, around exactly its payload, and the trusted root is a target."""
    release = verify_release(fleet.source, fleet.trust_root, TIME)
    root = release.root
    trusted = trusted_root_file(release.read_target(TRUSTED_ROOT_TARGET), root, TRUSTED_ROOT_TARGET)
    assert _statements(fleet) == [
        "orgs/acme/policies/guard/statements/1.0.0.json",
        f"orgs/acme/projects/payments/assignments/{PAY}.json",
        "release.json",
    ]
    for path in _statements(fleet):
        payload, verified = open_bundle(release.read_target(bundle_target(path)), root, trusted, path)
        assert payload == release.read_target(path)
        assert verified.claims.source_repository_id == "1296269"
        assert verified.signed_at == TIME


def test_without_a_signer_there_are_none(fleet: KeylessFleet) -> None:
    """A publisher who signs with keys alone leaves bundles and trusted root out, of unchanged statements too."""
    fleet.keyless = None
    report = fleet.publish()
    assert (report.status, report.bundles) == ("published", 0)
    assert TRUSTED_ROOT_TARGET not in read_previous(fleet.source, fleet.trust_root).targets
    assert _statements(fleet) == []


def test_unchanged_statements_keep_their_bundles(fleet: KeylessFleet) -> None:
    """The next release signs what is new, and keeps roles and bundles of what is not."""
    before = read_previous(fleet.source, fleet.trust_root)
    path = bundle_target(version_statement("acme", "guard", "1.0.0"))
    kept = before.read_target(path)
    fleet.signed.clear()
    report = fleet.publish(org(row(), row(WEB)), step=2)
    after = read_previous(fleet.source, fleet.trust_root)
    assert after.read_target(path) == kept
    assert (report.bundles, report.bundles_signed) == (4, 2)
    assert [len(fleet.signed), fleet.signed[1]] == [2, after.read_target(RELEASE_TARGET)]
    assert report.renewed == ("org.acme.project.payments", "snapshot", "targets")


def test_nothing_new_signs_nothing(fleet: KeylessFleet) -> None:
    """A schedule with nothing to say makes no release, and no entry in a public log."""
    fleet.signed.clear()
    report = fleet.publish()
    assert (report.status, report.bundles, fleet.signed) == ("unchanged", 3, [])


def test_bundles_are_made_up_for(fleet: KeylessFleet) -> None:
    """After a release without bundles, the same content is published again with them."""
    sign, fleet.keyless = fleet.keyless, None
    fleet.publish()
    fleet.keyless = sign
    report = fleet.publish()
    assert (report.status, report.bundles, report.bundles_signed) == ("published", 3, 3)


def test_refresh_keeps_bundles(fleet: KeylessFleet) -> None:
    """A new timestamp touches no bundle."""
    before = files_of(fleet.out)
    refresh(fleet.out, [signer("pub1")], fleet.trust_root, TIME + DAY)
    after = files_of(fleet.out)
    assert {path for path in after if before.get(path) != after[path]} == {"metadata/timestamp.json"}


def test_a_rotation_makes_all_bundles_new(fleet: KeylessFleet) -> None:
    """After a rotation of the workload, the new one signs every statement anew, and the old one none."""
    old = fleet.run
    fleet.run = altered(repository_id="77")
    fleet.rename(publishing(workload(repositoryId="77")))
    assert fleet.publish().bundles_signed == 3
    fleet.run = old
    with pytest.raises(VerificationError) as error:
        fleet.publish(step=2)
    assert error.value.code == "sigstore.identity"


def test_a_bundle_that_does_not_hold_is_not_kept(
    tmp_path: Path, fleet: KeylessFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bundles that somebody with the publisher's key slipped into the release before are replaced by real ones."""
    forged = keyless_fleet(tmp_path / "forged")
    forged.keyless = signing(RUN, TIME, stranger())
    with monkeypatch.context() as patch:
        patch.setattr(keyless.Bundles, "_opened", lambda _self, data, _path: read_envelope(data).payload)
        forged.publish(first=True)
    fleet.out = forged.out
    report = fleet.publish()
    assert (report.status, report.bundles_signed) == ("published", 3)


def test_same_bundles_same_bytes(fleet: KeylessFleet, tmp_path: Path) -> None:
    """Everything that TUF metadata covers is a function of the content and the bundles."""
    release = read_previous(fleet.source, fleet.trust_root)
    by_payload = {
        release.read_target(path): release.read_target(bundle_target(path)) for path in _statements(fleet)
    }
    again = KeylessFleet(tmp_path / "again", (first_root(),))
    again.roots = fleet.roots
    again.keyless = by_payload.__getitem__
    again.publish(first=True)
    assert files_of(again.out) == files_of(fleet.out)


class TestWho:
    """Only a workload of the newest root may sign, and nothing is written when somebody else did."""

    @pytest.mark.parametrize(
        ("run", "said"),
        [
            (altered(repository_id="1296270"), "repository id"),
            (altered(repository_owner_id="1"), "owner id"),
            (altered(repository="acme/other"), "workflow"),
            (altered(workflow_path=".github/workflows/test.yml"), "workflow"),
            (altered(ref="refs/heads/feature"), "ref"),
            (altered(event_name="pull_request_target"), "trigger"),
            (altered(runner_environment="self-hosted"), "runner environment"),
            (
                altered(job_workflow_ref=f"{REUSED}@refs/heads/main", job_workflow_sha="c" * 40),
                "signing workflow",
            ),
            (Someone("ana@acme.example"), "not issued to a pipeline"),
        ],
        ids=["recreated", "owner", "repository", "workflow", "ref", "trigger", "runner", "callee", "person"],
    )
    def test_other_workloads(self, tmp_path: Path, run: object, said: str) -> None:
        """A run that differs in anything from the workload of the root publishes nothing."""
        fleet = keyless_fleet(tmp_path / "out")
        fleet.run = run  # type: ignore[assignment]
        with pytest.raises(VerificationError) as error:
            fleet.publish(first=True)
        assert error.value.code == "sigstore.identity"
        assert said in str(error.value)
        assert files_of(tmp_path) == {}

    def test_another_instance(self, tmp_path: Path) -> None:
        """A bundle of a Sigstore instance that the root does not name proves nothing."""
        fleet = keyless_fleet(tmp_path / "out")
        fleet.keyless = signing(RUN, TIME, stranger())
        with pytest.raises(VerificationError) as error:
            fleet.publish(first=True)
        assert error.value.code == "sigstore.untrusted"

    def test_another_statement(self, tmp_path: Path) -> None:
        """A bundle over another statement than was handed to the signer is refused."""
        fleet = keyless_fleet(tmp_path / "out")
        fleet.keyless = lambda _payload: signing(RUN, TIME)(b'{"_type":"other"}')
        with pytest.raises(VerificationError) as error:
            fleet.publish(first=True)
        assert error.value.code == "signature.invalid"
        assert files_of(tmp_path) == {}

    def test_nothing_half_signed(self, tmp_path: Path) -> None:
        """When the signer fails in the middle, no file of the release is there."""
        fleet = keyless_fleet(tmp_path / "out")
        good = signing(RUN, TIME)
        answers = iter([good, good])

        def failing(payload: bytes) -> bytes:
            for sign in answers:
                return sign(payload)
            raise InvalidInputError.of("signer.unavailable", "the service does not answer")

        fleet.keyless = failing
        with pytest.raises(InvalidInputError):
            fleet.publish(first=True)
        assert files_of(tmp_path) == {}

    def test_reusable_workflow_at_a_commit(self, tmp_path: Path) -> None:
        """A reusable workflow signs for its caller at the commits that the root names, and at no other."""
        signer_named = {"workflow": f"https://github.com/{REUSED}", "digests": ["c" * 40]}
        fleet = keyless_fleet(tmp_path / "out")
        fleet.rename(publishing(workload(signer=signer_named)))
        fleet.run = altered(job_workflow_ref=f"{REUSED}@refs/heads/main", job_workflow_sha="c" * 40)
        assert fleet.publish(first=True).bundles == 3
        other = keyless_fleet(tmp_path / "other")
        other.roots = fleet.roots
        other.run = altered(job_workflow_ref=f"{REUSED}@refs/heads/main", job_workflow_sha="d" * 40)
        with pytest.raises(VerificationError, match="digest"):
            other.publish(first=True)

    def test_root_without_workloads(self, tmp_path: Path) -> None:
        """Without a workload in the root there is nobody to sign."""
        fleet = keyless_fleet(tmp_path / "out")
        fleet.rename(None)
        with pytest.raises(InvalidInputError) as error:
            fleet.publish(first=True)
        assert error.value.code == "release.keyless"

    def test_rotated_publishers_keep_the_workload(self, fleet: KeylessFleet) -> None:
        """A rotation of keys leaves the workloads as they were."""
        fleet.rotate("pub2")
        assert root_chain(fleet.roots, fleet.trust_root).publishing == publishing()


class TestTrustedRoot:
    """The Sigstore instance is the one that the root people have signed for."""

    def test_swapped_in_the_fleet(self, tmp_path: Path) -> None:
        """Another trusted root in the fleet repository signs nothing until the root people name it."""
        fleet = keyless_fleet(tmp_path / "out")
        fleet.sigstore_root = stranger().trusted_root_bytes
        fleet.keyless = signing(RUN, TIME, stranger())
        with pytest.raises(VerificationError) as error:
            fleet.publish(first=True)
        assert error.value.code == "sigstore.trust_root"

    def test_missing_in_the_fleet(self, tmp_path: Path) -> None:
        """A fleet without a trusted root cannot publish with one."""
        fleet = keyless_fleet(tmp_path / "out")
        fleet.sigstore_root = None
        with pytest.raises(VerificationError) as error:
            fleet.publish(first=True)
        assert error.value.code == "sigstore.trust_root"

    def test_changed_in_the_fleet(self, fleet: KeylessFleet) -> None:
        """A fleet that changes its trusted root goes on publishing with the one that the root names."""
        fleet.sigstore_root = stranger().trusted_root_bytes
        assert fleet.publish(step=2).bundles == 3
        held = read_previous(fleet.source, fleet.trust_root).read_target(TRUSTED_ROOT_TARGET)
        assert held == double().trusted_root_bytes


class TestCosign:
    """A second publisher verifies the bundles of the first and takes them over."""

    @pytest.fixture
    def staged(self, tmp_path: Path) -> KeylessFleet:
        """A fleet of two publishers, the first of whom has signed."""
        fleet = keyless_fleet(tmp_path / "out")
        fleet.roots = (*fleet.roots, rotated(fleet.roots[-1], ("pub1", "pub2"), 2))
        assert fleet.publish(first=True).status == "staged"
        return fleet

    def test_staging_again_signs_nothing_again(self, staged: KeylessFleet) -> None:
        """A schedule that comes before the second publisher stages the same bytes, and adds nothing to a log."""
        before = files_of(staged.out)
        staged.signed.clear()
        report = staged.publish(first=True)
        assert (report.status, report.bundles, staged.signed) == ("staged", 3, [])
        assert files_of(staged.out) == before

    def _cosign(self, fleet: KeylessFleet) -> str:
        content = fleet.content()
        return cosign(content, [signer("pub2")], fleet.out, previous=None, now=TIME).status

    def test_takes_bundles_over(self, staged: KeylessFleet) -> None:
        """The completed release has the first publisher's bundles, byte for byte."""
        first = {path: data for path, data in files_of(staged.out / "staged").items() if ".sigstore" in path}
        assert self._cosign(staged) == "published"
        after = files_of(staged.out)
        assert len(first) == 3
        assert {path: after[path] for path in first} == first

    @pytest.mark.parametrize("what", ["stranger", "workload", "statement", "stripped", "trusted root"])
    def test_refuses(self, staged: KeylessFleet, what: str) -> None:
        """Bundles by others, over other statements or not for every statement are not signed for."""
        forged: dict[str, SignStatement] = {
            "stranger": signing(RUN, TIME, stranger()),
            "workload": signing(altered(repository_id="2"), TIME),
            "statement": lambda _payload: signing(RUN, TIME)(b"{}"),
        }
        folder = staged.out / "staged"
        bundle = next(folder.glob("targets/*.release.json.sigstore"))
        statement = next(folder.glob("targets/*.release.json"))
        if what in forged:
            bundle.write_bytes(forged[what](statement.read_bytes()))
        elif what == "stripped":
            bundle.unlink()
        else:
            trusted_root = next(folder.glob("targets/*.trusted_root.json"))
            trusted_root.write_bytes(stranger().trusted_root_bytes)
        with pytest.raises(GaitopsError) as error:
            self._cosign(staged)
        assert (
            error.value.code
            in {
                "stranger": {"sigstore.untrusted"},
                "workload": {"sigstore.identity"},
                "statement": {"release.invalid"},
                "stripped": {"release.invalid"},
                "trusted root": {"release.invalid"},
            }[what]
        )
        assert not (staged.out / "metadata").exists()


def test_timestamp_of_another_signature(tmp_path: Path) -> None:
    """A bundle whose time is about another signature is refused before anything is written."""
    fleet = keyless_fleet(tmp_path / "out")
    fleet.keyless = lambda payload: double().sign_dsse(
        payload, RUN, at=TIME, faults=Faults(timestamp_of_another=True)
    )
    with pytest.raises(VerificationError) as error:
        fleet.publish(first=True)
    assert error.value.code == "sigstore.untrusted"
    assert files_of(tmp_path) == {}
