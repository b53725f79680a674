# SPDX-License-Identifier: Apache-2.0
"""Our glob dialect."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.documents.globs import matches, overlap, validate_pattern
from gaitops.errors import InvalidInputError

segments = st.text("abB*", min_size=1, max_size=4).filter(lambda s: "***" not in s)
patterns = st.lists(segments, min_size=1, max_size=3).map("/".join)
texts = st.lists(st.text("abB", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


def reference(pattern: str, text: str) -> bool:
    """The definition of the dialect, read aloud."""

    @cache
    def rest(i: int, j: int) -> bool:
        if i == len(pattern):
            return j == len(text)
        if pattern.startswith("**", i):
            return any(rest(i + 2, k) for k in range(j, len(text) + 1))
        if pattern[i] == "*":
            end = text.find("/", j)
            return any(rest(i + 1, k) for k in range(j, (len(text) if end < 0 else end) + 1))
        return text.startswith(pattern[i], j) and rest(i + 1, j + 1)

    return rest(0, 0)


@given(patterns, texts)
def test_matches_as_defined(pattern: str, text: str) -> None:
    """The compiled form is the definition."""
    assert matches(pattern, text) is reference(pattern, text)


@given(patterns, patterns, texts)
def test_overlap_is_never_missed(first: str, second: str, text: str) -> None:
    """Two patterns that match one text overlap, whatever the case of letters."""
    if matches(first.lower(), text.lower()) and matches(second.lower(), text.lower()):
        assert overlap(first, second)
        assert overlap(second, first)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("github.com/acme/*", "github.com/acme/pay", True),
        ("github.com/acme/*", "github.com/ACME/pay", True),
        ("github.com/acme/*", "github.com/globex/*", False),
        ("github.com/acme/*", "github.com/acme/a/b", False),
        ("github.com/acme/**", "github.com/acme/a/b", True),
        ("github.com/**", "github.com/*/pay", True),
        ("github.com/a*/x", "github.com/*b/x", True),
        ("github.com/a*/x", "github.com/b*/x", False),
        ("a/*", "a/*/b", False),
        ("a/*", "a/**", True),
    ],
)
def test_overlap(first: str, second: str, expected: bool) -> None:
    """Some text is matched by both, or none is."""
    assert overlap(first, second) is expected
    assert overlap(second, first) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("docs/**", "docs/a/b.md", True),
        ("docs/**", "docs", False),
        ("docs/**", "docs.md", False),
        ("*.md", "README.md", True),
        ("*.md", "a/README.md", False),
        ("a.c", "abc", False),
        ("a+", "aa", False),
        ("README.md", "readme.md", False),
        ("a*", "a\nb", True),
    ],
)
def test_paths(pattern: str, text: str, expected: bool) -> None:
    """The whole text, case-sensitively, nothing special but stars."""
    assert matches(pattern, text) is expected


def test_operation_names_have_dots() -> None:
    """With another separator a star stops there."""
    assert matches("policy.*", "policy.publish", separator=".")
    assert not matches("policy.*", "policy.version.publish", separator=".")
    assert matches("policy.**", "policy.version.publish", separator=".")
    assert matches("**", "a.b.c", separator=".")


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a//b",
        "/a",
        "a/",
        "***",
        "a?",
        "[ab]",
        "{a,b}",
        "!a",
        "a\\b",
        "../a",
        "a/./b",
        "ä",
        "a" * 513,
        "*a" * 9,
    ],
)
def test_invalid_patterns(pattern: str) -> None:
    """What means something elsewhere, and what nobody can mean."""
    for call in (
        lambda: validate_pattern(pattern),
        lambda: matches(pattern, "a"),
        lambda: overlap("a", pattern),
    ):
        with pytest.raises(InvalidInputError) as caught:
            call()
        assert caught.value.code == "glob.invalid"


def test_hostile_patterns_cost_little() -> None:
    """The number of wildcards is bounded, so matching cannot explode."""
    assert not matches("**a" * 8, "a" * 40 + "b")
