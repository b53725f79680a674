# SPDX-License-Identifier: Apache-2.0
"""A bound on how long a command may work, for commands that somebody else waits for.

Wherever the work is, it stops: the alarm of the operating system interrupts it. Windows has none, and no bound there.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gaitops.errors import InternalError


class _TimeIsUp(BaseException):
    """Not an ``Exception``, so that nothing on the way up takes it for a fault of the input."""


@contextmanager
def deadline(seconds: float, code: str, message: str, remedy: str) -> Iterator[None]:
    """Stop the block after ``seconds``.

    Raises:
        InternalError: with ``code``, ``message`` and ``remedy``; worth another try.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    previous = signal.signal(signal.SIGALRM, _expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _TimeIsUp:
        raise InternalError.of(code, message, remedy=remedy) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _expire(_number: int, _frame: FrameType | None) -> None:
    raise _TimeIsUp
