# SPDX-License-Identifier: Apache-2.0
"""Writing documents. That values survive is a property in ``test_reader``; here is what it looks like."""

from __future__ import annotations

from typing import Any

import pytest

from gaitops.documents.writer import write_yaml


def test_what_it_looks_like() -> None:
    """Blocks, plain where unambiguous, literal blocks for lines of text."""
    value = {
        "apiVersion": "gaitops.dev/v1",
        "digest": "0" * 63 + "1",
        "at": "2026-11-22T21:00:00Z",
        "version": "1.4.0",
        "country": "no",
        "count": 3,
        "share": 0.5,
        "on": True,
        "text": "a: b # c",
        "pem": "-----BEGIN-----\nabc\n-----END-----\n",
        "empty": [],
        "none": {},
        "items": [{"a": "b", "c": ["d", "e"]}, "f"],
        "emoji": "a\n😀",
    }
    assert write_yaml(value).decode() == (
        "apiVersion: gaitops.dev/v1\n"
        f'digest: "{"0" * 63}1"\n'
        'at: "2026-11-22T21:00:00Z"\n'
        "version: 1.4.0\n"
        'country: "no"\n'
        "count: 3\n"
        "share: 0.5\n"
        '"on": true\n'
        'text: "a: b # c"\n'
        "pem: |\n  -----BEGIN-----\n  abc\n  -----END-----\n"
        "empty: []\n"
        "none: {}\n"
        "items:\n"
        "  - a: b\n    c:\n      - d\n      - e\n"
        "  - f\n"
        'emoji: "a\\n😀"\n'
    )


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 1e300, 2**53 + 1, b"x", {1, 2}])
def test_what_no_document_can_hold(value: Any) -> None:
    """A defect of the caller, found before anything is written."""
    with pytest.raises(TypeError):
        write_yaml({"a": value})
