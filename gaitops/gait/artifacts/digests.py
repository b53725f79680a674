# SPDX-License-Identifier: Apache-2.0
"""Digests over canonical JSON as Gait computes them: every number is a double first (contract 0.1)."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from gaitops.errors import InvalidInputError
from gaitops.gait.artifacts.refusals import RejectedError
from gaitops.signing.canonical import canonical_json

HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
"""A digest on the wire: lower case, without prefix."""
_MAX_SAFE: Final = 2**53 - 1


def canonical(value: object) -> bytes:
    """The canonical form, with integers beyond 2^53 rounded to a double as Gait's canonicaliser does.

    Raises:
        RejectedError: ``json.no_canonical_form`` when a number is beyond a double.
    """
    try:
        return canonical_json(value)
    except InvalidInputError:
        pass
    try:
        return canonical_json(_doubles(value))
    except (InvalidInputError, OverflowError) as error:
        raise RejectedError("json.no_canonical_form", "a number is beyond what a double can hold") from error


def digest(value: object) -> str:
    """Lower-case hex SHA-256 of :func:`canonical`.

    Raises:
        RejectedError: as :func:`canonical` does.
    """
    return hashlib.sha256(canonical(value)).hexdigest()


def digest_or_none(value: object) -> str | None:
    """As :func:`digest`; ``None`` where there is no canonical form, so that nobody can have signed it."""
    try:
        return digest(value)
    except RejectedError:
        return None


def short_id(*parts: str, length: int = 24) -> str:
    """First ``length`` hex digits of the SHA-256 of ``parts`` joined by colons: how Gait derives most ids."""
    return hashlib.sha256(":".join(parts).encode()).hexdigest()[:length]


def bare(text: object) -> str:
    """A digest to join on: without ``sha256:`` and in lower case (contract 0.1); never for verification."""
    return text.strip().lower().removeprefix("sha256:") if type(text) is str else ""


def _doubles(value: object) -> object:
    if type(value) is int:
        return value if -_MAX_SAFE <= value <= _MAX_SAFE else float(value)
    if type(value) is dict:
        return {name: _doubles(item) for name, item in value.items()}
    if type(value) is list:
        return [_doubles(item) for item in value]
    return value
