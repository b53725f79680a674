# SPDX-License-Identifier: Apache-2.0
"""The double as pytest fixtures; import the ones you use into a conftest.py or a test module.

A session has one instance of each kind, because making it costs a few milliseconds and verifying with a new trusted
root half a second. Tests that switch faults on pass them to the call, or make an instance of their own.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from .double import SigstoreDouble, ticking

STORY = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
"""When the clock of :func:`sigstore_double` begins; it moves on by a second whenever it is asked."""


@pytest.fixture(scope="session")
def sigstore_double() -> SigstoreDouble:
    """An instance with Rekor v2, without servers, at the time of a story."""
    return SigstoreDouble(ticking(STORY))


@pytest.fixture(scope="session")
def sigstore_double_v1() -> SigstoreDouble:
    """An instance with Rekor v1, whose log vouches for the time."""
    return SigstoreDouble(ticking(STORY), log_version=1)
