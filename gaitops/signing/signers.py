# SPDX-License-Identifier: Apache-2.0
"""Signers by URI: key files, SSH keys and agents, keys in services, and whatever else securesystemslib signs with.

=======================  =====================================================================================
``PATH``, ``file:PATH``  PEM private key (also encrypted), OpenSSH private key, or a ``.pub`` file with an agent
``ssh:PATH``             OpenSSH private key, or a ``.pub`` file with an agent
``awskms:``, ``hsm:`` …  a key in a KMS or HSM, see :mod:`gaitops.signing.services`
other schemes            securesystemslib, which has to be given the public key
=======================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, Signer

from gaitops.errors import GaitopsError, InvalidInputError, MissingDependencyError
from gaitops.signing import ssh_signer
from gaitops.signing.keys import from_public, load
from gaitops.signing.private_files import is_private, read_key_file
from gaitops.signing.services import AskPassphrase, Limits, ServiceSigner, Surroundings, in_service
from gaitops.signing.ssh_signer import SSHSigner

_FILE = "file"


def load_signer(
    uri: str,
    *,
    public_key: Key | None = None,
    passphrase: AskPassphrase | None = None,
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Signer:
    """The signer that ``uri`` names.

    Args:
        uri: See the table of this module.
        public_key: The key that is expected behind ``uri``; needed for schemes of securesystemslib only.
        passphrase: Asked at most once, and only for an encrypted PEM file or a PIN.
        environment: What ssh-keygen may know of, ``SSH_AUTH_SOCK`` above all (the process's own by default), and
            the variables by which services are found.
        limits: How long to wait for a service.

    Raises:
        InvalidInputError: ``key.uri``, ``key.path``, ``key.passphrase``, ``key.mismatch``, ``key.malformed``,
            ``key.unsupported``, ``key.weak`` or ``signer.*``.
        InternalError: ``signer.unavailable``.
        UnsafeOperationError: ``key.permissions``.
        MissingDependencyError: ``dependency.signer`` when the library of a scheme is not installed.
    """
    path = key_path(uri)
    signer: Signer
    if in_service(uri):
        signer = ServiceSigner.open(uri, Surroundings(limits or Limits(), environment or {}, passphrase))
    elif path is None:
        return _from_securesystemslib(uri, public_key, passphrase)
    elif uri.startswith(f"{ssh_signer.SCHEME}:"):
        signer = SSHSigner.from_path(path, environment)
    else:
        signer = _from_file(path, passphrase, environment)
    if public_key is not None and load(public_key).keyid != signer.public_key.keyid:
        raise _mismatch(uri)
    return signer


def key_path(uri: str) -> Path | None:
    """The file that ``uri`` names; ``None`` when it is securesystemslib's to understand."""
    scheme, separator, rest = uri.partition(":")
    if separator and scheme in (_FILE, ssh_signer.SCHEME):
        return Path(rest)
    return None if separator and scheme in SIGNER_FOR_URI_SCHEME else Path(uri)


def _from_file(path: Path, passphrase: AskPassphrase | None, environment: Mapping[str, str] | None) -> Signer:
    content = read_key_file(path)
    if ssh_signer.is_openssh_private(content) or not is_private(content):
        return SSHSigner.from_path(path, environment)
    private = _read_pem(content, path, passphrase)
    return CryptoSigner(private, from_public(private.public_key()))


def _read_pem(content: bytes, path: Path, passphrase: AskPassphrase | None) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(content, password=None)
    except TypeError:
        pass  # how cryptography says that the key is encrypted
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _malformed(path) from error
    if passphrase is None:
        raise InvalidInputError.of(
            "key.passphrase",
            f"the private key {path} is protected by a passphrase, and there is nobody to ask",
            remedy="run the command on a terminal",
        )
    secret = passphrase()
    try:
        return load_pem_private_key(content, password=secret)
    except (ValueError, TypeError) as error:
        raise InvalidInputError.of(
            "key.passphrase", f"wrong passphrase for the private key {path}"
        ) from error
    except UnsupportedAlgorithm as error:
        raise _malformed(path) from error


def _from_securesystemslib(uri: str, public_key: Key | None, passphrase: AskPassphrase | None) -> Signer:
    if public_key is None:
        raise InvalidInputError.of(
            "key.uri",
            f"the signer {uri} needs the public key as well",
            remedy="give the file of its public key",
        )
    load(public_key)
    ask = None if passphrase is None else lambda _name: passphrase().decode()
    try:
        return Signer.from_priv_key_uri(uri, public_key, ask)
    except GaitopsError:
        raise
    except (UnsupportedLibraryError, ImportError) as error:
        raise MissingDependencyError.of(
            "dependency.signer", f"the signer {uri} needs a library that is not installed: {error}"
        ) from error
    except Exception as error:
        # Signers of HSMs and clouds raise whatever their libraries raise.
        raise InvalidInputError.of("key.uri", f"the signer {uri} is not usable: {error}") from error


def _malformed(path: Path) -> InvalidInputError:
    return InvalidInputError.of(
        "key.malformed",
        f"{path} is not a private key in PEM or OpenSSH format",
        remedy="make one with: gaitops key generate, or ssh-keygen",
    )


def _mismatch(uri: str) -> InvalidInputError:
    return InvalidInputError.of(
        "key.mismatch",
        f"{uri} is not the private half of the public key that was given",
        remedy="compare fingerprints with `gaitops key show`; if a KMS or HSM holds another key than "
        "it did, find out why before anybody signs with it",
    )
