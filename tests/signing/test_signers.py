# SPDX-License-Identifier: Apache-2.0
"""Signers by URI: files, agents and libraries, with real keys and a real ssh-agent."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, SecretsHandler, Signer

from gaitops.errors import InternalError, InvalidInputError, MissingDependencyError, UnsafeOperationError
from gaitops.signing.dsse import parse_envelope, seal, verified_by
from gaitops.signing.keyfiles import generate_private_key
from gaitops.signing.signers import load_signer
from gaitops.signing.ssh import SSHKey, verify_sshsig

TYPE = "text/plain"
Keygen = Callable[..., Path]
ReadKey = Callable[[Path], SSHKey]


def signs(signer: Signer) -> bool:
    """Whether an envelope by the signer verifies under the signer's key."""
    return verified_by(parse_envelope(seal(TYPE, b"x", [signer])), signer.public_key)


class TestPEM:
    """PEM private keys."""

    @pytest.mark.parametrize("prefix", ["", "file:"])
    def test_plain(self, tmp_path: Path, prefix: str) -> None:
        """A path, with or without its scheme."""
        key = generate_private_key(tmp_path / "key")
        signer = load_signer(f"{prefix}{tmp_path / 'key'}", public_key=key)
        assert signer.public_key == key
        assert signs(signer)

    def test_passphrase_is_asked_once(self, tmp_path: Path) -> None:
        """An encrypted key asks when it is loaded, and never again."""
        generate_private_key(tmp_path / "key", b"correct horse")
        asked = []

        def passphrase() -> bytes:
            asked.append(1)
            return b"correct horse"

        signer = load_signer(str(tmp_path / "key"), passphrase=passphrase)
        assert signs(signer)
        assert signs(signer)
        assert asked == [1]

    @pytest.mark.parametrize("answer", [b"wrong horse!!", b"", None])
    def test_wrong_or_no_passphrase(self, tmp_path: Path, answer: bytes | None) -> None:
        """A wrong passphrase, an empty one, and nobody to ask, are the same kind of error."""
        generate_private_key(tmp_path / "key", b"correct horse")
        with pytest.raises(InvalidInputError) as caught:
            load_signer(str(tmp_path / "key"), passphrase=None if answer is None else lambda: answer)
        assert caught.value.code == "key.passphrase"
        assert "horse" not in str(caught.value)

    def test_plain_key_does_not_ask(self, tmp_path: Path) -> None:
        """Nobody is asked for a passphrase that is not needed."""
        generate_private_key(tmp_path / "key")
        assert signs(load_signer(str(tmp_path / "key"), passphrase=lambda: pytest.fail("asked")))

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
    def test_permissions(self, tmp_path: Path, mode: int) -> None:
        """A key that others may touch is refused with the remedy, as ssh does."""
        path = tmp_path / "key"
        generate_private_key(path)
        path.chmod(mode)
        with pytest.raises(UnsafeOperationError) as caught:
            load_signer(str(path))
        assert (caught.value.code, caught.value.problems[0].remedy) == (
            "key.permissions",
            f"chmod 600 {path}",
        )

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "key.malformed"),
            (b"\xff\xfe", "key.malformed"),
            (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key.malformed"),
            (
                b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
                "key.malformed",
            ),
            (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "key.malformed"),
            (b"x" * 70_000, "key.path"),
        ],
    )
    def test_not_a_key(self, tmp_path: Path, content: bytes, code: str) -> None:
        """Other files are refused with a code."""
        path = tmp_path / "key"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(InvalidInputError) as caught:
            load_signer(str(path))
        assert caught.value.code == code
        assert str(path) in str(caught.value)

    def test_not_a_file(self, tmp_path: Path) -> None:
        """A missing file and a folder are reported as such."""
        for path in (tmp_path / "missing", tmp_path):
            with pytest.raises(InvalidInputError) as caught:
                load_signer(str(path))
            assert caught.value.code == "key.path"

    def test_weak_key(self, tmp_path: Path) -> None:
        """A weak private key signs nothing."""
        path = tmp_path / "key"
        private = rsa.generate_private_key(65537, 2048)
        path.write_bytes(
            private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        )
        path.chmod(0o600)
        with pytest.raises(InvalidInputError) as caught:
            load_signer(str(path))
        assert caught.value.code == "key.weak"

    def test_other_public_key(self, tmp_path: Path) -> None:
        """A file that holds another key than expected is refused."""
        generate_private_key(tmp_path / "key")
        with pytest.raises(InvalidInputError) as caught:
            load_signer(str(tmp_path / "key"), public_key=generate_private_key(tmp_path / "other"))
        assert caught.value.code == "key.mismatch"


