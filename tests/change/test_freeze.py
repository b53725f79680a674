# SPDX-License-Identifier: Apache-2.0
"""Freeze windows are wall-clock time where their people live."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gaitops.change.rules.freeze import is_active, time_zone
from gaitops.documents.load import load_document
from gaitops.documents.models.trust import FreezeWindow


def window(zone: str, start: str, end: str) -> FreezeWindow:
    """A freeze window."""
    spec = {"timezone": zone, "windows": [{"start": start, "end": end}], "reason": "holidays"}
    body = {"apiVersion": "gaitops.dev/v1", "kind": "FreezeWindow", "metadata": {"name": "w"}, "spec": spec}
    document = load_document(json.dumps(body).encode(), "trust/freeze-windows/w.yaml")
    assert isinstance(document, FreezeWindow)
    return document


@pytest.mark.parametrize(
    ("moment", "active"),
    [
        (datetime(2026, 12, 19, 22, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 12, 19, 23, 0, 0, tzinfo=UTC), True),
        (datetime(2027, 1, 1, 22, 59, 59, tzinfo=UTC), True),
        (datetime(2027, 1, 1, 23, 0, 0, tzinfo=UTC), False),
    ],
)
def test_the_start_is_inside_and_the_end_is_outside(moment: datetime, active: bool) -> None:
    """Midnight in Berlin is 23:00 UTC in winter."""
    assert is_active(window("Europe/Berlin", "2026-12-20T00:00:00", "2027-01-02T00:00:00"), moment) is active


def test_summer_time_moves_the_window() -> None:
    """The same wall clock is another instant in summer."""
    summer = window("Europe/Berlin", "2026-07-01T00:00:00", "2026-07-02T00:00:00")
    assert is_active(summer, datetime(2026, 6, 30, 22, 0, tzinfo=UTC))
    assert not is_active(summer, datetime(2026, 7, 1, 22, 0, tzinfo=UTC))


@pytest.mark.parametrize("zone", ["America/Argentina", "Europe/berlin", "Mars/Olympus"])
def test_a_zone_that_nobody_knows_freezes_always(zone: str) -> None:
    """A folder of the zone database is no zone, and case counts, whatever file system the database lies on."""
    assert is_active(
        window(zone, "2026-07-01T00:00:00", "2026-07-02T00:00:00"), datetime(2026, 1, 1, tzinfo=UTC)
    )


def test_the_machines_own_zones_take_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict is the same on every machine: neither ``TZ`` nor ``PYTHONTZPATH`` says what a zone means."""
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time_zone.cache_clear()
    assert is_active(
        window("Europe/Berlin", "2026-07-01T00:00:00", "2026-07-02T00:00:00"),
        datetime(2026, 6, 30, 22, 0, tzinfo=UTC),
    )
