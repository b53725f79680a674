# SPDX-License-Identifier: Apache-2.0
"""Whose a signed commit is: SSH, OpenPGP and keyless signatures, resolved to principals."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gaitops.errors import MissingDependencyError, VerificationError
from gaitops.fleet.people import Directory, Identity, Person
from gaitops.git.commits import parse_commit
from gaitops.history.commit_signatures import CommitSigner
from gaitops.history.signatures import SignatureChecks
from gaitops.signing import openpgp
from gaitops.signing.forge_keys import OPENPGP
from gaitops.signing.sigstore.expected import Person as KeylessPerson
from gaitops.signing.sigstore.verify import TrustedRootFile
from tests import simulator
from tests.gitsign_double import gitsign, parts, without_entry
from tests.history.stories import by_root, codes, events, project
from tests.keyless import KeylessActor, KeylessWorld, binding, principal
from tests.openpgp_keys import (
    COMPROMISED,
    RETIRED,
    YEAR,
    Certificate,
    Key,
    armor,
    new_ed25519,
    packet,
    subpacket,
)
from tests.sigstore_double import der
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.fixtures import sigstore_double, sigstore_double_v1
from tests.sigstore_double.identities import ACCOUNTS, Someone
from tests.simulator import Actor, World

pytest.importorskip("pysequoia")
pytest.importorskip("sigstore")

__all__ = ["sigstore_double", "sigstore_double_v1"]

AT = datetime(2021, 6, 1, 12, tzinfo=UTC)
DANA = Certificate("dana", AT - YEAR, lasts=2 * YEAR)


class OpenPGPActor(Actor):
    """Somebody who signs commits with an OpenPGP certificate, dated by the story."""

    def __init__(self, name: str, certificate: Certificate, world: World) -> None:
        super().__init__(name, seed=f"openpgp {name}")
        self.certificate = certificate
        self.world = world

    def sign_commit(self, payload: bytes) -> bytes:
        """An armored OpenPGP signature."""
        return self.certificate.sign(payload, self.world.now)


def raw_commit(armored: bytes | None, at: datetime | None = AT) -> bytes:
    """A commit, with a signature over it unless there is none."""
    head, body = unsigned(at)
    if armored is not None:
        head += b"gpgsig " + armored.strip(b"\n").replace(b"\n", b"\n ") + b"\n"
    return head + body


def unsigned(at: datetime | None = AT) -> tuple[bytes, bytes]:
    """Headers and message of a commit."""
    time = f" {int(at.timestamp())} +0000" if at is not None else ""
    ident = f"Dana <dana@example.com>{time}"
    return f"tree {'0' * 40}\nauthor {ident}\ncommitter {ident}\n".encode(), b"\nchange\n"


def directory(**certificates: Certificate) -> Directory:
    """People with one certificate each."""
    identities = []
    for name, made in certificates.items():
        credential = openpgp.read_certificate(made.armored)
        identities.append(Identity(name, "laptop", credential.fingerprint, credential, "openpgp"))
    people = [Person(name, "human", frozenset(), frozenset()) for name in certificates]
    return Directory.of(people, identities, ())


def signer(armored: bytes | None, people: Directory, at: datetime | None = AT) -> CommitSigner:
    """Whose a commit with this signature is."""
    raw = raw_commit(armored, at)
    with SignatureChecks() as checks:
        commit = parse_commit("a" * 40, raw)
        found = checks.commit(commit, people)
        assert checks.commit(commit, people) == found
    return found


def signed(certificate: Certificate = DANA, at: datetime = AT) -> bytes:
    """A signature over the commit."""
    return certificate.sign(b"".join(unsigned(at)), at)


def test_a_commit_is_the_principals_whose_certificate_signed_it() -> None:
    """The signature names a subkey; the certificate around it belongs to one person."""
    found = signer(signed(), directory(dana=DANA, erin=Certificate("erin", AT - YEAR)))
    assert [identity.principal for identity in found.identities] == ["dana"]
    assert found.problem is None
    assert found.proof.signed_at is None


def test_each_signing_subkey_speaks_for_the_certificate() -> None:
    """Laptop and phone may have a subkey each."""
    both = Certificate("dana", AT - YEAR)
    phone = Key(new_ed25519("phone"), AT - YEAR)
    both.more = both.bound(phone, 0x02)
    payload = b"".join(unsigned())
    for armored in (signed(both), armor("SIGNATURE", packet(2, phone.signature(payload, 0x00, AT))).encode()):
        assert [identity.principal for identity in signer(armored, directory(dana=both)).identities] == [
            "dana"
        ]


@pytest.mark.parametrize(
    ("armored", "code", "part"),
    [
        (signed(Certificate("mallory", AT - YEAR)), "proposer.unknown", "belongs to nobody"),
        (DANA.sign(b"other bytes", AT), "signature.invalid", "a signature over other bytes"),
        (signed() + b"junk", "signature.invalid", "exactly one armor"),
        (signed(at=AT).replace(b"SIGNATURE", b"MESSAGE"), "signature.invalid", "exactly one armor"),
        (b"-----BEGIN STRANGE-----\nx\n-----END STRANGE-----\n", "proposer.unknown", "another kind"),
        (None, "proposer.unknown", "is not signed"),
    ],
)
def test_other_signatures_are_nobodys(armored: bytes | None, code: str, part: str) -> None:
    """The problem says what is wrong with the commit, and how to go on without signing it."""
    found = signer(armored, directory(dana=DANA))
    assert found.identities == ()
    assert found.problem is not None
    assert found.problem.code == code
    assert part in found.problem.message
    assert "gaitops propose" in str(found.problem.remedy)


def test_expired_and_revoked_certificates_sign_no_more() -> None:
    """T55: what they signed before stays; of a compromised one nothing does."""
    late = AT + 3 * YEAR
    assert signer(signed(at=late), directory(dana=DANA), late).problem is not None
    assert signer(signed(), directory(dana=DANA.revoked(AT + timedelta(days=9), RETIRED))).problem is None
    assert (
        signer(signed(), directory(dana=DANA.revoked(AT + timedelta(days=9), COMPROMISED))).problem
        is not None
    )


def test_two_versions_of_a_certificate_are_judged_apart() -> None:
    """A person who lists a certificate before and after its renewal signs with the one that is good."""
    renewed = Certificate("dana", AT - YEAR, lasts=9 * YEAR)
    late = AT + 3 * YEAR
    old, new = (openpgp.read_certificate(item.armored) for item in (DANA, renewed))
    identities = [
        Identity("dana", label, item.fingerprint, item, "openpgp")
        for label, item in (("old", old), ("new", new))
    ]
    people = Directory.of([Person("dana", "human", frozenset(), frozenset())], identities, ())
    found = signer(signed(at=late), people, late)
    assert [identity.label for identity in found.identities] == ["new"]


def test_a_commit_without_a_time_cannot_be_judged() -> None:
    """There is nothing to compare the signature's time with."""
    payload = b"".join(unsigned(None))
    found = signer(DANA.sign(payload, AT), directory(dana=DANA), None)
    assert found.problem is not None
    assert "time cannot be read" in found.problem.message


