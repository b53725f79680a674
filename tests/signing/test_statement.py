# SPDX-License-Identifier: Apache-2.0
"""in-toto statements: built canonically, read leniently where the standard asks for it and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.errors import GaitopsError, InvalidInputError
from gaitops.signing.statement import Statement, Subject, parse_statement

DIGEST = {"sha256": "ab" * 32}
STATEMENT = Statement((Subject("deltas", DIGEST),), "https://example.com/approval/v1", {"intent": "approve"})
JSON: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "deltas", "digest": DIGEST}],
    "predicateType": "https://example.com/approval/v1",
    "predicate": {"intent": "approve"},
}


def test_canonical_bytes() -> None:
    """The payload is the canonical JSON of the statement."""
    expected = json.dumps(JSON, sort_keys=True, separators=(",", ":")).encode()
    assert STATEMENT.to_bytes() == expected


def test_round_trip() -> None:
    """What was written is read as the same value."""
    assert parse_statement(STATEMENT.to_bytes(), "approvals/x.json") == STATEMENT


def test_unknown_members_are_ignored() -> None:
    """Newer writers may add members; a name and a predicate may be absent."""
    value = JSON | {"extra": 1, "subject": [{"digest": DIGEST, "uri": "git+https://example.com"}]}
    del value["predicate"]
    assert parse_statement(json.dumps(value).encode()) == Statement(
        (Subject("", DIGEST),), JSON["predicateType"], {}
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "_type"),
        ({"predicateType": ""}, "predicateType"),
        ({"predicateType": None}, "predicateType"),
        ({"predicate": []}, "predicate"),
        ({"subject": []}, "subject"),
        ({"subject": {}}, "subject"),
        ({"subject": ["x"]}, "subject[0].name"),
        ({"subject": [{"name": 1, "digest": DIGEST}]}, "subject[0].name"),
        ({"subject": [{"name": "x"}]}, "subject[0].digest"),
        ({"subject": [{"name": "x", "digest": {}}]}, "subject[0].digest"),
        ({"subject": [{"name": "x", "digest": {"sha256": "AB"}}]}, "subject[0].digest"),
        ({"subject": [{"name": "x", "digest": {"sha256": "abc"}}]}, "subject[0].digest"),
        ({"subject": [{"name": "x", "digest": {"sha256": 1}}]}, "subject[0].digest"),
    ],
)
def test_malformed(change: dict[str, Any], field: str) -> None:
    """The error names the field and the file."""
    with pytest.raises(InvalidInputError) as caught:
        parse_statement(json.dumps(JSON | change).encode(), "approvals/x.json")
    problem = caught.value.problems[0]
    assert (problem.code, problem.field, problem.path) == ("statement.malformed", field, "approvals/x.json")


def test_duplicate_member() -> None:
    """Two predicates would let two readers see two statements."""
    data = STATEMENT.to_bytes()[:-1] + b',"predicate":{}}'
    with pytest.raises(InvalidInputError) as caught:
        parse_statement(data)
    assert caught.value.code == "document.duplicate_key"


def test_writing_checks_too() -> None:
    """A statement about nothing cannot be written."""
    with pytest.raises(InvalidInputError):
        Statement((), "https://example.com/approval/v1", {}).to_bytes()


@given(
    st.binary() | st.dictionaries(st.sampled_from(sorted(JSON)), st.none() | st.text() | st.lists(st.text()))
)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_anything_else_is_a_clear_error(value: bytes | dict[str, Any]) -> None:
    """No input makes the reader fail in another way than its own."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(GaitopsError):
        parse_statement(data)
