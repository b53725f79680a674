# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON (RFC 8785, "JCS"): the one byte form of a JSON value, so that it can be hashed and signed.

Two implementations give identical bytes. orjson with sorted keys is ten times faster, but it is JCS only for
values without surprises: it sorts keys by code point where RFC 8785 (3.2.3) sorts by UTF-16 unit, and writes
floats differently (3.2.2.3). So a walk decides first; whatever it is not sure about goes to ``rfc8785``, which
also gives the verdict on everything that is not JSON at all. A property test compares the two.
"""

from __future__ import annotations

import hashlib

import orjson
import rfc8785

from gaitops.errors import InvalidInputError

_MAX_INT = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 8785 3.2.2.3, RFC 7493 2.2)."""


def canonical_json(value: object) -> bytes:
    """The RFC 8785 form of a JSON value (``dict``, ``list``, ``tuple``, ``str``, ``int``, ``float``, ``bool``, ``None``).

    Raises:
        InvalidInputError: ``json.not_canonical`` for a value that has no canonical form: other types, keys that
            are not strings, integers beyond ±(2^53 - 1), NaN, infinities, lone surrogates, bottomless nesting.
    """
    try:
        if _is_plain(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, RecursionError):
        # A lone surrogate or nesting deeper than orjson's limit: the careful implementation decides.
        pass
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # refusing other types is what it is asked for
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidInputError.of(
            "json.not_canonical", f"the value has no canonical JSON form: {reason}"
        ) from error


def digest(value: object) -> str:
    """Lowercase hex SHA-256 of :func:`canonical_json`.

    Raises:
        InvalidInputError: as :func:`canonical_json` does.
    """
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _is_plain(value: object) -> bool:
    """Whether orjson's sorted output is certain to be the RFC 8785 form of ``value``.

    Exact types only: orjson would also write dates, UUIDs, enums and dataclasses, which are not JSON values.
    ASCII keys sort alike by code point and by UTF-16 unit.
    """
    kind = type(value)
    if kind is dict:
        for key, member in value.items():  # type: ignore[attr-defined]  # exact dict, see the line above
            if type(key) is not str or not key.isascii():
                return False
            # Strings are most of every document; answering here saves a call for each of them.
            if type(member) is not str and not _is_plain(member):
                return False
        return True
    if kind is list or kind is tuple:
        return all(type(item) is str or _is_plain(item) for item in value)  # type: ignore[attr-defined]
    if kind is int:
        return -_MAX_INT <= value <= _MAX_INT  # type: ignore[operator]
    return kind is str or kind is bool or value is None
