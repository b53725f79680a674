# SPDX-License-Identifier: Apache-2.0
"""Signing with SSH keys through ``ssh-keygen -Y sign``, which knows agents, security keys and key files.

ssh-keygen never asks anything: it gets no terminal and no input, and only the part of the environment that it
needs to find the agent and the security key. (So a security key that wants a PIN besides the touch must be in
an agent, which can ask for it.) Private keys stay in its hands; gaitops reads of a private key
file only the public key, which OpenSSH stores in front of the encrypted part.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, Key, SecretsHandler, Signature, Signer

from gaitops.errors import InternalError, InvalidInputError, MissingDependencyError
from gaitops.signing import sshsig
from gaitops.signing.private_files import naming, read_key_file
from gaitops.signing.ssh import NAMESPACE, SSHKey, parse_openssh, verify_sshsig
from gaitops.signing.ssh_wire import Reader, WireError, decode_base64, parse_public_blob

SCHEME = "ssh"
"""URI scheme: ``ssh:PATH`` of an OpenSSH private key, or of a ``.pub`` file whose key an agent holds."""

_PRIVATE_BEGIN = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_PRIVATE_END = b"-----END OPENSSH PRIVATE KEY-----"
_PRIVATE_MAGIC = b"openssh-key-v1\0"
_PASSED_ON = (
    "PATH",
    "HOME",
    "SSH_AUTH_SOCK",
    "SSH_SK_PROVIDER",
    "SSH_PKCS11_HELPER",
    "SSH_SK_HELPER",
    "TMPDIR",
)
_TIMEOUT_SECONDS = 120
"""A security key waits for a touch; the agent may ask a person."""


class SSHSigner(Signer):
    """Signs with the SSH key in ``path``, or with the agent that holds it.

    ``environment`` is what ssh-keygen may know of (``SSH_AUTH_SOCK`` above all); by default the process's own.
    """

    def __init__(self, path: Path, public_key: SSHKey, environment: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._public_key = public_key
        self._environment = environment

    @classmethod
    def from_path(cls, path: Path, environment: Mapping[str, str] | None = None) -> Self:
        """The signer for an OpenSSH private key file or a ``.pub`` file.

        Raises:
            InvalidInputError: ``key.path``, ``key.malformed``, ``key.unsupported`` or ``key.weak``.
            UnsafeOperationError: ``key.permissions``.
        """
        content = read_key_file(path)
        if not is_openssh_private(content):
            with naming(path):
                return cls(path, parse_openssh(_text(content, path)), environment)
        public_key, _ = _read_private(content, path)
        return cls(path, public_key, environment)

    @classmethod
    def from_priv_key_uri(
        cls,
        priv_key_uri: str,
        public_key: Key,
        secrets_handler: SecretsHandler | None = None,  # noqa: ARG003 - the agent asks for passphrases
    ) -> Self:
        """The constructor of securesystemslib for ``ssh:PATH``.

        Raises:
            ValueError: As securesystemslib's contract demands: the file holds another key.
            GaitopsError: As :meth:`from_path` does.
        """
        signer = cls.from_path(Path(priv_key_uri.removeprefix(f"{SCHEME}:")))
        if signer.public_key != public_key:
            raise ValueError(f"{priv_key_uri} is not the private half of {public_key.keyid}")
        return signer

    @property
    def public_key(self) -> SSHKey:
        """The key that signs."""
        return self._public_key

    def sign(self, payload: bytes) -> Signature:
        """Sign ``payload``; the signature is the hex form of the raw SSHSIG.

        Raises:
            InvalidInputError: ``key.passphrase`` when the file is encrypted and no agent holds its key;
                ``key.agent`` when there is only a public key and no agent holds it.
            MissingDependencyError: ``dependency.ssh_keygen``.
            InternalError: ``signing.failed`` for any other failure of ssh-keygen, or a signature by another key.
        """
        environment = os.environ if self._environment is None else self._environment
        program = shutil.which("ssh-keygen", path=environment.get("PATH"))
        if program is None:
            raise MissingDependencyError.of(
                "dependency.ssh_keygen",
                "signing with an SSH key needs the program ssh-keygen, which is not on PATH",
                remedy="install the OpenSSH client",
            )
        passed_on = {name: environment[name] for name in _PASSED_ON if name in environment} | {"LC_ALL": "C"}
        with tempfile.TemporaryDirectory(prefix="gaitops-sign-") as folder:
            message = Path(folder) / "message"
            message.write_bytes(payload)
            self._run(
                [program, "-Y", "sign", "-n", NAMESPACE, "-f", str(self._path), str(message)], passed_on
            )
            armored = message.with_suffix(".sig").read_bytes()
        if not verify_sshsig(self._public_key, payload, armored, NAMESPACE):
            raise InternalError.of(
                "signing.failed", f"ssh-keygen signed with another key than {self._path} names"
            )
        return Signature(self._public_key.keyid, sshsig.dearmor(armored).hex())

    def _run(self, command: list[str], environment: Mapping[str, str]) -> None:
        try:
            result = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
                # A session of its own has no terminal: nothing can ask for a passphrase behind our back.
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise InternalError.of(
                "signing.failed",
                f"ssh-keygen did not sign within {_TIMEOUT_SECONDS} seconds",
                remedy="touch the security key when it blinks, and answer the agent's question",
            ) from error
        if result.returncode != 0:
            raise self._explain(result.stderr.decode("utf-8", "replace").strip())

    def _explain(self, output: str) -> InvalidInputError | InternalError:
        """Why ssh-keygen failed, from the key file, not from its messages, which change between releases."""
        content = read_key_file(self._path)
        if not is_openssh_private(content):
            return InvalidInputError.of(
                "key.agent",
                f"{self._path} is a public key, and no SSH agent that was asked holds its private half",
                remedy="start ssh-agent and ssh-add the private key, or name the private key file",
            )
        if _read_private(content, self._path)[1]:
            return InvalidInputError.of(
                "key.passphrase",
                f"{self._path} is protected by a passphrase, and no SSH agent that was asked holds the key",
                remedy=f"ssh-add {self._path}",
            )
        return InternalError.of("signing.failed", f"ssh-keygen could not sign with {self._path}: {output}")


def is_openssh_private(content: bytes) -> bool:
    """Whether a file is a private key in OpenSSH's own format."""
    return content.lstrip().startswith(_PRIVATE_BEGIN)


