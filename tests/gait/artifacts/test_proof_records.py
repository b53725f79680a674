# SPDX-License-Identifier: Apache-2.0
"""Proof records of packs: the chain of hashes, what it covers, and its signature."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Inspection, Verdict
from gaitops.gait.artifacts.proof_records import NAME, record_hash
from tests.gait.artifacts.packs import digest, manifest_for, packed, unzipped
from tests.gait.artifacts.vectors import VECTORS, archives, codes, keyring

Records = list[dict[str, Any]]
GOLDEN = [vector for vector in archives("packs.jsonl") if vector.line["why"] == "written by the program"]


def proven(change: Callable[[Records], object], name: str = "job-completed") -> Inspection:
    """A golden pack whose records are changed; manifest and signature fit the change."""
    files = unzipped((VECTORS / "packs" / f"{name}.zip").read_bytes())
    manifest = json.loads(files.pop("pack_manifest.json"))
    records = [json.loads(line) for line in files[NAME].splitlines()]
    change(records)
    files[NAME] = b"\n".join(json.dumps(record).encode() for record in records)
    return inspect(
        packed(files, manifest_for(files, manifest["pack_type"], manifest["source_ref"])), keyring()
    )


def rehash(records: Records) -> None:
    """Make the chain fit again, as whoever has no key can."""
    previous = ""
    for record in records:
        record["integrity"].pop("previous_record_hash", None)
        if previous:
            record["integrity"]["previous_record_hash"] = previous
        previous = record["integrity"]["record_hash"] = record_hash(record)


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector.name)
def test_hashes_of_golden_records_follow_from_their_fields(vector: Any) -> None:
    """The hash leaves out itself and the signature, and keeps an empty link to the record before."""
    for line in unzipped(vector.data)[NAME].splitlines():
        record = json.loads(line)
        assert record["integrity"]["record_hash"] == record_hash(record)
        content = {name: value for name, value in record.items() if name != "integrity"}
        content["integrity"] = {"previous_record_hash": record["integrity"].get("previous_record_hash", "")}
        assert record_hash(record) == f"sha256:{digest(content)}"


def test_unchanged_records_hold() -> None:
    """Written again with other white space, the same records still hold."""
    inspection = proven(lambda records: None)
    assert inspection.verdict is Verdict.VERIFIED
    assert inspection.findings == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda records: records[0]["event"].update(entry_size_bytes=1), "proof.record_hash_mismatch"),
        (lambda records: records.pop(1), "proof.chain_broken"),
        (lambda records: records.reverse(), "proof.chain_broken"),
        (
            lambda records: records[0]["integrity"].update(previous_record_hash="sha256:" + "0" * 64),
            "proof.chain_broken",
        ),
    ],
)
def test_a_broken_chain_fails_for_gait_too(change: Callable[[Records], object], code: str) -> None:
    """Records that do not follow from each other break the pack (contract 4.5)."""
    inspection = proven(change)
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.FAILED)
    assert code in codes(inspection)


def test_records_of_other_files_are_a_finding_of_ours() -> None:
    """A chain that holds but leaves a file out, or names another digest, satisfies Gait."""

    def shorten(records: Records) -> None:
        records.pop()
        rehash(records)

    def exchange(records: Records) -> None:
        records[0]["event"]["entry_sha256"] = "0" * 64
        rehash(records)

    for change in (shorten, exchange):
        inspection = proven(change)
        assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.VERIFIED)
        assert "proof.entry_mismatch" in codes(inspection)


def test_the_last_signature_speaks_for_the_chain() -> None:
    """A chain that was hashed again without the key shows at its end; Gait looks only when signatures are required."""

    def later(records: Records) -> None:
        records[0]["timestamp"] = "2026-10-04T07:00:00Z"
        rehash(records)

    inspection = proven(later)
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.VERIFIED)
    assert codes(inspection) == {"proof.signature_invalid"}
    malformed = proven(lambda records: records[-1]["integrity"].update(signature="base64:???"))
    assert codes(malformed) == {"proof.signature_invalid"}
    bare = proven(lambda records: records[-1]["integrity"].update(signature="AAAA"))
    assert codes(bare) == {"proof.signature_invalid"}


def test_records_of_unknown_keys_prove_nothing_and_break_nothing() -> None:
    """A record signed by a key that nobody registered is judged by its hash alone."""
    inspection = proven(lambda records: records[-1]["integrity"].update(signing_key_id="0" * 64))
    assert inspection.verdict is Verdict.VERIFIED


def test_unknown_members_of_records_are_ignored() -> None:
    """They are not hashed, so they change nothing; Gait decodes records leniently."""
    inspection = proven(lambda records: records[0].update(surprise=True))
    assert inspection.verdict is Verdict.VERIFIED


def test_records_that_are_no_json_fail_the_pack() -> None:
    """Declared records that cannot be read are refused, by Gait too."""
    files = unzipped((VECTORS / "packs" / "job-completed.zip").read_bytes())
    manifest = json.loads(files.pop("pack_manifest.json"))
    files[NAME] = b'{"record_id":1}'
    data = packed(files, manifest_for(files, "job", manifest["source_ref"]))
    inspection = inspect(data, keyring())
    assert inspection.verdict is Verdict.REJECTED
    assert inspection.gait_verdict is Verdict.REJECTED
