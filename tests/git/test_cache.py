# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from gaitops.git.cache import BoundedCache


def test_recent_values_are_kept_and_the_weight_is_bounded() -> None:
    """At least the last half of the capacity is there, and never more than all of it."""
    cache: BoundedCache[int, str] = BoundedCache(100)
    for number in range(1000):
        assert cache.put(number, str(number)) == str(number)
    assert all(cache.get(number) == str(number) for number in range(950, 1000))
    assert sum(cache.get(number) is not None for number in range(1000)) <= 100


def test_values_too_heavy_are_not_kept() -> None:
    """A single value does not fill the cache."""
    cache: BoundedCache[str, str] = BoundedCache(100)
    assert cache.put("large", "x", 51) == "x"
    assert cache.get("large") is None
    assert cache.put("small", "x", 50) == "x"
    assert cache.get("small") == "x"