@pytest.mark.parametrize("name", sorted(OPENPGP))
@pytest.mark.parametrize("form", ["fingerprint", "id"])
def test_a_forges_signature_is_nobodys(name: str, form: str) -> None:
    """T54: GitHub signs for everybody who presses a button; the message says so, whatever form names its key."""
    octets = bytes.fromhex(name)
    issuer = subpacket(33, b"\x04" + octets) if form == "fingerprint" else subpacket(16, octets[-8:])
    body = DANA.body(b"", AT, issuer=False, hashed=[issuer])
    found = signer(armor("SIGNATURE", packet(2, body)).encode(), directory(dana=DANA))
    assert found.problem is not None
    assert found.problem.code == "proposer.unknown"
    assert "made in the browser and is signed by GitHub itself" in found.problem.message


def test_without_openpgp_people_the_library_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's OpenPGP signature is nobody's without it; a principal's cannot be judged without it."""
    people = directory(dana=DANA)
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    assert signer(signed(), directory()).problem is not None
    with pytest.raises(MissingDependencyError):
        signer(signed(), people)


def test_git_and_gnupg_make_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit by git with gpg, today: the one place that both programs agree on is the commit object."""
    if shutil.which("gpg") is None:
        pytest.skip("GnuPG is not installed")
    # GnuPG's agent needs a short path for its socket.
    with tempfile.TemporaryDirectory(prefix="gpg", dir="/tmp") as home:
        Path(home).chmod(0o700)
        monkeypatch.setenv("GNUPGHOME", home)

        def run(*arguments: str) -> bytes:
            return subprocess.run(arguments, cwd=tmp_path, capture_output=True, check=True).stdout

        gpg = ("gpg", "--batch", "--quiet", "--passphrase", "")
        run(*gpg, "--quick-gen-key", "Dana <dana@example.com>", "ed25519", "cert", "1y")
        made = run("gpg", "--list-keys", "--with-colons").decode().split("fpr:")[1].strip(":").split(":")[0]
        run(*gpg, "--quick-add-key", made, "rsa3072", "sign", "1y")
        text = run("gpg", "--armor", "--export-options", "export-minimal", "--export", made).decode()
        run("git", "init", "-q", ".")
        who = ("-c", "user.name=Dana", "-c", "user.email=dana@example.com", "-c", f"user.signingkey={made}")
        run("git", *who, "commit", "-q", "-S", "--allow-empty", "-m", "change")
        raw = run("git", "cat-file", "commit", "HEAD")
        run("gpgconf", "--kill", "all")
    credential = openpgp.read_certificate(text)
    identity = Identity("dana", "laptop", credential.fingerprint, credential, "openpgp")
    people = Directory.of([Person("dana", "human", frozenset(), frozenset())], [identity], ())
    with SignatureChecks() as checks:
        assert checks.commit(parse_commit("a" * 40, raw), people).identities == (identity,)
        forged = checks.commit(parse_commit("b" * 40, raw.replace(b"change", b"chance")), people)
    assert forged.problem is not None
    assert forged.problem.code == "signature.invalid"


# -- keyless ------------------------------------------------------------------------------------------------------


def keyless(double: SigstoreDouble, **emails: str) -> Directory:
    """People with one keyless identity each."""
    root = double.trusted_root_bytes
    identities = []
    for name, email in emails.items():
        credential = KeylessPerson(ACCOUNTS, email)
        identities.append(Identity(name, "sso", credential.fingerprint, credential, "sigstore"))
    people = [Person(name, "human", frozenset(), frozenset()) for name in emails]
    return Directory.of(people, identities, (), TrustedRootFile(root, hashlib.sha256(root).hexdigest()))


def keyless_commit(double: SigstoreDouble, email: str = "dana@example.com", **options: object) -> bytes:
    """A signature by gitsign over the commit."""
    return gitsign(double, b"".join(unsigned()), Someone(email), at=AT_KEYLESS, **options)


AT_KEYLESS = datetime(2026, 11, 1, 10, tzinfo=UTC)


def test_a_keyless_commit_is_the_persons_whom_its_certificate_names(
    sigstore_double_v1: SigstoreDouble,
) -> None:
    """The proof says who vouches for the time, and where it is logged."""
    people = keyless(sigstore_double_v1, dana="dana@example.com", erin="erin@example.com")
    found = signer(keyless_commit(sigstore_double_v1), people)
    assert [identity.principal for identity in found.identities] == ["dana"]
    assert (found.proof.source, found.proof.signed_at) == ("rekor", AT_KEYLESS)
    assert found.proof.log is not None


def test_keyless_signatures_that_prove_nothing_are_nobodys(
    sigstore_double: SigstoreDouble, sigstore_double_v1: SigstoreDouble
) -> None:
    """T56: a stranger, other bytes, another instance, no log entry, no trusted root: each with its code."""
    double = sigstore_double_v1
    people = keyless(double, dana="dana@example.com")
    untrusting = Directory.of(people.people.values(), people.identities, ())
    other = gitsign(double, b"other", Someone("dana@example.com"))
    without = without_entry(parts(double, b"".join(unsigned()), Someone("dana@example.com"))).armored
    good = keyless_commit(double)
    for armored, whom, code in (
        (keyless_commit(double, "mallory@example.com"), people, "proposer.unknown"),
        (other, people, "signature.invalid"),
        (good.replace(b"MESSAGE-----\n", b"MESSAGE-----\n\n", 1), people, "signature.invalid"),
        (keyless_commit(sigstore_double), people, "sigstore.untrusted"),
        (without, people, "sigstore.untrusted"),
        (good, untrusting, "sigstore.trust_root"),
    ):
        found = signer(armored, whom)
        assert found.identities == ()
        assert found.problem is not None
        assert found.problem.code == code


def test_a_certificate_of_another_authority_is_nobodys(sigstore_double_v1: SigstoreDouble) -> None:
    """S/MIME has the same armor; its certificates name no OpenID provider."""
    found = signer(smime(sigstore_double_v1), keyless(sigstore_double_v1))
    assert found.problem is not None
    assert found.problem.code == "proposer.unknown"
    assert "certificate of no Sigstore" in found.problem.message


def smime(double: SigstoreDouble) -> bytes:
    """A signature with a certificate that says nothing about an issuer."""
    made = parts(double, b"".join(unsigned()), Someone("dana@example.com"))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dana")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, AT, AT + YEAR)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.RFC822Name("dana@example.com")]), critical=False
    )
    certificate = builder.sign(key, SHA256()).public_bytes(Encoding.DER)
    who = der.sequence(name.public_bytes(), der.integer(7))
    return replace(made, certificates=(certificate,), who=who).armored


def test_without_keyless_people_the_library_is_not_needed(
    sigstore_double_v1: SigstoreDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's commit is nobody's without it; a principal's cannot be judged without it."""
    armored = keyless_commit(sigstore_double_v1)
    monkeypatch.setitem(sys.modules, "gaitops.signing.sigstore.library", None)
    monkeypatch.delattr("gaitops.signing.sigstore.library", raising=False)
    assert signer(armored, keyless(sigstore_double_v1)).problem is not None
    with pytest.raises(MissingDependencyError) as caught:
        signer(armored, keyless(sigstore_double_v1, dana="dana@example.com"))
    assert caught.value.code == "dependency.sigstore"


