# SPDX-License-Identifier: Apache-2.0
"""Kinds are told by content: schema id, members, and the first line of a log."""

from __future__ import annotations

import pytest

from gaitops.gait.artifacts.detect import (
    SCHEMAS,
    SHAPES,
    guess,
    kind_of_document,
    kind_of_lines,
    kind_of_members,
)
from gaitops.gait.artifacts.inspect import READERS, inspect
from gaitops.gait.artifacts.kinds import KINDS
from gaitops.gait.artifacts.model import Keyring, Verdict
from tests.gait.artifacts.vectors import codes, runpack


def test_every_kind_can_be_told_and_read() -> None:
    """Each kind but *unknown* has a way to be recognised and a reader."""
    told = set(SCHEMAS.values()) | {kind for kind, _ in SHAPES}
    assert told == set(KINDS) - {"unknown"}
    assert set(READERS) == set(KINDS) - {"unknown"}


@pytest.mark.parametrize(("kind", "shape"), SHAPES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_shape_tells_its_kind_without_a_schema_id(kind: str, shape: frozenset[str]) -> None:
    """Members tell the format where the schema id is missing or wrong."""
    assert kind_of_document(dict.fromkeys(shape)) == kind
    assert kind_of_document({"schema_id": "gait.gate.something", **dict.fromkeys(shape)}) == kind


@pytest.mark.parametrize(("schema", "kind"), SCHEMAS.items())
def test_a_schema_id_tells_its_kind_when_the_members_do_not_contradict(schema: str, kind: str) -> None:
    """A damaged artifact is still one of its kind."""
    assert kind_of_document({"schema_id": schema}) == kind


def test_members_that_plainly_belong_elsewhere_win_over_the_schema_id() -> None:
    """A trace that calls itself a token is a trace."""
    trace = dict.fromkeys(("trace_id", "verdict", "observed_at"))
    assert kind_of_document({"schema_id": "gait.gate.approval_token", **trace}) == "trace"


def test_logs_and_archives() -> None:
    """A log is what its first line is; an archive is what its manifest is, and packs share a name."""
    assert kind_of_lines({"schema_id": "gait.scout.adoption_event"}) == "adoption_events"
    assert kind_of_lines({"schema_id": "gait.gate.trace"}) == "unknown"
    assert kind_of_members({"manifest.json"}, None) == "runpack"
    assert kind_of_members({"pack_manifest.json"}, {"schema_id": "gait.guard.pack_manifest"}) == "guard_pack"
    assert kind_of_members({"pack_manifest.json"}, {"schema_id": "gait.pack.manifest"}) == "pack"
    assert kind_of_members({"pack_manifest.json"}, None) == "pack"


def test_a_guess_helps_people_with_what_cannot_be_read() -> None:
    """Broken JSON and broken archives are named by what they seem to be."""
    assert guess(b'{"schema_id": "gait.gate.trace", "verdict":') == "trace"
    assert guess(runpack("truncated-half").data) == "runpack"
    assert guess(b"nothing of the kind") == "unknown"


@pytest.mark.parametrize("data", [b"", b"hello", b"{}", b'{"a":1}\n{"a":2}\n', b"\x89PNG", b"[]", b"0" * 100])
def test_other_files_are_unknown_and_rejected(data: bytes) -> None:
    """What Gait did not write is never evidence."""
    inspection = inspect(data, Keyring())
    assert (inspection.kind, inspection.verdict, inspection.facts) == ("unknown", Verdict.REJECTED, None)
    assert codes(inspection)