class TestSSH:
    """OpenSSH keys and agents."""

    @pytest.mark.parametrize("prefix", ["", "file:", "ssh:"])
    @pytest.mark.parametrize(("kind", "bits"), [("ed25519", None), ("ecdsa", 384), ("rsa", 3072)])
    def test_private_key_file(
        self,
        *,
        ssh_keygen: Keygen,
        ssh_key: ReadKey,
        no_agent: Mapping[str, str],
        prefix: str,
        kind: str,
        bits: int | None,
    ) -> None:
        """A private key file without an agent, also when its ``.pub`` file is gone."""
        path = ssh_keygen(kind=kind, bits=bits)
        key = ssh_key(path)
        path.with_name("id.pub").unlink()
        signer = load_signer(f"{prefix}{path}", public_key=key, environment=no_agent)
        assert signer.public_key == key
        assert signs(signer)

    @pytest.mark.parametrize("prefix", ["", "ssh:"])
    def test_public_key_with_agent(
        self, ssh_keygen: Keygen, ssh_key: ReadKey, agent: Mapping[str, str], prefix: str
    ) -> None:
        """Only the ``.pub`` file is here; the agent holds the private key."""
        path = ssh_keygen()
        subprocess.run(["ssh-add", "-q", str(path)], check=True, env=agent, capture_output=True)
        path.unlink()
        signer = load_signer(f"{prefix}{path}.pub", environment=agent)
        assert signer.public_key == ssh_key(path)
        assert signs(signer)

    def test_encrypted_key_in_agent(self, ssh_keygen: Keygen, agent: Mapping[str, str]) -> None:
        """The agent has the key open; the encrypted file only names it."""
        path = ssh_keygen()
        subprocess.run(["ssh-add", "-q", str(path)], check=True, env=agent, capture_output=True)
        command = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "correct horse", "-f", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        assert signs(load_signer(f"ssh:{path}", environment=agent))

    @pytest.mark.parametrize("with_agent", [False, True])
    def test_encrypted_key_without_agent(
        self, ssh_keygen: Keygen, agent: Mapping[str, str], no_agent: Mapping[str, str], with_agent: bool
    ) -> None:
        """Nothing is asked on a terminal; the error says what to do."""
        path = ssh_keygen(passphrase="correct horse")
        signer = load_signer(f"ssh:{path}", environment=agent if with_agent else no_agent)
        with pytest.raises(InvalidInputError) as caught:
            signer.sign(b"x")
        assert (caught.value.code, caught.value.problems[0].remedy) == ("key.passphrase", f"ssh-add {path}")

    def test_never_asks_on_a_terminal(self, ssh_keygen: Keygen) -> None:
        """Even a process that has a terminal of its own is not asked for the passphrase behind its back."""
        path = ssh_keygen(passphrase="correct horse")
        program = (
            "import fcntl, os, sys, termios\n"
            "from gaitops.errors import InvalidInputError\n"
            "from gaitops.signing.signers import load_signer\n"
            "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"  # standard input becomes the controlling terminal
            "try:\n"
            "    load_signer(sys.argv[1], environment={'PATH': os.environ['PATH']}).sign(b'x')\n"
            "except InvalidInputError as error:\n"
            "    print(error.code)\n"
        )
        terminal, end = pty.openpty()
        result = subprocess.run(
            [sys.executable, "-c", program, f"ssh:{path}"],
            check=True,
            stdin=end,
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )
        os.close(end)
        os.set_blocking(terminal, False)
        with suppress(OSError):  # how Linux says that nobody ever wrote anything
            assert os.read(terminal, 1000) == b""
        os.close(terminal)
        assert result.stdout == "key.passphrase\n"

    def test_public_key_without_agent(self, ssh_keygen: Keygen, no_agent: Mapping[str, str]) -> None:
        """A public key alone cannot sign, and the error survives sealing."""
        path = ssh_keygen()
        path.unlink()
        with pytest.raises(InvalidInputError) as caught:
            seal(TYPE, b"x", [load_signer(f"ssh:{path}.pub", environment=no_agent)])
        assert caught.value.code == "key.agent"

    def test_signature_is_raw_and_for_this_namespace(
        self, ssh_keygen: Keygen, no_agent: Mapping[str, str]
    ) -> None:
        """The signature is an SSHSIG for ``gaitops`` and not for Git."""
        signer = load_signer(f"ssh:{ssh_keygen()}", environment=no_agent)
        blob = bytes.fromhex(signer.sign(b"x").signature)
        assert blob.startswith(b"SSHSIG")
        assert isinstance(signer.public_key, SSHKey)
        assert verify_sshsig(signer.public_key, b"x", blob, "gaitops")
        assert not verify_sshsig(signer.public_key, b"x", blob, "git")

    def test_without_ssh_keygen(self, ssh_keygen: Keygen, tmp_path: Path) -> None:
        """A machine without OpenSSH says so."""
        signer = load_signer(f"ssh:{ssh_keygen()}", environment={"PATH": str(tmp_path)})
        with pytest.raises(MissingDependencyError) as caught:
            signer.sign(b"x")
        assert caught.value.code == "dependency.ssh_keygen"

    def test_file_replaced_after_loading(self, ssh_keygen: Keygen, no_agent: Mapping[str, str]) -> None:
        """When the file holds another key by the time of signing, nothing is signed under the old name."""
        path = ssh_keygen()
        signer = load_signer(f"ssh:{path}", environment=no_agent)
        ssh_keygen("other").replace(path)
        path.with_name("other.pub").replace(path.with_name("id.pub"))
        with pytest.raises(InternalError) as caught:
            signer.sign(b"x")
        assert caught.value.code == "signing.failed"

    def test_damaged_file(self, ssh_keygen: Keygen, no_agent: Mapping[str, str]) -> None:
        """What ssh-keygen says about a damaged private part reaches the user."""
        path = ssh_keygen()
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:4], "A" * 70, *lines[5:]]) + "\n")
        signer = load_signer(f"ssh:{path}", environment=no_agent)
        with pytest.raises(InternalError, match="ssh-keygen could not sign") as caught:
            signer.sign(b"x")
        assert caught.value.code == "signing.failed"

    def test_permissions(self, ssh_keygen: Keygen) -> None:
        """OpenSSH keys that others may read are refused too; their public halves may be read by anybody."""
        path = ssh_keygen()
        path.chmod(0o644)
        with pytest.raises(UnsafeOperationError) as caught:
            load_signer(f"ssh:{path}")
        assert caught.value.code == "key.permissions"
        assert load_signer(f"ssh:{path}.pub").public_key.keytype == "ssh-ed25519"

    def test_securesystemslib_uri(self, ssh_keygen: Keygen, ssh_key: ReadKey) -> None:
        """Whoever uses securesystemslib directly finds the scheme registered, and a wrong key refused."""
        path = ssh_keygen()
        assert Signer.from_priv_key_uri(f"ssh:{path}", ssh_key(path)).public_key == ssh_key(path)
        with pytest.raises(ValueError):
            Signer.from_priv_key_uri(f"ssh:{path}", ssh_key(ssh_keygen("other")))


