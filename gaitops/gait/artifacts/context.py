# SPDX-License-Identifier: Apache-2.0
"""Context envelopes: the content that a call may refer to, and the digest of such a set (Gait contract 1.8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gaitops.gait.artifacts.digests import bare, digest
from gaitops.gait.artifacts.documents import HEAD, Format, expect_word
from gaitops.gait.artifacts.fields import Free, Integer, Objs, Spec, Text, Time
from gaitops.gait.artifacts.limits import MIB
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Source, number, objects, text
from gaitops.gait.artifacts.refusals import RejectedError
from gaitops.gait.artifacts.times import PLACEHOLDER, UNSET, written
from gaitops.gait.go_text import lower, trim

REFERENCE: Final = Spec(
    ref_id=Text(always=True),
    source_type=Text(always=True),
    source_locator=Text(always=True),
    query_digest=Text(always=True),
    content_digest=Text(always=True),
    retrieved_at=Time(),
    redaction_mode=Text(always=True),
    immutability=Text(always=True),
    sensitivity_label=Text(),
    freshness_sla_seconds=Integer(),
    retrieval_params=Free(),
)
CONTEXT_ENVELOPE: Final = Format(
    "context_envelope",
    "gait.context.envelope",
    Spec(
        **HEAD,
        context_set_id=Text(always=True),
        context_set_digest=Text(always=True),
        evidence_mode=Text(always=True),
        records=Objs(REFERENCE, always=True),
    ),
    strict=True,
)
MAX_BYTES: Final = MIB
"""Gait's own limit for an envelope (contract 1.8)."""


def context_set_digest(records: Iterable[Mapping[str, object]]) -> str:
    """The digest of reference records, whose types are checked: normalised and sorted first.

    The digest of no records is that of an empty list.
    """
    normalised = [_normalised(record) for record in records]
    normalised.sort(
        key=lambda record: tuple(
            str(record[name]).encode()
            for name in ("ref_id", "source_type", "source_locator", "content_digest")
        )
    )
    return digest(normalised)


def is_digest_of(claimed: str, records: Iterable[Mapping[str, object]]) -> bool:
    """Whether ``claimed`` is the digest of reference records; never of records without a canonical form."""
    try:
        return claimed == context_set_digest(records)
    except RejectedError:
        return False


def read(source: Source) -> Inspection:
    """Judge a context envelope."""
    if len(source.data) > MAX_BYTES:
        raise RejectedError("context.too_large", f"{len(source.data)} bytes; Gait reads at most {MAX_BYTES}")
    value, notes = CONTEXT_ENVELOPE.opened(source)
    expect_word(notes, value, "evidence_mode", ("best_effort", "required"))
    derived = context_set_digest(objects(value, "records"))
    if text(value, "context_set_digest") != derived:
        notes.forged("context.digest_mismatch", f"the records have digest {derived}")
    return CONTEXT_ENVELOPE.concluded(
        source,
        value,
        notes,
        ids=("context_set_id",),
        digests={"context_set_digest": bare(value.get("context_set_digest"))},
    )


def _normalised(record: Mapping[str, object]) -> dict[str, object]:
    names = ("ref_id", "source_type", "source_locator", "redaction_mode")
    result: dict[str, object] = {name: trim(text(record, name)) for name in names}
    result |= {name: lower(trim(text(record, name))) for name in ("query_digest", "content_digest")}
    retrieved = written(text(record, "retrieved_at")) or UNSET
    result["retrieved_at"] = PLACEHOLDER if retrieved == UNSET else retrieved
    result["immutability"] = lower(trim(text(record, "immutability"))) or "unknown"
    if label := trim(text(record, "sensitivity_label")):
        result["sensitivity_label"] = label
    if (seconds := number(record, "freshness_sla_seconds")) > 0:
        result["freshness_sla_seconds"] = seconds
    if parameters := record.get("retrieval_params"):
        result["retrieval_params"] = parameters
    return result