class GitsignActor(KeylessActor):
    """Somebody who signs statements and commits without a key."""

    def __init__(self, actor: KeylessActor, world: World) -> None:
        super().__init__(actor.name, actor.double, actor.identity)
        self.world = world

    def sign_commit(self, payload: bytes) -> bytes:
        """A signature by gitsign, at the story's time."""
        return gitsign(self.double, payload, self.identity, at=self.world.now)


@pytest.fixture
def keyless_world(tmp_path: Path, sigstore_double_v1: SigstoreDouble) -> KeylessWorld:
    """A fleet whose keyless people and pipeline sign their commits with gitsign."""
    world = KeylessWorld(tmp_path / "fleet", sigstore_double_v1)
    for name in ("dana", "erin", "robot"):
        world.actors[name] = GitsignActor(world.keyless(name), world)
    return world


@pytest.mark.parametrize("name", ["dana", "robot"])
def test_whoever_signs_with_gitsign_proposes(keyless_world: KeylessWorld, name: str) -> None:
    """People and pipelines alike; the log names issuer, time source and log entry."""
    keyless_world.land(project(), by=name, approvers=["erin"])
    assert keyless_world.verify().verified
    assert events(keyless_world)[-1]["proposers"] == [name]
    evidence = events(keyless_world)[-1]["proposedBy"][0]
    assert evidence["identity"]["type"] == ("sigstore" if name == "dana" else "workload")
    assert evidence["timeSource"] == "rekor"
    assert evidence["log"]["index"] >= 0


