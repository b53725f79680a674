# SPDX-License-Identifier: Apache-2.0
"""Opening signers for commands: key files, OpenSSH keys, agents and signer URIs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gaitops.cli.asking import passphrase_asker
from gaitops.cli.files import read_bytes

if TYPE_CHECKING:
    from securesystemslib.signer import Signer


def signer_for(uri: str, public_key: Path | None = None) -> Signer:
    """The signer that ``--key`` names; a passphrase is asked for on a terminal only.

    Raises:
        InvalidInputError: ``key.*``, see :func:`gaitops.signing.signers.load_signer`.
    """
    from gaitops.signing.keys import parse_public_key
    from gaitops.signing.signers import load_signer

    key = (
        parse_public_key(read_bytes(public_key).decode("utf-8", "replace"))
        if public_key is not None
        else None
    )
    return load_signer(uri, public_key=key, passphrase=passphrase_asker(), environment=os.environ)
