# SPDX-License-Identifier: Apache-2.0
"""Hostile releases, judged at a chosen time (R1 to R4, R8 to R10 of the threat model)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, TargetFile

from gaitops.errors import GaitopsError, VerificationError
from gaitops.release.layout import org_paths, project_paths
from gaitops.release.metadata import metadata_bytes
from gaitops.release.sign import sign_metadata
from gaitops.release.sources import Source
from gaitops.release.verify import verify_release
from tests.release.release_builder import EXPIRIES, TIME, Fleet, key, org, row, signer


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """A fleet of two orgs with one release."""
    fleet = Fleet(tmp_path / "out")
    fleet.publish(org(row()), org(name="beta"), first=True)
    return fleet


def code(error: pytest.ExceptionInfo[GaitopsError]) -> str:
    return error.value.code


def resign(
    fleet: Fleet, file: str, change: Callable[[Any], object], signers: Sequence[str] = ("pub1",)
) -> None:
    """Change metadata and sign it as the publishers would: what a bad or deceived publisher can do."""
    path = fleet.out / "metadata" / file
    metadata: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
    change(metadata.signed)
    metadata.signatures.clear()
    sign_metadata(metadata, [signer(name) for name in signers])
    path.write_bytes(metadata_bytes(metadata))


def refused(fleet: Fleet) -> str:
    with pytest.raises(GaitopsError) as error:
        verify_release(fleet.source, fleet.trust_root, TIME)
    return code(error)


class TestTime:
    @pytest.mark.parametrize(
        ("life", "role"), [(EXPIRIES.timestamp, "timestamp"), (EXPIRIES.snapshot, "timestamp")]
    )
    def test_expired(self, fleet: Fleet, life: timedelta, role: str) -> None:
        """R2: a frozen mirror is noticed to the second."""
        verify_release(fleet.source, fleet.trust_root, TIME + EXPIRIES.timestamp - timedelta(seconds=1))
        with pytest.raises(VerificationError) as error:
            verify_release(fleet.source, fleet.trust_root, TIME + life)
        assert code(error) == "release.expired"
        assert role in str(error.value)

    def test_expired_root(self, fleet: Fleet) -> None:
        """A root that has expired has its own code."""
        with pytest.raises(VerificationError) as error:
            verify_release(fleet.source, fleet.trust_root, TIME + timedelta(days=3650))
        assert code(error) == "trust.root_expired"


class TestRoles:
    @pytest.mark.parametrize(
        "file", ["timestamp.json", "1.snapshot.json", "1.targets.json", "1.org.acme.json", "1.org.beta.json"]
    )
    def test_strangers_signature(self, fleet: Fleet, file: str) -> None:
        """R4: metadata signed by somebody who is no publisher."""
        resign(fleet, file, lambda signed: None, ["eve"])
        assert refused(fleet) == "release.invalid"

    @pytest.mark.parametrize(
        "file", ["1.snapshot.json", "1.targets.json", "1.org.acme.project.payments.json"]
    )
    def test_missing_file(self, fleet: Fleet, file: str) -> None:
        """A release with a hole is none."""
        (fleet.out / "metadata" / file).unlink()
        assert refused(fleet) == "release.invalid"

    def test_mixed_releases(self, fleet: Fleet) -> None:
        """R3: files of one release under the names of another."""
        fleet.publish(org(row()), org(name="beta"), step=2)
        metadata = fleet.out / "metadata"
        for name in ("snapshot", "targets"):
            data = (metadata / f"2.{name}.json").read_bytes()
            (metadata / f"2.{name}.json").write_bytes((metadata / f"1.{name}.json").read_bytes())
            assert refused(fleet) == "release.invalid"
            (metadata / f"2.{name}.json").write_bytes(data)

    def test_role_under_another_name(self, fleet: Fleet) -> None:
        """R3, R9: the metadata of org beta served as that of org acme."""
        metadata = fleet.out / "metadata"
        (metadata / "1.org.acme.json").write_bytes((metadata / "1.org.beta.json").read_bytes())
        assert refused(fleet) == "release.invalid"

    def test_duplicate_member(self, fleet: Fleet) -> None:
        """Metadata that two JSON readers could read differently is refused."""
        path = fleet.out / "metadata/1.targets.json"
        path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":1,"version":1'))
        assert refused(fleet) == "release.invalid"

    def test_root_of_another_fleet(self, fleet: Fleet) -> None:
        """R6: the caller's digest decides."""
        with pytest.raises(VerificationError) as error:
            verify_release(fleet.source, "0" * 64, TIME)
        assert code(error) == "trust.root_mismatch"


def _delegate(name: str, paths: Sequence[str], publisher: str = "pub1") -> Callable[[Any], object]:
    def change(signed: Any) -> None:
        role = DelegatedRole(name, [key(publisher).keyid], 1, terminating=True, paths=list(paths))
        signed.delegations = Delegations({key(publisher).keyid: key(publisher)}, {name: role})

    return change


