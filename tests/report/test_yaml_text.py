# SPDX-License-Identifier: Apache-2.0
"""YAML that gaitops writes is read back as the same value by an ordinary parser."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gaitops.report.yaml_text import yaml_text

TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"), exclude_characters="\ufeff"
    )
)
AWKWARD = st.sampled_from(
    ["", "no", "on", "1.10", "1e3", "0x1F", "12:30", "2026-01-01", "- a", "a: b", "#", "~", "null", "a\nb"]
)
SCALAR = TEXT | AWKWARD | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | AWKWARD, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXT | AWKWARD, VALUE, min_size=1, max_size=4))
def test_round_trip(document: dict[str, object]) -> None:
    """Whatever a document holds, an ordinary YAML parser sees the same."""
    assert yaml.safe_load(yaml_text(document)) == document


def test_shape() -> None:
    """People read it: block style, order kept, quotes only where a parser could err."""
    text = yaml_text(
        {"kind": "Policy", "spec": {"files": [{"path": "a.yaml", "sha256": "1e5"}], "none": [], "count": 3}}
    )
    assert (
        text
        == 'kind: Policy\nspec:\n  files:\n    - path: a.yaml\n      sha256: "1e5"\n  none: []\n  count: 3\n'
    )


def test_other_types() -> None:
    """What a fleet document cannot hold is refused."""
    with pytest.raises(TypeError, match="cannot hold a float"):
        yaml_text({"a": 1.5})
