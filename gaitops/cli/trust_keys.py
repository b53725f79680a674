# SPDX-License-Identifier: Apache-2.0
"""Keys of people and publishers as ``[NAME=]URI`` on the command line, for TUF root metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import click

from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from securesystemslib.signer import Key, Signer

_SUFFIXES = (".pub", ".pem", ".key")
_GENERATE = "Make a key with `gaitops key generate --out alice.pem`."


@dataclass(frozen=True, slots=True)
class KeyArgument:
    """``NAME=URI`` as it was typed; the name defaults to the file's, without ``.pub``, ``.pem`` and ``.key``."""

    name: str
    uri: str


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key that TUF metadata may hold, its owner's name, and the signer if the private half was given."""

    name: str
    key: Key
    signer: Signer | None = None


def key_argument(text: str) -> KeyArgument:
    """Option type ``[NAME=]URI``. What stands before the first ``=`` is a name unless it looks like a path."""
    name, separator, uri = text.partition("=")
    if not separator or set(name) & set("/\\:"):
        name, uri = "", text
    if not uri or (separator and not name and uri != text):
        raise click.BadParameter(f"{text!r} is not NAME=FILE")
    return KeyArgument(name or _stem(uri), uri)


def name_and_key(text: str) -> KeyArgument:
    """Option type ``NAME=FILE``, where the name must be given."""
    argument = key_argument(text)
    if argument.uri == text:
        raise click.BadParameter(f"{text!r} is not NAME=FILE")
    return argument


def signing_key(argument: KeyArgument) -> NamedKey:
    """A root person's key: a private key file or a key in a KMS or HSM, which can sign now, or a public key file.

    Raises:
        InvalidInputError: ``init.key_uri`` for a key that is none of these; ``key.*``, and ``key.unsupported``
            for key types that not every TUF client reads; ``signer.*``.
        UnsafeOperationError: ``key.permissions``.
    """
    from gaitops.cli.signing import signer_for
    from gaitops.signing.private_files import is_private, read_key_file
    from gaitops.signing.services import in_service
    from gaitops.signing.signers import key_path

    path = key_path(argument.uri)
    if path is None and not in_service(argument.uri):
        raise InvalidInputError.of(
            "init.key_uri",
            f"the key of {argument.name} is neither a file nor in a KMS or HSM",
            remedy="Name a file with its public key here, and sign afterwards with "
            "`gaitops trust sign --key URI --public-key FILE`.",
        )
    if path is not None and not is_private(read_key_file(path)):
        return public_key(argument)
    signer = signer_for(argument.uri)
    _require_standard(argument, signer.public_key)
    return NamedKey(argument.name, signer.public_key, signer)


def public_key(argument: KeyArgument) -> NamedKey:
    """The public half of the key that ``argument`` names, be it given by a file or where it lives.

    Raises:
        GaitopsError: as :func:`signing_key`.
    """
    from gaitops.cli.signing import described
    from gaitops.signing.keys import parse_public_key

    key = parse_public_key(described(argument.uri).public_key)
    _require_standard(argument, key)
    return NamedKey(argument.name, key)


def _require_standard(argument: KeyArgument, key: Key) -> None:
    from gaitops.fleet.root import STANDARD_KEYS

    if (key.keytype, key.scheme) not in STANDARD_KEYS:
        raise InvalidInputError.of(
            "key.unsupported",
            f"the key of {argument.name} ({argument.uri}) is of type {key.keytype}/{key.scheme}, "
            "which TUF metadata cannot carry",
            remedy=f"{_GENERATE} SSH keys sign approvals and commits, once a principal lists them.",
        )


def _stem(uri: str) -> str:
    name = PurePath(uri.rpartition(":")[2]).name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name
