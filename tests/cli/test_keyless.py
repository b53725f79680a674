# SPDX-License-Identifier: Apache-2.0
"""``--sigstore`` on the command line: the real client, against the double's services."""

from __future__ import annotations

import gc
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest
import yaml
from click.testing import CliRunner

from gaitops.cli.main import program
from gaitops.signing.canonical import canonical_json
from tests.cli.fleets import Fleet
from tests.cli.harness import Invoke, Run
from tests.keyless import person, principal, workload
from tests.sigstore_double.double import NO_FAULTS, Faults, SigstoreDouble
from tests.sigstore_double.identities import GitHubRun, GitLabJob, Someone
from tests.simulator import document

BOB = Someone("bob@example.com")
EVE = Someone("eve@example.com")
AMBIENT = ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME")


def invoked(*arguments: str | Path, stdin: str | None = None) -> Run:
    """Run the command line for fixtures that live longer than a test."""
    result = CliRunner().invoke(program, [str(argument) for argument in arguments], input=stdin)
    return Run(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def services() -> Iterator[SigstoreDouble]:
    """A Sigstore instance that listens."""
    with SigstoreDouble(lambda: datetime.now(UTC)) as double:
        yield double


@pytest.fixture
def double(services: SigstoreDouble) -> SigstoreDouble:
    """The same, as good as new, with Bob at the browser."""
    services.faults = NO_FAULTS
    services.provider.signed_in = BOB
    services.provider.device_answers.clear()
    services.provider.audience = "sigstore"
    return services


@pytest.fixture(scope="module")
def prepared(services: SigstoreDouble, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A fleet in which Bob and a robot sign through that instance, with a change by Alice on ``topic``."""
    folder = tmp_path_factory.mktemp("keyless")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        fleet = Fleet(invoked, folder, "--org", "acme")
        fleet.git("checkout", "--quiet", "-b", "keyless")
        bob = fleet.path / "trust/principals/bob.yaml"
        described = yaml.safe_load(bob.read_text())
        described["spec"]["identities"].append(person("bob"))
        bob.write_text(yaml.safe_dump(described, sort_keys=False))
        for name, text in principal("robot", "service", workload()).items():
            (fleet.path / name).write_text(text)
        (fleet.path / "trust/sigstore").mkdir()
        (fleet.path / "trust/sigstore/trusted_root.json").write_bytes(services.trusted_root_bytes)
        fleet.commit("sign without keys")
        for name, verb in (("alice", "propose"), ("bob", "approve"), ("carol", "approve")):
            assert fleet.approve(name, "keyless", verb=verb).code == 0
        fleet.git("checkout", "--quiet", "main")
        fleet.git("merge", "--quiet", "--no-ff", "--message", "merge", "keyless")
        assert fleet.verify().json["verified"]
        fleet.git("checkout", "--quiet", "-b", "topic")
        project = fleet.path / "orgs/acme/projects/pay/project.yaml"
        project.parent.mkdir(parents=True)
        project.write_text(document("Project", "pay", {"summary": "x", "owners": ["alice"]}, org="acme"))
        fleet.commit("add a project")
        assert fleet.approve("alice", "topic", verb="propose").code == 0
    return fleet.path, fleet.trust_root


@dataclass
class Desk:
    """That fleet, and who sits before it."""

    gaitops: Invoke
    double: SigstoreDouble
    path: Path
    folder: Path
    """For other files."""
    trust_root: str

    @property
    def about(self) -> tuple[str | Path, ...]:
        """Options that say what is signed or judged."""
        return ("--repo", self.path, "--base", "main", "--head", "topic", "--trust-root", self.trust_root)

    def git(self, *arguments: str) -> str:
        """Run ``git`` in the working tree."""
        names = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
        command = ["git", "-C", str(self.path), *names, *arguments]
        return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    @property
    def config(self) -> Path:
        path = self.folder / "config.json"
        path.write_bytes(self.double.client_trust_config)
        return path

    def token(self, who: Someone | GitHubRun = BOB, **more: Any) -> tuple[str, Path]:
        """Options that bring a token along."""
        path = self.folder / "token"
        path.write_text(self.double.token(who, **more) + "\n")
        return ("--identity-token-file", path)

    def run(self, verb: str, *options: str | Path, who: str = "bob") -> Run:
        """A verb, without ``--yes`` and without any of the ways to sign."""
        return self.gaitops(verb, *self.about, "--as", who, "--json", *options)

    def sign(
        self, *options: str | Path, verb: str = "approve", who: str = "bob", config: Path | None = None
    ) -> Run:
        """A verb with ``--sigstore``."""
        return self.run(
            verb, "--sigstore", "--sigstore-config", config or self.config, "--yes", *options, who=who
        )

    def refused(self, run: Run, code: str, exit_code: int) -> str:
        """The message of a run that was refused and left nothing behind."""
        assert (run.code, run.codes) == (exit_code, [code]), run
        assert self.git("status", "--porcelain") == ""
        message: str = run.json["problems"][0]["message"]
        return message

    def envelope(self, run: Run) -> bytes:
        """The one envelope that was written."""
        assert run.code == 0, run
        (name,) = run.json["envelopes"]
        path: Path = self.path / name
        return path.read_bytes()


@pytest.fixture
def desk(
    gaitops: Invoke,
    double: SigstoreDouble,
    prepared: tuple[Path, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    """A desk outside of any CI system, before that fleet; what a test leaves there is gone afterwards."""
    for variable in AMBIENT:
        monkeypatch.delenv(variable, raising=False)
    path, trust_root = prepared
    desk = Desk(gaitops, double, path, tmp_path, trust_root)
    head = desk.git("rev-parse", "HEAD").strip()
    yield desk
    desk.git("reset", "--quiet", "--hard", head)
    desk.git("clean", "--quiet", "-fd")


def test_from_sign_in_to_authorized(desk: Desk) -> None:
    """An approval without a key is a canonical bundle v0.3, small enough, that authorizes the change."""
    data = desk.envelope(desk.sign(*desk.token(), "--reason", "CHG-1"))
    bundle = json.loads(data)
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert data == canonical_json(bundle) + b"\n"
    assert len(data) <= 16 * 1024
    desk.commit("approve")
    check = desk.gaitops("check", *desk.about, "--json")
    assert (check.code, check.json["outcome"]) == (0, "authorized")
    assert "approved by bob (sigstore)" in desk.gaitops("check", *desk.about).out


def test_who_signs_is_shown_with_a_warning(desk: Desk) -> None:
    """Identity, provider and what the log will show are told before anything is signed or asked for."""
    size = len(desk.double.rekor.tree)
    run = desk.run("approve", "--sigstore", "--sigstore-config", desk.config, *desk.token())
    assert "signing as bob@example.com" in run.err
    assert "who signed in at https://accounts.example.com" in run.err
    assert "for ever" in run.err
    desk.refused(run, "cli.confirmation", 6)
    assert len(desk.double.rekor.tree) == size


def test_on_another_device(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``--oidc-device`` a code is shown, and the provider asked as often as it allows."""
    waits: list[float] = []
    monkeypatch.setattr("gaitops.cli.keyless.time", SimpleNamespace(sleep=waits.append))
    desk.double.provider.device_answers = ["authorization_pending", "slow_down"]
    run = desk.sign("--oidc-device", "--oidc-issuer", desk.double.issuer_url, verb="propose")
    assert desk.envelope(run)
    assert waits == [5, 5, 10]
    assert "/oidc/enter?user_code=WDJB-MJHT on any device" in run.err


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # sigstore-python leaves its own server open
def test_with_a_browser(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the browser opens at the instance's own provider."""

    def visit(url: str) -> bool:
        with urlopen(url) as page:  # noqa: S310 - loopback
            return bool(page.read())

    monkeypatch.setattr("webbrowser.open", visit)
    monkeypatch.setattr("gaitops.cli.asking.at_terminal", lambda: True)
    assert desk.envelope(desk.sign())
    gc.collect()


def test_in_a_pipeline(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI the job's own token is used, and the certificate names the workflow."""
    for name, value in desk.double.actions_environment.items():
        monkeypatch.setenv(name, value)
    run = desk.sign(verb="propose", who="robot")
    assert desk.envelope(run)
    assert "signing as https://github.com/acme/publisher/.github/workflows/publish.yml@" in run.err


def test_in_a_pipeline_of_gitlab(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitLab hands the token over in a variable that is named after its audience."""
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", desk.double.token(GitLabJob()))
    run = desk.sign(verb="propose", who="robot")
    assert "signing as https://gitlab.com/acme/publisher//.gitlab-ci.yml@refs/heads/main" in run.err
    assert "expected 'https://token.actions" in desk.refused(run, "key.not_principals", 6)


def test_instances_with_a_client_of_their_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's provider knows gaitops by another name, and its Fulcio expects that one."""
    monkeypatch.setattr("gaitops.cli.keyless.time", SimpleNamespace(sleep=lambda _: None))
    desk.double.provider.audience = "acme-gaitops"
    device = ("--oidc-device", "--oidc-client-id")
    message = desk.refused(desk.sign(*desk.token()), "sigstore.token", 6)
    assert "for the audience 'acme-gaitops', expected 'sigstore'" in message
    assert desk.envelope(desk.sign(*device, "acme-gaitops"))


def test_a_pipeline_without_permission_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that may not have a token is told which permission it lacks."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL", raising=False)
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", raising=False)
    run = desk.sign(verb="propose", who="robot")
    desk.refused(run, "sigstore.token", 6)
    assert "id-token: write" in run.json["problems"][0]["remedy"]


def test_withdrawing(desk: Desk) -> None:
    """What was approved without a key is taken back without one."""
    desk.envelope(desk.sign(*desk.token()))
    desk.commit("approve")
    assert desk.envelope(desk.sign(*desk.token(), verb="withdraw"))
    assert desk.sign("--print", *desk.token()).code == 0


@pytest.mark.parametrize(
    "who", [EVE, Someone(BOB.email, "https://accounts.example.com.evil.example"), GitHubRun()]
)
def test_somebody_else_signs_nothing(desk: Desk, who: Someone | GitHubRun) -> None:
    """Whoever is not the principal gets nothing logged and nothing written."""
    size = len(desk.double.rekor.tree)
    message = desk.refused(desk.sign(*desk.token(who)), "key.not_principals", 6)
    assert "for bob" in message
    assert len(desk.double.rekor.tree) == size


def test_a_certificate_for_somebody_else_signs_nothing(desk: Desk) -> None:
    """The certificate decides, not the token that one came with."""
    size = len(desk.double.rekor.tree)
    desk.double.faults = Faults(certificate_for=EVE)
    message = desk.refused(desk.sign(*desk.token()), "key.not_principals", 6)
    assert "eve@example.com" in message
    assert len(desk.double.rekor.tree) == size


def test_without_an_identity_nobody_signs_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no Sigstore identity in verified state is told before signing in."""
    monkeypatch.setattr("gaitops.signing.sigstore.tokens.from_browser", pytest.fail)
    message = desk.refused(desk.sign(who="carol"), "key.not_principals", 6)
    assert "no Sigstore identity for carol" in message


def test_another_instance_is_refused_before_signing_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that the fleet does not pin learns nothing; that goes for the public one, which is the default."""
    other = SigstoreDouble(lambda: datetime.now(UTC))
    config = desk.folder / "other.json"
    config.write_bytes(other.client_trust_config)
    desk.refused(desk.sign(*desk.token(), config=config), "sigstore.instance", 6)
    from sigstore.models import ClientTrustConfig

    public = ClientTrustConfig.from_json(other.client_trust_config.decode())
    monkeypatch.setattr(ClientTrustConfig, "production", lambda: public)
    run = desk.run("approve", "--sigstore", "--yes", *desk.token())
    assert "--sigstore-config" in run.json["problems"][0]["remedy"]
    desk.refused(run, "sigstore.instance", 6)


def test_the_public_instance_may_be_out_of_reach(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its metadata nothing is signed, and it is worth another try."""
    from sigstore.errors import TUFError
    from sigstore.models import ClientTrustConfig

    def fail() -> ClientTrustConfig:
        raise TUFError("Failed to refresh TUF metadata")

    monkeypatch.setattr(ClientTrustConfig, "production", fail)
    desk.refused(desk.run("approve", "--sigstore", "--yes", *desk.token()), "sigstore.unavailable", 1)


@pytest.mark.parametrize("text", ["", "{}", '{"mediaType": "x"}', "\x00"])
def test_a_configuration_that_is_none(desk: Desk, text: str) -> None:
    """What is no client configuration is refused as a file of the user's."""
    config = desk.folder / "broken.json"
    config.write_text(text)
    run = desk.sign(*desk.token(), config=config)
    assert run.json["problems"][0]["path"] == str(config)
    desk.refused(run, "sigstore.instance", 6)


@pytest.mark.parametrize(
    ("faults", "code", "exit_code"),
    [
        (Faults(no_timestamp=True), "sigstore.unavailable", 1),
        (Faults(timestamp_at=datetime(2025, 1, 1, tzinfo=UTC)), "sigstore.untrusted", 2),
        (Faults(unrelated_entry=True, checkpoint_by_stranger=True), "sigstore.untrusted", 2),
        (Faults(promise_by_stranger=True), "sigstore.unavailable", 1),
        (Faults(entries_refused=True), "sigstore.unavailable", 1),
    ],
)
def test_nothing_half_signed_is_written(desk: Desk, faults: Faults, code: str, exit_code: int) -> None:
    """Whatever a service gets wrong is found before an envelope exists."""
    desk.double.faults = faults
    desk.refused(desk.sign(*desk.token()), code, exit_code)


def test_tokens_that_are_of_no_use(desk: Desk) -> None:
    """Expired, foreign and malformed tokens are told apart, and none is repeated."""
    expired = desk.sign(*desk.token(lifetime=timedelta(seconds=-1)))
    assert "expired at" in desk.refused(expired, "sigstore.token", 6)
    stranger = SigstoreDouble(lambda: datetime.now(UTC)).token(BOB)
    path = desk.folder / "token"
    path.write_text(stranger)
    run = desk.sign("--identity-token-file", path)
    assert "does not take the token" in desk.refused(run, "sigstore.token", 6)
    assert stranger not in run.out + run.err
    path.write_text("nonsense")
    assert "no identity token" in desk.refused(desk.sign("--identity-token-file", path), "sigstore.token", 6)


def test_without_terminal_or_token_one_is_told_how(desk: Desk) -> None:
    """In a script the ways that need nobody are named."""
    run = desk.sign()
    desk.refused(run, "sigstore.login", 6)
    assert "--oidc-device" in run.json["problems"][0]["remedy"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "either --key URI or --sigstore"),
        (["--sigstore", "--key", "x.pem"], "either --key URI or --sigstore"),
        (["--key", "x.pem", "--oidc-device"], "need --sigstore"),
        (["--key", "x.pem", "--oidc-client-id", "x"], "need --sigstore"),
        (["--sigstore", "--public-key", "FILE"], "belongs to --key"),
        (["--sigstore", "--oidc-device", "--identity-token-file", "FILE"], "replaces signing in"),
    ],
)
def test_options_that_do_not_go_together(desk: Desk, options: list[str], reason: str) -> None:
    """One way to sign, and only the options that belong to it."""
    path = str(desk.token()[1])
    run = desk.run("approve", *(path if option == "FILE" else option for option in options))
    assert run.code == 6
    assert reason in run.json["problems"][0]["message"]


def test_a_bundle_fits_into_an_envelope(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that came out too long is not written, and a statement that is too long not even signed."""
    desk.double.faults = Faults(witnesses=500)
    desk.refused(desk.sign(*desk.token()), "approval.too_large", 6)
    size = len(desk.double.rekor.tree)
    monkeypatch.setattr("gaitops.signing.sigstore.sign.OVERHEAD", 64 * 1024)
    desk.refused(desk.sign(*desk.token()), "approval.too_large", 6)
    assert len(desk.double.rekor.tree) == size


def test_witnesses_of_the_log_do_no_harm(desk: Desk) -> None:
    """A checkpoint that others signed too is one."""
    desk.double.faults = Faults(witnesses=5)
    assert b"witness.example/4" in desk.envelope(desk.sign(*desk.token()))
