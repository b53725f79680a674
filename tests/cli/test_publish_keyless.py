# SPDX-License-Identifier: Apache-2.0
"""Keyless publishing on the command line: from the root people's decision to what a consumer requires."""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gaitops.errors import InvalidInputError
from gaitops.release.ceremony import next_root, sign_root
from gaitops.signing.sigstore.sign import Session
from tests.attacks.release_tools import CHECKOUT, DAY, NOW, RecentWorld, Scene, content, first_steps, refused
from tests.cli.fleets import Fleet
from tests.cli.harness import Invoke, Run
from tests.keyless import RUN, TRUSTED_ROOT, principal, workload
from tests.release.keyless_builder import publishing
from tests.release.keyless_builder import workload as plain
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.identities import GitHubRun, Someone

AMBIENT = ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME")
WORKFLOW = "https://github.com/acme/publisher/.github/workflows/publish.yml"


@pytest.fixture(autouse=True)
def outside_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run in CI, whose identity is nobody's here."""
    for variable in (*AMBIENT, "GAITOPS_REQUIRE", "GAITOPS_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(variable, raising=False)


# -- the root people decide -----------------------------------------------------------------------------------


@pytest.fixture
def fleet(gaitops: Invoke, tmp_path: Path) -> Fleet:
    """A fleet whose tree has a pipeline among its principals, and the double's trusted root."""
    fleet = Fleet(gaitops, tmp_path)
    for name, text in principal("publisher", "service", workload()).items():
        (fleet.path / name).write_text(text)
    (fleet.path / "trust/sigstore").mkdir()
    trusted_root = SigstoreDouble(lambda: datetime.now(UTC)).trusted_root_bytes
    (fleet.path / TRUSTED_ROOT).write_bytes(trusted_root)
    return fleet


class TestRotate:
    """The workload gets into the root, in words that people can compare."""

    def test_named_shown_signed_and_ended(self, gaitops: Invoke, fleet: Fleet) -> None:
        """A rotation names the workload, whoever signs sees what it is, and the next rotation can end it."""
        rotated = fleet.trust("rotate", "--publisher-workload", "publisher/pipeline")
        assert rotated.code == 0, rotated.out
        (words,) = rotated.json["root"]["publisherWorkloads"]
        assert words.startswith(
            f"{WORKFLOW} of https://github.com/acme/publisher (repository 1296269, owner 9919)"
        )
        assert f"publisher workload added: {words}" in rotated.json["changes"]
        assert any(change.startswith("Sigstore trusted root none → ") for change in rotated.json["changes"])
        said = gaitops("trust", "sign", "--repo", fleet.path, "--key", fleet.key("alice"), "--yes")
        assert said.code == 0
        assert f"publisher workload added: {words}" in said.err
        assert fleet.sign("bob").json["complete"]
        fleet.git("add", "trust/root/2.root.json")
        fleet.git("commit", "--quiet", "--message", "rotate")
        trust_root = ("--trust-root", fleet.trust_root)
        shown = gaitops("trust", "show", "--repo", fleet.path, *trust_root, "--json").json["root"]
        assert shown["publisherWorkloads"] == [words]
        assert shown["sigstoreTrustedRoot"] == rotated.json["root"]["sigstoreTrustedRoot"]
        text = gaitops("trust", "show", "--repo", fleet.path, *trust_root).out
        assert words in text
        assert f"sha256:{shown['sigstoreTrustedRoot']}" in text
        ended = fleet.trust("rotate", "--no-publisher-workloads").json
        assert (ended["root"]["publisherWorkloads"], ended["root"]["sigstoreTrustedRoot"]) == ([], None)
        assert f"publisher workload removed: {words}" in ended["changes"]

    def test_other_rotations_leave_it(self, fleet: Fleet) -> None:
        """A rotation that says nothing about workloads changes none."""
        fleet.trust("rotate", "--publisher-workload", "publisher/pipeline")
        for name in ("alice", "bob"):
            fleet.sign(name)
        again = fleet.trust("rotate", "--expires", "200d").json
        assert len(again["root"]["publisherWorkloads"]) == 1
        assert [change.partition(" ")[0] for change in again["changes"]] == ["expires"]

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("publisher", "trust.rotation"),
            ("nobody/pipeline", "trust.rotation"),
            ("publisher/other", "trust.rotation"),
            ("alice/root", "trust.rotation"),
            ("../publisher/pipeline", "trust.rotation"),
        ],
    )
    def test_not_a_workload(self, fleet: Fleet, name: str, code: str) -> None:
        """Only a workload identity of a principal in the tree can be named."""
        refused(fleet.trust("rotate", "--publisher-workload", name), 6, code)
        assert not (fleet.path / "trust/root/2.root.json").exists()

    @pytest.mark.parametrize("trusted_root", [None, b"{}"])
    def test_no_trusted_root(self, fleet: Fleet, trusted_root: bytes | None) -> None:
        """Without a usable trusted root nobody could verify what the workload signs."""
        (fleet.path / TRUSTED_ROOT).unlink()
        if trusted_root is not None:
            (fleet.path / TRUSTED_ROOT).write_bytes(trusted_root)
        refused(fleet.trust("rotate", "--publisher-workload", "publisher/pipeline"), 6, "sigstore.trust_root")

    def test_twice_or_both(self, fleet: Fleet) -> None:
        """The same workload twice, or workloads and none at once, are mistakes."""
        two = ("--publisher-workload", "publisher/pipeline") * 2
        refused(fleet.trust("rotate", *two), 6, "trust.root_invalid")
        assert fleet.trust("rotate", *two[:2], "--no-publisher-workloads").code == 6