def _read_private(content: bytes, path: Path) -> tuple[SSHKey, bool]:
    """The public key in front of an OpenSSH private key, and whether the private part is encrypted."""
    try:
        line, cipher = _private_header(content.strip())
    except (WireError, UnicodeDecodeError) as error:
        raise InvalidInputError.of(
            "key.malformed", f"the private key {path} is not usable: {error}"
        ) from error
    return parse_openssh(line), cipher != "none"


def _private_header(content: bytes) -> tuple[str, str]:
    """Public key line and cipher name (OpenSSH PROTOCOL.key, 1). What follows the public key is left unread."""
    if not (content.startswith(_PRIVATE_BEGIN) and content.endswith(_PRIVATE_END)):
        raise WireError("not one OpenSSH private key")
    encoded = content[len(_PRIVATE_BEGIN) : -len(_PRIVATE_END)].decode("ascii")
    reader = Reader(decode_base64("".join(encoded.split())))
    if reader.take(len(_PRIVATE_MAGIC)) != _PRIVATE_MAGIC:
        raise WireError("not a private key of version 1")
    cipher, _kdf, _kdf_options, count = reader.text(), reader.text(), reader.string(), reader.uint32()
    if count != 1:
        raise WireError(f"expected one key, found {count}")
    return parse_public_blob(reader.string()).line, cipher


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError.of(
            "key.malformed", f"{path} is neither a private nor a public SSH key"
        ) from error


SIGNER_FOR_URI_SCHEME[SCHEME] = SSHSigner
