# SPDX-License-Identifier: Apache-2.0
"""``proof_records.jsonl`` of a pack: one record per file, each hashed over the one before (Gait contract 4.5).

Records are optional. They use a scheme of their own: hashes are written with ``sha256:``, and signatures are made over that
text. The hash of the last record covers all of them, so one signature speaks for the whole chain.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gaitops.gait.artifacts.digests import digest_or_none
from gaitops.gait.artifacts.fields import Free, Obj, Object, Spec, Text, checked
from gaitops.gait.artifacts.hygiene import read_lines
from gaitops.gait.artifacts.model import Buffer, Effect, Finding, Keyring
from gaitops.gait.artifacts.reading import member, text
from gaitops.gait.quoting import quote

NAME: Final = "proof_records.jsonl"
"""The member of a pack; it has no record of its own."""

RECORD: Final = Spec(
    record_id=Text(always=True),
    record_version=Text(always=True),
    timestamp=Text(always=True),
    source=Text(always=True),
    source_product=Text(always=True),
    agent_id=Text(),
    record_type=Text(always=True),
    event=Free(always=True),
    controls=Free(),
    metadata=Free(),
    integrity=Obj(
        always=True,
        spec=Spec(
            record_hash=Text(always=True),
            previous_record_hash=Text(),
            signing_key_id=Text(),
            signature=Text(),
        ),
    ),
)
_HASHED: Final = tuple(name for name in RECORD.fields if name != "integrity")
_PREFIX: Final = "base64:"
"""Before the signature of a record."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the records of one pack say."""

    findings: tuple[Finding, ...]
    signed: bool
    """Whether the last record carries a signature, by whatever key."""


def read_proof(data: Buffer, entries: Mapping[str, str], keys: Keyring) -> Proof:
    """Check the chain of records against the files of the pack.

    Args:
        data: content of ``proof_records.jsonl``.
        entries: path and SHA-256 of every file that the manifest declares.
        keys: the registered keys.

    Raises:
        RejectedError: a line is not JSON with one reading, or has members of other types.
    """
    findings: list[Finding] = []
    previous = ""
    last: Object = {}
    described: dict[str, str] = {}
    for number, record in read_lines(data):
        last = member(checked(RECORD, record, f"line {number}"), "integrity")
        findings += _chain_findings(number, record, previous)
        previous = text(last, "record_hash")
        event = member(record, "event")
        described[text(event, "entry_path")] = text(event, "entry_sha256")
    findings += _cover_findings(described, entries)
    findings += _signature_findings(last, keys)
    return Proof(tuple(findings), signed=bool(text(last, "signature")))


def record_hash(record: Object) -> str:
    """What ``integrity.record_hash`` must be; empty when the record has no canonical form."""
    content: dict[str, object] = {name: record[name] for name in _HASHED if name in record}
    content["integrity"] = {"previous_record_hash": text(member(record, "integrity"), "previous_record_hash")}
    digest = digest_or_none(content)
    return f"sha256:{digest}" if digest else ""


def _chain_findings(number: int, record: Object, previous: str) -> Iterator[Finding]:
    integrity = member(record, "integrity")
    if text(integrity, "record_hash") != record_hash(record):
        message = f"record {number} is not what its hash says"
        yield Finding("proof.record_hash_mismatch", message, Effect.FAILS, gait=True)
    if text(integrity, "previous_record_hash") != previous:
        message = f"record {number} does not follow the one before it"
        yield Finding("proof.chain_broken", message, Effect.FAILS, gait=True)


def _cover_findings(described: Mapping[str, str], entries: Mapping[str, str]) -> Iterator[Finding]:
    """There is one record for each file, and it names the file's digest: Gait compares neither."""
    expected = {path: digest for path, digest in entries.items() if path != NAME}
    if described != expected:
        odd = min(path for path, _ in described.items() ^ expected.items())
        message = f"records and manifest disagree about {quote(odd)}"
        yield Finding("proof.entry_mismatch", message, Effect.FAILS)


def _signature_findings(integrity: Object, keys: Keyring) -> Iterator[Finding]:
    """The signature of the last record holds, if its key is known. Gait looks only when signatures are required."""
    signature, key_id = text(integrity, "signature"), text(integrity, "signing_key_id")
    key = keys.get(key_id)
    if not signature or key is None:
        return
    try:
        raw = base64.b64decode(signature.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raw = b""
    if not signature.startswith(_PREFIX) or not key.verifies(raw, text(integrity, "record_hash").encode()):
        message = f"the signature of the last record is not one of {key_id}"
        yield Finding("proof.signature_invalid", message, Effect.FAILS)
