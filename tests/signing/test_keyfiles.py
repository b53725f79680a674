# SPDX-License-Identifier: Apache-2.0
"""Key files: written once, readable by their owner only, and described without their secret."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gaitops.errors import InvalidInputError, UnsafeOperationError
from gaitops.signing.keyfiles import describe_key, generate_private_key
from gaitops.signing.keys import fingerprint, parse_public_key, public_text
from gaitops.signing.ssh import SSHKey


class TestGenerate:
    """Making key pairs."""

    @pytest.mark.parametrize(
        ("algorithm", "scheme"), [("ed25519", "ed25519"), ("ecdsa", "ecdsa-sha2-nistp256")]
    )
    def test_pair(self, tmp_path: Path, algorithm: Literal["ed25519", "ecdsa"], scheme: str) -> None:
        """A private file for its owner only, a public one beside it, both the same key."""
        path = tmp_path / "key"
        key = generate_private_key(path, algorithm=algorithm)
        assert key.scheme == scheme
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert parse_public_key((tmp_path / "key.pub").read_text()) == key
        assert load_pem_private_key(path.read_bytes(), None) is not None

    def test_permissions_do_not_depend_on_the_umask(self, tmp_path: Path) -> None:
        """The file is private from its first moment, whatever the process allows."""
        before = os.umask(0)
        try:
            generate_private_key(tmp_path / "key")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600

    def test_encrypted(self, tmp_path: Path) -> None:
        """With a passphrase the file needs it."""
        generate_private_key(tmp_path / "key", b"correct horse")
        content = (tmp_path / "key").read_bytes()
        assert content.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        with pytest.raises(TypeError):
            load_pem_private_key(content, None)

    @pytest.mark.parametrize("passphrase", [b"", b"short"])
    def test_short_passphrase(self, tmp_path: Path, passphrase: bytes) -> None:
        """A passphrase that protects nothing is refused, and nothing is written."""
        with pytest.raises(InvalidInputError) as caught:
            generate_private_key(tmp_path / "key", passphrase)
        assert caught.value.code == "key.passphrase"
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("existing", ["key", "key.pub"])
    def test_never_overwrites(self, tmp_path: Path, existing: str) -> None:
        """An existing file of either name stops it, and nothing else is left behind."""
        (tmp_path / existing).write_text("precious")
        with pytest.raises(UnsafeOperationError) as caught:
            generate_private_key(tmp_path / "key")
        assert caught.value.code == "key.exists"
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(existing, "precious")]

    @pytest.mark.parametrize("link", ["key", "key.pub"])
    def test_never_writes_through_a_link(self, tmp_path: Path, link: str) -> None:
        """A link that somebody placed does not lead the key elsewhere."""
        target = tmp_path / "target"
        (tmp_path / link).symlink_to(target)
        with pytest.raises(UnsafeOperationError):
            generate_private_key(tmp_path / "key")
        assert not target.exists()

    def test_folder_is_missing(self, tmp_path: Path) -> None:
        """Folders are not made up."""
        with pytest.raises(InvalidInputError) as caught:
            generate_private_key(tmp_path / "missing" / "key")
        assert caught.value.code == "key.path"


class TestDescribe:
    """Telling people about a key."""

    @pytest.mark.parametrize("name", ["key", "key.pub"])
    @pytest.mark.parametrize("prefix", ["", "file:"])
    def test_pem(self, tmp_path: Path, name: str, prefix: str) -> None:
        """The private file and the public one say the same, and nothing secret."""
        key = generate_private_key(tmp_path / "key")
        described = describe_key(f"{prefix}{tmp_path / name}")
        assert (described.key_type, described.scheme, described.keyid) == ("ed25519", "ed25519", key.keyid)
        assert (described.fingerprint, described.assurance) == (fingerprint(key), "key")
        assert described.public_key == public_text(key)
        assert "PRIVATE" not in repr(described)

    @pytest.mark.parametrize("suffix", ["", ".pub"])
    @pytest.mark.parametrize("prefix", ["", "ssh:"])
    def test_ssh(
        self,
        ssh_keygen: Callable[..., Path],
        ssh_key: Callable[[Path], SSHKey],
        no_agent: Mapping[str, str],
        suffix: str,
        prefix: str,
    ) -> None:
        """An encrypted OpenSSH key is described without its passphrase."""
        path = ssh_keygen(passphrase="correct horse")
        described = describe_key(f"{prefix}{path}{suffix}", environment=no_agent)
        assert described.keyid == ssh_key(path).keyid
        assert (described.scheme, described.assurance) == ("sshsig", "ssh")
        assert described.public_key.startswith("ssh-ed25519 ")

    def test_public_key_under_any_name(self, tmp_path: Path) -> None:
        """A public key may be readable by everybody and be called anything."""
        key = generate_private_key(tmp_path / "key")
        renamed = (tmp_path / "key.pub").rename(tmp_path / "root-key.pem")
        assert describe_key(str(renamed)).keyid == key.keyid

    @pytest.mark.parametrize("content", [b"", b"\xff", b"ssh-ed25519"])
    def test_not_a_key(self, tmp_path: Path, content: bytes) -> None:
        """Other files are refused with a code."""
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(InvalidInputError) as caught:
            describe_key(str(tmp_path / "file"))
        assert caught.value.code == "key.malformed"

    def test_key_of_a_library(self) -> None:
        """A key that only securesystemslib can reach cannot be described from its URI alone."""
        with pytest.raises(InvalidInputError) as caught:
            describe_key("gnupg:1234")
        assert caught.value.code == "key.uri"
