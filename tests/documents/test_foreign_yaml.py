# SPDX-License-Identifier: Apache-2.0
"""YAML of others: everything that their tools accept is read, as text, with lines, and at a bounded cost."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.documents.foreign_yaml import MAX_BYTES, Text, read_foreign_yaml
from gaitops.errors import InvalidInputError


def read(text: str) -> Any:
    """The value of a text."""
    return read_foreign_yaml(text.encode(), "ci.yml")


def test_scalars_are_texts() -> None:
    """``on``, numbers and empty values stay what they are written as: CI systems disagree about the rest."""
    assert read("on: yes\nn: 012\nt: 12:30\ne:\n") == {"on": "yes", "n": "012", "t": "12:30", "e": ""}


def test_lines() -> None:
    """Every scalar knows the line on which it begins."""
    value = read("a:\n  - b\n  - |\n    c\n")
    assert [item.line for item in value["a"]] == [2, 3]
    assert all(isinstance(item, Text) for item in value["a"])


def test_anchors_tags_and_merges() -> None:
    """An alias is the anchored value, tags are ignored, a merge is a member like any other."""
    value = read("a: &x [1]\nb: *x\nc: !reference [.d, script]\ne: {<<: *x}\n")
    assert value == {"a": ["1"], "b": ["1"], "c": [".d", "script"], "e": {"<<": ["1"]}}
    assert value["a"] is value["b"]


def test_first_document_and_last_key() -> None:
    """Of several documents the first is read, of a key that stands twice the last; collections as keys are left out."""
    assert read("a: 1\na: 2\n? [x]\n: 3\n---\nb: 1\n") == {"a": "2"}
    assert read("# nothing\n") is None
    assert read_foreign_yaml(b"\xef\xbb\xbfa: b", "p") == {"a": "b"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"a: [", "document.syntax"),
        (b"a: *nobody", "document.syntax"),
        (b"a: &x [*x]", "document.syntax"),
        (b"\xff", "document.encoding"),
        (b" " * (MAX_BYTES + 1), "document.too_large"),
        (b"[" * 100_000, "document.too_large"),
        (b"- " * 100 + b"a", "document.too_large"),
    ],
)
def test_refused(data: bytes, code: str) -> None:
    """What is no YAML, refers to itself or nests without end is refused, without recursion."""
    with pytest.raises(InvalidInputError) as error:
        read_foreign_yaml(data, "p")
    assert error.value.code == code


def test_aliases_multiply_nothing() -> None:
    """Billions of laughs are a handful of shared lists."""
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40))]
    value = read("\n".join(lines))
    assert value["a39"][0] is value["a38"]


@given(st.binary(max_size=60))
def test_never_another_error(data: bytes) -> None:
    """Whatever the bytes are, there is a value or one of our errors."""
    with suppress(InvalidInputError):
        read_foreign_yaml(data, "p")
