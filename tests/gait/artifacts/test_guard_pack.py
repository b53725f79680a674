# SPDX-License-Identifier: Apache-2.0
"""Guard packs: evidence and incident packs, told from other packs by what their manifest says."""

from __future__ import annotations

from typing import Any

import pytest

from gaitops.gait.artifacts.facts import OtherFacts
from gaitops.gait.artifacts.guard_pack import pack_id
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Inspection, Keyring, Verdict
from gaitops.gait.gait_keys import GaitPublicKey
from gaitops.signing.canonical import canonical_json
from tests.gait.artifacts.packs import GUARD_FILES, Files, guard_pack, zipped
from tests.gait.artifacts.vectors import codes, keyring

EXAMPLE: dict[str, Any] = {
    "schema_id": "gait.guard.pack_manifest",
    "schema_version": "1.0.0",
    "created_at": "2026-04-02T08:00:00Z",
    "producer_version": "1.4.0",
    "pack_id": "pack_98800d4a175607ea",
    "run_id": "run_docs_7",
    "case_id": "CASE-3",
    "template_id": "soc2",
    "generated_at": "2026-04-02T08:00:00Z",
    "contents": [
        {
            "path": "policy_digests.json",
            "sha256": "caca5145e4379ff71c2131f74ecc857060a271a9b314cf54304746c3cb947037",
            "type": "evidence",
        }
    ],
    "signatures": [
        {
            "alg": "ed25519",
            "key_id": "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c",
            "sig": "RksOCgMbjQY7SarFksDzV0oGj5O3VlXNIls3tecBoC92Ugv8XvKo76E+m/cS6/M1g58mD/jJ287SYlD1EBj3AA==",
            "signed_digest": "b224a8afcb756c83f01177d0a5a8459d9bb25acf3f8935b56a1312232ae62c56",
        }
    ],
}
"""A manifest that Gait's verifier accepted, of a pack whose one file is not at hand."""
EXAMPLE_KEY = GaitPublicKey(bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"))


def judged(files: Files = GUARD_FILES, **options: Any) -> Inspection:
    """The inspection of a pack with everything that is said of it."""
    return inspect(guard_pack(files, **options), keyring())


def test_the_example_of_the_contract_has_its_signature_and_id() -> None:
    """Id and signature follow from the manifest as upstream computed them; only the file is missing."""
    assert pack_id(EXAMPLE) == EXAMPLE["pack_id"]
    data = zipped({"pack_manifest.json": canonical_json(EXAMPLE)})
    inspection = inspect(data, Keyring([EXAMPLE_KEY]))
    assert inspection.kind == "guard_pack"
    assert codes(inspection) == {"pack.file_missing"}
    assert inspection.key_id == EXAMPLE_KEY.key_id


def test_a_whole_pack_verifies_and_shows_the_artifacts_inside() -> None:
    """Audits are artifacts of their own; summaries and pictures are not."""
    inspection = judged()
    assert inspection.verdict is inspection.gait_verdict is Verdict.VERIFIED
    assert inspection.ids["case_id"] == "CASE-3"
    assert [member.kind for member in inspection.members] == ["approval_audit"]
    assert isinstance(inspection.facts, OtherFacts)
    assert judged(signed=False).verdict is Verdict.UNSIGNED


def test_undeclared_files_are_extras() -> None:
    """Gait ignores them in guard packs: they are named, and nothing of them is used."""
    audit = GUARD_FILES["approval_audit_01.json"]
    inspection = judged(more={"approval_audit_02.json": audit + b" "})
    assert inspection.verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    assert inspection.gait_verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    assert codes(inspection) == {"artifact.unsigned_extras"}
    assert len(inspection.members) == 1


def test_an_id_that_is_not_derived_is_forged() -> None:
    """Gait does not recompute it: signed by a registered key it is rejected, unsigned it fails."""
    signed = judged(pack_id="pack_0000000000000000")
    assert (signed.verdict, signed.gait_verdict) == (Verdict.REJECTED, Verdict.VERIFIED)
    assert codes(signed) == {"guard.id_mismatch"}
    assert signed.members == ()
    unsigned = judged(signed=False, pack_id="pack_0000000000000000")
    assert (unsigned.verdict, unsigned.gait_verdict) == (Verdict.FAILED, Verdict.UNSIGNED)


def test_a_changed_file_fails() -> None:
    """Hashes are Gait's check; a pointer that contradicts the contents is ours."""
    contents = [{"path": name, "sha256": "0" * 64, "type": "evidence"} for name in sorted(GUARD_FILES)]
    changed = judged(contents=contents)
    assert changed.gait_verdict is Verdict.FAILED
    assert "pack.file_mismatch" in codes(changed)
    assert changed.members == ()
    pointers = [{"pointer_id": "p1", "path": "summary.pdf", "type": "report", "sha256": "0" * 64}]
    pointed = judged(evidence_pointers=pointers)
    assert (pointed.verdict, pointed.gait_verdict) == (Verdict.FAILED, Verdict.VERIFIED)
    assert codes(pointed) == {"guard.pointer_mismatch"}


def test_a_changed_manifest_fails() -> None:
    """The signature covers the whole manifest, the id only a part of it."""
    inspection = judged(later={"case_id": "CASE-4"})
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.FAILED)
    assert codes(inspection) == {"signature.digest_mismatch"}


def test_an_unknown_member_is_an_extra() -> None:
    """Added after signing it is not covered; added before it is, and Gait would not notice either."""
    later = judged(later={"surprise": 1})
    assert later.verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    assert judged(surprise=1).facts == later.facts


@pytest.mark.parametrize("members", [{"schema_version": "2.0.0"}, {"contents": [EXAMPLE["contents"][0]] * 2}])
def test_what_is_not_a_guard_pack_is_rejected(members: dict[str, Any]) -> None:
    """Another version, or one file with two digests."""
    assert judged(**members).verdict is Verdict.REJECTED
