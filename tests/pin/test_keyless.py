# SPDX-License-Identifier: Apache-2.0
"""Pins of a fleet that publishes with bundles: what is required holds, and nothing falls back."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gaitops.errors import VerificationError
from gaitops.pin.folder import read_folder
from gaitops.pin.layout import TRUSTED_ROOT_FILE
from gaitops.pin.require import Require, Word
from gaitops.pin.update import init_pin, newest_pin, update_pin
from gaitops.pin.verify import VerifiedPin, verify_pin
from gaitops.release import keyless
from gaitops.release.layout import target_file
from gaitops.signing.sigstore.verify import TrustedRootFile
from tests.pin.pin_builder import NOW, REQUEST, code
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
from tests.release.release_builder import org, row
from tests.sigstore_double.identities import Signer, Someone

STATEMENTS = ("release", "production/assignments", "production/enforced")
KEYLESS = (Require.KEYLESS, Require.BOTH)
ALL = (Require.KEY, *KEYLESS)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> KeylessFleet:
    """A fleet with one release, which no test changes."""
    fleet = keyless_fleet(tmp_path_factory.mktemp("fleet") / "out", NOW)
    fleet.publish(first=True)
    return fleet


@pytest.fixture(scope="module")
def repository(fleet: KeylessFleet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A consumer that has pinned release 1, which no test changes."""
    folder = tmp_path_factory.mktemp("consumer")
    init_pin(folder, fleet.source, fleet.trust_root, [REQUEST], NOW, require=Require.BOTH)
    return folder


@pytest.fixture
def files(repository: Path) -> dict[str, bytes]:
    """The pin of release 1."""
    return read_folder(repository)


def _verify(fleet: KeylessFleet, files: dict[str, bytes], require: Require) -> VerifiedPin:
    return verify_pin(files, fleet.trust_root, require=require)


