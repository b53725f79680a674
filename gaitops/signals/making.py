# SPDX-License-Identifier: Apache-2.0
"""From rows about places to one signal: what the rules of every kind share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from gaitops.signals.causes import Attribution
from gaitops.signals.families import REPRESENTATIVES
from gaitops.signals.model import Signal
from gaitops.signals.priority import score
from gaitops.signals.rows import Seen, Where
from gaitops.signals.selectors import Values, selector_of

Sighting = tuple[Where, Seen]
"""Where something was seen, and how often."""


def signal(
    kind: str,
    key: tuple[str, ...],
    message: str,
    sightings: Sequence[Sighting],
    *,
    privilege: int,
    why: str = "",
    selector: Mapping[str, Values],
    attributions: tuple[Attribution, ...] = (),
    stopped: bool = False,
) -> Signal:
    """A signal over places of one or more repositories.

    Args:
        kind: Its kind.
        key: What identifies it beside the kind.
        message: The fact.
        sightings: Where and how often; each event in one of them only.
        privilege: Highest privilege of the tools concerned; 0 when unknown.
        why: Why that privilege, where no tool says so.
        selector: What finds all artifacts behind it.
        attributions: What changed before it.
        stopped: Whether the gate stopped it.
    """
    spread: Counter[str] = Counter()
    for where, seen in sightings:
        spread[where.repository] += seen.count
    places = [where for where, _seen in sightings]
    artifacts = sorted({digest for _where, seen in sightings for digest in seen.artifacts})
    return Signal(
        kind=kind,
        key=key,
        message=message,
        repositories=tuple(sorted(spread)),
        environments=tuple(sorted({where.environment for where in places if where.environment})),
        owners=tuple(sorted({where.team for where in places if where.team})),
        events=spread.total(),
        first_seen=earliest(seen.first for _where, seen in sightings),
        last_seen=latest(seen.last for _where, seen in sightings),
        score=score(
            privilege=privilege,
            tiers=(where.tier for where in places),
            repositories=spread,
            events=spread.total(),
            why=why,
            stopped=stopped,
        ),
        artifacts=tuple(artifacts[:REPRESENTATIVES]),
        selector=selector_of(selector),
        attributions=attributions,
        spread=dict(sorted(spread.items())),
    )


def together(sightings: Iterable[Sighting]) -> list[Sighting]:
    """In an order that does not depend on who was asked first."""
    return sorted(
        sightings,
        key=lambda one: (one[0].repository, one[0].environment, one[0].team, one[0].tier, one[1].artifacts),
    )


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    """The first of the times that are known."""
    return min((time for time in times if time is not None), default=None)


def latest(times: Iterable[datetime | None]) -> datetime | None:
    """The last of the times that are known."""
    return max((time for time in times if time is not None), default=None)


def count_of(sightings: Iterable[Sighting]) -> int:
    """Events in all of them."""
    return sum(seen.count for _where, seen in sightings)
