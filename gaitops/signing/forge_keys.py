# SPDX-License-Identifier: Apache-2.0
"""Keys that forges sign with themselves, for whoever uses their web pages: a signature by one is nobody's.

Sources: https://github.com/web-flow.gpg, and "Signed commits" in GitLab's documentation for GitLab.com. A forge that
somebody runs themselves has a key of its own, which cannot be known here; no principal lists that either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gaitops.errors import InvalidInputError

_GITHUB: Final = "GitHub"

OPENPGP: Final = {
    "5de3e0509c47ea3cf04a42d34aee18f83afdeb23": _GITHUB,
    "968479a1aff927e37d1a566bb5690eeebb952194": _GITHUB,
}
"""Fingerprint of an OpenPGP key, and whose it is."""
KEYS: Final = {"a7b1d837629e69854ad5c8fef82350dc5fb31b71a888c155598c072e42985718": "GitLab.com"}
"""SHA-256 of the SPKI of a key, and whose it is."""
_BY_NAME: Final = {**KEYS, **OPENPGP, **{name[-16:]: forge for name, forge in OPENPGP.items()}}


def forge_of(names: Iterable[str]) -> str | None:
    """The forge that one of these keys belongs to.

    Args:
        names: SHA-256 of SPKIs, and fingerprints and 64-bit ids of OpenPGP keys, lowercase hex.
    """
    return next((_BY_NAME[name] for name in names if name in _BY_NAME), None)


def require_own(names: Iterable[str]) -> None:
    """Refuse an identity that is a forge's: whoever may use its web pages would sign with it.

    Raises:
        InvalidInputError: ``identity.forge_key``.
    """
    forge = forge_of(names)
    if forge is not None:
        raise InvalidInputError.of(
            "identity.forge_key",
            f"this is the key that {forge} signs everybody's commits with, so it says nothing about a person",
            remedy="list a key that only the principal holds",
        )