def _resigned(files: dict[str, bytes], sign: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """The pin with other bundles over the same statements."""
    changed = dict(files)
    for name in STATEMENTS:
        envelope = json.loads(files[f"{name}.dsse.json"])
        changed[f"{name}.sigstore.json"] = sign(base64.b64decode(envelope["payload"]))
    return changed


def test_a_pin_has_bundles_and_trusted_root(files: dict[str, bytes]) -> None:
    """Beside each statement lies its bundle, and the trusted root that the newest root names."""
    assert {f"{name}.sigstore.json" for name in STATEMENTS} | {TRUSTED_ROOT_FILE} <= files.keys()
    assert files[TRUSTED_ROOT_FILE] == double().trusted_root_bytes


@pytest.mark.parametrize("require", ALL)
def test_a_good_pin(fleet: KeylessFleet, files: dict[str, bytes], require: Require) -> None:
    """The same pin satisfies whoever asks for keys, for keyless signatures, or both."""
    verified = _verify(fleet, files, require)
    assert verified.require is require
    workflow = "https://github.com/acme/publisher/.github/workflows/publish.yml@refs/heads/main"
    assert verified.signers == ((workflow,) if Require.KEYLESS in require else ())


@pytest.mark.parametrize("require", KEYLESS)
@pytest.mark.parametrize("lost", [*(f"{name}.sigstore.json" for name in STATEMENTS), TRUSTED_ROOT_FILE])
def test_stripped(fleet: KeylessFleet, files: dict[str, bytes], require: Require, lost: str) -> None:
    """T58: a bundle or trusted root that was taken away is missed, whatever the keys say."""
    del files[lost]
    with pytest.raises(VerificationError) as error:
        _verify(fleet, files, require)
    assert code(error) == "pin.keyless_missing"
    assert _verify(fleet, files, Require.KEY).signers == ()


def test_stripped_of_everything(fleet: KeylessFleet, files: dict[str, bytes]) -> None:
    """T58: a pin without anything keyless is a pin of keys, and not enough for whoever asks for more."""
    plain = {
        path: data for path, data in files.items() if "sigstore" not in path and path != TRUSTED_ROOT_FILE
    }
    with pytest.raises(VerificationError) as error:
        _verify(fleet, plain, Require.KEYLESS)
    assert {problem.code for problem in error.value.problems} == {"pin.keyless_missing"}
    _verify(fleet, plain, Require.KEY)


@pytest.mark.parametrize("require", KEYLESS)
@pytest.mark.parametrize(
    "run",
    [
        altered(repository_id="1296270"),
        altered(repository_owner_id="9920"),
        altered(runner_environment="self-hosted"),
        altered(event_name="workflow_run"),
        altered(ref="refs/heads/feature"),
        altered(workflow_path=".github/workflows/other.yml"),
        altered(job_workflow_ref=f"{REUSED}@refs/heads/main", job_workflow_sha="c" * 40),
        Someone("ana@acme.example"),
    ],
    ids=["recreated", "owner", "self-hosted", "trigger", "ref", "workflow", "callee", "person"],
)
def test_by_somebody_else(
    fleet: KeylessFleet, files: dict[str, bytes], require: Require, run: Signer
) -> None:
    """T57: a bundle by a run that the root does not name counts for nothing."""
    with pytest.raises(VerificationError) as error:
        _verify(fleet, _resigned(files, signing(run, NOW)), require)
    assert {problem.code for problem in error.value.problems} == {"sigstore.identity"}


@pytest.mark.parametrize("require", KEYLESS)
def test_by_another_instance(fleet: KeylessFleet, files: dict[str, bytes], require: Require) -> None:
    """T57: a bundle of another Sigstore instance is refused, though it names the right workload."""
    with pytest.raises(VerificationError) as error:
        _verify(fleet, _resigned(files, signing(RUN, NOW, stranger())), require)
    assert code(error) == "sigstore.untrusted"


@pytest.mark.parametrize("require", ALL)
def test_trusted_root_swapped(fleet: KeylessFleet, files: dict[str, bytes], require: Require) -> None:
    """T59: a trusted root that came with the bundles is not the one that the root people have signed for."""
    forged = _resigned(files, signing(RUN, NOW, stranger()))
    forged[TRUSTED_ROOT_FILE] = stranger().trusted_root_bytes
    with pytest.raises(VerificationError) as error:
        _verify(fleet, forged, require)
    assert code(error) == "sigstore.trust_root"


@pytest.mark.parametrize("require", ALL)
def test_for_another_statement(fleet: KeylessFleet, files: dict[str, bytes], require: Require) -> None:
    """T57: a genuine bundle beside another statement is not its bundle, even where bundles are not required."""
    files["release.sigstore.json"] = files["production/enforced.sigstore.json"]
    with pytest.raises(VerificationError) as error:
        _verify(fleet, files, require)
    assert (code(error), error.value.problems[0].path) == ("pin.mismatch", ".gaitops/release.sigstore.json")


def test_both_needs_keys(fleet: KeylessFleet, files: dict[str, bytes]) -> None:
    """T58: with a bundle and without the publishers' signature, a statement satisfies keyless and not both."""
    envelope = json.loads(files["release.dsse.json"])
    envelope["signatures"][0]["keyid"] = "0" * 64
    files["release.dsse.json"] = json.dumps(envelope).encode()
    _verify(fleet, files, Require.KEYLESS)
    for require in (Require.BOTH, Require.KEY):
        with pytest.raises(VerificationError) as error:
            _verify(fleet, files, require)
        assert code(error) == "signature.invalid"


def test_keyless_envelope_over_other_bytes(fleet: KeylessFleet, files: dict[str, bytes]) -> None:
    """Where keys are not looked at, the envelope still says what the bundle says, or nothing holds."""
    files["release.dsse.json"] = files["production/enforced.dsse.json"]
    with pytest.raises(VerificationError) as error:
        _verify(fleet, files, Require.KEYLESS)
    assert code(error) == "pin.mismatch"


@pytest.mark.parametrize(
    "junk", [b"", b"{}", b'{"mediaType":"x"}', b"\xff", b'{"mediaType":1,"mediaType":2}']
)
@pytest.mark.parametrize("require", ALL)
def test_junk(fleet: KeylessFleet, files: dict[str, bytes], require: Require, junk: bytes) -> None:
    """A file that is no bundle is refused, whoever looks."""
    files["release.sigstore.json"] = junk
    with pytest.raises(VerificationError):
        _verify(fleet, files, require)


def test_a_root_without_workloads(tmp_path: Path, consumer: Path) -> None:
    """Where the root names no workload, nothing is keyless, and bundles that lie around are strange files."""
    fleet = keyless_fleet(tmp_path / "out", NOW)
    fleet.rename(None)
    fleet.keyless = None
    fleet.publish(first=True)
    with pytest.raises(VerificationError) as error:
        init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW, require=Require.KEYLESS)
    assert code(error) == "pin.keyless_missing"
    assert "names no workload" in str(error.value)
    init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
    files = _resigned(read_folder(consumer), signing(RUN, NOW))
    with pytest.raises(VerificationError) as error:
        verify_pin(files, fleet.trust_root)
    assert code(error) == "pin.mismatch"