# -- publishing -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def services() -> Iterator[SigstoreDouble]:
    """A Sigstore instance that listens."""
    with SigstoreDouble(lambda: datetime.now(UTC)) as double:
        yield double
    gc.collect()  # Connections that sigstore-python left open are closed here, not in the middle of another test.


@pytest.fixture(scope="module")
def story(services: SigstoreDouble, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A fleet whose second root names the pipeline, its first release with bundles, and a consumer that pinned it."""
    folder = tmp_path_factory.mktemp("story")
    extra = {TRUSTED_ROOT: services.trusted_root_bytes}
    world = RecentWorld(folder / "fleet", extra=extra)
    world.save_keys(folder / "keys")
    first_steps(world)
    said = publishing(plain(), trusted_root=services.trusted_root_bytes)
    root = next_root(world.root, publishing=said, expires=NOW + 365 * DAY)
    for name in ("alice", "bob"):
        root = sign_root(root, world.actor(name).signer)
    world.commit({"trust/root/2.root.json": root}, by="alice")
    (folder / "config.json").write_bytes(services.client_trust_config)
    scene = Scene(folder, world.trust_root)
    with pytest.MonkeyPatch.context() as patch:
        for variable in AMBIENT:
            patch.delenv(variable, raising=False)
        run = _publish(scene, services, "--first", out="one")
        assert run.code == 0, run.out
        run = scene.init(scene / "one", "--require", "both", repo="pinned")
        assert run.code == 0, run.out
    return scene


@pytest.fixture
def scene(story: Scene, tmp_path: Path) -> Scene:
    """A copy that a test may do anything to."""
    folder = tmp_path / "scene"
    shutil.copytree(story.folder, folder)
    return Scene(folder, story.trust_root)


def _publish(
    scene: Scene,
    services: SigstoreDouble,
    *options: str | Path,
    who: GitHubRun | Someone = RUN,
    out: str = "out",
) -> Run:
    token = scene / "token"
    token.write_text(services.token(who) + "\n")
    given = ("--sigstore", "--sigstore-config", scene / "config.json", "--identity-token-file", token)
    return scene.publish(*given, *options, out=out)


def test_a_release_with_bundles(scene: Scene, services: SigstoreDouble) -> None:
    """The real client signs every statement through the services, and consumers verify them offline."""
    entries = len(services.rekor.tree)
    said = _publish(scene, services, "--first").json
    assert (said["status"], said["bundles"], said["bundlesSigned"]) == ("published", 4, 4)
    assert len(services.rekor.tree) == entries + 4
    assert scene.init(scene / "out", "--require", "both").code == 0
    verified = scene.verify("--require", "keyless", repo="consumer").json
    assert (verified["require"], verified["signers"]) == ("keyless", [f"{WORKFLOW}@refs/heads/main"])
    assert scene.verify(repo="consumer").json["signers"] == []


def test_nothing_new_reaches_no_service(scene: Scene, services: SigstoreDouble) -> None:
    """A schedule without anything to say needs no token, and leaves nothing in a log."""
    entries = len(services.rekor.tree)
    said = scene.publish("--sigstore", "--previous", scene / "one", out="one").json
    assert (said["status"], said["bundles"], said["bundlesSigned"]) == ("unchanged", 4, 0)
    assert len(services.rekor.tree) == entries


def test_without_sigstore_it_is_said(scene: Scene) -> None:
    """A release by keys alone says that consumers who require bundles refuse it, and they do."""
    arguments = ("publish", "--repo", scene / "fleet", "--key", scene / "keys/publisher.pem")
    said = scene.text(*arguments, "--out", scene / "one", "--previous", scene / "one")
    assert "no bundles: consumers who require them refuse this release" in said.out
    refused(
        scene.run(
            "pin", "update", "--repo", scene / "pinned", "--from", scene / "one", "--require", "keyless"
        ),
        2,
        "pin.keyless_missing",
    )
    assert scene.update(scene / "one").code == 0


@pytest.mark.parametrize(
    "who",
    [
        replace(RUN, repository_id="2"),
        replace(RUN, event_name="pull_request_target"),
        replace(RUN, runner_environment="self-hosted"),
        Someone("alice@example.com"),
    ],
    ids=["recreated", "trigger", "self-hosted", "person"],
)
def test_another_workload(scene: Scene, services: SigstoreDouble, who: GitHubRun | Someone) -> None:
    """Whoever the root does not name signs nothing: no entry in the log, no file."""
    entries = len(services.rekor.tree)
    refused(_publish(scene, services, "--first", who=who), 6, "release.publisher")
    assert len(services.rekor.tree) == entries
    assert not (scene / "out").exists()


def test_outside_of_ci(scene: Scene) -> None:
    """Nobody is asked to sign in: only workloads publish."""
    refused(
        scene.publish("--sigstore", "--sigstore-config", scene / "config.json", "--first"),
        6,
        "sigstore.login",
    )


def test_token_of_the_ci_system(
    scene: Scene, services: SigstoreDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In GitHub Actions the job's own token is asked for."""
    services.provider.run = RUN
    for name, value in services.actions_environment.items():
        monkeypatch.setenv(name, value)
    said = scene.publish("--sigstore", "--sigstore-config", scene / "config.json", "--first").json
    assert said["bundlesSigned"] == 4


def test_a_certificate_that_expires_meanwhile(
    scene: Scene, services: SigstoreDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release that takes longer than a certificate lives gets another one, once for each time."""
    signed: list[Session] = []
    real = Session.sign

    def sign(self: Session, *arguments: object) -> object:
        if signed.count(self) == 1:
            raise InvalidInputError.of("sigstore.token", "the certificate has expired")
        signed.append(self)
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "sign", sign)
    assert _publish(scene, services, "--first").json["bundlesSigned"] == 4
    assert len(set(map(id, signed))) == 4


def test_another_instance(scene: Scene, services: SigstoreDouble) -> None:
    """An instance that the root does not name is not signed with."""
    with SigstoreDouble(lambda: datetime.now(UTC)) as other:
        (scene / "config.json").write_bytes(other.client_trust_config)
        refused(_publish(scene, services, "--first"), 6, "sigstore.instance")
        assert len(other.rekor.tree) == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--sigstore", "--refresh"),
        ("--sigstore", "--cosign"),
        ("--oidc-client-id", "x", "--first"),
    ],
)
def test_usage(scene: Scene, options: tuple[str, ...]) -> None:
    """Options that do not go together are refused before anything happens."""
    run = scene.publish(*options)
    assert (run.code, run.json["error_code"]) == (6, "cli.usage")


# -- what the consumer requires -------------------------------------------------------------------------------


def _strip(scene: Scene) -> None:
    """Take the bundles out of the pin."""
    for file in (scene / "pinned/.gaitops").rglob("*.sigstore.json"):
        file.unlink()


def test_places_add_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Option, variable and configuration add up: none of them lowers what another asks for."""
    assert scene.verify().json["require"] == "key"
    monkeypatch.setenv("GAITOPS_REQUIRE", "keyless")
    assert scene.verify().json["require"] == "keyless"
    assert scene.verify("--require", "key").json["require"] == "both"
    monkeypatch.delenv("GAITOPS_REQUIRE")
    config = scene / "home/.config/gaitops/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('require = "both"\n')
    assert scene.verify("--require", "key").json["require"] == "both"
    _strip(scene)
    refused(scene.verify("--require", "key"), 2, "pin.keyless_missing")


@pytest.mark.parametrize("word", ["Both", "keys", "none"])
def test_an_unknown_word(scene: Scene, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """A word that nobody knows does not pass for the weakest one."""
    monkeypatch.setenv("GAITOPS_REQUIRE", word)
    refused(scene.verify(), 6, "config.malformed")


@pytest.mark.parametrize(
    "arguments",
    [
        ("pin", "verify"),
        ("pin", "status"),
        ("pin", "gait-args", "--environment", "production"),
    ],
)
def test_stripped_bundles_are_missed_everywhere(scene: Scene, arguments: tuple[str, ...]) -> None:
    """Every command that relies on the pin asks for what the consumer requires."""
    given: tuple[str | Path, ...] = (*arguments, "--repo", scene / "pinned", "--require", "keyless")
    assert scene.run(*given).code == 0
    _strip(scene)
    refused(scene.run(*given), 2, "pin.keyless_missing")
    assert scene.run(*given[:-2]).code == 0


def test_conformance_and_gate(scene: Scene) -> None:
    """Conformance and gates fail a pin without the required signatures, and say what was required."""
    fleet = ("--fleet-repo", scene / "fleet")
    judged = ("conformance", "--repo", scene / "pinned", *fleet, "--require", "both")

    def control(run: Run) -> tuple[str, str]:
        (result,) = run.json["results"]
        (found,) = (item for item in result["controls"] if item["control"] == "pin.verifies")
        return result["require"], found["outcome"]

    assert control(scene.run(*judged)) == ("both", "pass")
    _strip(scene)
    run = scene.run(*judged)
    assert (control(run), run.code) == (("both", "fail"), 3)
    assert control(scene.run(*judged[:-2])) == ("key", "pass")
    assert "pin.keyless_missing" in json.dumps(run.json)
    consumer = ("--consumer", scene / "pinned", "--repository", CHECKOUT, "--environment", "production")
    assert scene.run("gate", "deploy", *fleet, *consumer, "--require", "both").code == 0


def test_release_folder_is_left_alone(scene: Scene, services: SigstoreDouble) -> None:
    """A service that fails in the middle leaves the release as it was."""
    before = content(scene / "one")
    services.faults = replace(services.faults, entries_refused=True)
    try:
        run = _publish(scene, services, "--first")
    finally:
        services.faults = replace(services.faults, entries_refused=False)
    refused(run, 1, "sigstore.unavailable")
    assert content(scene / "one") == before
    assert not (scene / "out").exists()
