# SPDX-License-Identifier: Apache-2.0
"""Script registries, registry packs and action contracts: what their signatures cover."""

from __future__ import annotations

from typing import Any

import pytest

from gaitops.gait.artifacts.action_contract import contract_artifact_id
from gaitops.gait.artifacts.model import Verdict
from gaitops.gait.artifacts.scripts import judge_entry
from tests.gait.artifacts.documents import (
    TEST_KEY,
    activated,
    judged,
    registered,
    registry_pack,
    script_entry,
    signature_over,
)
from tests.gait.artifacts.vectors import codes

Json = dict[str, Any]


# -- scripts -------------------------------------------------------------------------------------------------------


def test_a_registry_is_as_good_as_its_worst_entry() -> None:
    """One entry without a signature makes the registry unsigned, one that was changed makes it fail."""
    good = script_entry()
    unsigned = {name: value for name, value in good.items() if name != "signature"}
    changed = {**good, "approver_identity": "mallory"}
    assert judged({"entries": [good, good]}).verdict is Verdict.VERIFIED
    assert judged({"entries": [good, unsigned]}).verdict is Verdict.UNSIGNED
    assert judged({"entries": [good, changed]}).verdict is Verdict.FAILED
    assert judged({"entries": []}).verdict is Verdict.UNSIGNED
    extra = judged({"entries": [good, {**good, "note": "x"}]})
    assert extra.verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    assert extra.key_id == TEST_KEY.public.key_id


def test_an_entry_alone_is_judged_like_a_registry_of_one() -> None:
    """With the digests to join on."""
    inspection = judged(script_entry())
    assert (inspection.kind, inspection.verdict) == ("script_registry", Verdict.VERIFIED)
    assert inspection.ids == {"pattern_id": "nightly-sync"}
    assert inspection.digests["script_hash"] == "6" * 64
    assert judge_entry(script_entry(), registered()).verdict is Verdict.VERIFIED


def test_what_gait_does_not_write_into_an_entry_is_rejected_though_signed() -> None:
    """Another schema, or a digest of another shape, under a registered key."""
    assert judged(script_entry(policy_digest="x")).verdict is Verdict.REJECTED
    assert judged({"entries": [script_entry(schema_version="2.0.0")]}).verdict is Verdict.REJECTED
    assert "script.wildcard_scope" in codes(judged(script_entry(scope=["*"])))


# -- registry packs ------------------------------------------------------------------------------------------------


def test_registry_packs_join_by_the_digest_that_pins_hold() -> None:
    """The digest is that of the signed content, in lower-case publisher and type."""
    inspection = judged(registry_pack())
    signatures = registry_pack()["signatures"]
    assert inspection.digests["pack_digest"] == signatures[0]["signed_digest"]
    assert inspection.ids == {"pack_name": "base-guardrails", "pack_version": "2.1.0"}
    upper = {**registry_pack(), "publisher": "ACME-Sec"}
    assert judged(upper).verdict is Verdict.VERIFIED
    assert judged({**registry_pack(), "pack_version": "9"}).verdict is Verdict.FAILED
    assert judged({**registry_pack(), "signatures": []}).verdict is Verdict.UNSIGNED
    assert judged(registry_pack(artifacts=[{"path": "a", "sha256": "x"}])).verdict is Verdict.REJECTED


def test_unsigned_extras_of_a_registry_pack_do_not_move_its_digest() -> None:
    """The digest stays that of what was signed."""
    inspection = judged({**registry_pack(), "note": "x"})
    assert inspection.verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    assert inspection.digests == judged(registry_pack()).digests


# -- action contracts ----------------------------------------------------------------------------------------------


def test_activated_contracts() -> None:
    """Id and signature follow from the content with both of them blank; the policy digest joins without its prefix."""
    inspection = judged(activated())
    assert inspection.verdict is Verdict.VERIFIED
    assert inspection.digests["policy_digest"] == "5" * 64
    assert inspection.ids["artifact_id"].startswith("gact-")
    assert contract_artifact_id("0123456789abcdef0") == "gact-0123456789abcdef"


@pytest.mark.parametrize(
    ("document", "verdict", "code"),
    [
        ({**activated(), "artifact_id": "gact-0"}, Verdict.REJECTED, "contract.id_mismatch"),
        ({**activated(), "target": "repo:other"}, Verdict.FAILED, "signature.digest_mismatch"),
        (activated(development_signing=True), Verdict.FAILED, "contract.development_signing"),
        (activated(report_only=True), Verdict.REJECTED, "contract.report_only"),
        (activated(activation_mode="perhaps"), Verdict.REJECTED, "artifact.word"),
        (activated(policy_digest="5" * 64), Verdict.REJECTED, "artifact.digest_shape"),
        (activated(schema_version="2"), Verdict.REJECTED, "artifact.schema"),
        ({**activated(), "signature": signature_over("0" * 64)}, Verdict.FAILED, "signature.digest_mismatch"),
    ],
)
def test_contracts_that_gait_did_not_activate(document: Json, verdict: Verdict, code: str) -> None:
    """Changed content fails; what Gait does not write is rejected though a registered key signed it."""
    inspection = judged(document)
    assert inspection.verdict is verdict
    assert code in codes(inspection)


def test_contracts_without_signature_or_with_extras() -> None:
    """A blank signature is none; a member beside the signed content is told apart."""
    unsigned = {**activated(), "signature": {"alg": "", "key_id": "", "sig": ""}}
    assert judged(unsigned).verdict is Verdict.UNSIGNED
    extra = judged({**activated(), "note": "x"})
    assert extra.verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    assert extra.ids == judged(activated()).ids


def test_a_contract_that_ends_before_it_begins_is_noted() -> None:
    """Whether it is in force today is not said here."""
    validity = {"not_before": "2026-04-02T00:00:00Z", "not_after": "2026-04-01T00:00:00Z"}
    inspection = judged(activated(validity=validity))
    assert (inspection.verdict, codes(inspection)) == (Verdict.VERIFIED, {"contract.never_valid"})
