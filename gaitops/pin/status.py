# SPDX-License-Identifier: Apache-2.0
"""``gaitops pin status``: how old a verified pin is. Age is never a reason for ``pin verify`` to fail; here it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gaitops.documents.times import parse_timestamp
from gaitops.pin.verify import VerifiedPin
from gaitops.release.statement import ReleasePredicate


@dataclass(frozen=True, slots=True)
class PinStatus:
    """Facts about a pin at one time; whether they are acceptable is for conformance (``pinGrace``)."""

    state: Literal["current", "outdated", "unknown"]
    """Compared with the newest release; ``unknown`` when no source was asked."""
    release: int
    newest: int | None
    age: timedelta
    """Since the release was issued; never negative."""
    root_version: int
    root_expires: datetime
    root_expired: bool
    withdrawn: tuple[str, ...]
    """Pinned versions that were withdrawn when the pin was made."""
    solo: bool
    """The fleet's root is one person alone."""


def pin_status(verified: VerifiedPin, now: datetime, newest: ReleasePredicate | None = None) -> PinStatus:
    """The status of a verified pin; ``newest`` comes from :func:`gaitops.pin.update.newest_release`."""
    number = None if newest is None else newest.release
    state: Literal["current", "outdated", "unknown"] = "unknown"
    if number is not None:
        state = "outdated" if number > verified.release.release else "current"
    return PinStatus(
        state=state,
        release=verified.release.release,
        newest=number,
        age=max(timedelta(0), now - parse_timestamp(verified.release.issued)),
        root_version=verified.root.version,
        root_expires=verified.root.expires,
        root_expired=now >= verified.root.expires,
        withdrawn=verified.withdrawn,
        solo=verified.root.solo,
    )