def test_workloads_of_an_older_root(tmp_path: Path, consumer: Path) -> None:
    """T57: after a rotation the workload that was named before signs nothing any more; archived pins keep verifying."""
    fleet = keyless_fleet(tmp_path / "out", NOW)
    fleet.publish(first=True)
    init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW, require=Require.BOTH)
    archived = read_folder(consumer)
    fleet.rename(publishing(workload(repositoryId="77")))
    fleet.run = altered(repository_id="77")
    fleet.publish()
    update_pin(consumer, fleet.source, fleet.trust_root, NOW, require=Require.BOTH)
    files = read_folder(consumer)
    assert verify_pin(files, fleet.trust_root, require=Require.BOTH).root.version == 3
    assert verify_pin(archived, fleet.trust_root, require=Require.BOTH).root.version == 2
    with pytest.raises(VerificationError) as error:
        verify_pin(_resigned(files, signing(RUN, NOW)), fleet.trust_root, require=Require.BOTH)
    assert code(error) == "sigstore.identity"


def test_renamed_repository(tmp_path: Path, consumer: Path) -> None:
    """A repository that was renamed goes on publishing under its new name from when the root says so."""
    fleet = keyless_fleet(tmp_path / "out", NOW)
    one = workload()["names"][0]  # type: ignore[index]
    two = {name: str(uri).replace("acme/publisher", "acme/releases") for name, uri in one.items()}
    fleet.rename(publishing(workload(names=[one, two])))
    fleet.run = altered(repository="acme/releases")
    fleet.publish(first=True)
    init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW, require=Require.KEYLESS)
    assert (
        "acme/releases"
        in verify_pin(read_folder(consumer), fleet.trust_root, require=Require.KEYLESS).signers[0]
    )


class TestUpdate:
    """Making and renewing a pin under a requirement."""

    def test_a_release_without_bundles(self, tmp_path: Path, consumer: Path) -> None:
        """A release that lost its bundles makes no pin where they are required, and leaves the old one."""
        fleet = keyless_fleet(tmp_path / "out", NOW)
        fleet.publish(first=True)
        init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW, require=Require.KEYLESS)
        before = read_folder(consumer)
        fleet.keyless = None
        fleet.publish(org(row(environment="production")), step=2)
        with pytest.raises(VerificationError) as error:
            update_pin(consumer, fleet.source, fleet.trust_root, NOW, require=Require.KEYLESS)
        assert code(error) == "pin.keyless_missing"
        pin = verify_pin(before, fleet.trust_root).pin
        with pytest.raises(VerificationError) as error:
            newest_pin(fleet.source, fleet.trust_root, pin, NOW, require=Require.KEYLESS)
        assert code(error) == "pin.keyless_missing"
        assert read_folder(consumer) == before
        update_pin(consumer, fleet.source, fleet.trust_root, NOW)
        assert TRUSTED_ROOT_FILE not in read_folder(consumer)

    def test_trusted_root_swapped_in_the_release(self, tmp_path: Path, consumer: Path) -> None:
        """Another trusted root under the name of the release's is not what TUF metadata names."""
        fleet = keyless_fleet(tmp_path / "out", NOW)
        fleet.publish(first=True)
        sha256 = hashlib.sha256(double().trusted_root_bytes).hexdigest()
        file = fleet.out / target_file(TRUSTED_ROOT_FILE, sha256)
        file.write_bytes(stranger().trusted_root_bytes)
        with pytest.raises(VerificationError) as error:
            init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
        assert code(error) == "release.invalid"

    def test_trusted_root_of_a_stolen_publisher_key(
        self, tmp_path: Path, consumer: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever holds a publisher's key can publish another trusted root, and no consumer takes it."""
        fleet = keyless_fleet(tmp_path / "out", NOW)
        fleet.keyless = signing(RUN, NOW, stranger())
        with monkeypatch.context() as patch:
            own = TrustedRootFile(stranger().trusted_root_bytes, "")
            patch.setattr(keyless, "publishing_root", lambda *_: own)
            fleet.publish(first=True)
        for require in ALL:
            with pytest.raises(VerificationError) as error:
                init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW, require=require)
            assert code(error) == "sigstore.trust_root"


class TestRequire:
    """What several places ask for adds up."""

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ([], Require.KEY),
            (["key"], Require.KEY),
            (["keyless"], Require.KEYLESS),
            (["key", "keyless"], Require.BOTH),
            (["both", "key"], Require.BOTH),
            (["keyless", "keyless"], Require.KEYLESS),
        ],
    )
    def test_adds_up(self, words: list[Word], expected: Require) -> None:
        """Nothing that one place says is lowered by another."""
        assert Require.of(words) is expected
        assert Require.of([expected.word]) is expected


def test_keys_alone_never_load_sigstore(fleet: KeylessFleet, repository: Path) -> None:
    """A consumer who asks for keys needs no Sigstore library, even where bundles lie in the pin."""
    program = (
        "import sys; from pathlib import Path; from gaitops.pin.folder import read_folder;"
        "from gaitops.pin.verify import verify_pin;"
        f"verify_pin(read_folder(Path({str(repository)!r})), {fleet.trust_root!r});"
        "sys.exit('sigstore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
