# SPDX-License-Identifier: Apache-2.0
"""Mirrors that lie to ``gaitops pin``: old, frozen, mixed, endless and crooked releases (threats R1-R4, R8, R9)."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import DelegatedRole, TargetFile

from tests.attacks.release_tools import (
    DAY,
    NOW,
    Endless,
    Scene,
    at,
    body,
    edit,
    forge,
    members,
    mirror,
    refused,
    rejected,
    scene,
    story,
    unchanged,
)

__all__ = ["scene", "story"]
ORG, PROJECT = "metadata/2.org.acme.json", "metadata/2.org.acme.project.pay.json"


def _file(folder: Path, pattern: str) -> Path:
    """The one file of a release whose name fits."""
    (file,) = folder.rglob(pattern)
    return file


# -- R1: rollback ----------------------------------------------------------------------------------------------


def test_older_release(scene: Scene) -> None:
    """R1: a mirror serves an older, validly signed release."""
    assert scene.update(scene / "two").code == 0
    with unchanged(scene / "pinned"):
        refused(scene.update(scene / "one"), 2, "release.rollback")


def test_status_sees_a_mirror_that_went_back(scene: Scene) -> None:
    """R1: status does not call a pin current because the mirror forgot the newer release."""
    assert scene.update(scene / "two").code == 0
    refused(
        scene.run("pin", "status", "--repo", scene / "pinned", "--from", scene / "one"), 2, "release.rollback"
    )


def test_older_timestamp_of_the_same_release(scene: Scene) -> None:
    """R1: an older timestamp that has not expired changes nothing: the release it names is the one that is pinned."""
    old = (scene / "two/metadata/timestamp.json").read_bytes()
    key = scene / "keys/publisher.pem"
    assert scene.run("publish", "--out", scene / "two", "--key", key, "--refresh").code == 0
    assert scene.update(scene / "two").code == 0
    (scene / "two/metadata/timestamp.json").write_bytes(old)
    with unchanged(scene / "pinned"):
        assert scene.update(scene / "two").json["changed"] == []


def test_older_timestamp_leads_to_older_release(scene: Scene) -> None:
    """R1: the newest release's folder under the timestamp of the one before."""
    assert scene.update(scene / "two").code == 0
    shutil.copy(scene / "one/metadata/timestamp.json", scene / "two/metadata")
    with unchanged(scene / "pinned"):
        refused(scene.update(scene / "two"), 2, "release.rollback")


def test_old_assignment_in_a_new_pin(scene: Scene) -> None:
    """R1: a pin that shows the newest release number over an older assignment of the same repository."""
    shutil.copytree(scene / "pinned", scene / "fresh")
    assert scene.update(scene / "two", "fresh").code == 0
    shutil.copy(scene / "fresh/.gaitops/release.dsse.json", scene / "pinned/.gaitops")
    edit(scene / "pinned/.gaitops/pin.yaml", "release: 1", "release: 2")
    status = scene.run("pin", "status", "--repo", scene / "pinned", "--from", scene / "two")
    assert status.json["state"] == "outdated"
    assert scene.update(scene / "two").code == 0
    assert scene.verify().json["environments"][0]["enforced"] == "acme/guard@2.0.0"


