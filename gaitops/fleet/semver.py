# SPDX-License-Identifier: Apache-2.0
"""Order of version numbers: Semantic Versioning 2.0.0 without build metadata (design 7).

Build metadata is refused because two versions that differ only in it have the same precedence, and a
policy version must have exactly one place in the order.
"""

from __future__ import annotations

import re

_MAX_LENGTH = 128
_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?")

Precedence = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]
"""Sort key of a version; meaningful only in comparison with others."""


def precedence(version: str) -> Precedence:
    """The sort key of ``version`` by the rules of Semantic Versioning 2.0.0, section 11.

    Raises:
        ValueError: not a semantic version, with build metadata, or longer than 128 characters.
    """
    match = _SEMVER.fullmatch(version) if len(version) <= _MAX_LENGTH else None
    if match is None:
        raise ValueError(f"{version!r} is not a semantic version such as 1.2.3 or 1.2.3-rc.1")
    major, minor, patch, prerelease = match.groups()
    # 11.3: a version without prerelease is higher; 11.4.4: more identifiers are higher, as tuples already are.
    identifiers = tuple(_identifier(text) for text in prerelease.split(".")) if prerelease else ()
    return int(major), int(minor), int(patch), prerelease is None, identifiers


def _identifier(text: str) -> tuple[bool, int, str]:
    # 11.4.1 to 11.4.3: numbers by value, letters by ASCII order, numbers below letters.
    return (False, int(text), "") if text.isdigit() else (True, 0, text)
