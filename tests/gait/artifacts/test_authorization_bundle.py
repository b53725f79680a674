# SPDX-License-Identifier: Apache-2.0
"""Authorization bundles outside packs: claims that are well-formed or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gaitops.gait.artifacts.authorization_bundle import Link, links
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Inspection, Verdict
from tests.gait.artifacts.packs import unzipped
from tests.gait.artifacts.vectors import VECTORS, codes, keyring

BUNDLE = json.loads(
    unzipped((VECTORS / "packs" / "authorization-signed.zip").read_bytes())["authorization_bundle.json"]
)


def bundle(**members: Any) -> Inspection:
    """The inspection of the golden bundle with other members; ``None`` removes one."""
    value = {name: item for name, item in (BUNDLE | members).items() if item is not None}
    return inspect(json.dumps(value, indent=2).encode(), keyring())


def test_a_bundle_is_unsigned_and_names_its_decision() -> None:
    """Nobody signs bundles; ids and digests are there to join on."""
    inspection = bundle()
    assert inspection.kind == "authorization_bundle"
    assert inspection.verdict is inspection.gait_verdict is Verdict.UNSIGNED
    assert inspection.findings == ()
    assert inspection.ids == {"trace_id": BUNDLE["trace_id"]}
    assert inspection.digests == {name: BUNDLE[name] for name in ("policy_digest", "intent_digest")}


@pytest.mark.parametrize(
    "members",
    [
        {"trace_path": None},
        {"trace_digest": None},
        {"trace_id": ""},
        {"policy_digest": "abc"},
        {"created_at": "0001-01-01T00:00:00Z"},
        {"outcome_status": "perhaps"},
        {"outcome_digest": None},
    ],
    ids=str,
)
def test_a_bundle_that_gait_would_refuse_fails(members: dict[str, Any]) -> None:
    """What makes a pack of it fail makes the bundle fail (contract 5.8)."""
    inspection = bundle(**members)
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.FAILED)
    assert codes(inspection) == {"authorization.bundle_invalid"}


def test_unknown_members_are_ignored_and_gait_refuses_them() -> None:
    """Gait's reader is strict about bundles; here nothing that is read changes."""
    inspection = bundle(surprise="x")
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.UNSIGNED, Verdict.FAILED)
    assert codes(inspection) == {"artifact.unknown_member"}
    assert inspection.facts == bundle().facts


def test_copies_of_what_the_gate_saw_are_known_members() -> None:
    """Freeze window, kill switch and sandbox may stand in a bundle as they stand in a trace."""
    copies = {
        "kill_switch": {"status": "inactive"},
        "sandbox": {"status": "valid"},
        "freeze_window": {"status": "active"},
    }
    assert bundle(**copies).findings == ()
    assert codes(bundle(kill_switch={"status": "inactive", "surprise": 1})) == {"artifact.unknown_member"}


def test_paths_stay_in_the_folder_of_the_evidence() -> None:
    """A path that leaves it would name any member of a pack, or any file."""
    for path in ("../trace.json", "/etc/passwd", "a/../../b.json", "..\\trace.json", "."):
        inspection = bundle(trace_path=path)
        assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.UNSIGNED)
        assert codes(inspection) == {"authorization.path_unsafe"}


def test_links_are_read_as_gait_reads_them() -> None:
    """Paths are cleaned and digests lowered; how a digest is made depends on the ending that is written."""
    assert Link("trace", " ./a//b.json ", "").member == "evidence/a/b.json"
    assert Link("trace", "a\\b.JSON", "").member == "evidence/a/b.JSON"
    assert Link("trace", "a\\b.JSON", "").is_json
    assert not Link("outcome", "out.txt", "").is_json
    found = links({"trace_path": "t.json", "trace_digest": " AB ", "outcome_path": "  "})
    assert found == (Link("trace", "t.json", "ab"),)