class TestDelegations:
    @pytest.mark.parametrize(
        ("file", "change"),
        [
            pytest.param(
                "1.targets.json", _delegate("org.acme", org_paths("beta")), id="paths of another org"
            ),
            pytest.param("1.targets.json", _delegate("org.acme", ["*"]), id="any path"),
            pytest.param("1.targets.json", _delegate("org.*", org_paths("*")), id="name with a wildcard"),
            pytest.param("1.targets.json", _delegate("elsewhere", org_paths("acme")), id="another role"),
            pytest.param("1.targets.json", _delegate("org.acme", org_paths("acme"), "eve"), id="another key"),
            pytest.param("1.org.acme.json", _delegate("org.acme", org_paths("acme")), id="circle to itself"),
            pytest.param(
                "1.org.acme.json", _delegate("org.beta", org_paths("beta")), id="circle through another org"
            ),
            pytest.param(
                "1.org.acme.json",
                _delegate("org.acme.project.payments", project_paths("beta", "payments")),
                id="project of another org",
            ),
            pytest.param(
                "1.org.acme.project.payments.json",
                _delegate("org.acme", org_paths("acme")),
                id="circle from a project",
            ),
        ],
    )
    def test_only_two_levels(self, fleet: Fleet, file: str, change: Callable[[Any], object]) -> None:
        """R8, R9: delegations are exactly those that a release makes; circles have no place."""
        resign(fleet, file, change)
        assert refused(fleet) == "release.invalid"

    def test_target_of_another_org(self, fleet: Fleet) -> None:
        """R9: org acme's role names a target of org beta."""
        path = "orgs/beta/policies/guard/versions/1.0.0/gait.policy.yaml"

        def claim(signed: Any) -> None:
            signed.targets[path] = TargetFile.from_data(path, b"default: allow\n", ["sha256"])

        resign(fleet, "1.org.acme.json", claim)
        assert refused(fleet) == "release.invalid"

    @pytest.mark.parametrize(
        "path", ["orgs/acme/policies/guard/versions/1.0.0/..", "orgs/acme/policies/a/packs/x y"]
    )
    def test_unsafe_target(self, fleet: Fleet, path: str) -> None:
        """A target whose path would leave a folder is refused."""

        def claim(signed: Any) -> None:
            signed.targets[path] = TargetFile.from_data(path, b"", ["sha256"])

        resign(fleet, "1.org.acme.json", claim)
        assert refused(fleet) == "release.invalid"


class TestFields:
    @pytest.mark.parametrize(
        "change",
        [
            lambda signed: signed.unrecognized_fields.clear(),
            lambda signed: signed.unrecognized_fields["x-gaitops"].update(release=2),
            lambda signed: signed.unrecognized_fields["x-gaitops"].update(trustRoot="0" * 64),
            lambda signed: signed.unrecognized_fields["x-gaitops"].update(issued="yesterday"),
            lambda signed: signed.unrecognized_fields["x-gaitops"].pop("commit"),
        ],
    )
    def test_custom_fields(self, fleet: Fleet, change: Callable[[Any], object]) -> None:
        """The signed fields must agree with the release that they are in."""
        resign(fleet, "1.targets.json", change)
        assert refused(fleet) == "release.invalid"

    def test_snapshot_number(self, fleet: Fleet) -> None:
        """A timestamp that skips to a snapshot which is not there."""
        resign(fleet, "timestamp.json", lambda signed: setattr(signed, "snapshot_meta", MetaFile(7)))
        assert refused(fleet) == "release.invalid"


class TestTargets:
    def test_swapped_bytes(self, fleet: Fleet) -> None:
        """R3: other bytes, more bytes, and no bytes."""
        release = verify_release(fleet.source, fleet.trust_root, TIME)
        path = "orgs/acme/policies/guard/versions/1.0.0/gait.policy.yaml"
        file = next(fleet.out.glob("targets/orgs/acme/**/*.gait.policy.yaml"))
        good = file.read_bytes()
        for bad in (b"x" * len(good), good + b"x", good[:-1]):
            file.write_bytes(bad)
            with pytest.raises(VerificationError) as error:
                release.read_target(path)
            assert code(error) == "release.invalid"
        file.unlink()
        with pytest.raises(VerificationError) as error:
            release.read_target(path)
        assert code(error) == "release.invalid"

    def test_unknown_target(self, fleet: Fleet) -> None:
        """A path that no role names."""
        release = verify_release(fleet.source, fleet.trust_root, TIME)
        with pytest.raises(VerificationError) as error:
            release.read_target("orgs/acme/nothing")
        assert code(error) == "release.invalid"


class _Endless:
    def __init__(self, source: Source, path: str) -> None:
        self._source, self._path = source, path

    @property
    def name(self) -> str:
        return "endless"

    def pieces(self, path: str) -> Iterator[bytes] | None:
        return self._forever() if path == self._path else self._source.pieces(path)

    def _forever(self) -> Iterator[bytes]:
        while True:
            yield b"[" * 65536


@pytest.mark.parametrize("file", ["1.root", "2.root", "timestamp", "1.snapshot", "1.targets", "1.org.beta"])
def test_endless_metadata(fleet: Fleet, file: str) -> None:
    """R8: every file has a limit."""
    source = _Endless(fleet.source, f"metadata/{file}.json")
    with pytest.raises(VerificationError) as error:
        verify_release(source, fleet.trust_root, TIME)
    assert code(error) == "release.invalid"