# -- R2: freeze ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [8, 400])
def test_frozen_mirror(scene: Scene, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """R2: a mirror stopped moving, and its timestamp expired."""
    at(monkeypatch, NOW + days * DAY)
    rejected(scene, scene / "two", 2, "release.expired" if days < 365 else "trust.root_expired")


def test_release_that_was_frozen_when_it_was_made(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """R2: the clock of the machine counts too, not only the one of the command line."""
    forge(scene / "two/metadata/timestamp.json", _expire, scene.publisher)
    at(monkeypatch, NOW - 30 * DAY)
    rejected(scene, scene / "two", 2, "release.expired")


@pytest.mark.parametrize("file", ["2.snapshot.json", "2.targets.json", "2.org.acme.json"])
def test_frozen_below_a_fresh_timestamp(scene: Scene, file: str) -> None:
    """R2: metadata that expired hides behind a timestamp that is refreshed every day."""
    forge(scene / "two/metadata" / file, _expire, scene.publisher)
    (scene / "consumer").mkdir()
    with unchanged(scene / "consumer"):
        refused(scene.init(scene / "two"), 2, "release.expired")


def _expire(signed: Any) -> None:
    signed.expires = NOW - DAY


# -- R3: mix and match -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["2.snapshot.json", "2.targets.json", "2.org.acme.json"])
def test_mixed_metadata(scene: Scene, file: str) -> None:
    """R3: validly signed metadata of one release under the name of another's."""
    older = file.replace("2.", "1.", 1)
    shutil.copy(scene / "two/metadata" / older, scene / "two/metadata" / file)
    rejected(scene, scene / "two", 2, "release.invalid")


def test_snapshot_of_another_release(scene: Scene) -> None:
    """R3: the newest timestamp over the snapshot and targets of the release before."""
    shutil.copy(scene / "two/metadata/timestamp.json", scene / "one/metadata")
    rejected(scene, scene / "one", 2, "release.invalid")


def test_swapped_targets(scene: Scene) -> None:
    """R3: the bytes of the old policy under the name of the new one."""
    (older,) = (scene / "two").rglob("versions/1.0.0/*.gait.policy.yaml")
    (newer,) = (scene / "two").rglob("versions/2.0.0/*.gait.policy.yaml")
    shutil.copy(older, newer)
    rejected(scene, scene / "two", 2, "release.invalid")


@pytest.mark.parametrize("pattern", ["versions/2.0.0/*.gait.policy.yaml", "targets/*.release.json"])
@pytest.mark.parametrize("change", [lambda data: data + b"\n", lambda data: data[:-1], lambda _: b""])
def test_target_of_another_length(scene: Scene, pattern: str, change: Callable[[bytes], bytes]) -> None:
    """R3: a target that is longer or shorter than declared."""
    file = _file(scene / "two", pattern) if "2.0.0" in pattern else _named_release(scene / "two")
    file.write_bytes(change(file.read_bytes()))
    rejected(scene, scene / "two", 2, "release.invalid")


def _named_release(folder: Path) -> Path:
    info = members(folder / "metadata/2.targets.json")["signed"]["targets"]["release.json"]
    return folder / f"targets/{info['hashes']['sha256']}.release.json"


@pytest.mark.parametrize("file", ["1.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_missing_metadata(scene: Scene, file: str) -> None:
    """R3: a mirror that leaves out metadata; without the first root there is no release at all."""
    (scene / "two/metadata" / file).unlink()
    code = (6, "release.not_found") if "root" in file else (2, "release.invalid")
    rejected(scene, scene / "two", *code)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 15000,
        b'{"signed": {}, "signatures": []}',
        b"\xff\xfe",
        b"NaN",
        b'{"a": 1e999}',
    ],
)
@pytest.mark.parametrize("file", ["timestamp.json", "2.targets.json"])
def test_metadata_that_is_none(scene: Scene, file: str, data: bytes) -> None:
    """R3: what no parser likes ends as an invalid release, never as a defect."""
    (scene / "two/metadata" / file).write_bytes(data)
    refused(scene.update(scene / "two"), 2, "release.invalid")


@pytest.mark.parametrize("value", ["zz", "", "00", 5, None, ["aa"], {"a": 1}])
def test_signature_that_is_none(scene: Scene, value: object) -> None:
    """R3: a signature that is not even text, where everything else fits."""
    import json

    file = scene / "two/metadata/timestamp.json"
    document = members(file)
    document["signatures"][0]["sig"] = value
    file.write_text(json.dumps(document))
    rejected(scene, scene / "two", 2, "release.invalid")


# -- R4: statements --------------------------------------------------------------------------------------------


def _production_statement(scene: Scene) -> Path:
    info = members(scene / "two" / ORG)["signed"]["targets"]["orgs/acme/policies/guard/statements/2.0.0.json"]
    return scene / f"two/envelopes/{info['hashes']['sha256']}.dsse.json"


def test_statement_without_signatures(scene: Scene) -> None:
    """R4: the release's targets are complete, and a statement's envelope is gone."""
    _production_statement(scene).unlink()
    rejected(scene, scene / "two", 2, "signature.invalid")


@pytest.mark.parametrize("signatures", [[], [{"keyid": "0" * 64, "sig": "AAAA"}]])
def test_statement_with_stripped_signatures(scene: Scene, signatures: list[dict[str, str]]) -> None:
    """R4: an envelope whose signature is removed, or is by a key that is nobody's."""
    import json

    envelope = _production_statement(scene)
    envelope.write_text(json.dumps({**members(envelope), "signatures": signatures}))
    rejected(scene, scene / "two", 2, "signature.invalid")


def test_genuine_envelope_of_another_statement(scene: Scene) -> None:
    """R3: one statement's envelope, validly signed, under the name of another's."""
    envelope = _production_statement(scene)
    other = next(file for file in (scene / "two/envelopes").iterdir() if file != envelope)
    shutil.copy(other, envelope)
    rejected(scene, scene / "two", 2, "release.invalid")


# -- R8: exhaustion --------------------------------------------------------------------------------------------

METADATA = (
    "metadata/1.root.json",
    "metadata/2.root.json",
    "metadata/timestamp.json",
    "metadata/2.snapshot.json",
)


@pytest.mark.parametrize("path", [*METADATA, ORG, "envelope", "target"])
def test_endless_files(scene: Scene, path: str) -> None:
    """R8: metadata, a statement or a target that never ends costs its limit and no more."""
    places = {
        "envelope": _production_statement(scene),
        "target": _file(scene / "two", "versions/2.0.0/*.gait.policy.yaml"),
    }
    file = places[path].relative_to(scene / "two").as_posix() if path in places else path
    endless = Endless()
    with mirror(scene / "two", {file: endless}) as address:
        rejected(scene, address, 2, "release.invalid")
    # Each of the two commands takes at most 32 MiB; what the kernel buffers comes on top.
    assert endless.sent < 2 * 48 * 2**20


def test_a_gigabyte_is_declared(scene: Scene) -> None:
    """R8: targets metadata, validly signed, declares a target of 1 GiB; nobody starts to download it."""

    def grow(signed: Any) -> None:
        signed.targets["orgs/acme/policies/guard/versions/2.0.0/gait.policy.yaml"].length = 2**30

    forge(scene / "two" / ORG, grow, scene.publisher)
    endless = Endless()
    policy = _file(scene / "two", "versions/2.0.0/*.gait.policy.yaml").relative_to(scene / "two").as_posix()
    with mirror(scene / "two", {policy: endless}) as address:
        rejected(scene, address, 2, "release.invalid")
    assert endless.sent == 0


def test_huge_root(scene: Scene) -> None:
    """R8: 100 MB of root metadata."""
    with (scene / "two/metadata/2.root.json").open("wb") as stream:
        stream.truncate(100 * 2**20)
    rejected(scene, scene / "two", 2, "release.invalid")


def test_compressed_bomb(scene: Scene) -> None:
    """R8: an answer of a few kilobytes that unpacks to 64 MiB."""
    bomb = body(gzip.compress(bytes(64 * 2**20)), Content_Encoding="gzip")
    with mirror(scene / "two", {"metadata/timestamp.json": bomb}) as address:
        rejected(scene, address, 2, "release.invalid")


def test_delegations_in_a_circle(scene: Scene) -> None:
    """R8: an org's role delegates to its project, which delegates back, and so on."""
    parent = members(scene / "two" / ORG)["signed"]["delegations"]

    def circle(signed: Any) -> None:
        from tuf.api.metadata import Delegations

        signed.delegations = Delegations.from_dict(parent | {"roles": [_all_to("org.acme")]})
        signed.targets.clear()

    project = f"metadata/{_listed(scene, 'org.acme.project.pay')}.org.acme.project.pay.json"
    forge(scene / "two" / project, circle, scene.publisher)
    rejected(scene, scene / "two", 2, "release.invalid")
    with unchanged(scene / "two"):
        refused(scene.publish("--previous", scene / "two", out="two"), 2, "release.invalid")


def _all_to(role: str) -> dict[str, Any]:
    paths = ["*/" * depth + "*" for depth in range(12)]
    keyids = [Scene.publisher.fget(None).public_key.keyid]  # type: ignore[attr-defined]
    return DelegatedRole(role, keyids, 1, terminating=False, paths=paths).to_dict()


def _listed(scene: Scene, role: str) -> int:
    version: int = members(scene / "two/metadata/2.snapshot.json")["signed"]["meta"][f"{role}.json"][
        "version"
    ]
    return version


# -- R9: tenants -----------------------------------------------------------------------------------------------


def test_targets_of_another_org(scene: Scene) -> None:
    """R9: org zephyr's role claims a target of org acme; nobody who asks for acme's ever gets it."""
    path = "orgs/acme/policies/guard/versions/2.0.0/gait.policy.yaml"
    evil = b"default_verdict: allow\n"
    info = TargetFile.from_data(path, evil, ["sha256"])
    zephyr = scene / f"two/metadata/{_listed(scene, 'org.zephyr')}.org.zephyr.json"
    forge(zephyr, lambda signed: signed.targets.update({path: info}), scene.publisher)
    folder = (scene / "two/targets" / path).parent
    (folder / f"{info.hashes['sha256']}.gait.policy.yaml").write_bytes(evil)
    assert scene.update(scene / "two").code == 0
    pinned = scene / "pinned/.gaitops/production/enforced/gait.policy.yaml"
    assert pinned.read_bytes() != evil
    refused(scene.publish("--previous", scene / "two", out="two"), 2, "release.invalid")


def test_assignments_of_another_repository(scene: Scene) -> None:
    """R9: a genuine statement about one repository is served as that of another."""
    paths = {
        name: f"orgs/acme/projects/pay/assignments/github.com/acme/{name}.json"
        for name in ("checkout", "ledger")
    }

    def swap(signed: Any) -> None:
        other = signed.targets[paths["ledger"]]
        signed.targets[paths["checkout"]] = TargetFile(
            other.length, other.hashes, paths["checkout"], {"custom": other.custom}
        )

    file = scene / f"two/metadata/{_listed(scene, 'org.acme.project.pay')}.org.acme.project.pay.json"
    forge(file, swap, scene.publisher)
    for source in (scene / "two/targets").rglob("*.ledger.json"):
        shutil.copy(source, source.with_name(source.name.replace("ledger", "checkout")))
    rejected(scene, scene / "two", 2, "release.invalid")
