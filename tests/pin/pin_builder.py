# SPDX-License-Identifier: Apache-2.0
"""What the tests of pins share."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gaitops.errors import (
    GaitopsError,
)
from gaitops.pin.update import PinRequest, PinUpdate, update_pin
from gaitops.release.sources import Source
from tests.release.release_builder import PAY, Fleet

# ngclient reads the clock, so these releases are made now.
NOW = datetime.now(UTC).replace(microsecond=0)
REQUEST = PinRequest("production", PAY)


def code(error: pytest.ExceptionInfo[GaitopsError]) -> str:
    """The code of the raised error."""
    return error.value.code


def update(fleet: Fleet, consumer: Path, source: Source | None = None) -> PinUpdate:
    """Renew the consumer's pin from the fleet, or from another source."""
    return update_pin(consumer, source or fleet.source, fleet.trust_root, NOW)
