# SPDX-License-Identifier: Apache-2.0
"""How single numbers of the posture are written for people."""

from __future__ import annotations

from collections.abc import Iterator

from gaitops.posture.catalogue import METRICS
from gaitops.posture.report import PlacePosture, PostureReport, RepositoryPosture
from gaitops.posture.states import State
from gaitops.posture.tally import Tally, Value

NOT_KNOWN = "–"
"""In the place of a number whose denominator is zero."""
_MINUTES_IN_HOUR, _MINUTES_IN_DAY = 60, 1440


def shown(metric: str, value: Value) -> str:
    """A number with its unit where it needs one; a dash where it is not known."""
    if value is None:
        return NOT_KNOWN
    unit = METRICS[metric].unit
    if unit == "ratio":
        return percent(float(value))
    if unit == "minutes":
        return duration(int(value))
    return f"{value:,}"


def percent(share: float) -> str:
    """A share in percent with one decimal; never 0.0% or 100.0% for what is neither none nor all."""
    rounded = round(share * 100, 1)
    if rounded == 0 and share > 0:
        return "<0.1%"
    if rounded == 100 and share < 1:
        return ">99.9%"
    return f"{rounded:.1f}%"


def duration(minutes: int) -> str:
    """Minutes as people say them: ``45m``, ``3h 05m``, ``2d 04h``."""
    if minutes < _MINUTES_IN_HOUR:
        return f"{minutes}m"
    if minutes < _MINUTES_IN_DAY:
        return f"{minutes // _MINUTES_IN_HOUR}h {minutes % _MINUTES_IN_HOUR:02d}m"
    return f"{minutes // _MINUTES_IN_DAY}d {minutes % _MINUTES_IN_DAY // _MINUTES_IN_HOUR:02d}h"


def with_share(tally: Tally, metric: str) -> str:
    """A count with its share and what it is a share of: ``20 (1.4% of 1,436)``."""
    share_id = f"{metric}_share"
    share = tally.share(share_id)
    if share is None:
        return f"{tally.count(metric):,}"
    whole = tally.count(METRICS[share_id].of or "")
    return f"{tally.count(metric):,} ({percent(share)} of {whole:,})"


def open_places(report: PostureReport) -> Iterator[tuple[RepositoryPosture, PlacePosture]]:
    """Places that are not enforced: unknown first, then drifted, silent, shadow."""
    for state in (State.UNKNOWN, State.DRIFTED, State.SILENT, State.SHADOW):
        for repository in report.repositories:
            for place in repository.places:
                if place.state is state:
                    yield repository, place


def unknowns(report: PostureReport) -> list[str]:
    """What the report cannot say, one sentence each; shown before anything that it can."""
    tally, outside = report.total.tally, report.outside
    sentences = [
        (tally.count("places.unknown"), "{} of {} places are unknown", tally.count("places.total")),
        (tally.count("places.silent"), "{} of {} places are silent", tally.count("places.total")),
        (tally.count("repositories.without_evidence"), "{} of {} repositories sent no proven evidence", tally.count("repositories.total")),
        (tally.count("repositories.silent"), "{} of {} repositories went silent", tally.count("repositories.total")),
        (tally.count("repositories.without_inventory"), "{} of {} repositories have no inventory: their coverage is unknown", tally.count("repositories.total")),
        (tally.count("repositories.unassigned"), "{} of {} repositories are selected by no environment", tally.count("repositories.total")),
        (tally.count("events.unjudged"), "{} of {} decisions cannot be judged: no environment, or nothing was assigned", tally.count("events.total")),
        (tally.count("traces.unverifiable"), "{} of {} traces are signed by unregistered keys", tally.count("traces.total")),
        (tally.count("runpacks.unverifiable"), "{} of {} runpacks are signed by unregistered keys", tally.count("runpacks.total")),
        (_others(tally, "unverifiable"), "{} of {} tokens and other artifacts are signed by unregistered keys", _others(tally, "total")),
        (tally.count("evidence.unsigned_anywhere_required"), "{} of {} artifacts are unsigned and name no environment", tally.count("evidence.total")),
        (outside.count("evidence.total") + outside.count("evidence.other"), "{} artifacts belong to no repository of the fleet and are in no other number", 0),
    ]  # fmt: skip
    if "environment" in report.basis.scope:
        sentences = [item for item in sentences if "repositories" not in item[1]]
    found = [text.format(f"{number:,}", f"{whole:,}") for number, text, whole in sentences if number]
    since = report.basis.known_since
    if since is None or since > report.basis.window.since:
        start = "the end of the window" if since is None else f"{since:%Y-%m-%d %H:%M} UTC"
        found.append(f"before {start} the fleet's history does not say what was expected")
    return found


def _others(tally: Tally, name: str) -> int:
    """Signable artifacts that are neither traces nor runs."""
    return tally.count(f"evidence.{name}") - tally.count(f"traces.{name}") - tally.count(f"runpacks.{name}")
