# SPDX-License-Identifier: Apache-2.0
"""What to look at first: privilege × tier × blast radius, with volume as the last digit only (design 11).

The score is whole numbers and every term is shown. Volume cannot lift a signal above one with more privilege, a higher tier or a
larger radius: it is a digit that is added after the product was multiplied by ten. Nothing in it counts artifacts, so delivering
the same evidence twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gaitops.gait.scout import DESTRUCTIVE, EXECUTE, PRIVILEGES, READ, WRITE

PRIVILEGE_WEIGHT: Final = {READ: 1, EXECUTE: 3, WRITE: 10, DESTRUCTIVE: 40}
"""Class of the strongest tool → weight. One step weighs more than the largest radius within a tier."""
TIER_WEIGHT: Final = {"development": 1, "staging": 2, "": 3, "production": 4}
"""Tier → weight; an unknown tier weighs more than staging, because it may be production."""
SPREAD_STEPS: Final = (2, 4, 16)
"""Repositories from which the radius grows by one each."""
UNKNOWN_PRIVILEGE: Final = WRITE
"""What counts where the tools are not known."""
MOST_VOLUME: Final = 9


@dataclass(frozen=True, slots=True)
class Term:
    """One factor of a score: name, value, and why it has it."""

    name: str
    value: int
    because: str

    def to_json(self) -> dict[str, object]:
        """As it stands in every output."""
        return {"name": self.name, "value": self.value, "because": self.because}


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its terms: ``privilege × tier × radius × 10 + volume``."""

    privilege: Term
    tier: Term
    radius: Term
    volume: Term

    @property
    def terms(self) -> tuple[Term, ...]:
        """In the order of the formula."""
        return self.privilege, self.tier, self.radius, self.volume

    @property
    def total(self) -> int:
        """From 10 to 9,609."""
        return self.privilege.value * self.tier.value * self.radius.value * 10 + self.volume.value

    def to_json(self) -> dict[str, object]:
        """Total and every term."""
        return {"total": self.total, "terms": [term.to_json() for term in self.terms]}


_STOPPED: Final = Term("radius", 1, "stopped by the gate: nothing was reached")


def score(
    *,
    privilege: int,
    tiers: Iterable[str],
    repositories: Iterable[str],
    sensitivity: int = 1,
    events: int = 1,
    why: str = "",
    stopped: bool = False,
) -> Score:
    """The score of one signal.

    Args:
        privilege: Highest privilege of the tools concerned; 0 when they are not known.
        tiers: Tiers of the environments concerned, empty text where unknown; none at all is unknown, too.
        repositories: Repositories concerned.
        sensitivity: Gait's sensitivity of the systems concerned, 1 to 3.
        events: Distinct events behind it.
        why: Why the privilege is what it is, where no tool says so.
        stopped: Whether the gate stopped it, so that nothing was reached, in however many repositories.
    """
    found = set(tiers) or {""}
    worst = max(found, key=lambda tier: (TIER_WEIGHT.get(tier, TIER_WEIGHT[""]), tier))
    return Score(
        _privilege(privilege, why),
        Term("tier", TIER_WEIGHT.get(worst, TIER_WEIGHT[""]), worst or "tier unknown"),
        _STOPPED if stopped else _radius(len(set(repositories)), sensitivity),
        _volume(events),
    )


def _privilege(privilege: int, why: str) -> Term:
    counted = privilege or UNKNOWN_PRIVILEGE
    name = PRIVILEGES[counted]
    because = why or (f"{name} tools" if privilege else f"tools unknown, counted as {name}")
    return Term("privilege", PRIVILEGE_WEIGHT[counted], because)


def _radius(repositories: int, sensitivity: int) -> Term:
    spread = 1 + sum(repositories >= step for step in SPREAD_STEPS)
    noun = "repository" if repositories == 1 else "repositories"
    systems = {1: "no sensitive system named", 2: "internal systems", 3: "sensitive systems"}[sensitivity]
    return Term("radius", spread + sensitivity - 1, f"{repositories} {noun}, {systems}")


def _volume(events: int) -> Term:
    """Doublings of the number of events, at most nine."""
    doublings = max(events - 1, 0).bit_length()
    return Term("volume", min(doublings, MOST_VOLUME), f"{events:,} event{'' if events == 1 else 's'}")
