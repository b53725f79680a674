# SPDX-License-Identifier: Apache-2.0
"""A fleet whose people keep their keys in a KMS and an HSM, by the command line alone; and what a failing KMS leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gaitops.cli import signing
from gaitops.errors import InvalidInputError
from tests.cli.fleets import Fleet
from tests.cli.harness import Invoke, Run
from tests.key_services import (
    PIN,
    Answer,
    Loopback,
    MotoKMS,
    Request,
    ScriptedKMS,
    SoftToken,
    loopback,
    moto_kms,
    soft_token,
    use_aws,
)
from tests.simulator import document

PROJECT = "orgs/acme/projects/pay/project.yaml"
TEXT = document("Project", "pay", {"summary": "payments", "owners": ["alice"]}, org="acme")


class ServiceFleet(Fleet):
    """A fleet of alice with a file, and of whoever has a signer URI."""

    def __init__(self, gaitops: Invoke, folder: Path, uris: dict[str, str]) -> None:
        self.uris = uris
        super().__init__(gaitops, folder, "--org", "acme")

    def key(self, name: str) -> Path:
        """The URI where there is one; ``Path`` keeps it as it is."""
        return Path(self.uris[name]) if name in self.uris else super().key(name)

    def propose_project(self) -> None:
        """A change of alice's that waits for an approval."""
        self.git("switch", "--quiet", "--create", "topic")
        path = self.path / PROJECT
        path.parent.mkdir(parents=True)
        path.write_text(TEXT)
        self.commit("add a project")
        assert self.approve("alice", "topic", verb="propose").code == 0

    def merge(self, branch: str) -> None:
        """Merge into main, after which everything is verified."""
        self.git("switch", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", f"merge {branch}", branch)
        assert self.verify().code == 0

    def untouched(self) -> bool:
        """Whether the working tree is as it was committed."""
        return self.git("status", "--porcelain", "--untracked-files=all") == ""


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    """A token with one key."""
    with soft_token(tmp_path_factory.mktemp("softhsm")) as made:
        made.make(2)
        yield made


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoKMS]:
    """A running KMS with bob's key and the publisher's."""
    with moto_kms() as running:
        running.key(alias="bob")
        running.key("ECC_NIST_P384", alias="publisher")
        yield running


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody at a terminal who knows the PIN; the list has every question."""
    asked: list[str] = []

    def prompt(question: str, **_: object) -> str:
        asked.append(question)
        return PIN

    monkeypatch.setattr("gaitops.cli.asking.at_terminal", lambda: True)
    monkeypatch.setattr("gaitops.cli.asking.click.prompt", prompt)
    return asked


def test_a_fleet_without_key_files(
    gaitops: Invoke,
    tmp_path: Path,
    moto: MotoKMS,
    token: SoftToken,
    terminal: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """KMS and HSM make the root, approve a change, rotate the root and publish, each by its URI alone."""
    use_aws(monkeypatch, moto.url)
    monkeypatch.setenv("PYKCS11LIB", token.module)
    fleet = ServiceFleet(gaitops, tmp_path, {"bob": "awskms:alias/bob", "carol": token.uri(2)})
    assert fleet.made.code == 0, fleet.made.err
    assert fleet.verify().code == 0
    assert terminal == [f"PIN of {token.uri(2)}"]

    fleet.propose_project()
    for approver in ("bob", "carol"):
        approved = fleet.approve(approver, "topic")
        assert approved.code == 0, approved.out
    fleet.merge("topic")

    publisher = "awskms:alias/publisher"
    assert (
        fleet.trust("rotate", "--add-publisher", f"kms={publisher}", "--remove-publisher", "publisher").code
        == 0
    )
    for name in ("bob", "carol"):
        signed = fleet.sign(name)
        assert signed.code == 0, signed.out
    fleet.commit("second root")
    assert fleet.verify().code == 0

    shown = gaitops("key", "show", publisher, "--out", tmp_path / "kms.pub", "--json")
    assert (shown.code, shown.json["scheme"]) == (0, "ecdsa-sha2-nistp384")
    assert (tmp_path / "kms.pub").read_text() == shown.json["public_key"]
    again = gaitops("key", "show", publisher, "--out", tmp_path / "kms.pub", "--json")
    assert (again.code, again.json["error_code"]) == (8, "input.exists")
    options = ("--key", publisher, "--public-key", tmp_path / "kms.pub", "--trust-root", fleet.trust_root)
    published = gaitops(
        "publish", "--repo", fleet.path, "--out", tmp_path / "release", "--first", *options, "--json"
    )
    assert (published.code, published.json["missingSignatures"]) == (0, 0), published.out


# -- a KMS that fails ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    """A KMS that is told what to answer."""
    with loopback(ScriptedKMS(), "application/x-amz-json-1.1") as running:
        yield running


@pytest.fixture
def kms(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> ScriptedKMS:
    """A KMS that answers as it should, until it is told otherwise; asked once, whatever it answers."""
    double = ScriptedKMS()
    server.answer = double
    use_aws(monkeypatch, server.url)
    return double


@pytest.fixture
def fleet(gaitops: Invoke, tmp_path: Path, kms: ScriptedKMS) -> ServiceFleet:
    """A fleet in which bob signs with the KMS, and a change waits for him."""
    made = ServiceFleet(gaitops, tmp_path, {"bob": "awskms:alias/bob"})
    assert made.made.code == 0, made.made.err
    made.propose_project()
    return made


THROTTLED: Answer = (400, {"__type": "ThrottlingException", "message": "the-session-token"})
DENIED: Answer = (400, {"__type": "AccessDeniedException", "message": "the-session-token"})
DISABLED: Answer = (400, {"__type": "KMSInvalidStateException", "message": "the-session-token"})
NOISE: Answer = (200, {"Signature": "AAAA"})


@pytest.mark.parametrize("what", ["approve", "trust sign"])
def test_nothing_half_signed(
    fleet: ServiceFleet, kms: ScriptedKMS, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whatever the KMS answers instead of a signature, the command says why and leaves the working tree alone."""
    limits = signing.service_limits()
    monkeypatch.setattr(signing, "service_limits", lambda: type(limits)(attempts=1))
    if what == "trust sign":
        assert fleet.trust("rotate", "--expires", "100d").code == 0
        fleet.commit("a root version to sign")

    def attempt() -> Run:
        return fleet.approve("bob", "topic") if what == "approve" else fleet.sign("bob")

    for answer, code, exit_code, retryable in (
        (THROTTLED, "signer.unavailable", 1, True),
        (DENIED, "signer.denied", 6, False),
        (DISABLED, "signer.disabled", 6, False),
        (NOISE, "signing.failed", 1, True),
    ):
        kms.failing = {"Sign": answer}
        run = attempt()
        assert (run.code, run.json["error_code"], run.json["retryable"]) == (exit_code, code, retryable)
        assert "the-session-token" not in run.out + run.err
        assert fleet.untouched()
    kms.failing = {}
    assert attempt().code == 0


