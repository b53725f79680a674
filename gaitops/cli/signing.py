# SPDX-License-Identifier: Apache-2.0
"""Opening signers for commands: key files, OpenSSH keys, agents, KMS and HSM. The one place that knows the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gaitops.cli.asking import passphrase_asker
from gaitops.cli.files import read_bytes
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from gaitops.signing.keyfiles import KeyDescription
    from gaitops.signing.services import Limits

TIMEOUT_VARIABLE = "GAITOPS_SIGNER_TIMEOUT"
"""Environment variable: seconds to wait for one answer of a KMS."""

_MAX_SECONDS = 300


def signer_for(uri: str, public_key: Path | None = None) -> Signer:
    """The signer that ``--key`` names; a passphrase or PIN is asked for on a terminal only.

    Raises:
        GaitopsError: ``key.*`` and ``signer.*``, see :func:`gaitops.signing.signers.load_signer`.
    """
    from gaitops.signing.keys import parse_public_key
    from gaitops.signing.signers import load_signer

    key = (
        parse_public_key(read_bytes(public_key).decode("utf-8", "replace"))
        if public_key is not None
        else None
    )
    return load_signer(
        uri, public_key=key, passphrase=_asker(uri), environment=os.environ, limits=service_limits()
    )


def described(uri: str) -> KeyDescription:
    """What is public about the key ``uri``, wherever it lives.

    Raises:
        GaitopsError: As :func:`signer_for` does.
    """
    from gaitops.signing.keyfiles import describe_key

    return describe_key(uri, passphrase=_asker(uri), environment=os.environ, limits=service_limits())


def service_limits() -> Limits:
    """How long to wait for a KMS, from ``GAITOPS_SIGNER_TIMEOUT``.

    Raises:
        InvalidInputError: ``signer.configuration`` when it is not a number of seconds.
    """
    from gaitops.signing.services import Limits

    text = os.environ.get(TIMEOUT_VARIABLE)
    if not text:
        return Limits()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MAX_SECONDS):
        raise InvalidInputError.of(
            "signer.configuration",
            f"{TIMEOUT_VARIABLE} is not a whole number of seconds from 1 to {_MAX_SECONDS}",
            remedy=f"unset {TIMEOUT_VARIABLE}, or correct it",
        )
    seconds = float(text)
    return Limits(connect_seconds=min(Limits().connect_seconds, seconds), read_seconds=seconds)


def _asker(uri: str) -> Callable[[], bytes] | None:
    from gaitops.signing.services import in_service

    return passphrase_asker(f"PIN of {uri}" if in_service(uri) else f"Passphrase of {uri}")
