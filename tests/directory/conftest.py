# SPDX-License-Identifier: Apache-2.0
"""A SCIM double of one's own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scim_double import ScimDouble, scim_double


@pytest.fixture
def scim() -> Iterator[ScimDouble]:
    """A SCIM service provider on loopback, empty."""
    with scim_double() as double:
        yield double
