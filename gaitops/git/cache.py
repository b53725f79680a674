# SPDX-License-Identifier: Apache-2.0
"""A dictionary that forgets what came in long ago, so that long histories do not fill the memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Keeps values up to a total weight in two generations; when the younger is full, the older is dropped.

    Histories are read in order, so the age of a value tells as much as its last use. Generations cost nothing to keep:
    removing single old entries from a dictionary takes longer the more have been removed before.
    """

    def __init__(self, capacity: int) -> None:
        self._generation = capacity // 2
        self._weight = 0
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value kept for ``key``, or ``None``."""
        found = self._young.get(key)
        return found if found is not None else self._old.get(key)

    def put(self, key: K, value: V, weight: int = 1) -> V:
        """Keep ``value`` for a while and return it."""
        if self._weight + weight > self._generation:
            self._old, self._young, self._weight = self._young, {}, 0
        if weight <= self._generation and key not in self._young:
            self._young[key] = value
            self._weight += weight
        return value