def test_a_pipeline_on_another_branch_does_not_propose(keyless_world: KeylessWorld) -> None:
    """The certificate verifies, and names a run that the principal's document does not."""
    keyless_world.run_as(ref="refs/heads/topic")
    keyless_world.commit(project(), by="robot", branch="topic")
    keyless_world.approve("topic", "erin")
    keyless_world.merge("topic", by="robot")
    assert "sigstore.identity" in codes(keyless_world.verify())


# -- a fleet ------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A fleet in 2021, where Dana signs commits with OpenPGP: Sequoia refuses times that have not come yet."""
    monkeypatch.setattr(simulator, "START", AT)
    identity = {"id": "laptop", "type": "openpgp", "certificate": DANA.armored}
    files = principal("dana", "human", identity) | binding("platform_admin", "dana")
    world = World(tmp_path / "fleet", extra={path: text.encode() for path, text in files.items()})
    world.actors["dana"] = OpenPGPActor("dana", DANA, world)
    return world


def test_whoever_signs_with_openpgp_proposes(world: World) -> None:
    """The log names the certificate; an approval needs another identity."""
    world.land(project(), by="dana", approvers=["bob"])
    assert world.verify().verified
    assert events(world)[-1]["proposers"] == ["dana"]
    evidence = events(world)[-1]["proposedBy"][0]
    assert evidence["identity"] == {
        "id": "laptop",
        "type": "openpgp",
        "certificate": DANA.primary.fingerprint,
    }


