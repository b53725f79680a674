# SPDX-License-Identifier: Apache-2.0
"""What a consumer asks of the statements in its pin: signatures by the publishers' keys, by a workload, or both.

Whoever verifies says so, from outside: neither a release nor a pin can lower it. Several answers, of an option, a
variable and a configuration, add up.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Flag
from typing import Literal

Word = Literal["key", "keyless", "both"]


class Require(Flag):
    """Signatures that a statement must have. They add up with ``|``."""

    KEY = 1
    """By as many publishers' keys as the root asks for."""
    KEYLESS = 2
    """A Sigstore bundle by a workload that the root names. Keys alone are not enough, and not looked at."""
    BOTH = 3

    @classmethod
    def of(cls, names: Iterable[Word]) -> Require:
        """What ``key``, ``keyless`` and ``both`` add up to; :attr:`KEY` for none."""
        total = cls(0)
        for name in names:
            total |= _NAMES[name]
        return total or cls.KEY

    @property
    def word(self) -> Word:
        """How people write it."""
        return next(name for name, value in _NAMES.items() if value is self)


_NAMES: dict[Word, Require] = {"key": Require.KEY, "keyless": Require.KEYLESS, "both": Require.BOTH}
