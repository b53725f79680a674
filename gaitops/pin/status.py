# SPDX-License-Identifier: Apache-2.0
"""``gaitops pin status``: how old a verified pin is. Age is never a reason for ``pin verify`` to fail; here it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gaitops.documents.times import parse_timestamp
from gaitops.errors import VerificationError
from gaitops.pin.layout import FOLDER, PIN_FILE
from gaitops.pin.verify import VerifiedPin


@dataclass(frozen=True, slots=True)
class PinStatus:
    """Facts about a pin at one time; whether they are acceptable is for conformance (``pinGrace``)."""

    state: Literal["current", "outdated", "unknown"]
    """Compared with what the newest release would pin; ``unknown`` when no source was asked."""
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


def pin_status(
    verified: VerifiedPin,
    now: datetime,
    renewed: VerifiedPin | None = None,
) -> PinStatus:
    """The status of a verified pin.

    Args:
        verified: The pin.
        now: When it is looked at.
        renewed: From :func:`gaitops.pin.update.newest_pin`. A pin can carry the newest release's statement over
            older assignments, each validly signed; offline only ``pin verify --base`` notices, and here it shows.

    Raises:
        VerificationError: ``release.rollback`` when the source is behind the pin.
    """
    number = None if renewed is None else renewed.release.release
    if number is not None and number < verified.release.release:
        raise VerificationError.of(
            "release.rollback",
            f"the source holds release {number}, release {verified.release.release} is pinned",
            path=f"{FOLDER}/{PIN_FILE}",
            remedy="the mirror is behind or hostile; use another",
        )
    return PinStatus(
        state=_state(verified, renewed),
        release=verified.release.release,
        newest=number,
        age=max(timedelta(0), now - parse_timestamp(verified.release.issued)),
        root_version=verified.root.version,
        root_expires=verified.root.expires,
        root_expired=now >= verified.root.expires,
        withdrawn=verified.withdrawn,
        solo=verified.root.solo,
    )


def _state(verified: VerifiedPin, renewed: VerifiedPin | None) -> Literal["current", "outdated", "unknown"]:
    if renewed is None:
        return "unknown"
    same = (renewed.pin, renewed.withdrawn) == (verified.pin, verified.withdrawn)
    return "current" if same else "outdated"