def test_a_signature_from_a_time_that_has_not_come_counts_when_it_has(world: World) -> None:
    """What is ahead is told by the history's own time, so that the verdict is the same on every machine and day."""
    late = world.now + timedelta(hours=2)
    dana = world.actors["dana"]
    dana.sign_commit = lambda payload: DANA.sign(payload, late)  # type: ignore[method-assign]  # a clock of its own
    world.land(project(), by="dana", approvers=["bob"])
    assert "signature.invalid" in codes(world.verify())
    world.tick(timedelta(hours=3))
    world.sign("main", "carol", include_pending=True)
    assert world.verify().verified
    assert events(world)[-1]["proposedBy"][0]["signedAt"] == f"{late:%Y-%m-%dT%H:%M:%SZ}"


def test_a_revoked_openpgp_identity_proposes_no_more(world: World) -> None:
    """An identity is revoked by its fingerprint, like a key."""
    world.land(project(), by="dana", approvers=["bob"])
    credential = openpgp.read_certificate(DANA.armored)
    revocation = {
        "apiVersion": "gaitops.dev/v1",
        "kind": "Revocation",
        "metadata": {"name": "dana-lost"},
        "spec": {
            "revokes": "identity",
            "cause": "retired",
            "identity": {"principal": "dana", "fingerprint": credential.fingerprint},
            "reason": "lost",
        },
    }
    by_root(world, {"trust/revocations/dana-lost.yaml": json.dumps(revocation)})
    assert world.verify().verified
    world.land(project("next"), by="dana", approvers=["bob"])
    assert "identity.revoked" in codes(world.verify())


@pytest.mark.parametrize("landed", [False, True])
def test_without_the_library_there_is_no_verdict(
    world: World, monkeypatch: pytest.MonkeyPatch, landed: bool
) -> None:
    """A fleet with OpenPGP people is not judged differently, but not at all, from its first tree on."""
    if landed:
        world.land(project(), by="dana", approvers=["bob"])
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    openpgp.read_certificate.cache_clear()
    with pytest.raises(MissingDependencyError) as caught:
        world.verify()
    assert caught.value.exit_code == 7


def test_one_key_is_one_principals(world: World) -> None:
    """T55: a key in somebody's certificate cannot be listed by somebody else, not even as an SSH or PEM key."""
    thief = Actor("thief")
    thief.key = new_ed25519("dana subkey")
    stolen = {"id": "own", "type": "key", "publicKey": thief.pem}
    with pytest.raises(VerificationError, match="belongs to dana") as caught:
        by_root(world, principal("mallory", "human", stolen))
    assert caught.value.code == "identity.reused"


def test_a_forges_key_is_no_identity(world: World) -> None:
    """T54: gitLab.com's key for web commits is published; listing it would let everybody there speak for the principal."""
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIADOCCUoN3Q1UPQqUvp845fKy7haJH17qsSkVXzWXilW"
    with pytest.raises(
        VerificationError, match=r"web/web: .*GitLab\.com signs everybody's commits"
    ) as caught:
        by_root(world, principal("web", "human", {"id": "web", "type": "key", "publicKey": line}))
    assert caught.value.code == "identity.forge_key"
