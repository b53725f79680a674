# SPDX-License-Identifier: Apache-2.0
"""What changed between two reports on a fleet: the document of an earlier run, and the report of this one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gaitops.conformance.fleet import FleetReport, PlaceReport, Status
from gaitops.conformance.model import Outcome
from gaitops.documents import strict_json
from gaitops.documents.times import format_timestamp, parse_timestamp
from gaitops.errors import InvalidInputError

MAX_PREVIOUS_BYTES: Final = 256 * 1024 * 1024
Direction = Literal["worse", "better", "changed", "appeared", "gone"]
"""``changed``: another control fails, or another one is unknown; the place as a whole stands where it stood."""
_RANK: Final = {Status.NONCONFORMANT: 0, Status.UNKNOWN: 1, Status.CONFORMANT: 2}
_ORDER: Final[tuple[Direction, ...]] = ("worse", "better", "changed", "appeared", "gone")


def _timestamp(text: str) -> str:
    return format_timestamp(parse_timestamp(text))


class _Members(BaseModel):
    """Members that are read; what a later version adds is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class _Row(_Members):
    repository: str
    environment: str
    status: Status
    outcomes: dict[str, Outcome]


class Previous(_Members):
    """What an earlier report said."""

    trust_root: str = Field(alias="trustRoot")
    at: Annotated[str, AfterValidator(_timestamp)]
    places: tuple[_Row, ...]


@dataclass(frozen=True, slots=True)
class ControlChange:
    """One control of one place."""

    control: str
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class Change:
    """What is new at one place."""

    repository: str
    environment: str
    direction: Direction
    before: Status | None
    """``None`` when the earlier report did not have it."""
    after: Status | None
    """``None`` when nothing is assigned there any more."""
    controls: tuple[ControlChange, ...] = ()

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "repository": self.repository,
            "environment": self.environment,
            "direction": self.direction,
            "before": None if self.before is None else self.before.value,
            "after": None if self.after is None else self.after.value,
            "controls": [
                {"control": item.control, "before": item.before.value, "after": item.after.value}
                for item in self.controls
            ],
        }


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that changed since an earlier report, what got worse first."""

    since: str
    """When the earlier report was made."""
    items: tuple[Change, ...]

    def counts(self) -> dict[Direction, int]:
        """How many places changed in which direction."""
        found = Counter(item.direction for item in self.items)
        return {direction: found.get(direction, 0) for direction in _ORDER}

    def to_json(self) -> dict[str, object]:
        """For machines."""
        counts: dict[str, object] = dict(self.counts().items())
        return {"since": self.since, **counts, "items": [item.to_json() for item in self.items]}


def read_previous(data: bytes, path: str, trust_root: str) -> Previous:
    """An earlier result, as ``gaitops fleet conformance --json`` printed it.

    Raises:
        InvalidInputError: ``document.*`` for anything else; ``conformance.previous`` for the report on another fleet.
    """
    value = strict_json.loads(data, path, max_bytes=MAX_PREVIOUS_BYTES)
    try:
        previous = Previous.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError.of(
            "document.value",
            f"not a result of gaitops fleet conformance: {first['msg']}",
            path=path,
            field=".".join(map(str, first["loc"])),
        ) from error
    if previous.trust_root != trust_root:
        raise InvalidInputError.of(
            "conformance.previous",
            f"the earlier result is of another fleet, with trust root {previous.trust_root}",
            path=path,
        )
    return previous


def compare(previous: Previous, report: FleetReport) -> Changes:
    """What changed from ``previous`` to ``report``."""
    before = {(row.repository, row.environment): row for row in previous.places}
    after = {(item.place.repository, item.place.environment): item for item in report.places}
    found = [*_judged(before, after), *_gone(before, after)]
    found.sort(key=lambda item: (_ORDER.index(item.direction), item.repository, item.environment))
    return Changes(previous.at, tuple(found))


def _judged(
    before: dict[tuple[str, str], _Row], after: dict[tuple[str, str], PlaceReport]
) -> Iterator[Change]:
    for key, item in after.items():
        row = before.get(key)
        if row is None:
            yield Change(*key, "appeared", None, item.status)
            continue
        outcomes = item.outcomes()
        controls = tuple(
            ControlChange(name, row.outcomes[name], outcome)
            for name, outcome in outcomes.items()
            if name in row.outcomes and row.outcomes[name] is not outcome
        )
        step = _RANK[item.status] - _RANK[row.status]
        if step or controls:
            direction: Direction = "better" if step > 0 else "worse" if step < 0 else "changed"
            yield Change(*key, direction, row.status, item.status, controls)


def _gone(before: dict[tuple[str, str], _Row], after: dict[tuple[str, str], PlaceReport]) -> Iterator[Change]:
    for key, row in before.items():
        if key not in after:
            yield Change(*key, "gone", row.status, None)