class TestSecuresystemslib:
    """Everything else that securesystemslib can sign with."""

    def write(self, path: Path, passphrase: bytes | None) -> CryptoSigner:
        """A PEM file that securesystemslib reads by itself."""
        private = Ed25519PrivateKey.generate()
        encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
        path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        return CryptoSigner(private)

    def test_signs(self, tmp_path: Path) -> None:
        """A URI of the library with the public key."""
        key = self.write(tmp_path / "key", None).public_key
        assert signs(load_signer(f"file2:{tmp_path / 'key'}", public_key=key))

    def test_without_public_key(self) -> None:
        """The library cannot know the public key of a URI that is only its own."""
        with pytest.raises(InvalidInputError) as caught:
            load_signer("gnupg:1234")
        assert caught.value.code == "key.uri"

    @pytest.mark.parametrize("error", [UnsupportedLibraryError("install it"), ImportError("no module")])
    def test_missing_library(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        """A cloud whose library is not installed is a missing dependency, not a defect."""

        class Cloud(CryptoSigner):
            @classmethod
            def from_priv_key_uri(
                cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
            ) -> CryptoSigner:
                raise error

        monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "cloud", Cloud)
        with pytest.raises(MissingDependencyError) as caught:
            load_signer("cloud:1234", public_key=self.write(tmp_path / "key", None).public_key)
        assert caught.value.code == "dependency.signer"

    def test_secrets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A signer of the library that needs a PIN gets it from the same place as passphrases."""
        given: list[str] = []

        class Token(CryptoSigner):
            @classmethod
            def from_priv_key_uri(
                cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
            ) -> CryptoSigner:
                assert secrets_handler is not None
                given.append(secrets_handler("PIN"))
                return CryptoSigner(Ed25519PrivateKey.generate())

        monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "token", Token)
        key = self.write(tmp_path / "key", None).public_key
        load_signer("token:1", public_key=key, passphrase=lambda: b"123456")
        assert given == ["123456"]

    def test_wrong_key(self, tmp_path: Path) -> None:
        """A private key that does not belong to the public key is refused."""
        self.write(tmp_path / "key", None)
        other = self.write(tmp_path / "other", None).public_key
        with pytest.raises(InvalidInputError) as caught:
            load_signer(f"file2:{tmp_path / 'key'}", public_key=other)
        assert caught.value.code == "key.uri"
