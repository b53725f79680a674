# SPDX-License-Identifier: Apache-2.0
"""The only place that reads the clock; everything below the command line takes a time as an argument."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_told: ContextVar[datetime | None] = ContextVar("told", default=None)
"""The time of a story that is being told; only code can set it, nothing that a user or a runner passes in."""


def now() -> datetime:
    """The current time in UTC, in whole seconds, as every timestamp of gaitops is written.

    Commands read it once per run and pass it down, so that one run judges everything at one instant.
    """
    return _told.get() or datetime.now(tz=UTC).replace(microsecond=0)


@contextmanager
def telling() -> Iterator[None]:
    """Within, a story may be told at other times (:func:`tell`); afterwards the clock is the machine's again."""
    token = _told.set(None)
    try:
        yield
    finally:
        _told.reset(token)


def tell(moment: datetime) -> None:
    """Let it be ``moment``, in UTC and in whole seconds, until the story ends or moves on."""
    _told.set(moment)
