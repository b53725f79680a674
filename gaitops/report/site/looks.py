# SPDX-License-Identifier: Apache-2.0
"""Colour and pattern of every state and series, so that none is told from another by its colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Look = Mapping[str, str]
"""``colour``: a token of the style sheet; ``pattern``: one that the script draws."""

COLOURS: Final = ("blue", "orange", "gold", "purple", "red", "teal", "gray")
PATTERNS: Final = ("solid", "slash", "back", "dots", "cross", "lines")


def look(colour: str, pattern: str = "solid") -> Look:
    """One look; ``ValueError`` for a colour or pattern that the page does not have."""
    if colour not in COLOURS or pattern not in PATTERNS:
        raise ValueError(f"no such look: {colour} {pattern}")
    return {"colour": colour, "pattern": pattern}


STATE_LOOKS: Final[Mapping[str, Look]] = {
    "enforced": look("blue"),
    "shadow": look("teal", "slash"),
    "drifted": look("orange"),
    "silent": look("gray", "lines"),
    "unknown": look("gray", "dots"),
}
VERDICT_LOOKS: Final[Mapping[str, Look]] = {
    "verified": look("blue"),
    "verified_with_unsigned_extras": look("teal", "slash"),
    "unsigned": look("gold", "back"),
    "unverifiable": look("purple", "dots"),
    "failed": look("orange"),
    "rejected": look("red", "cross"),
}
DECISION_LOOKS: Final[Mapping[str, Look]] = {
    "allow": look("blue"),
    "block": look("orange"),
    "require_approval": look("purple", "slash"),
    "dry_run": look("gray", "dots"),
}
EXPECTATION_LOOKS: Final[Mapping[str, Look]] = {
    "expected": look("blue"),
    "unexpected": look("orange", "slash"),
    "unjudged": look("gray", "dots"),
}
OUTCOME_LOOKS: Final[Mapping[str, Look]] = {
    "passed": look("blue"),
    "vacuous": look("gold", "back"),
    "failed": look("orange"),
}