@pytest.mark.parametrize("good", [0, 1, 3])
def test_no_half_release(
    gaitops: Invoke, tmp_path: Path, kms: ScriptedKMS, server: Loopback, good: int
) -> None:
    """A KMS that stops after some signatures of a release leaves no release; the next run makes a whole one."""
    fleet = ServiceFleet(gaitops, tmp_path, {"publisher": "awskms:alias/publisher"})
    made = 0

    def some(request: Request) -> Answer:
        nonlocal made
        made += request.headers["X-Amz-Target"].endswith(".Sign")
        return DENIED if made > good else kms(request)

    server.answer = some
    out = tmp_path / "release"
    options = ("--repo", fleet.path, "--out", out, "--first", "--trust-root", fleet.trust_root, "--json")
    run = gaitops("publish", *options, "--key", "awskms:alias/publisher")
    assert (run.code, run.json["error_code"], made) == (6, "signer.denied", good + 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fleet", "keys"]
    server.answer = kms
    assert gaitops("publish", *options, "--key", "awskms:alias/publisher").code == 0


def test_a_swapped_key_signs_nothing(
    fleet: ServiceFleet, kms: ScriptedKMS, gaitops: Invoke, tmp_path: Path
) -> None:
    """With the recorded public half the swap is found before the first signature; without it the fleet finds it."""
    recorded = tmp_path / "bob.pub"
    assert gaitops("key", "show", "awskms:alias/bob", "--out", recorded).code == 0
    kms.private = ec.generate_private_key(ec.SECP256R1())
    assert fleet.approve("bob", "topic").json["error_code"] == "key.not_principals"
    words = ("--repo", fleet.path, "--base", "main", "--head", "topic", "--trust-root", fleet.trust_root)
    who = ("--as", "bob", "--key", "awskms:alias/bob", "--public-key", recorded, "--yes", "--json")
    assert gaitops("approve", *words, *who).json["error_code"] == "key.mismatch"
    assert fleet.untouched()


@pytest.mark.parametrize("seconds", ["0", "301", "-1", "1.5", "soon", "١"])
def test_time_out_from_the_environment(
    gaitops: Invoke, kms: ScriptedKMS, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    """A time-out that is none is said to be none, before anything is asked."""
    monkeypatch.setenv(signing.TIMEOUT_VARIABLE, seconds)
    run = gaitops("key", "show", "awskms:alias/bob", "--json")
    assert (run.code, run.json["error_code"]) == (6, "signer.configuration")


def test_time_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable sets the time for an answer; a connection never gets more than its own."""
    monkeypatch.delenv(signing.TIMEOUT_VARIABLE, raising=False)
    assert (signing.service_limits().connect_seconds, signing.service_limits().read_seconds) == (5, 15)
    monkeypatch.setenv(signing.TIMEOUT_VARIABLE, "60")
    assert (signing.service_limits().connect_seconds, signing.service_limits().read_seconds) == (5, 60)
    monkeypatch.setenv(signing.TIMEOUT_VARIABLE, "2")
    assert (signing.service_limits().connect_seconds, signing.service_limits().read_seconds) == (2, 2)
    monkeypatch.setenv(signing.TIMEOUT_VARIABLE, "x")
    with pytest.raises(InvalidInputError):
        signing.service_limits()
