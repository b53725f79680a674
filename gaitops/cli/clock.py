# SPDX-License-Identifier: Apache-2.0
"""The only place that reads the clock; everything below the command line takes a time as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current time in UTC, in whole seconds, as every timestamp of gaitops is written.

    Commands read it once per run and pass it down, so that one run judges everything at one instant.
    """
    return datetime.now(tz=UTC).replace(microsecond=0)
