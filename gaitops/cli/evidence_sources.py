# SPDX-License-Identifier: Apache-2.0
"""A store that a command of evidence opens without querying it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gaitops.evidence.stores import Store


@contextmanager
def opened_store(url: str, store_options: Sequence[str]) -> Iterator[Store]:
    """The store of ``--store``, which exists.

    Raises:
        InvalidInputError: ``store.*``.
        MissingDependencyError: ``dependency.*``.
    """
    from gaitops.evidence.extras import needing

    with needing("evidence"):
        from gaitops.evidence.stores import open_store
    found = open_store(url, store_options)
    try:
        yield found
    finally:
        found.close()
